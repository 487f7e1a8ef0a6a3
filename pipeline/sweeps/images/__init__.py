"""Networks of images: stages of one sweep, each with the fields of those before it."""

from relusweep.pipeline.sweeps.images.opening import open_jacobians

__all__ = ["open_jacobians"]
