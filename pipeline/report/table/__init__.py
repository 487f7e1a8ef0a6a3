"""What the page of a sweep over tables adds: the tables, and how well they are fitted."""
