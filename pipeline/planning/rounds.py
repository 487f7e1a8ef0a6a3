"""Which trials a sweep wants next where each setting has a number of its own; read from what is stored.

A setting is a combination of labels of all axes but the last, the trials. What it has are its first trials,
the same as in a sweep of a fixed number. `ASKED`, a coordinate of the group, says how many have been asked
for so far; the axis of trials reaches as far as the longest of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from relusweep.pipeline.common.asked import ASKED, Box, boxes
from relusweep.pipeline.common.boxes import as_key
from relusweep.pipeline.planning.cutting import cut, labels_of
from relusweep.pipeline.sweeps.base import Block, Sweep

__all__ = ["ATTRS", "Cells", "Round", "asked_before", "lacking", "next_round", "reach"]

ATTRS = {"long_name": "trials asked for so far, the first ones", "units": "1"}

Asked = NDArray[np.int64]


class Round(NamedTuple):
    """What is wanted next.

    Attributes
    ----------
    number : int
        From 1; 0 where the numbers of trials were given.
    trials : int
        How far the longest settings reach after it.
    asked : ndarray of int
        Trials that each setting has after it.
    going : int
        Settings that may need more after it.
    blocks : tuple of Block
    """

    number: int
    trials: int
    asked: Asked
    going: int
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Cells:
    """What a store has of the cells of a sweep, read box by box.

    Attributes
    ----------
    sweep : Sweep
    stored : xarray.Dataset, optional
        ``done``, ``fingerprint`` and, where a rule asks for it, ``success_epoch``, nothing of them read.
    """

    sweep: Sweep
    stored: xr.Dataset | None

    def boxes(self, asked: Asked, first: int = 0) -> Iterator[Box]:
        """Cut trials that are asked for into boxes, but for those before the first."""
        shape = self.sweep.schedule.block_shape
        return boxes(asked, first, [shape[dim] for dim in self.sweep.axes])

    def finished(self, box: Box) -> NDArray[np.bool_]:
        """Mark the cells of a box that the store has, computed by this very specification."""
        if self.stored is None:
            return np.zeros([span.stop - span.start for span in box], bool)
        own = self._read("fingerprint", box, 0) == np.uint64(self.sweep.fingerprint)
        return np.asarray(self._read("done", box, False) & own)

    def succeeded(self, box: Box) -> NDArray[np.int64]:
        """Count the networks of a box that succeeded, by settings."""
        return np.asarray((self._read("success_epoch", box, -2) >= 0).sum(axis=-1))

    def _read(self, name: str, box: Box, fill: float) -> NDArray[Any]:
        assert self.stored is not None
        places = [of_dim[span] for of_dim, span in zip(self._places, box, strict=True)]
        known = [place >= 0 for place in places]
        key = tuple(as_key(place[here]) for place, here in zip(places, known, strict=True))
        array = self.stored[name].variable.transpose(*self.sweep.axes)
        if all(here.all() for here in known):
            return np.asarray(array[key].to_numpy())
        found = np.full([len(place) for place in places], fill, array.dtype)
        if all(here.any() for here in known):
            found[np.ix_(*known)] = array[key].to_numpy()
        return found

    @cached_property
    def _places(self) -> list[NDArray[np.intp]]:
        assert self.stored is not None
        return [
            self.stored.indexes[dim].get_indexer(pd.Index(labels)) for dim, labels in self.sweep.axes.items()
        ]


def asked_before(sweep: Sweep, stored: xr.Dataset | None) -> Asked:
    """Tell how many trials of each setting were asked for; in a group of a fixed number, how many it has."""
    settings = tuple(sweep.axes)[:-1]
    found = np.zeros(sweep.shape[:-1], np.int64)
    if stored is None:
        return found
    if ASKED in stored.coords:
        known = stored[ASKED].variable.transpose(*settings).to_numpy()
        places = [pd.Index(sweep.axes[dim]).get_indexer(stored.indexes[dim]) for dim in settings]
        here = [np.flatnonzero(of_dim >= 0) for of_dim in places]
        found[np.ix_(*(of_dim[kept] for of_dim, kept in zip(places, here, strict=True)))] = known[
            np.ix_(*here)
        ]
        return found
    cells = Cells(sweep, stored)
    for box in cells.boxes(np.full_like(found, stored.sizes[[*sweep.axes][-1]])):
        numbers = np.arange(box[-1].start, box[-1].stop) + 1
        last = (cells.finished(box) * numbers).max(axis=-1)
        found[box[:-1]] = np.maximum(found[box[:-1]], last)
    return found


def next_round(sweep: Sweep, stored: xr.Dataset | None, asked: Asked | None = None) -> Round:
    """Find the next trials of the settings that need more.

    Parameters
    ----------
    sweep : Sweep
    stored : xarray.Dataset, optional
        See `Cells`.
    asked : ndarray of int, optional
        Trials of each setting; by default as the sweep says: a fixed number, or by its rule.

    Returns
    -------
    Round
        Without blocks where nothing is lacking.
    """
    if asked is None and sweep.until is not None:
        wanted = np.True_ if sweep.wanted is None else sweep.wanted.any(axis=-1)
        return _by_rule(sweep, stored, np.array(np.broadcast_to(wanted, sweep.shape[:-1])))
    if asked is None:
        asked = np.array(reach(sweep))
    most = int(asked.max(initial=0))
    return Round(0, most, asked, 0, tuple(lacking(Cells(sweep.reaching(most), stored), asked)))


def reach(sweep: Sweep) -> Asked:
    """Tell for each setting behind which of its cells, along the last axis, no other is wanted."""
    *settings, size = sweep.shape
    if (wanted := sweep.wanted) is None:
        return np.broadcast_to(np.int64(size), settings)
    last = size - wanted[..., ::-1].argmax(axis=-1)
    return np.broadcast_to(np.where(wanted.any(axis=-1), last, 0), settings)


def _by_rule(sweep: Sweep, stored: xr.Dataset | None, needs: NDArray[np.bool_]) -> Round:
    until = sweep.until
    assert until is not None
    asked, succeeded = np.zeros(needs.shape, np.int64), np.zeros(needs.shape, np.int64)
    number = start = 0
    for number, end in enumerate(until.ends, 1):
        asked[needs] = end
        cells = Cells(sweep.reaching(end), stored)
        of_round = np.where(needs, end, 0)
        if blocks := tuple(lacking(cells, of_round, start)):
            return Round(number, end, asked, int(needs.sum()) if end < until.most else 0, blocks)
        for box in cells.boxes(of_round, start):
            succeeded[box[:-1]] += cells.succeeded(box)
        needs = needs & until.goes_on(succeeded, end)
        start = end
        if not needs.any():
            break
    return Round(number, int(asked.max(initial=1)), asked, 0, ())


def lacking(
    cells: Cells, asked: Asked, first: int = 0, wanted: NDArray[np.bool_] | None = None
) -> Iterator[Block]:
    """Cut what a store lacks into blocks.

    Parameters
    ----------
    cells : Cells
    asked : ndarray of int
        Cells of each setting.
    first : int
        Of those the first.
    wanted : ndarray of bool, optional
        Which of those, along all axes, of length one where it does not matter; by default all.
    """
    labels = labels_of(cells.sweep)
    chosen = None if wanted is None else np.broadcast_to(wanted, cells.sweep.shape)
    for box in cells.boxes(asked, first):
        numbers = np.arange(box[-1].start, box[-1].stop)
        missing = numbers < asked[box[:-1]][..., None]
        if chosen is not None:
            missing &= chosen[box]
        if missing.any():
            missing &= ~cells.finished(box)
        if missing.any():
            yield from cut(cells.sweep, labels, missing, box)
