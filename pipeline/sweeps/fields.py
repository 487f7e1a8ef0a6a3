"""Fields that specifications share: how they may be written, and what they allow."""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, NonNegativeInt, PositiveInt

__all__ = ["EngineName", "Epochs", "Leaks", "Seed", "Sizes", "Trials", "ascending", "listed"]

T = TypeVar("T", int, float, str)


def listed(value: object) -> object:
    """Read ``2,3`` and ``2..10``; whether the items are numbers is for the field to check."""
    if not isinstance(value, str):
        return value if isinstance(value, list | tuple) else [value]
    items: list[object] = []
    for part in value.split(","):
        span = re.fullmatch(r"\s*(\d+)\s*\.\.\s*(\d+)\s*", part)
        items.extend(range(int(span[1]), int(span[2]) + 1) if span else [part.strip()])
    return items


def ascending(labels: tuple[T, ...]) -> tuple[T, ...]:
    """Put the labels of an axis in order, each once."""
    return tuple(sorted(set(labels)))


Leaks = Annotated[
    tuple[Annotated[float, Field(ge=0, le=1), AfterValidator(abs)], ...],  # -0.0 is 0.0
    BeforeValidator(listed),
    AfterValidator(ascending),
    Field(min_length=1, description="numbers from 0 to 1, as 0,0.1"),
]
Sizes = Annotated[
    tuple[PositiveInt, ...],
    BeforeValidator(listed),
    AfterValidator(ascending),
    Field(min_length=1, description="whole numbers of at least 1, as 5 or 2,3 or 2..10"),
]
Trials = Annotated[PositiveInt, Field(description="a whole number of at least 1")]
Seed = Annotated[NonNegativeInt, Field(description="a whole number of at least 0")]
Epochs = Annotated[int, Field(ge=1, le=10_000_000, description="1 to 10 000 000")]
EngineName = Annotated[
    Literal["lanes", "reference"],
    BeforeValidator(lambda engine: "lanes" if engine == "auto" else engine),
]
