"""Whose field is whose: what we set, what others set, which difference is drift.  Pure."""
