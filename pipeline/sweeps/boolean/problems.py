"""The axis of problems: NPN classes of Boolean functions, listed or all of them."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, NonNegativeInt, TypeAdapter, ValidationInfo, WrapValidator, field_validator

from relusweep.pipeline.sweeps.base import SpecifiedSweep
from relusweep.pipeline.sweeps.fields import listed
from relusweep.tasks.boolean.npn import N_CLASSES, NpnClasses, canonical, npn_classes

__all__ = ["PROBLEMS_PER_BLOCK", "ProblemSweep", "all_or_ids", "class_ids", "classes"]

PROBLEMS_PER_BLOCK = 4096

_IDS = TypeAdapter(Annotated[tuple[NonNegativeInt, ...], Field(min_length=1)])


def all_or_ids(value: object, validate: object) -> object:
    """Read ``all``, or ids; whether they name classes is for `class_ids` to check."""
    # The validator given, of a union of types, would report what is wrong once for each of them.
    return "all" if value in ("all", ["all"]) else _IDS.validate_python(listed(value))


@lru_cache
def classes(n: int) -> NpnClasses:
    """`relusweep.tasks.boolean.npn.npn_classes`, enumerated or read from disk once a process."""
    return npn_classes(n)


def class_ids(ids: tuple[int, ...], n: int) -> tuple[int, ...]:
    """Put ids of NPN classes of `n` inputs in order, each once; `ValueError` if one names no class."""
    if beyond := [i for i in ids if i >= 2**2**n]:
        raise ValueError(f"{beyond[0]} is no function of {n} inputs: ids end at {2**2**n - 1}")
    distinct = np.unique(np.array(ids, np.uint64))
    if len(strangers := np.setdiff1d(distinct, classes(n).representative, assume_unique=True)):
        own = canonical(strangers[0], n)
        raise ValueError(f"{strangers[0]} does not name an NPN class; its own is named {own}")
    return tuple(distinct.tolist())


class ProblemSweep(SpecifiedSweep):
    """A sweep whose first axis is NPN classes of functions.

    Attributes
    ----------
    n_inputs : int
        Inputs of the functions, 1 to 5.
    problems : tuple of int or 'all'
        NPN classes, named by their smallest ids, ascending; ``"all"`` stays a word wherever it is kept.
    """

    growable_fields: ClassVar[tuple[str, ...]] = ("problems",)

    n_inputs: Annotated[int, Field(ge=1, le=5, description="1 to 5")]
    problems: Annotated[
        tuple[int, ...] | Literal["all"],
        WrapValidator(all_or_ids),
        Field(description="ids of NPN classes, or all"),
    ]

    @field_validator("problems")
    @classmethod
    def _are_classes(
        cls, problems: tuple[int, ...] | Literal["all"], info: ValidationInfo
    ) -> tuple[int, ...] | Literal["all"]:
        n = info.data.get("n_inputs")
        if n is None or problems == "all":  # wrong itself, and reported so; or nothing to check
            return problems
        return class_ids(problems, n)

    @property
    def group(self) -> str:
        """Where its results live in the store."""
        return f"boolean/{self.name}"

    @property
    def n_problems(self) -> int:
        """How many problems there are, without enumerating them."""
        return N_CLASSES[self.n_inputs] if self.problems == "all" else len(self.problems)

    @property
    def ids(self) -> NDArray[np.uint64]:
        """Ids of the problems, ascending."""
        every = self.problems == "all"
        return classes(self.n_inputs).representative if every else np.array(self.problems, np.uint64)

    @property
    def problems_per_block(self) -> int:
        """Most problems of a block: chunks outlive the first run, so whatever the reach of the axis."""
        return min(N_CLASSES[self.n_inputs], PROBLEMS_PER_BLOCK)
