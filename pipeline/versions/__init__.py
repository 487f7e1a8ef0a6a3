"""Comparing two versions: bits by cells, rates by tests, what was asked by words."""
