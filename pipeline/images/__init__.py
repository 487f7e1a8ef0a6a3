"""Sweeps over networks of images, stage by stage: training, Jacobians, sums, comparisons."""
