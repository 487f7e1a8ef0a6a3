"""Which networks are still to be trained, cut into blocks; made before anything runs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from itertools import product
from operator import itemgetter

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from pipeline.layout import BYTES_PER_NETWORK, DIMS, PROBLEMS_PER_BLOCK, TRIALS_PER_BLOCK
from pipeline.sweep import BooleanSweep, joined
from storage import StoreNotFound, open_dataset
from tasks.boolean.training import TrainingBlock

__all__ = ["Block", "Plan", "make_plan", "plan_store"]


@dataclass(frozen=True)
class Block:
    """The unit of work: some problems × one leak × one width × one depth × a range of trials."""

    sweep: str
    fingerprint: int
    problems: tuple[int, ...]
    leak: float
    width: int
    depth: int
    trial_start: int
    trial_stop: int

    @property
    def key(self) -> str:
        """Name the block and its content: equal keys mean equal results."""
        problems = blake2b(repr(self.problems).encode(), digest_size=4).hexdigest()
        return (
            f"{self.sweep}-{self.fingerprint:016x}-w{self.width}-d{self.depth}-a{self.leak!r}"
            f"-t{self.trial_start}:{self.trial_stop}-p{problems}"
        )

    @property
    def networks(self) -> int:
        """Networks that it trains."""
        return len(self.problems) * (self.trial_stop - self.trial_start)

    def __str__(self) -> str:
        trials = f"trials {self.trial_start} to {self.trial_stop - 1}"
        return f"width {self.width}, depth {self.depth}, leak {self.leak:g}, {trials}"


@dataclass(frozen=True)
class Plan:
    """What a run would do.

    Attributes
    ----------
    sweep : BooleanSweep
        As asked.
    stored : BooleanSweep
        As the store will hold it: the axes asked and those already there.
    blocks : tuple of Block
        To be computed, in this order: the longest first, in rounds that hold every width once.
    """

    sweep: BooleanSweep
    stored: BooleanSweep
    blocks: tuple[Block, ...]

    @property
    def total(self) -> int:
        """Networks asked for."""
        return self.sweep.n_networks

    @cached_property
    def networks(self) -> int:
        """Networks to be trained."""
        return sum(block.networks for block in self.blocks)

    @property
    def done(self) -> int:
        """Networks asked for that the store has."""
        return self.total - self.networks

    @property
    def nbytes(self) -> int:
        """Bytes that the networks to be trained fill before compression."""
        return self.networks * BYTES_PER_NETWORK

    def work(self, block: Block) -> float:
        """Estimate the multiply-adds of a block, to start the longest first and to tell the time left.

        Networks that succeed stop early, the others go on to the last epoch. How many fail is a rule of thumb
        from a few trials of `npn4`: narrow ones do, and of those with a leak only the shallow.
        """
        protocol = self.sweep.protocol(block.leak, block.width, block.depth)
        failing = min(1.0, (2 / block.width) ** 2) / (block.depth**2 if block.leak else 1)
        epochs = min(50, protocol.epochs) + failing * protocol.epochs
        return block.networks * epochs * float(protocol.network.n_parameters << self.sweep.n_inputs)

    def task(self, block: Block) -> TrainingBlock:
        """Give the arguments of the task that computes a block."""
        return TrainingBlock(
            protocol=self.sweep.protocol(block.leak, block.width, block.depth),
            seed=self.sweep.seed,
            functions=block.problems,
            trial_start=block.trial_start,
            trial_stop=block.trial_stop,
            engine=self.sweep.engine,
        )

    def regions(self, block: Block) -> Iterator[tuple[dict[str, slice], slice]]:
        """Find where a block lies in the store.

        Yields
        ------
        region : dict of slice
            Positions along the dimensions of the group.
        rows : slice
            The problems of the block that lie there: its problems may have others between them in the store.
        """
        fixed = {
            "leak": _only(self.stored.leak.index(block.leak)),
            "width": _only(self.stored.width.index(block.width)),
            "depth": _only(self.stored.depth.index(block.depth)),
            "trial": slice(block.trial_start, block.trial_stop),
        }
        positions = np.searchsorted(self.stored.problems, block.problems)
        breaks = np.flatnonzero(np.diff(positions) != 1) + 1
        for start, stop in zip([0, *breaks], [*breaks, len(positions)], strict=True):
            first = int(positions[start])
            yield {"problem": slice(first, first + int(stop - start)), **fixed}, slice(start, stop)


def plan_store(sweep: BooleanSweep, store: str, *, replace: bool = False) -> Plan:
    """Plan a sweep against what a store has of it.

    Raises
    ------
    SpecificationChanged
        The store has results of another specification under the name, and `replace` is false.
    """
    if replace:
        return make_plan(sweep, None)
    try:
        progress = open_dataset(store, sweep.group)[["done", "fingerprint"]].reset_coords(drop=True).load()
    except StoreNotFound:
        progress = None
    return make_plan(sweep, progress)


def make_plan(sweep: BooleanSweep, progress: xr.Dataset | None) -> Plan:
    """Plan a sweep.

    Parameters
    ----------
    sweep : BooleanSweep
    progress : xarray.Dataset, optional
        ``done`` and ``fingerprint`` of the group, with its attributes; None where there is no group yet.

    Raises
    ------
    SpecificationChanged
        The group holds results of another specification.
    """
    stored = sweep if progress is None else joined(progress.attrs["specification"], sweep)
    missing = ~_finished(sweep, progress)
    plan = Plan(sweep, stored, tuple(_cut(sweep, missing)))
    return Plan(sweep, stored, _in_rounds(sorted(plan.blocks, key=plan.work, reverse=True)))


def _in_rounds(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """Keep the order, but let every width come once before one comes again.

    Workers compile a kernel for each width and share it on disk: those that begin one width side by side
    would all compile it.
    """
    begun: Counter[int] = Counter()
    rounds: list[tuple[int, Block]] = []
    for block in blocks:
        rounds.append((begun[block.width], block))
        begun[block.width] += 1
    return tuple(block for _, block in sorted(rounds, key=itemgetter(0)))


def _finished(sweep: BooleanSweep, progress: xr.Dataset | None) -> NDArray[np.bool_]:
    """Mark the networks asked for that the store has, computed by this very specification."""
    if progress is None:
        return np.zeros(sweep.shape, bool)
    labels = (np.array(sweep.problems, np.uint64), sweep.leak, sweep.width, sweep.depth, range(sweep.trials))
    current = progress["done"] & (progress["fingerprint"] == np.uint64(sweep.fingerprint))
    asked = current.reindex(
        {dim: np.asarray(label) for dim, label in zip(DIMS, labels, strict=True)}, fill_value=False
    )
    return np.asarray(asked.transpose(*DIMS).values)


def _cut(sweep: BooleanSweep, missing: NDArray[np.bool_]) -> Iterator[Block]:
    """Cut what is missing along a fixed grid; problems that miss other trials of a part are other blocks."""
    n_problems, *_, n_trials = missing.shape
    sizes = product(enumerate(sweep.leak), enumerate(sweep.width), enumerate(sweep.depth))
    for (i, leak), (j, width), (k, depth) in sizes:
        for p, t in product(range(0, n_problems, PROBLEMS_PER_BLOCK), range(0, n_trials, TRIALS_PER_BLOCK)):
            part = missing[p : p + PROBLEMS_PER_BLOCK, i, j, k, t : t + TRIALS_PER_BLOCK]
            for (start, stop), rows in _spans(part).items():
                problems = tuple(sweep.problems[p + row] for row in rows)
                span = t + start, t + stop
                yield Block(sweep.name, sweep.fingerprint, problems, leak, width, depth, *span)


def _spans(part: NDArray[np.bool_]) -> dict[tuple[int, int], list[int]]:
    """Group the problems of a part by the trials that they miss, from the first to the last."""
    starts, stops = part.argmax(1), part.shape[1] - part[:, ::-1].argmax(1)
    spans: dict[tuple[int, int], list[int]] = defaultdict(list)
    for row in np.flatnonzero(part.any(1)):
        spans[int(starts[row]), int(stops[row])].append(int(row))
    return spans


def _only(position: int) -> slice:
    return slice(position, position + 1)
