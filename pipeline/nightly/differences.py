"""A block computed again, compared bit for bit with what a version of the store has of it.

What is too large to travel is compared by the worker that computed it.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from relusweep.pipeline.common.wording import label
from relusweep.pipeline.nightly.report import Drift
from relusweep.pipeline.sweeps.base import Sweep
from relusweep.pipeline.sweeps.blocks import Block
from relusweep.pipeline.versions.bits import as_bits
from relusweep.storage import open_dataset

__all__ = ["MOST_SHOWN", "Differences", "differences"]

MOST_SHOWN = 200


class Differences(NamedTuple):
    """How a block differs from the store; small, whatever the size of its arrays.

    Attributes
    ----------
    compared, drifted : ndarray of bool, of the shape of the block
        Cells that the store has, and those of which a number has other bits.
    drift : list of Drift
        The first such numbers, at most `MOST_SHOWN`.
    """

    compared: NDArray[np.bool_]
    drifted: NDArray[np.bool_]
    drift: list[Drift]


def differences(
    store: str, version: str, sweep: Sweep, block: Block, arrays: Mapping[str, NDArray[Any]]
) -> Differences:
    """Compare arrays of a block with those that a version of a store has, in the encoding stored there.

    Raises
    ------
    StoreReadError
        Stored bytes are missing or damaged.
    """
    axes = tuple(sweep.axes)
    stored = _open(store, sweep.group, version).sel({dim: list(labels) for dim, labels in block.labels})
    current = stored["fingerprint"] == np.uint64(sweep.fingerprint)
    finished = (stored["done"] & current).transpose(*axes)
    drifted, drift = xr.zeros_like(finished, bool), list[Drift]()
    for name, array in arrays.items():
        then = stored[name]
        now = np.asarray(array, then.dtype).reshape(then.shape)
        differ = then.copy(data=as_bits(then.values) != as_bits(now))
        known = finished.any([dim for dim in axes if dim not in then.dims])
        differ = (differ & known).transpose(*then.dims)
        drifted |= differ.any([dim for dim in then.dims if dim not in axes]) & finished
        for place in _first(differ.values, MOST_SHOWN - len(drift)):
            drift.append(_drift(sweep.group, then, now, place, stored.attrs.get("fixed", ())))
    return Differences(finished.values, drifted.transpose(*axes).values, drift)


@lru_cache(maxsize=2)
def _open(store: str, group: str, version: str) -> xr.Dataset:
    """Open a group once a process: blocks are many, and a version stays as it is."""
    return open_dataset(store, group, version=version, mask_and_scale=False)


def _first(differ: NDArray[np.bool_], most: int) -> Iterator[tuple[int, ...]]:
    """Give the first places that differ; a list of all would take more memory than the numbers themselves."""
    flat, start = differ.ravel(), 0
    for _ in range(most):
        if not flat[start:].any():
            return
        start += int(flat[start:].argmax()) + 1
        yield tuple(map(int, np.unravel_index(start - 1, differ.shape)))


def _drift(
    group: str, then: xr.DataArray, now: NDArray[Any], place: tuple[int, ...], fixed: Collection[Hashable]
) -> Drift:
    at = ((dim, i) for dim, i in zip(then.dims, place, strict=True) if dim not in fixed)
    cell = ", ".join(f"{dim} {label(then[dim].values[i])}" for dim, i in at)
    return Drift(group, str(then.name), cell, str(then.values[place]), str(now[place]))
