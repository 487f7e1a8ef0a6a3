"""The report of a Boolean sweep: which functions networks of which sizes learn."""

from relusweep.pipeline.report.boolean.page import content
from relusweep.pipeline.report.boolean.terminal import overview

__all__ = ["content", "overview"]
