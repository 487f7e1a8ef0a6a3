"""Finished blocks computed once more: what the store has must come again, bit for bit."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from threading import Event as Flag
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from pipeline.dispatch import compute
from pipeline.kinds import Block, Sweep
from pipeline.nightly.work import Drift, Worked
from pipeline.plan import Plan, stored_plan
from pipeline.versions import library_versions
from pipeline.words import label
from storage import open_dataset
from tasks.blocks import BlockResult

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["Sample", "draw", "verify"]

_MOST_SHOWN = 200


class Sample:
    """Finished blocks of a group, drawn to be verified.

    Attributes
    ----------
    plan : Plan
        The blocks drawn and, where each goes on from the one before, those before them.
    n_all : int
        Finished blocks in all.
    """

    def __init__(self, stored: Plan, chosen: Sequence[Block]) -> None:
        self.stored, self.n_all = stored, len(stored.blocks)
        self._followed = {before.key for block in stored.blocks if (before := stored.sweep.follows(block))}
        drawn = {before.key: before for block in chosen for before in _chain(stored.sweep, block)}
        self.plan = Plan(stored.sweep, stored.sweep, tuple(drawn.values()))

    def variables(self, block: Block) -> Iterator[str]:
        """Name what the store still has of a block: what lacks an axis is that of the last block along it."""
        sweep = self.stored.sweep
        for name, variable in sweep.variables.items():
            if set(sweep.axes) <= set(variable.dims) or block.key not in self._followed:
                yield name


def draw(stored: Plan, seed: str, share: float, blocks: int | None) -> Sample:
    """Draw some of the finished blocks of a group, the same for the same seed.

    Parameters
    ----------
    stored : Plan
        As `pipeline.plan.stored_plan` gives it.
    seed : str
    share : float
        Part of the blocks, 0 to 1; at least one is drawn where there is one.
    blocks : int or None
        How many, instead.
    """
    n_all = len(stored.blocks)
    wanted = max(1, round(share * n_all)) if blocks is None else blocks
    # Text seeds are hashed the same in every process and version of Python.
    chosen = random.Random(seed).sample(stored.blocks, min(wanted, n_all))
    return Sample(stored, chosen)


def verify(
    client: Client, sweeps: Iterable[Sweep], store: str, draws: Mapping[str, Any], asked_to_stop: Flag
) -> Worked:
    """Compute a sample of the finished blocks of some groups, and compare it with the store.

    Nothing is written. What workers write themselves is too large to travel: such groups are left out.

    Parameters
    ----------
    client : distributed.Client
    sweeps : iterable of Sweep
        Each as the store has it, with all its labels.
    store : str
    draws : Mapping
        ``seed``, ``share`` and ``blocks``, see `draw`.
    asked_to_stop : threading.Event
        Ends it early, as interrupted.
    """
    worked = Worked()
    for sweep in sweeps:
        worked.groups.append(sweep.group)
        if sweep.written_by_workers:
            names = ", ".join(sorted(sweep.written_by_workers))
            worked.sentences.append(f"{sweep.group} is left out: workers write its {names} themselves")
            continue
        sample = draw(stored_plan(sweep, store), **draws)
        if not sample.n_all:
            worked.sentences.append(f"{sweep.group} is left out: the store has no finished block of it")
            continue
        _verify_group(client, sample, store, worked, asked_to_stop)
        if worked.interrupted:
            break
    if not (worked.cells or worked.failed or worked.interrupted):
        worked.failed.append("there was nothing to verify")
    return worked


def _verify_group(client: Client, sample: Sample, store: str, worked: Worked, asked_to_stop: Flag) -> None:
    sweep = sample.stored.sweep
    group = open_dataset(store, sweep.group, mask_and_scale=False)  # one version, whatever is committed now
    versions = {"then": json.loads(group.attrs["versions"]), "now": library_versions()}
    cells = 0
    with closing(compute(client, sample.plan, store)) as arrivals:
        for arrival in arrivals:
            if asked_to_stop.is_set():
                worked.interrupted = True
                return
            if arrival is None:
                continue
            if isinstance(arrival.outcome, BlockResult):
                cells += _compare(sample, group, arrival.block, arrival.outcome, worked)
            else:
                error = arrival.outcome
                worked.failed.append(f"{sweep.group}, {arrival.block}: {type(error).__name__}: {error}")
    worked.cells += cells
    worked.versions[sweep.group] = versions
    worked.sentences.append(
        f"{cells:,} {sweep.unit} of {sweep.group} computed again, "
        f"in {len(sample.plan.blocks)} of {sample.n_all} finished blocks"
    )


def _chain(sweep: Sweep, block: Block) -> Iterator[Block]:
    """Give a block and all that come before it: the store has only the state after the last one."""
    at: Block | None = block
    while at is not None:
        yield at
        at = sweep.follows(at)


def _compare(sample: Sample, group: xr.Dataset, block: Block, result: BlockResult, worked: Worked) -> int:
    """Note the cells of a block that differ; give how many were compared."""
    sweep = sample.stored.sweep
    stored = group.sel({dim: list(labels) for dim, labels in block.labels})
    axes = tuple(sweep.axes)
    finished = (stored["done"] & (stored["fingerprint"] == np.uint64(sweep.fingerprint))).transpose(*axes)
    drifted = xr.zeros_like(finished, bool)
    for name in sample.variables(block):
        then = stored[name]
        now = np.asarray(result.arrays[name], then.dtype).reshape(then.shape)
        differ = then.copy(data=_bits(then.values) != _bits(now))
        known = finished.any([dim for dim in axes if dim not in then.dims])
        differ = (differ & known).transpose(*then.dims)
        if differ.any():
            worked.drift += _named(
                sweep.group, name, then, now, differ.values, _MOST_SHOWN - len(worked.drift)
            )
            drifted = drifted | (differ.any([dim for dim in then.dims if dim not in axes]) & finished)
    worked.drifted += int(drifted.sum())
    return int(finished.sum())


def _bits(values: NDArray[Any]) -> NDArray[Any]:
    """See numbers as their bits: NaN equals itself, and 0 is not -0."""
    return np.ascontiguousarray(values).view(f"u{values.dtype.itemsize}")


def _named(
    group: str, name: str, then: xr.DataArray, now: NDArray[Any], differ: NDArray[np.bool_], most: int
) -> list[Drift]:
    found = []
    for place in np.argwhere(differ)[: max(0, most)].tolist():
        at = zip(then.dims, place, strict=True)
        words = ", ".join(f"{dim} {label(then[dim].values[i])}" for dim, i in at)
        values = (str(array[tuple(place)]) for array in (then.values, now))
        found.append(Drift(group, name, words, *values))
    return found
