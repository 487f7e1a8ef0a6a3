"""Which cells of a sweep are still to be computed, cut into blocks; made before anything runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from relusweep.pipeline.common.asked import ASKED
from relusweep.pipeline.common.errors import InvalidSweep, SpecificationChanged
from relusweep.pipeline.planning.cutting import cut, labels_of
from relusweep.pipeline.planning.rounds import ATTRS, Cells, Round, asked_before, lacking, next_round, reach
from relusweep.pipeline.sweeps.base import Block, Sweep
from relusweep.pipeline.sweeps.specification import joined
from relusweep.storage import StoreNotFound, damage_of, open_dataset

if TYPE_CHECKING:
    from relusweep.storage import Layout
    from relusweep.storage.prepared_group import Part

__all__ = ["Plan", "make_plan", "plan_store", "plans", "stored_plan"]

_MOST_CELLS = 10**9


@dataclass(frozen=True)
class Plan:
    """What a run would do in one group.

    Attributes
    ----------
    sweep : Sweep
        As asked.
    stored : Sweep
        As the store will hold it: the axes asked and those already there.
    blocks : tuple of Block
        To be computed, the longest first.
    anew : bool
        Whether the group is started anew: it holds results of another specification.
    round : Round, optional
        Where settings have numbers of trials of their own: what is wanted next.
    asked : ndarray of int, optional
        Trials of each setting of `stored` that have been asked for then, of this sweep or another.
    """

    sweep: Sweep
    stored: Sweep
    blocks: tuple[Block, ...]
    anew: bool = False
    round: Round | None = None
    asked: NDArray[np.int64] | None = None

    @cached_property
    def total(self) -> int:
        """Cells asked for; of a sweep with rounds, up to the one that is next."""
        return self.sweep.n_wanted if self.round is None else int(self.round.asked.sum())

    @cached_property
    def cells(self) -> int:
        """Cells to be computed."""
        return sum(block.cells for block in self.blocks)

    @cached_property
    def cost(self) -> float:
        """Cost of all blocks, as their schedule estimates it."""
        return sum(map(self.sweep.schedule.cost, self.blocks))

    @property
    def done(self) -> int:
        """Cells asked for that the store has."""
        return self.total - self.cells

    @property
    def words(self) -> str:
        """How much there is to do."""
        return f"{self.cells:,} {self.sweep.unit} to {self.sweep.verb}, {self.done:,} in the store"

    @property
    def nbytes(self) -> int:
        """Bytes that the cells to be computed fill before compression."""
        return self.cells * self.sweep.bytes_per_cell

    def layout(self, store: str) -> Layout:
        """Describe the group."""
        layout = self.stored.layout(store)
        if self.asked is None:
            return layout
        asked = xr.Variable(tuple(self.stored.axes)[:-1], self.asked, ATTRS)
        return dataclasses.replace(layout, coords=layout.coords.assign_coords({ASKED: asked}))

    @cached_property
    def _axes(self) -> Mapping[str, Mapping[Any, int]]:
        return {
            dim: {label: i for i, label in enumerate(labels.tolist())}
            for dim, labels in self.stored.axes.items()
        }

    def _positions(self, dim: str, labels: Iterable[Any]) -> NDArray[np.intp]:
        """Find labels along a dimension of the store."""
        return np.array([*map(self._axes[dim].__getitem__, labels)], np.intp)

    def place(self, block: Block) -> dict[str, Part]:
        """Find where a block lies in the store: along each dimension a slice, or positions with gaps."""
        found: dict[str, Part] = {}
        for dim, labels in block.labels:
            positions = self._positions(dim, labels)
            (whole, _), *others = _runs(positions)
            found[dim] = positions if others else whole
        return found

    def regions(self, block: Block) -> Iterator[tuple[dict[str, slice], dict[str, slice]]]:
        """Find where a block lies in the store: in several places where other labels are between its own.

        Yields
        ------
        region : dict of slice
            Positions along the dimensions of the group.
        part : dict of slice
            Which of the block's labels along each dimension lie there.
        """
        runs = [[(dim, *run) for run in _runs(self._positions(dim, labels))] for dim, labels in block.labels]
        for chosen in product(*runs):
            yield {dim: there for dim, there, _ in chosen}, {dim: here for dim, _, here in chosen}


def _runs(positions: NDArray[np.intp]) -> list[tuple[slice, slice]]:
    """Cut positions into those that follow one another: where each piece lies, and which of them it is."""
    cuts = [0, *(np.flatnonzero(np.diff(positions) != 1) + 1).tolist(), len(positions)]
    return [(slice(int(positions[a]), int(positions[b - 1]) + 1), slice(a, b)) for a, b in pairwise(cuts)]


def plans(
    sweep: Sweep,
    store: str,
    *,
    replace: bool = False,
    refreshed: Collection[str] | None = None,
    asked: NDArray[np.int64] | None = None,
) -> tuple[Plan, ...]:
    """Plan a sweep and, before it, all that it requires, against what a store has of them.

    Parameters
    ----------
    sweep : Sweep
    store : str
        Path or ``s3://bucket/prefix``.
    replace : bool
        Start groups anew that hold results of another specification.
    refreshed : collection of str, optional
        Start all groups anew with all that the store has of them, but for these: they have been, and the
        rest of them is planned.
    asked : ndarray of int, optional
        Trials of each setting of the sweep, a combination of labels of all its axes but the last; by default
        as it says.

    Raises
    ------
    SpecificationChanged
        The store has results of another specification under the name, and `replace` is false.
    """
    found: dict[str, Plan] = {}  # by group: what several require is planned once

    def add(part: Sweep) -> None:
        if part.group in found:
            return
        for required in part.requires:
            add(required)
        try:
            found[part.group] = _plan(part, store, refreshed, asked if part is sweep else None)
        except SpecificationChanged:
            if not replace:
                raise
            anew = make_plan(part, None, asked if part is sweep else None)
            found[part.group] = dataclasses.replace(anew, anew=True)

    for root in sweep.roots:
        add(root)
    return tuple(found.values())


def _plan(
    sweep: Sweep, store: str, refreshed: Collection[str] | None, asked: NDArray[np.int64] | None
) -> Plan:
    planned = make_plan(sweep, _progress(sweep, store), asked)
    if refreshed is None:
        return planned
    whole = planned.stored
    if sweep.group in refreshed:
        return plan_store(whole, store)
    return dataclasses.replace(make_plan(whole, None, planned.asked), anew=True)


def plan_store(sweep: Sweep, store: str) -> Plan:
    """Plan a sweep, without what it requires, against what a store has of it.

    Raises
    ------
    SpecificationChanged
        The store has results of another specification under the name.
    """
    return make_plan(sweep, _progress(sweep, store))


def stored_plan(sweep: Sweep, store: str, version: str | None = None) -> Plan:
    """Plan again what a version of a store, by default the newest, has of a sweep.

    The blocks hold every finished cell, and perhaps others.
    """
    progress = _progress(sweep, store, version)
    if progress is not None:
        _check_axes(sweep, progress)
        sweep = sweep.reaching(progress.sizes[[*sweep.axes][-1]])
    uneven = _is_uneven(sweep, progress)
    *settings, size = sweep.shape
    asked = asked_before(sweep, progress) if uneven else np.broadcast_to(np.int64(size), settings)
    cells, labels = Cells(sweep, progress), labels_of(sweep)
    blocks = [block for box in cells.boxes(asked) for block in cut(sweep, labels, cells.finished(box), box)]
    return Plan(sweep, sweep, tuple(blocks), asked=asked if uneven else None)


_MEND = (
    "Give yours another name (--set name=…, or name=… in Python), or start the group anew (--replace, or "
    "replace=True; earlier versions stay readable)"
)


def _progress(sweep: Sweep, store: str, version: str | None = None) -> xr.Dataset | None:
    try:
        group = open_dataset(store, sweep.group, version=version)
    except StoreNotFound:
        return None
    if why := damage_of(group.attrs, {name: array.dims for name, array in group.variables.items()}):
        raise SpecificationChanged(f"{sweep.group} in {store} is of no sweep, or is damaged: {why}. {_MEND}")
    if (schema := group.attrs.get("result_schema", 1)) != sweep.result_schema:
        raise SpecificationChanged(
            f"{sweep.group} in {store} is of another version of relusweep, which had other results (their "
            f"number is {schema}, now {sweep.result_schema}: see the changelog). {_MEND}"
        )
    pinned = [name for name in sweep.pinned if name in group.variables]
    kept = [name for name in ("done", "fingerprint", "success_epoch") if name in group]
    known = group.reset_coords(pinned)[[*kept, *pinned]]
    known = known.drop_vars([name for name in known.coords if name not in (*known.dims, ASKED)])
    return known.assign({name: known[name].load() for name in pinned})


def _is_uneven(stored: Sweep, progress: xr.Dataset | None) -> bool:
    """Tell whether settings of a group have numbers of trials of their own."""
    return stored.until is not None or (progress is not None and ASKED in progress.coords)


def make_plan(sweep: Sweep, progress: xr.Dataset | None, asked: NDArray[np.int64] | None = None) -> Plan:
    """Plan a sweep; of one with rounds the next round.

    Parameters
    ----------
    sweep : Sweep
    progress : xarray.Dataset, optional
        ``done``, ``fingerprint`` and what is pinned of the group, with its attributes; None where there is no
        group yet. Of a sweep with rounds ``success_epoch`` too.
    asked : ndarray of int, optional
        Trials of each setting, a combination of labels of all axes but the last; by default as the sweep
        says.

    Raises
    ------
    InvalidSweep
        The sweep is too large to be planned, or cannot be run as it is.
    SpecificationChanged
        The group holds results of another specification.
    """
    if sweep.n_cells > _MOST_CELLS:
        raise InvalidSweep(f"{sweep.n_cells:,} {sweep.unit} are too many; at most {_MOST_CELLS:,} at once")
    sweep.check()
    stored = sweep if progress is None else _together(sweep, progress)
    if asked is not None or _is_uneven(stored, progress):
        return _round_of(sweep, stored, progress, asked)
    if progress is not None:
        _check_axes(sweep, progress)
    blocks = lacking(Cells(sweep, progress), reach(sweep), wanted=sweep.wanted)
    return Plan(sweep, stored, _longest_first(sweep, blocks))


def _longest_first(sweep: Sweep, blocks: Iterable[Block]) -> tuple[Block, ...]:
    return tuple(sorted(blocks, key=sweep.schedule.cost, reverse=True))


def _round_of(
    sweep: Sweep, stored: Sweep, progress: xr.Dataset | None, asked: NDArray[np.int64] | None
) -> Plan:
    """Plan what settings with numbers of trials of their own need next."""
    if progress is not None:
        _check_axes(sweep, progress)
    found = next_round(sweep, progress, asked)
    reach = max(found.trials, progress.sizes[[*sweep.axes][-1]] if progress is not None else 0)
    sweep, stored = sweep.reaching(found.trials), stored.reaching(reach)
    together = asked_before(stored, progress)
    places = [pd.Index(stored.axes[dim]).get_indexer(pd.Index(sweep.axes[dim])) for dim in [*sweep.axes][:-1]]
    together[np.ix_(*places)] = np.maximum(together[np.ix_(*places)], found.asked)
    blocks = _longest_first(sweep, found.blocks)
    return Plan(sweep, stored, blocks, round=found, asked=together)


def _together(sweep: Sweep, progress: xr.Dataset) -> Sweep:
    stored = joined(progress.attrs["specification"], sweep)
    if others := sorted({*stored.own_code} - {*sweep.own_code}):
        raise SpecificationChanged(
            f"{sweep.group} has results of {', '.join(others)} too, code that is not imported because a "
            f"store names it: name it beside yours. {_MEND}"
        )
    sweep.check_pinned(progress)
    if stored is not sweep and stored.specification != sweep.specification:
        try:
            stored.check()
        except InvalidSweep as error:
            raise InvalidSweep(f"together with what the store has, {error}") from None
    return stored


def _check_axes(sweep: Sweep, progress: xr.Dataset) -> None:
    if {*progress["done"].dims} != {*sweep.axes}:
        raise SpecificationChanged(
            f"{sweep.group} has other axes in the store: somebody has written it in another form. {_MEND}"
        )
