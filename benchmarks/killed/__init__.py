"""The faults that benchmarks/kills.py times: a function each, that does it once and gives a trial."""
