"""The page of a comparison of two versions."""

from relusweep.pipeline.versions.page.page import overview, write_comparison

__all__ = ["overview", "write_comparison"]
