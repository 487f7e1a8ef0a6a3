"""What is asked: fields, axes, problems, stages, and the sweeps that have a name."""
