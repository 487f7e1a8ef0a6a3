"""What ``import relusweep as rs`` offers beside the parts in tasks: sweeps, runs and results from Python."""
