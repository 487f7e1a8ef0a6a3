"""The report of a sweep over named functions: how success goes with size, measures and number of inputs."""

from relusweep.pipeline.report.functions.page import content
from relusweep.pipeline.report.functions.terminal import overview

__all__ = ["content", "overview"]
