"""Training sweeps: problem × network × protocol × probes, every field an axis."""
