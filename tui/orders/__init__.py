"""From an action and what is selected to commands ready to be sent, or why not.  Pure."""
