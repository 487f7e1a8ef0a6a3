"""Sweeps over functions of many inputs: random ones, parity, and the classes of four inputs XOR parity."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WrapValidator, field_validator

from relusweep.pipeline.sweeps.base import Block, Coordinate, Schedule
from relusweep.pipeline.sweeps.boolean.measures import MEASURES
from relusweep.pipeline.sweeps.boolean.problems import all_or_ids, class_ids
from relusweep.pipeline.sweeps.boolean.problems import classes as npn_classes
from relusweep.pipeline.sweeps.boolean.sweep import TrainingSweep
from relusweep.pipeline.sweeps.boolean.variables import DIM_ATTRS, VARIABLES
from relusweep.pipeline.sweeps.fields import ascending, listed
from relusweep.storage.layout import Variable
from relusweep.tasks.boolean.functions import (
    CLASS_INPUTS,
    MOST_RANDOM,
    PARITY,
    class_name,
    family,
    random_name,
)
from relusweep.tasks.boolean.npn import N_CLASSES

__all__ = ["FunctionSweep"]

_DIMS = ("problem", "n_inputs", "leak", "width", "depth", "trial")
_BLOCK = {"problem": 8, "trial": 20}  # ten rounds of sixteen networks: at most half a minute of work
_MEASURED_AT_ONCE = 256

_DIM_ATTRS = DIM_ATTRS | {
    "problem": {"long_name": "name of the function"},
    "n_inputs": {"long_name": "inputs of the function", "units": "1"},
}


def _all_ids_or_none(value: object, validate: object) -> object:
    return () if value in ("none", [], ()) else all_or_ids(value, validate)


class FunctionSweep(TrainingSweep):
    """Networks trained on functions of many inputs: problem × n_inputs × leak × width × depth × trial.

    All of the axes may grow later without touching a finished network.

    Attributes
    ----------
    name : str
        Its results live in the group ``boolean/<name>``.
    n_inputs : tuple of int
        Inputs of the functions, 1 to 12; where there are `classes`, at least 4.
    random : int
        How many random functions there are of each number of inputs, numbered from 0.
    classes : tuple of int or 'all'
        NPN classes of four inputs, named by their smallest ids: the problems are these functions of the first
        four inputs, XOR the parity of all inputs. Parity itself is always a problem.
    """

    kind: ClassVar[str] = "functions"
    growable_fields: ClassVar = ("random", "classes", "n_inputs", "leak", "width", "depth", "trials")
    variables: ClassVar[Mapping[str, Variable]] = {
        name: dataclasses.replace(variable, dims=_DIMS) for name, variable in VARIABLES.items()
    }
    dim_attrs: ClassVar[Mapping[str, Mapping[str, Any]]] = _DIM_ATTRS

    n_inputs: Annotated[
        tuple[Annotated[int, Field(ge=1, le=12)], ...],
        BeforeValidator(listed),
        AfterValidator(ascending),
        Field(min_length=1, description="whole numbers from 1 to 12, as 10 or 5..10"),
    ]
    random: Annotated[int, Field(ge=0, le=MOST_RANDOM, description=f"a whole number from 0 to {MOST_RANDOM}")]
    classes: Annotated[
        tuple[int, ...] | Literal["all"],
        WrapValidator(_all_ids_or_none),
        Field(description="ids of NPN classes of 4 inputs, all or none"),
    ] = ()

    @field_validator("classes")
    @classmethod
    def _are_classes(
        cls, ids: tuple[int, ...] | Literal["all"], info: ValidationInfo
    ) -> tuple[int, ...] | Literal["all"]:
        least = min(info.data.get("n_inputs", [CLASS_INPUTS]))  # absent where it is wrong itself
        if ids and least < CLASS_INPUTS:
            raise ValueError(
                f"classes have {CLASS_INPUTS} inputs or more, and n_inputs holds {least}; "
                "leave it out, or set classes=none"
            )
        return ids if ids == "all" else class_ids(ids, CLASS_INPUTS)

    @property
    def group(self) -> str:
        """Where its results live in the store."""
        return f"boolean/{self.name}"

    @property
    def names(self) -> list[str]:
        """Names of the problems, ascending as text."""
        ids = npn_classes(CLASS_INPUTS).representative.tolist() if self.classes == "all" else self.classes
        return [*map(class_name, ids), PARITY, *map(random_name, range(self.random))]

    @property
    def axes(self) -> Mapping[str, NDArray[Any]]:
        """Labels of problems, numbers of inputs, leaks, widths, depths, trials."""
        labels = (self.n_inputs, self.leak, self.width, self.depth, range(self.trials))
        numbers = {dim: np.asarray(values) for dim, values in zip(_DIMS[1:], labels, strict=True)}
        return {"problem": np.array(self.names, dtype=object), **numbers}

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        n_classes = N_CLASSES[CLASS_INPUTS] if self.classes == "all" else len(self.classes)
        others = (self.n_inputs, self.leak, self.width, self.depth)
        return n_classes + 1 + self.random, *map(len, others), self.trials

    def coordinates(self, store: str) -> Mapping[str, Coordinate]:
        """Give its axes, and what is known of the functions."""
        families = np.array([family(name) for name in self.names], dtype=object)
        return {
            **super().coordinates(store),
            "family": ("problem", families, {"long_name": "kind of function"}),
            **self._functions(),
        }

    def _functions(self) -> Mapping[str, Coordinate]:
        """Tabulate and measure the functions of every number of inputs."""
        known = [_known(self.names, n, self.seed) for n in self.n_inputs]
        words = {"truth_table": {"long_name": "outputs, all inputs -1 first, 1 for +1"}}
        words |= {name: dict(MEASURES[name].attrs) for name in known[0] if name in MEASURES}
        return {
            name: (("problem", "n_inputs"), np.stack([of[name] for of in known], axis=1), attrs)
            for name, attrs in words.items()
        }

    @property
    def schedule(self) -> Schedule:
        """Some problems × one of each of the others × a range of trials; a kernel for each size of them."""
        return Schedule(
            block_shape={dim: _BLOCK.get(dim, 1) for dim in _DIMS},
            cost=self._cost,
            compile_key=lambda block: block["n_inputs"] + block["width"],
        )

    def _cost(self, block: Block) -> float:
        """Estimate the multiply-adds of a block.

        A rule of thumb from ten trials of `dimensions`: networks of half as many parameters as a function has
        rows go on to the last epoch, those of as many as it has rows succeed early.
        """
        rows, n_parameters = 1 << self._inputs_of(block), self._protocol_of(block).network.n_parameters
        failing = min(1.0, (rows / (2 * n_parameters)) ** 3)
        epochs = min(50, self.epochs) + failing * self.epochs
        return block.cells * epochs * float(n_parameters * rows)

    def _inputs_of(self, block: Block) -> int:
        (n,) = block["n_inputs"]
        return int(n)


def _known(names: list[str], n: int, seed: int) -> dict[str, NDArray[Any]]:
    """Give truth tables, as text, and measures of functions of `n` inputs."""
    from relusweep.tasks.boolean.functions import named_tables
    from relusweep.tasks.boolean.measures import spectral_measures

    parts = []
    for start in range(0, len(names), _MEASURED_AT_ONCE):
        tables = named_tables(names[start : start + _MEASURED_AT_ONCE], n, seed)
        digits = (tables > 0).astype(np.uint8) + ord("0")
        texts = np.array([row.tobytes().decode() for row in digits], dtype=object)
        parts.append({"truth_table": texts, **spectral_measures(tables)})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
