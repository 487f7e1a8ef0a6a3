"""Ids of NPN classes, as a specification lists them."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, TypeAdapter, ValidationError, WrapValidator

from relusweep._yaml import Whole
from relusweep.tasks.axes import listed
from relusweep.tasks.boolean.functions import PARITY
from relusweep.tasks.boolean.npn import NpnClasses, canonical, npn_classes

__all__ = ["Ids", "class_ids", "classes_of"]

_ROWS = (4, 8, 16, 32)
_ID = TypeAdapter(Annotated[Whole, Field(ge=0)])


def _all_or_ids(value: object, validate: object) -> object:
    if value in ("none", [], (), None):
        return ()
    return "all" if value in ("all", ["all"]) else tuple(map(_id, listed(value)))


def _id(value: object) -> int:
    if isinstance(value, str) and len(value) in _ROWS and set(value) <= {"0", "1"}:
        raise ValueError(f"{value} is a truth table; give its number, {int(value, 2)}")
    try:
        return _ID.validate_python(value)
    except ValidationError:
        raise ValueError(
            f"{value!r} is no whole number of at least 0; functions have names, as {PARITY}, where "
            "problems=none"
        ) from None


Ids = Annotated[
    tuple[int, ...] | Literal["all"],
    WrapValidator(_all_or_ids),
    Field(description="ids of NPN classes, all or none"),
]


@lru_cache
def classes_of(n: int) -> NpnClasses:
    """`relusweep.tasks.boolean.npn.npn_classes`, enumerated or read from disk once a process."""
    return npn_classes(n)


def class_ids(ids: tuple[int, ...], n: int) -> tuple[int, ...]:
    """Put ids of NPN classes of `n` inputs in order, each once; `ValueError` if one names no class."""
    if beyond := [i for i in ids if i >= 2**2**n]:
        raise ValueError(f"{beyond[0]} is no function of {n} inputs: ids end at {2**2**n - 1}")
    distinct = np.unique(np.array(ids, np.uint64))
    if len(strangers := np.setdiff1d(distinct, classes_of(n).representative, assume_unique=True)):
        own = canonical(strangers[0], n)
        raise ValueError(f"{strangers[0]} does not name an NPN class; its own is named {own}")
    return tuple(distinct.tolist())
