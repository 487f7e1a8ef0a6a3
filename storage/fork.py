"""How a worker writes large arrays itself: whole chunks, into a copy of the committer's session."""

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from itertools import product
from typing import Any

import icechunk
import numpy as np
import zarr
from icechunk.session import ForkSession

from relusweep.storage.errors import LayoutMismatch, StoreWriteError
from relusweep.storage.repository import reason
from relusweep.storage.template import open_array

__all__ = ["Fork", "WriteReceipt", "span"]


@dataclass(frozen=True)
class WriteReceipt:
    """What one call of `Fork.write` has written; nobody sees it before the committer has taken it in.

    Attributes
    ----------
    session : ForkSession
        Knows the new chunks.
    group : str
    region : dict of slice
    names : frozenset of str
        Arrays.
    """

    session: ForkSession
    group: str
    region: Mapping[str, slice]
    names: frozenset[str]


@dataclass(frozen=True)
class Fork:
    """A copy of a committer's session, as `Committer.fork` gives it; small to send.

    Attributes
    ----------
    session : ForkSession
    group : str
    """

    session: ForkSession
    group: str

    def write(self, region: Mapping[str, slice], arrays: Mapping[str, np.ndarray]) -> WriteReceipt:
        """Write whole chunks of some arrays.

        Parameters
        ----------
        region
            Positions per dimension, without step; a dimension not named is meant whole.
        arrays
            Each of its dtype and of the region's shape over its dimensions.

        Raises
        ------
        LayoutMismatch
            An array is not of the group, or of another dtype or shape, or the region cuts a chunk: of two
            workers that write parts of it the store would keep one.
        StoreWriteError
            Writing failed.
        """
        # Each call begins with what the committer had: the one before must not be taken in twice.
        session = copy(self.session)
        group = zarr.open_group(session.store, path=self.group, mode="r+")
        targets = {name: open_array(group, name) for name in arrays}
        places = {name: self._place(target, region, arrays[name]) for name, target in targets.items()}
        try:
            for name, target in targets.items():
                _write_chunks(target, places[name], arrays[name])
        except (icechunk.IcechunkError, OSError) as error:
            raise StoreWriteError(
                f"could not write {dict(region)} of {self.group}: {reason(error)}"
            ) from error
        return WriteReceipt(session, self.group, dict(region), frozenset(arrays))

    def takes(self, region: Mapping[str, slice], names: Iterable[str]) -> bool:
        """Tell whether a region is whole chunks of some arrays, so that `write` writes it."""
        group = zarr.open_group(self.session.store, path=self.group, mode="r")
        for target in (open_array(group, name) for name in names):
            parts = [
                region.get(dim, slice(0, size)) for dim, size in zip(_dims(target), target.shape, strict=True)
            ]
            if any(map(_cuts, parts, target.chunks, target.shape)):
                return False
        return True

    def _place(
        self, target: zarr.Array[Any], region: Mapping[str, slice], array: np.ndarray
    ) -> tuple[slice, ...]:
        dims = _dims(target)
        place = tuple(
            span(f"{self.group}: {dim}", region[dim], size) if dim in region else slice(0, size)
            for dim, size in zip(dims, target.shape, strict=True)
        )
        shape = tuple(part.stop - part.start for part in place)
        if (array.shape, array.dtype) != (shape, target.dtype):
            raise LayoutMismatch(
                f"{self.group}: {target.name} is {array.dtype} of shape {array.shape}, "
                f"wants {target.dtype} of {shape}"
            )
        for part, chunk, size in zip(place, target.chunks, target.shape, strict=True):
            if _cuts(part, chunk, size):
                raise LayoutMismatch(f"{self.group}: {part} of {target.name} cuts chunks of {chunk}")
        return place


def _dims(target: zarr.Array[Any]) -> list[str]:
    names = target.metadata.to_dict()["dimension_names"]
    return [str(name) for name in names] if isinstance(names, list | tuple) else []


def _cuts(part: slice, chunk: int, size: int) -> bool:
    """Tell whether a part of an axis holds some chunk in part."""
    return bool(part.start % chunk or (part.stop % chunk and part.stop != size))


def _write_chunks(target: zarr.Array[Any], place: tuple[slice, ...], array: np.ndarray) -> None:
    """Write chunk by chunk, each in order in memory: all at once, Zarr would copy each twice more."""
    target = target.with_config({"write_empty_chunks": True})
    grid = ((range(p.start, p.stop, n), n) for p, n in zip(place, target.chunks, strict=True))
    for box in product(*([slice(a, min(a + n, starts.stop)) for a in starts] for starts, n in grid)):
        here = tuple(slice(b.start - p.start, b.stop - p.start) for b, p in zip(box, place, strict=True))
        target[box] = np.ascontiguousarray(array[here])


def span(what: str, part: slice, size: int) -> slice:
    """Give both ends of a part of so many positions.

    Raises
    ------
    LayoutMismatch
        It is empty, goes beyond them, counts from the end or has a step.
    """
    start, stop = part.start or 0, size if part.stop is None else part.stop
    if part.step not in (None, 1) or not 0 <= start < stop <= size:
        raise LayoutMismatch(f"{what} = {part} is no part of its {size} positions")
    return slice(start, stop)
