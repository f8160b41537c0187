"""One screen for each view."""
