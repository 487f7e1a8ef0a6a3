"""The page of a comparison of two versions."""

from pipeline.report.comparison.page import write_comparison

__all__ = ["write_comparison"]
