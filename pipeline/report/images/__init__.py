"""The report of a sweep over networks of images: how good they are, their linear maps, how alike."""

from relusweep.pipeline.report.images.page import content
from relusweep.pipeline.report.images.terminal import overview

__all__ = ["content", "overview"]
