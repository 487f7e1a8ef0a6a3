"""Where results live: an Icechunk repository that xarray reads."""
