"""What is computed and in which order: sweeps, plans, runs, reports and the command line."""
