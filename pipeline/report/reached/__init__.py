"""What the probe `reached` adds to a page: which networks come down to a loss, and when."""
