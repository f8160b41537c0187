"""How an object is, from what it says of itself: by its kind, or by a bundle's own rule.  Pure."""
