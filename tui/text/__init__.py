"""From words to lines of tones: escaped, cut, compared, plotted.  Knows no widget."""
