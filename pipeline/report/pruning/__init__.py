"""Report of what pruning leaves of small networks."""
