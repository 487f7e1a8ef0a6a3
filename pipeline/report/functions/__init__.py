"""The report of a sweep over named functions: how success goes with size, measures and number of inputs."""

from pipeline.report.functions.page import content
from pipeline.report.functions.terminal import overview

__all__ = ["content", "overview"]
