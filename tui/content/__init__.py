"""What views show, as rows and sentences: made of what is known.  Knows no widget."""
