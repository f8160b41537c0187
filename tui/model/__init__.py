"""What is known of the fleet, and how true it is: kept, asked, sampled.  Knows no widget."""
