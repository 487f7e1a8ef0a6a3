"""The report of a sine sweep: how many tries networks of each size need, and what they end with."""

from relusweep.pipeline.report.sine.page import content
from relusweep.pipeline.report.sine.tables import overview

__all__ = ["content", "overview"]
