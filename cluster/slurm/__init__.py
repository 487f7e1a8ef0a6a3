"""Workers, and the driver of a run, in jobs of Slurm."""
