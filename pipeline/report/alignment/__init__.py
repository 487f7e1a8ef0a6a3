"""Figures of the probe `alignment`: linear regions against parameters, and what brings them together."""
