"""The sweep over networks of images."""

from relusweep.pipeline.sweeps.images.summary import Images

__all__ = ["IMAGES"]

IMAGES = Images(name="images")
