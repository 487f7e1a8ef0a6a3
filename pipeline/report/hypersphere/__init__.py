"""The report of a sweep of balls and shells: what closes around the ball, and how often."""

from relusweep.pipeline.report.hypersphere.page import content
from relusweep.pipeline.report.hypersphere.terminal import overview

__all__ = ["content", "overview"]
