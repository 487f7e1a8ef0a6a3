"""Stationary points of Boolean functions, counted: how many families there are at each level of the loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field

from relusweep._yaml import Whole
from relusweep.tasks.axes import Axis, Setting
from relusweep.tasks.declared import Coordinate, Declared, numbers
from relusweep.tasks.quantities import Dimensions, Labels
from relusweep.tasks.quantities._classes import OfClasses

__all__ = ["Landscape"]

_MOST_LEVELS = 256
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


class Landscape(OfClasses):
    """How many families of stationary points each class has at each level of the loss, by width.

    Attributes
    ----------
    width : tuple of int
        Units of the hidden layer.
    """

    unit: ClassVar[str] = "landscapes"
    verb: ClassVar[str] = "enumerate"

    n_inputs: Annotated[Whole, Field(ge=1, le=3, description="1 to 3")]
    width: Annotated[
        tuple[Annotated[int, Field(ge=1, le=3)], ...],
        Axis("units of the hidden layer"),
        Field(description="1 to 3, as 1..2"),
    ]

    @property
    def title(self) -> str:
        """What its sweep is, in words."""
        return f"Stationary points of Boolean functions of {self.n_inputs} inputs"

    def inner(self) -> Dimensions:
        """Give levels of the loss, as many as there may be."""
        attrs = {"long_name": "level of the loss, from the least", "units": "1"}
        return {"level": (np.arange(_MOST_LEVELS), attrs)}

    def variables(self) -> Mapping[str, Declared]:
        """Give what is counted of every class and width."""
        return {
            "levels": numbers("int32", "levels of the loss at stationary points"),
            "loss": numbers("float64", "sum of squared errors", ("level",)),
            **{name: numbers("int64", words, ("level",)) for name, words in _WORDS.items()},
        }

    def coordinates(self) -> Mapping[str, Coordinate]:
        """Give the truth tables of the classes."""
        return {"truth_table": self.functions.coordinates(0)["truth_table"]}

    def cost(self, labels: Labels) -> float:
        """Estimate it by the width: blocks have one, and one class."""
        return float(_STATES ** labels["width"][0])

    def cell(self, setting: Setting) -> Mapping[str, ArrayLike]:
        """Count the families of a class and a width."""
        from relusweep.tasks.optima.census import census

        levels = census(self.n_inputs, setting["problem"], setting["width"])
        if len(levels) > _MOST_LEVELS:
            raise ValueError(f"{len(levels)} levels of the loss, and there is room for {_MOST_LEVELS}")
        losses = [level.loss for level in levels]
        return {
            "levels": len(levels),
            "loss": [float(loss) for loss in losses],
            "loss_numerator": [loss.numerator for loss in losses],
            "loss_denominator": [loss.denominator for loss in losses],
            **{name: [getattr(level, name) for level in levels] for name in list(_WORDS)[2:]},
        }
