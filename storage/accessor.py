"""`.sweep`."""
