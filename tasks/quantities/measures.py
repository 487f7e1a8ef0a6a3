"""Measures of Boolean functions: swaps of all functions of five inputs take minutes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.declared import Declared, numbers
from relusweep.tasks.problems.boolean import MEASURES
from relusweep.tasks.quantities import Labels
from relusweep.tasks.quantities._classes import OfClasses

__all__ = ["Measures"]

_DTYPE = {"swaps": "int64", "degree": "int64", "influence": "float64", "entropy": "float64"}


class Measures(OfClasses):
    """Swaps, degree, influence and entropy of every class, shared by all sweeps of so many inputs."""

    unit: ClassVar[str] = "classes"
    verb: ClassVar[str] = "measure"

    @property
    def title(self) -> str:
        """What its sweep is, in words."""
        return f"Measures of Boolean functions of {self.n_inputs} inputs"

    @property
    def shape(self) -> tuple[int, ...]:
        """Size of its axis."""
        return (self.functions.count_names(),)

    def variables(self) -> Mapping[str, Declared]:
        """Give what is found of every class."""
        return {
            name: numbers(_DTYPE[name], attrs["long_name"], units=attrs["units"])
            for name, attrs in MEASURES.items()
        }

    def block_shape(self) -> Mapping[str, int]:
        """Give a second of work, or less."""
        return {"problem": self.functions.block_shape()["problem"]}

    def compute(self, labels: Labels) -> dict[str, NDArray[np.generic]]:
        """Measure all functions of a block at once."""
        from relusweep.tasks.boolean.measures import measure

        return measure(np.array(labels["problem"], np.uint64), self.n_inputs)
