"""Sweeps over millions of small ReLU networks, in one versioned store that xarray reads."""
