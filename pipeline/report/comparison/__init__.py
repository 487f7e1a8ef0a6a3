"""The page of a comparison of two versions."""

from pipeline.report.comparison.page import overview, write_comparison

__all__ = ["overview", "write_comparison"]
