"""Sweeps over Boolean functions."""
