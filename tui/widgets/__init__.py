"""What screens are made of: each paints its own lines."""
