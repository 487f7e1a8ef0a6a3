"""Sweeps over a ball and the shell around it."""
