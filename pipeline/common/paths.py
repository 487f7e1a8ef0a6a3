"""Paths that a user writes."""

from functools import partial

from relusweep._paths import expanded_or
from relusweep.pipeline.common.errors import HomeUnknown

__all__ = ["expanded"]

expanded = partial(expanded_or, HomeUnknown)
