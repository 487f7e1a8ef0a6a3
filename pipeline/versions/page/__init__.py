"""The page that compares two versions."""

from relusweep.pipeline.versions.page.page import overview, write_versions_page

__all__ = ["overview", "write_versions_page"]
