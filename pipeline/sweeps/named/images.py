"""The sweep over networks of images."""

from relusweep.pipeline.sweeps.images.specification import ImageSpecification
from relusweep.pipeline.sweeps.images.summary import Summary

__all__ = ["IMAGES"]

IMAGES = Summary(ImageSpecification(name="images"))
