"""Arrays of many networks, gone through in parts that fit into memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from math import prod

import numpy as np
from numpy.typing import NDArray

__all__ = ["as_key", "boxes", "lengths"]


def as_key(places: NDArray[np.intp]) -> slice | NDArray[np.intp]:
    """Write places that follow one another as a slice, which is read faster."""
    if len(places) and (np.diff(places) == 1).all():
        return slice(int(places[0]), int(places[-1]) + 1)
    return places


def boxes(sizes: Mapping[str, int], most: int) -> Iterator[dict[str, slice]]:
    """Cut dimensions into boxes of at most so many entries, in the order of the entries, the last fastest."""
    steps: list[int] = []
    room = max(1, most)
    for size in reversed([*sizes.values()]):
        steps.insert(0, max(1, min(size, room)))
        room = room // max(1, size)
    spans = (range(0, size, step) for size, step in zip(sizes.values(), steps, strict=True))
    for starts in product(*spans):
        ends = zip(sizes, starts, steps, strict=True)
        yield {dim: slice(start, start + step) for dim, start, step in ends}


def lengths(sizes: Mapping[str, int], most: int, stored: Mapping[str, int]) -> dict[str, int]:
    """Give lengths of chunks of about so many entries: multiples of those that are stored, where they fit."""
    found = {dim: max(1, min(size, stored.get(dim, 1))) for dim, size in sizes.items()}
    for dim, size in reversed([*sizes.items()]):
        found[dim] = max(1, min(size, found[dim] * max(1, most // prod(found.values()))))
    for dim in sizes:
        if (whole := prod(found.values())) > most:
            found[dim] = max(1, found[dim] * most // whole)
    return found
