"""Measures of Boolean functions as a sweep of its own: swaps of all functions of five inputs take minutes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, field_validator

from relusweep._yaml import Whole
from relusweep.pipeline.sweeps.base import Block, Coordinate, Schedule, SpecifiedSweep, Task
from relusweep.pipeline.sweeps.variables import numbers
from relusweep.storage.layout import Variable
from relusweep.tasks.problems import Problem
from relusweep.tasks.problems.boolean import MEASURES, Boolean, Ids, class_ids

__all__ = ["MeasureSweep", "measures_before", "measures_of"]

_DIMS = ("problem",)
_WHOLE = {"swaps": "int64", "degree": "int64", "influence": "float64", "entropy": "float64"}


class MeasureSweep(SpecifiedSweep):
    """Swaps, degree, influence and entropy of every class, shared by all sweeps of so many inputs."""

    kind: ClassVar[str] = "measures"
    unit: ClassVar[str] = "classes"
    verb: ClassVar[str] = "measure"
    growable_fields: ClassVar[tuple[str, ...]] = ("problems",)
    dim_attrs: ClassVar[Mapping[str, Mapping[str, Any]]] = {"problem": {"long_name": "id of the NPN class"}}

    n_inputs: Annotated[Whole, Field(ge=1, le=5)]
    problems: Ids

    @field_validator("problems")
    @classmethod
    def _are_classes(cls, ids: tuple[int, ...] | str, info: ValidationInfo) -> tuple[int, ...] | str:
        return ids if isinstance(ids, str) else class_ids(ids, info.data["n_inputs"])

    @property
    def _functions(self) -> Boolean:
        return Boolean.model_validate({"n_inputs": self.n_inputs, "problems": self.problems})

    @property
    def group(self) -> str:
        """Where its results live in the store."""
        return f"boolean/{self.name}"

    @property
    def title(self) -> str:
        """What its group is, in words."""
        return f"Measures of Boolean functions of {self.n_inputs} inputs"

    @property
    def axes(self) -> Mapping[str, NDArray[Any]]:
        """One: the problems."""
        return {"problem": self._functions.names()}

    @property
    def shape(self) -> tuple[int]:
        """Size of its axis."""
        return (self._functions.count_names(),)

    @property
    def variables(self) -> Mapping[str, Variable]:
        """What is found of every class."""
        return {
            name: numbers(_DIMS, _WHOLE[name], attrs["long_name"], units=attrs["units"])
            for name, attrs in MEASURES.items()
        }

    def task(self, block: Block, store: str) -> Task:
        """Give what measures a block."""
        from relusweep.tasks.boolean.measures import MeasureBlock, measure_block

        return measure_block, MeasureBlock(self.n_inputs, block["problem"])

    @property
    def schedule(self) -> Schedule:
        """Blocks of a second of work, or less."""
        return Schedule(block_shape={"problem": self._functions.block_shape()["problem"]})


def measures_before(problem: Problem) -> tuple[MeasureSweep, ...]:
    """Give the sweep that must measure the functions of a problem; none where that takes a moment."""
    if not (isinstance(problem, Boolean) and problem.measures_first):
        return ()
    (n,) = problem.n_inputs
    return (MeasureSweep(name=f"measures{n}", n_inputs=n, problems=problem.problems),)


def measures_of(problem: Problem, store: str) -> Mapping[str, Coordinate]:
    """Read the measures that a sweep of their own has taken; nothing where there is none."""
    from relusweep.storage import open_dataset

    found: dict[str, Coordinate] = {}
    for sweep in measures_before(problem):
        group = open_dataset(store, sweep.group, mask_and_scale=False)
        taken = {name: np.asarray(group[name].sel(problem=problem.names())) for name in MEASURES}
        found |= {name: ("problem", values, MEASURES[name]) for name, values in taken.items()}
    return found
