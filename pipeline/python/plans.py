"""What a run would do, as Python shows it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from relusweep.pipeline.common.run_facts import run_facts
from relusweep.pipeline.common.wording import axis, bytes_in_words, duration, resources_in_words
from relusweep.pipeline.planning.plan import Plan, plans, stored_plan
from relusweep.pipeline.python.display import Shown, Table
from relusweep.pipeline.python.results import Store
from relusweep.pipeline.python.sweeps import Base, sweep
from relusweep.storage import StoreNotFound

__all__ = ["RunPlan", "plan"]

_IN_FULL = 2  # more stages are rows of one table


def plan(of: Base, store: Store, *, replace: bool = False) -> RunPlan:
    """Show what a run would do: axes, networks, blocks, bytes, time, and what the store already has.

    Parameters
    ----------
    of : Sweep, str, path or Mapping
        A sweep, or what `relusweep.sweep` makes one of.
    store : path
        A directory, or ``s3://bucket/prefix``; it need not exist.
    replace : bool
        As for `relusweep.run`.

    Returns
    -------
    RunPlan
        A table, on a terminal and in a notebook.

    Raises
    ------
    relusweep.errors.SpecificationChanged
        The store has results of another specification under the name, and `replace` is false.

    Examples
    --------
    >>> import relusweep as rs
    >>> rs.plan(rs.sweep("npn2", trials=10), "no-such-folder")
    boolean/npn2 in no-such-folder
      problem       0, 1, 3, 6
      leak          0, 0.1
      width         2 to 10
      depth         1 to 5
      trial         0 to 9
      asked for     3,600 networks
      in the store  0
      to train      3,600, in 90 blocks
      bytes         70.31 KiB before compression
      time          unknown before a first run into this store
    """
    store = os.fspath(store)
    return RunPlan(store, plans(sweep(of), store, replace=replace))


@dataclass(frozen=True, repr=False)
class RunPlan(Shown):
    """What a run would do.

    Attributes
    ----------
    store : str
    plans : tuple of Plan
        One for each stage, the sweep asked for last; each has its ``sweep`` and ``blocks``, ``total`` cells
        asked for, of which the store has ``done`` and lacks ``cells``, and their ``nbytes``.
    """

    store: str
    plans: tuple[Plan, ...]

    @property
    def cells(self) -> int:
        """Networks, or other results, that are to be computed, of all stages."""
        return sum(plan.cells for plan in self.plans)

    @property
    def nbytes(self) -> int:
        """Bytes that they fill before compression."""
        return sum(plan.nbytes for plan in self.plans)

    @cached_property
    def seconds(self) -> float | None:
        """Time that they will take on as many threads as the last run had; None where that is unknown.

        By what the tasks of the earlier runs into this store took, weighed by their multiply-adds; beside it
        workers start, and compile.
        """
        try:
            facts = run_facts(self.store, self.plans[-1].sweep.group.partition("/")[0])
        except StoreNotFound:
            return None
        times = [_seconds(plan, self.store, facts) for plan in self.plans if plan.blocks]
        known = [time for time in times if time is not None]
        return sum(known) if len(known) == len(times) else None

    def _blocks(self) -> Iterator[str | Table]:
        if len(self.plans) <= _IN_FULL:
            yield from (self._in_full(plan) for plan in self.plans)
        else:
            yield self._stages()
            yield f"time: {self._time}"
        for plan in self.plans:
            if plan.blocks and plan.sweep.schedule.resources:
                what = resources_in_words(plan.sweep.schedule.resources)
                yield f"each block of {plan.sweep.group} needs a worker with {what}"
        if anew := [plan.sweep.group for plan in self.plans if plan.anew]:
            yield f"started anew, since the store has another specification: {', '.join(anew)}"

    def _in_full(self, plan: Plan) -> Table:
        to_do = f"{plan.cells:,}" + (f", in {len(plan.blocks):,} blocks" if plan.blocks else "")
        rows = [
            *((dim, axis(labels.tolist())) for dim, labels in plan.sweep.axes.items()),
            ("asked for", f"{plan.total:,} {plan.sweep.unit}"),
            ("in the store", f"{plan.done:,}"),
            (f"to {plan.sweep.verb}", to_do),
        ]
        if plan.blocks:
            rows.append(("bytes", f"{bytes_in_words(plan.nbytes)} before compression"))
            if plan is self.plans[-1]:
                rows.append(("time", self._time))
        return Table(f"{plan.sweep.group} in {self.store}", (), rows)

    def _stages(self) -> Table:
        head = ("stage", "axes", "asked for", "in the store", "to do", "blocks", "bytes")
        folder = self.plans[-1].sweep.group.rpartition("/")[0]
        return Table(f"{folder} in {self.store}", head, [_stage(plan) for plan in self.plans])

    @property
    def _time(self) -> str:
        if not self.cells:
            return "nothing to do"
        if self.seconds is None:
            return "unknown before a first run into this store"
        return (
            f"about {duration(self.seconds)} for the tasks alone, at the speed of the earlier runs; "
            "starting workers and compiling come on top"
        )


def _stage(plan: Plan) -> tuple[str, ...]:
    sweep = plan.sweep
    axes = " \N{MULTIPLICATION SIGN} ".join(
        f"{size} {dim}" for dim, size in zip(sweep.axes, sweep.shape, strict=True)
    )
    size = bytes_in_words(plan.nbytes) if plan.cells else ""
    counts = (plan.total, plan.done, plan.cells, len(plan.blocks))
    return sweep.group.rpartition("/")[2], axes, *(f"{count:,}" for count in counts), size


def _seconds(plan: Plan, store: str, facts: Mapping[str, Any]) -> float | None:
    """Scale the time of the earlier tasks by cost, where all that the store has came of runs it knows."""
    spent, threads = facts.get("stages", {}).get(plan.sweep.group), facts.get("threads")
    if plan.anew or not spent or not threads:
        return None
    stored = stored_plan(plan.stored, store)
    if spent["cells"] != stored.cells:  # runs that were killed, refreshed or forgotten: their cost is unknown
        return None
    return float(spent["kernel_seconds"] / threads * plan.cost / stored.cost)
