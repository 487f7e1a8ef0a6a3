"""Quantities, one file each, found by their names: functions of labels, for which no network is trained."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from itertools import product
from math import prod
from time import thread_time
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field

from relusweep.tasks.axes import Setting, axes_of, label_array
from relusweep.tasks.blocks import BlockResult
from relusweep.tasks.declared import Coordinate, Declared

__all__ = ["Dimensions", "Labels", "Quantity", "QuantityBlock", "compute_block"]

Labels = Mapping[str, tuple[Any, ...]]
"""Labels of a box, for every axis."""

Dimensions = Mapping[str, tuple[NDArray[Any], Mapping[str, Any]]]
"""Labels and attributes of dimensions."""


class Quantity(BaseModel, ABC):
    """What is computed of labels. A quantity is one file in `relusweep.tasks.quantities`.

    The module is named like the quantity, and defines one subclass of this class. It is the whole
    specification of its sweeps: fields marked by `relusweep.tasks.axes.Axis` are axes, and may grow. It gives
    `variables`, and `cell` or, where many cells are computed at once, `compute`.

    Attributes
    ----------
    name : str
        Results live in the group ``<folder>/<name>``.
    folder : str
        Where groups of its sweeps live in the store.
    unit, verb : str
        What its cells are, and what is done to them, in words.
    extent : tuple of str
        Fields that are no axes and say how far the labels reach: they may grow too.
    result_schema : int
        Part of the fingerprint: raised when it comes to give other numbers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: ClassVar[str]
    unit: ClassVar[str] = "cells"
    verb: ClassVar[str] = "compute"
    extent: ClassVar[tuple[str, ...]] = ()
    result_schema: ClassVar[int] = 1

    name: Annotated[
        str, Field(pattern=r"^[A-Za-z][\w-]*$", description="letters, digits, _ and -, a letter first")
    ]

    @property
    def kind(self) -> str:
        """Name of the module: the report that reads its sweeps has it too."""
        return type(self).__module__.rpartition(".")[2]

    @property
    def title(self) -> str:
        """What its sweep is, in words."""
        return f"{self.folder.capitalize()} sweep {self.name}"

    @property
    def axes(self) -> Dimensions:
        """Labels and attributes of its axes, in the order of the store."""
        marks = axes_of(self)
        return {
            mark.dim or name: (label_array(getattr(self, name)), mark.attrs) for name, mark in marks.items()
        }

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes; to be overridden where counting labels is cheaper than listing them."""
        return tuple(len(labels) for labels, _ in self.axes.values())

    def inner(self) -> Dimensions:
        """Give the dimensions that variables have behind the axes."""
        return {}

    def variables(self) -> Mapping[str, Declared]:
        """Say what is kept of every cell."""
        raise NotImplementedError

    def coordinates(self) -> Mapping[str, Coordinate]:
        """Say what is known of the labels."""
        return {}

    @property
    def wanted(self) -> NDArray[np.bool_] | None:
        """Which cells there are, along all axes, of length one where it does not matter; None: all."""
        return None

    def check(self) -> None:
        """Raise ValueError where the fields, each allowed, cannot be together."""

    def notes(self) -> list[str]:
        """Say in sentences what is to be known before a run."""
        return []

    def block_shape(self) -> Mapping[str, int]:
        """Give how many labels a block has along the first and the last axis, where not one."""
        return {}

    def cost(self, labels: Labels) -> float:
        """Estimate the cost of a box, to start the longest first and to tell the time left."""
        return float(prod(map(len, labels.values())))

    def cell(self, setting: Setting) -> Mapping[str, ArrayLike]:
        """Compute the variables of one label of every axis; what is left out, or short, is missing."""
        raise NotImplementedError

    def compute(self, labels: Labels) -> dict[str, NDArray[np.generic]]:
        """Compute the variables over a box, and behind its axes over those of `inner`."""
        sizes = {dim: len(values) for dim, (values, _) in self.inner().items()}
        shape = tuple(map(len, labels.values()))
        arrays: dict[str, NDArray[np.generic]] = {
            name: np.full((*shape, *(sizes[dim] for dim in one.dims)), one.fill, one.dtype)
            for name, one in self.variables().items()
        }
        for place, cell in zip(np.ndindex(shape), product(*labels.values()), strict=True):
            for name, found in self.cell(dict(zip(labels, cell, strict=True))).items():
                values = np.asarray(found)
                arrays[name][(*place, *map(slice, values.shape))] = values
        return arrays


class QuantityBlock(NamedTuple):
    """What to compute: a box of labels."""

    quantity: Quantity
    labels: Labels


def compute_block(block: QuantityBlock) -> BlockResult:
    """Compute a quantity over a box; no network is trained, so it counts no epochs."""
    begin = thread_time()
    arrays = block.quantity.compute(block.labels)
    return BlockResult(arrays, 0, thread_time() - begin, 0.0)
