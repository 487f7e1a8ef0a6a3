"""Figures of composed waves: errors by way of training, pieces, what is left of the waves, error by depth."""
