"""Fields that specifications share: how they may be written, and what they allow."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field

from relusweep._yaml import Whole
from relusweep.tasks.axes import listed

__all__ = ["EngineName", "Seed", "Sizes", "Trials"]

T = TypeVar("T", int, float, str)


def _ascending(labels: tuple[T, ...]) -> tuple[T, ...]:
    """Put the labels of an axis in order, each once."""
    return tuple(sorted(set(labels)))


Sizes = Annotated[
    tuple[Annotated[Whole, Field(gt=0)], ...],
    BeforeValidator(listed),
    AfterValidator(_ascending),
    Field(min_length=1, description="whole numbers of at least 1, as 5 or 2,3 or 2..10"),
]
Trials = Annotated[Whole, Field(gt=0, description="a whole number of at least 1")]
Seed = Annotated[Whole, Field(ge=0, description="a whole number of at least 0")]
EngineName = Literal["lanes", "cuda", "reference"]
