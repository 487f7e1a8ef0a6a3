"""Stationary points of Boolean functions, counted: no network is trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from relusweep._yaml import Whole
from relusweep.pipeline.sweeps.base import Block, Coordinate, Schedule, SpecifiedSweep, Task
from relusweep.pipeline.sweeps.variables import numbers
from relusweep.storage.layout import Variable
from relusweep.tasks.axes import listed
from relusweep.tasks.problems.boolean import Boolean, Ids, class_ids

__all__ = ["LandscapeSweep"]

_DIMS = ("problem", "width")
_LEVEL = (*_DIMS, "level")
_STATES = 100.0  # how many times as long a unit more takes, about
_WORDS = {
    "loss_numerator": "numerator of the loss",
    "loss_denominator": "denominator of the loss",
    "minima_inside": "families of minima where the gradient is zero",
    "minima_between": "families of minima between cells of signs",
    "saddles_inside": "families of saddles where the gradient is zero",
    "saddles_between": "families of saddles between cells of signs",
    "strict_minima": "families of minima that are strict up to the scale of units",
}


class LandscapeSweep(SpecifiedSweep):
    """How many families of stationary points each class has at each level of the loss, by width.

    Attributes
    ----------
    name : str
        Its results live in the group boolean/<name>.
    n_inputs : int
        Inputs of the functions.
    problems : tuple of int or 'all'
        NPN classes, named by their smallest ids.
    width : tuple of int
        Units of the hidden layer.
    """

    kind: ClassVar[str] = "landscape"
    unit: ClassVar[str] = "landscapes"
    verb: ClassVar[str] = "enumerate"
    growable_fields: ClassVar[tuple[str, ...]] = ("problems", "width")
    dim_attrs: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "problem": {"long_name": "id of the NPN class"},
        "width": {"long_name": "units of the hidden layer", "units": "1"},
        "level": {"long_name": "level of the loss, from the least", "units": "1"},
    }

    n_inputs: Annotated[Whole, Field(ge=1, le=3, description="1 to 3")]
    problems: Annotated[Ids, Field(description="ids of NPN classes, or all")]
    width: Annotated[
        tuple[Annotated[Whole, Field(ge=1, le=3)], ...],
        BeforeValidator(listed),
        AfterValidator(lambda labels: tuple(sorted(set(labels)))),
        Field(min_length=1, description="1 to 3, as 1..2"),
    ]

    @field_validator("problems")
    @classmethod
    def _are_classes(cls, ids: tuple[int, ...] | str, info: ValidationInfo) -> tuple[int, ...] | str:
        if not ids:
            raise ValueError("there are no stationary points to count without a class")
        if isinstance(ids, str) or "n_inputs" not in info.data:
            return ids
        return class_ids(ids, info.data["n_inputs"])

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
        return f"Stationary points of Boolean functions of {self.n_inputs} inputs"

    @property
    def axes(self) -> Mapping[str, NDArray[Any]]:
        """Classes and widths."""
        return {"problem": self._functions.names(), "width": np.array(self.width)}

    @property
    def inner(self) -> Mapping[str, NDArray[Any]]:
        """Levels of the loss, as many as there may be."""
        from relusweep.tasks.optima.census import MOST_LEVELS

        return {"level": np.arange(MOST_LEVELS)}

    @property
    def variables(self) -> Mapping[str, Variable]:
        """What is counted of every class and width."""
        return {
            "levels": numbers(_DIMS, "int32", "levels of the loss at stationary points"),
            "loss": numbers(_LEVEL, "float64", "sum of squared errors"),
            **{name: numbers(_LEVEL, "int64", words) for name, words in _WORDS.items()},
        }

    def coordinates(self, store: str) -> Mapping[str, Coordinate]:
        """Add the truth tables of the classes."""
        known = self._functions.coordinates(0)
        return {**super().coordinates(store), "truth_table": known["truth_table"]}

    def task(self, block: Block, store: str) -> Task:
        """Give what enumerates the stationary points of a block."""
        from relusweep.tasks.optima.census import CensusBlock, census_block

        return census_block, CensusBlock(self.n_inputs, block["problem"], block["width"])

    @property
    def schedule(self) -> Schedule:
        """One class and width at a time: a unit more takes hundreds of times as long."""
        return Schedule(
            block_shape=dict.fromkeys(_DIMS, 1), cost=lambda block: float(_STATES ** block["width"][0])
        )
