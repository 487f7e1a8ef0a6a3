"""What the page of a sweep over tables of the user's own says of the tables, and of how well they are fitted."""
