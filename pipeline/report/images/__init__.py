"""The report of a sweep over networks of images: their accuracy, their linear maps, and how alike they are."""

from pipeline.report.images.page import content
from pipeline.report.images.terminal import overview

__all__ = ["content", "overview"]
