"""Which blocks train stored networks again, and how what comes is laid beside what is stored."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from pydantic import ValidationError

from relusweep.pipeline.common.agreement import differing, differing_in_words
from relusweep.pipeline.common.errors import InvalidSweep, ResultsDiffer
from relusweep.pipeline.common.library_versions import library_versions
from relusweep.pipeline.common.queries import ran
from relusweep.pipeline.common.validation import explained
from relusweep.pipeline.common.wording import counted
from relusweep.pipeline.sweeps.blocks import Block
from relusweep.pipeline.sweeps.training.selection import Selection, selection
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.tasks.blocks import BlockResult

__all__ = ["Retraining", "retraining"]


@dataclass(frozen=True)
class _Place:
    """Of the networks of a block that are asked for: where they are in the selection, and in the block."""

    places: NDArray[np.intp]
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]


@dataclass(frozen=True)
class Retraining:
    """Stored networks that are to be trained again.

    Attributes
    ----------
    results : xarray.Dataset
        A selection of them.
    chosen : Selection
    sweep : TrainingSweep
        Of the labels that they have, with the probes that are asked for.
    there : ndarray of bool
        Which networks of the selection have run, in its order: the others stay missing.
    parts : dict
        Blocks of the sweep that hold all of these, and where they are.
    """

    results: xr.Dataset
    chosen: Selection
    sweep: TrainingSweep
    there: NDArray[np.bool_]
    parts: Mapping[Block, _Place]

    def room(self) -> dict[str, NDArray[Any]]:
        """Make the arrays that results are put into: one entry for each network of the selection."""
        inner = {dim: len(labels) for dim, labels in self.sweep.inner.items()}
        return {
            name: np.full(
                (self.there.size, *(inner[dim] for dim in of.dims if dim in inner)), of.fill, of.dtype
            )
            for name, of in self.sweep.variables.items()
        }

    def put(self, arrays: Mapping[str, NDArray[Any]], block: Block, result: BlockResult) -> None:
        """Put what came of a block where its networks are in the selection."""
        at, n_trials = self.parts[block], len(block["trial"])
        for name, array in arrays.items():
            came = result.arrays[name].reshape(block.cells // n_trials, n_trials, *array.shape[1:])
            array[at.places] = came[at.rows, at.columns]

    def dataset(self, arrays: Mapping[str, NDArray[Any]]) -> xr.Dataset:
        """Give what came in the dimensions of the selection, as a group opens: what is missing is NaN."""
        sizes, inner = self.chosen.sizes, self.sweep.inner
        variables = {}
        for name, of in self.sweep.variables.items():
            dims = tuple(dim for dim in of.dims if dim in inner)
            values = arrays[name].reshape((*sizes.values(), *arrays[name].shape[1:]))
            fill = {} if np.dtype(of.dtype).kind == "f" else {"_FillValue": np.dtype(of.dtype).type(of.fill)}
            variables[name] = ((*sizes, *dims), values, {**of.attrs, **fill})
        known = {name: of for name, of in self.results.coords.items() if {*of.dims} <= {*sizes}}
        labels = {dim: (dim, some, self.sweep.inner_attrs[dim]) for dim, some in inner.items()}
        found = xr.decode_cf(xr.Dataset(variables)).load().assign_coords(known).assign_coords(labels)
        return found.assign_attrs(self._attrs())

    def checked(self, found: xr.Dataset, *, allow_different: bool) -> xr.Dataset:
        """Hold what came against what is stored, bit by bit.

        Raises
        ------
        relusweep.errors.ResultsDiffer
            They differ; where that is allowed, ``different`` says of which networks.
        """
        sizes = self.chosen.sizes
        dims, names = tuple(sizes), [str(name) for name in found.data_vars if name in self.results]
        wrong = differing(self.results, found, names, dims, self.there)
        different = np.logical_or.reduce([np.zeros_like(self.there), *wrong.values()])
        if allow_different:
            return found.assign(different=(dims, different.reshape(tuple(sizes.values())), _DIFFERENT))
        if wrong:
            raise ResultsDiffer(self._said(found, wrong, int(different.sum())))
        return found

    def _said(self, found: xr.Dataset, wrong: Mapping[str, NDArray[np.bool_]], count: int) -> str:
        sweep, dims = self.chosen.sweep, (*self.chosen.sizes, ...)
        several = [dim for dim, size in zip(sweep.axes, sweep.shape, strict=True) if size > 1]
        labels = {dim: self.chosen.everywhere(self.chosen.labels[dim]).values.reshape(-1) for dim in several}
        stored = self.results.transpose(*dims, missing_dims="ignore")
        told = differing_in_words(stored, found, wrong, labels, ("in the dataset", "now"))
        before, now = json.loads(self.results.attrs.get("versions", "{}")), library_versions()
        changed = [
            f"{name} {before[name]}, now {own}" for name, own in now.items() if before.get(name, own) != own
        ]
        others = "; ".join(changed) or "all are the same"
        return (
            f"{count:,} of {counted(int(self.there.sum()), 'network')} that were trained again did not end "
            f"as the dataset says: {told}. What is stored was changed; or it was computed by other versions "
            f"({others}) or, by the engine reference, on another machine or in a sweep that has grown since. "
            "allow_different=True gives what came, and says which networks differ"
        )

    def _attrs(self) -> dict[str, Any]:
        kept = self.sweep.model_dump()["probes"]
        whole = type(self.sweep).model_validate({**self.chosen.sweep.model_dump(), "probes": kept})
        return {
            **self.results.attrs,
            "specification": whole.specification,
            "result_schema": whole.result_schema,
            "versions": json.dumps(library_versions()),
        }


def retraining(results: xr.Dataset, keep: Any, imports: Collection[str] = ()) -> Retraining:
    """Say how the networks of a selection are trained again.

    Parameters
    ----------
    results : xarray.Dataset
        A part of a group of a training sweep, with ``success_epoch``.
    keep : Any
        Probes, as ``probes`` of a sweep takes them.
    imports : collection of str
        Code of the user's own that the sweep may import.

    Raises
    ------
    ValueError
        It is of no training sweep, or does not say a label of its networks.
    relusweep.errors.InvalidSweep
        The probes are not for these networks.
    """
    there_or_not = ran(results)
    chosen = selection(results, "success_epoch", imports)
    there = there_or_not.transpose(*chosen.sizes).values.reshape(-1)
    sweep = _narrowed(chosen, keep)
    sweep.check()
    return Retraining(results, chosen, sweep, there, dict(_parts(chosen, sweep, there)))


def _narrowed(chosen: Selection, keep: Any) -> TrainingSweep:
    """Give the sweep of the labels that are there, with other probes."""
    growable = chosen.sweep.extent().keys() & chosen.sweep.places.keys()
    labels = {dim: np.unique(chosen.labels[dim].values).tolist() for dim in growable}
    fields = chosen.sweep.with_extent({**chosen.sweep.extent(), **labels}).model_dump()
    try:
        return TrainingSweep.model_validate({**fields, "probes": keep})
    except ValidationError as error:
        raise InvalidSweep(f"keep: {explained(error, TrainingSweep)}") from error


_DIFFERENT = {"long_name": "whether a network that was trained again did not end as it is stored"}


def _parts(
    chosen: Selection, sweep: TrainingSweep, there: NDArray[np.bool_]
) -> Iterator[tuple[Block, _Place]]:
    """Cover the networks of each setting by blocks."""
    labelled = sweep.problem.labels
    setting = chosen.everywhere(chosen.setting).values.reshape(-1)
    trial = chosen.everywhere(chosen.labels["trial"]).values.reshape(-1)
    names, problem = np.zeros(1, int), np.zeros_like(trial)
    if labelled:
        names = sweep.axes[labelled]
        own = chosen.everywhere(chosen.labels[labelled]).values.reshape(-1)
        problem = pd.Index(names).get_indexer(pd.Index(own))
    silent = frozenset(dim for dim, size in zip(sweep.axes, sweep.shape, strict=True) if size == 1)
    places = np.flatnonzero(there)
    order = places[np.lexsort((trial[places], problem[places], setting[places]))]
    cover = _boxes if sweep.schedule.divisible else _whole_boxes
    for same in _split(order, np.diff(setting[order]) != 0):
        labels = {dim: (label,) for dim, label in chosen.settings[int(setting[same[0]])].items()}
        for rows, trials, some in cover(problem[same], trial[same], sweep):
            at = same[some]
            cells: dict[Any, tuple[Any, ...]] = {
                labelled: tuple(names[rows].tolist()),
                **labels,
                "trial": tuple(trials),
            }
            block = Block(
                sweep.name, sweep.fingerprint, tuple((dim, cells[dim]) for dim in sweep.axes), silent
            )
            yield block, _Place(at, np.searchsorted(rows, problem[at]), trial[at] - trials.start)


_Box = tuple[NDArray[np.intp], range, NDArray[np.intp]]
"""Numbers of problems, trials, and which of the networks lie there."""


def _boxes(problem: NDArray[np.intp], trial: NDArray[np.intp], sweep: TrainingSweep) -> Iterator[_Box]:
    """Cut what is sorted by problems and trials; problems that need the same trials go together."""
    most_names, most_trials = _longest(sweep)
    alike = defaultdict(list)
    ends = (np.diff(problem) != 0) | (np.diff(trial) > 1) | (np.diff(trial // most_trials) != 0)
    for run in _split(np.arange(len(trial)), ends):
        alike[int(trial[run[0]]), int(trial[run[-1]]) + 1].append(run)
    for (start, stop), runs in alike.items():
        for first in range(0, len(runs), most_names):
            some = np.concatenate(runs[first : first + most_names])
            yield np.unique(problem[some]), range(start, stop), some


def _whole_boxes(problem: NDArray[np.intp], trial: NDArray[np.intp], sweep: TrainingSweep) -> Iterator[_Box]:
    """Give the blocks of the run, where a network's bits depend on those beside it."""
    most_names, most_trials = _longest(sweep)
    n_names = sweep.shape[0] if sweep.problem.labels else 1
    row, column = problem // most_names, trial // most_trials
    for i, j in sorted({*zip(row.tolist(), column.tolist(), strict=True)}):
        rows = np.arange(i * most_names, min((i + 1) * most_names, n_names))
        trials = range(j * most_trials, min((j + 1) * most_trials, sweep.shape[-1]))
        yield rows, trials, np.flatnonzero((row == i) & (column == j))


def _longest(sweep: TrainingSweep) -> tuple[int, int]:
    shape = sweep.schedule.block_shape
    return shape[sweep.problem.labels] if sweep.problem.labels else 1, shape["trial"]


def _split(array: NDArray[np.intp], ends: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    """Cut an array behind the entries that end a part."""
    return np.split(array, np.flatnonzero(ends) + 1) if len(array) else []
