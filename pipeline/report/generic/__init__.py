"""The report of sweeps of a kind that has none of its own: what any group of results says of itself."""
