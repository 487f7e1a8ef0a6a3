"""The report of a sine sweep: how many tries networks of each size need, and what they end with."""

from pipeline.report.sine.page import content
from pipeline.report.sine.tables import overview

__all__ = ["content", "overview"]
