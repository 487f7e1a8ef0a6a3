"""Pruning: what is left of a trained network when units or weights are taken out of it."""
