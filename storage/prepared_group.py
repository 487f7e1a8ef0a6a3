"""A group that a committer is writing to: its arrays, and the checks of every block."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import icechunk
import numpy as np
import zarr
from numpy.typing import NDArray

from relusweep.storage.errors import BlockWrittenTwice, LayoutMismatch
from relusweep.storage.fork import WriteReceipt, span
from relusweep.storage.layout import Layout
from relusweep.storage.template import open_array

Part = slice | NDArray[np.intp]
"""Positions along a dimension: some that follow one another, or others."""


class PreparedGroup:
    """A prepared group: its open arrays, and which of its cells this process has written."""

    def __init__(self, layout: Layout, store: icechunk.IcechunkStore, before: "PreparedGroup | None") -> None:
        self._layout = layout
        self._written: _Written = _Written(layout, None if before is None else before._written)
        self.open(store)

    def open(self, store: icechunk.IcechunkStore) -> None:
        """Take the arrays of a new session; a session ends with its commit."""
        group = zarr.open_group(store, path=self._layout.group, mode="r+")
        self._arrays = {
            name: open_array(group, name).with_config({"write_empty_chunks": True})
            for name in self._layout.arrays()
        }

    def check(
        self, region: Mapping[str, Part], arrays: Mapping[str, np.ndarray], written: WriteReceipt | None
    ) -> None:
        """Refuse a block that does not fit or comes twice."""
        layout = self._layout
        elsewhere = frozenset[str]() if written is None else written.names
        if elsewhere & set(arrays) or elsewhere | set(arrays) != set(layout.variables):
            came = [*sorted(arrays), *sorted(f"{name} (written by a fork)" for name in elsewhere)]
            names = sorted(layout.variables)
            raise LayoutMismatch(f"{layout.group}: got arrays {came}, wants all of {names}, each once")
        if written is not None and (written.group, written.region) != (layout.group, dict(region)):
            raise LayoutMismatch(
                f"{layout.group}: the fork wrote {written.region} of {written.group}, not {dict(region)}"
            )
        lengths = dict(layout.coords.sizes)
        for dim, part in region.items():
            lengths[dim] = _length(f"{layout.group}: {dim}", part, lengths.get(dim, 0))
        for name in arrays:
            variable = layout.variables[name]
            shape = tuple(lengths[dim] for dim in variable.dims)
            got, wanted = (arrays[name].shape, arrays[name].dtype), (shape, np.dtype(variable.dtype))
            if got != wanted:
                raise LayoutMismatch(f"{layout.group}: {name} is {got}, wants {wanted}")
        if self._written.any(self._selection(layout.progress_dims, region)):
            raise BlockWrittenTwice(
                f"{layout.group}: cells of {dict(region)} were written before in this run"
            )

    def write(self, region: Mapping[str, Part], arrays: Mapping[str, np.ndarray], fingerprint: int) -> None:
        """Write a checked block, its marks last."""
        for name, array in arrays.items():
            _assign(self._arrays[name], self._selection(self._layout.variables[name].dims, region), array)
        cells = self._selection(self._layout.progress_dims, region)
        _assign(self._arrays["fingerprint"], cells, np.uint64(fingerprint))
        _assign(self._arrays["done"], cells, True)
        self._written.mark(cells)

    @staticmethod
    def _selection(dims: tuple[str, ...], region: Mapping[str, Part]) -> tuple[Part, ...]:
        return tuple(region.get(dim, slice(None)) for dim in dims)


def _assign(array: zarr.Array[Any], cells: tuple[Part, ...], values: Any) -> None:
    if all(isinstance(part, slice) for part in cells):
        array[cells] = values
    else:
        array.oindex[cells] = values


def _length(what: str, part: Part, size: int) -> int:
    if isinstance(part, slice):
        place = span(what, part, size)
        return int(place.stop - place.start)
    if not len(part) or part.min() < 0 or part.max() >= size or len(np.unique(part)) < len(part):
        raise LayoutMismatch(f"{what} = {part} are no positions of its {size}, each once")
    return len(part)


class _Written:
    """Which cells of a group this process has written: spans of the last axis, by row."""

    def __init__(self, layout: Layout, before: "_Written | None") -> None:
        self._axes = [layout.coords.indexes[dim] for dim in layout.progress_dims]
        self._shape = tuple(map(len, self._axes[:-1]))
        self._spans: dict[int, list[tuple[int, int]]] = {}
        if before is not None:
            self._take(before)

    def any(self, cells: tuple[Part, ...]) -> bool:
        """Tell whether one of some cells was written."""
        new = self._columns(cells)
        spans = (span for row in self._rows(cells) for span in self._spans.get(row, ()))
        return any(a < stop and first < b for a, b in spans for first, stop in new)

    def mark(self, cells: tuple[Part, ...]) -> None:
        """Note that some cells are written."""
        new = self._columns(cells)
        for row in self._rows(cells):
            spans = self._spans.setdefault(row, [])
            for first, stop in new:
                begin = spans.pop()[0] if spans and spans[-1][1] == first else first
                spans.append((begin, stop))

    def _columns(self, cells: tuple[Part, ...]) -> list[tuple[int, int]]:
        numbers = np.arange(len(self._axes[-1]))[cells[-1]]
        cuts = [0, *(np.flatnonzero(np.diff(numbers) != 1) + 1).tolist(), len(numbers)]
        return [(int(numbers[a]), int(numbers[b - 1]) + 1) for a, b in pairwise(cuts)]

    def _rows(self, cells: tuple[Part, ...]) -> list[int]:
        numbers = np.zeros(1, np.intp)
        for part, size in zip(cells[:-1], self._shape, strict=True):
            numbers = (numbers[:, None] * size + np.arange(size)[part]).ravel()
        return numbers.tolist()

    def _take(self, before: "_Written") -> None:
        """Take over what was written before the axes grew."""
        *places, columns = (
            new.get_indexer(old).tolist() for new, old in zip(self._axes, before._axes, strict=True)
        )
        for number, spans in before._spans.items():
            at = np.unravel_index(number, before._shape) if before._shape else ()
            row = tuple(slice(p[i], p[i] + 1) for p, i in zip(places, at, strict=True))
            for first, stop in spans:
                moved = columns[first:stop]
                whole = moved[-1] - moved[0] == stop - first - 1
                for a, b in [(moved[0], moved[-1] + 1)] if whole else [(c, c + 1) for c in moved]:
                    self.mark((*row, slice(a, b)))
