"""The sweep over networks of images."""

from pipeline.images.jacobians import Jacobians

__all__ = ["IMAGES"]

IMAGES = Jacobians(name="images")
