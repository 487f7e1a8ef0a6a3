"""The sweep over networks of images."""

from pipeline.images.summary import Images

__all__ = ["IMAGES"]

IMAGES = Images(name="images")
