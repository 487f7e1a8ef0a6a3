"""Where tasks run: one function that gives a Dask client."""
