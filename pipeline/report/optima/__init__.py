"""What the probe `optimum` adds to a page: the stationary points that there are, and which are reached."""
