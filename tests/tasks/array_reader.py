"""Reads stages from arrays in memory, where workers read them from a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from relusweep.tasks.images.reader import Label

__all__ = ["ArrayReader"]


class ArrayReader:
    """Implements `relusweep.tasks.images.reader.Reader`.

    Parameters
    ----------
    arrays : mapping
        By stage and variable: names of dimensions and the array.
    labels : mapping of str to sequence
        Along dimensions whose labels are not their places.
    """

    def __init__(
        self,
        arrays: Mapping[str, Mapping[str, tuple[tuple[str, ...], np.ndarray]]],
        labels: Mapping[str, Sequence[str | int]],
    ) -> None:
        self._arrays, self._labels = arrays, labels

    def read(self, stage: str, variable: str, **at: Label) -> np.ndarray:
        dims, array = self._arrays[stage][variable]
        for axis, dim in reversed(list(enumerate(dims))):  # from behind: what is left out moves no other
            if dim in at:
                array = array[(slice(None),) * axis + (self._places(dim, at[dim]),)]
        return array

    def _places(self, dim: str, label: Label) -> Any:
        if isinstance(label, slice):
            return label
        if isinstance(label, list):
            return [self._places(dim, each) for each in label]
        return self._labels[dim].index(label) if dim in self._labels else label
