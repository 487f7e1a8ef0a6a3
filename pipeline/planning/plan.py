"""Which cells of a sweep are still to be computed, cut into blocks; made before anything runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import compress, pairwise, product
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from relusweep.pipeline.common.errors import InvalidSweep, SpecificationChanged
from relusweep.pipeline.sweeps.base import Block, Sweep
from relusweep.pipeline.sweeps.specification import joined
from relusweep.storage import StoreNotFound, damage_of, open_dataset

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
    """

    sweep: Sweep
    stored: Sweep
    blocks: tuple[Block, ...]
    anew: bool = False

    @property
    def total(self) -> int:
        """Cells asked for."""
        return self.sweep.n_wanted

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

    @cached_property
    def _axes(self) -> Mapping[str, pd.Index[Any]]:
        return {dim: pd.Index(labels) for dim, labels in self.stored.axes.items()}

    def regions(self, block: Block) -> Iterator[tuple[dict[str, slice], dict[str, slice]]]:
        """Find where a block lies in the store: in several places where other labels are between its own.

        Yields
        ------
        region : dict of slice
            Positions along the dimensions of the group.
        part : dict of slice
            Which of the block's labels along each dimension lie there.
        """
        runs = [
            [(dim, *run) for run in _runs(self._axes[dim].get_indexer(pd.Index(labels)))]
            for dim, labels in block.labels
        ]
        for chosen in product(*runs):
            yield {dim: there for dim, there, _ in chosen}, {dim: here for dim, _, here in chosen}


def _runs(positions: NDArray[np.intp]) -> list[tuple[slice, slice]]:
    """Cut positions into those that follow one another: where each piece lies, and which of them it is."""
    cuts = [0, *(np.flatnonzero(np.diff(positions) != 1) + 1).tolist(), len(positions)]
    return [(slice(int(positions[a]), int(positions[b - 1]) + 1), slice(a, b)) for a, b in pairwise(cuts)]


def plans(
    sweep: Sweep, store: str, *, replace: bool = False, refreshed: Collection[str] | None = None
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
            found[part.group] = _plan(part, store, refreshed)
        except SpecificationChanged:
            if not replace:
                raise
            found[part.group] = dataclasses.replace(make_plan(part, None), anew=True)

    for root in sweep.roots:
        add(root)
    return tuple(found.values())


def _plan(sweep: Sweep, store: str, refreshed: Collection[str] | None) -> Plan:
    planned = plan_store(sweep, store)
    if refreshed is None:
        return planned
    whole = planned.stored
    if sweep.group in refreshed:
        return plan_store(whole, store)
    return dataclasses.replace(make_plan(whole, None), anew=True)


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
    finished = _finished(sweep, _progress(sweep, store, version))
    return Plan(sweep, sweep, tuple(_cut(sweep, finished)))


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
    return group.reset_coords()[["done", "fingerprint", *pinned]].load()


def make_plan(sweep: Sweep, progress: xr.Dataset | None) -> Plan:
    """Plan a sweep.

    Parameters
    ----------
    sweep : Sweep
    progress : xarray.Dataset, optional
        ``done``, ``fingerprint`` and what is pinned of the group, with its attributes; None where there is no
        group yet.

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
    missing = ~_finished(sweep, progress)
    if (wanted := sweep.wanted) is not None:
        missing &= wanted
    blocks = _cut(sweep, missing)
    return Plan(sweep, stored, tuple(sorted(blocks, key=sweep.schedule.cost, reverse=True)))


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


def _finished(sweep: Sweep, progress: xr.Dataset | None) -> NDArray[np.bool_]:
    """Mark the cells asked for that the store has, computed by this very specification."""
    if progress is None:
        return np.zeros(sweep.shape, bool)
    if {*progress["done"].dims} != {*sweep.axes}:
        raise SpecificationChanged(
            f"{sweep.group} has other axes in the store: somebody has written it in another form. {_MEND}"
        )
    axes = sweep.axes  # and no arithmetic of xarray, which would import dask.array
    done, fingerprint = (progress[name].transpose(*axes).values for name in ("done", "fingerprint"))
    if not done.size:
        return np.zeros(sweep.shape, bool)
    places = [progress.indexes[dim].get_indexer(pd.Index(labels)) for dim, labels in axes.items()]
    finished = (done & (fingerprint == np.uint64(sweep.fingerprint)))[np.ix_(*places)]
    for axis, place in enumerate(places):
        finished[(slice(None),) * axis + (place < 0,)] = False
    return np.asarray(finished)


def _cut(sweep: Sweep, missing: NDArray[np.bool_]) -> Iterator[Block]:
    """Cut what is missing along a fixed grid; rows that miss another span of columns are other blocks.

    Rows lie along the first dimension, columns along the last, and a block has one label of each between.
    """
    labels = {dim: axis.tolist() for dim, axis in sweep.axes.items()}  # one object a label in all blocks
    first, last = next(iter(labels)), next(reversed(labels))
    schedule, fingerprint = sweep.schedule, sweep.fingerprint
    silent = frozenset(dim for dim, axis in labels.items() if len(axis) == 1)
    for part in _grid(missing.shape, [schedule.block_shape[dim] for dim in labels]):
        box = {dim: labels[dim][span] for dim, span in zip(labels, part, strict=True)}
        lacking = missing[part].reshape(len(box[first]), -1)
        for columns, rows in _spans(lacking):
            chosen = box[last][columns]
            if not (schedule.divisible or schedule.spans):
                chosen = list(compress(chosen, lacking[rows].max(axis=0)[columns]))
            # Of a single dimension the rows have one column: what counts is the choice of rows.
            inside = box | {last: chosen} | {first: [box[first][row] for row in rows]}
            cells = tuple((dim, tuple(its_labels)) for dim, its_labels in inside.items())
            yield Block(sweep.name, fingerprint, cells, silent)


def _grid(shape: Iterable[int], steps: Iterable[int]) -> Iterator[tuple[slice, ...]]:
    """Cut an array into boxes."""
    yield from product(
        *(
            [slice(start, min(start + step, size)) for start in range(0, size, step)]
            for size, step in zip(shape, steps, strict=True)
        )
    )


def _spans(part: NDArray[np.bool_]) -> Iterator[tuple[slice, list[int]]]:
    """Group the rows of a part by the columns that they miss, from the first to the last."""
    rows = np.flatnonzero(part.any(1))
    starts, stops = part.argmax(1), part.shape[1] - part[:, ::-1].argmax(1)
    spans = starts * (part.shape[1] + 1) + stops  # one number a span: rows are many
    distinct, span_of_row = np.unique(spans[rows], return_inverse=True)
    for number, span in enumerate(distinct.tolist()):
        yield slice(*divmod(span, part.shape[1] + 1)), rows[span_of_row == number].tolist()
