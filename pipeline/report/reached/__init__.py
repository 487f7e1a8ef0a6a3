"""What the probe `reached` adds to a page: how many networks come down to a loss, and after how many epochs."""
