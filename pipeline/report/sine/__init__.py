"""The report of a sine sweep: how many tries networks of each size need, and what they end with."""
