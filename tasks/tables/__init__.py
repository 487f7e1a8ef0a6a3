"""Tables of the user's own: read from files, checked, split into training and test rows, standardised."""
