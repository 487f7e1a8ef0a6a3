"""What a run would do, as Python and the command line show it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from textwrap import wrap
from typing import Any

from relusweep.pipeline.common.display import Shown, Table
from relusweep.pipeline.common.run_facts import run_facts
from relusweep.pipeline.common.wording import (
    axis,
    bytes_in_words,
    counted,
    duration,
    label,
    resources_in_words,
)
from relusweep.pipeline.planning.plan import Plan, stored_plan
from relusweep.pipeline.planning.resources import memory_here, most_memory, threads_here
from relusweep.storage import StoreNotFound

__all__ = ["RunPlan"]

_FEWEST_COMPARED = 2
_IN_FULL = 2  # more stages are rows of one table
_MOST_CHARACTERS = 90
_TIED = "\N{NO-BREAK SPACE}"


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
        return None if None in times else sum(time for time in times if time is not None)

    @property
    def expected_seconds(self) -> float | None:
        """The same or, before a first run, roughly by what was measured on another machine, where it was."""
        todo = [plan for plan in self.plans if plan.blocks]
        if self.seconds is not None or any(plan.sweep.schedule.seconds is None for plan in todo):
            return self.seconds
        return sum(map(_seconds_elsewhere, todo)) / threads_here()

    def _blocks(self) -> Iterator[str | Table]:
        if len(self.plans) <= _IN_FULL:
            for plan in self.plans:
                yield self._in_full(plan)
                if plan.blocks and (rows := list(self._by_label(plan))):
                    yield Table("what each value adds", ("axis", "value", plan.sweep.unit, "time"), rows)
        else:
            head = ("stage", "axes", "asked for", "in the store", "to do", "blocks", "bytes")
            folder = self.plans[-1].sweep.group.rpartition("/")[0]
            yield Table(f"{folder} in {self.store}", head, [*map(_stage, self.plans)])
            yield f"time: {self._time}"
        for plan in self.plans:
            yield from plan.sweep.notes if plan.blocks else ()
        for plan in self.plans:
            if plan.blocks and (resources := plan.sweep.schedule.resources):
                yield f"each block of {plan.sweep.group} needs a worker with {resources_in_words(resources)}"
        if anew := [plan.sweep.group for plan in self.plans if plan.anew]:
            yield f"started anew, since the store has another specification: {', '.join(anew)}"

    def _in_full(self, plan: Plan) -> Table:
        unit, blocks = plan.sweep.unit, plan.blocks
        axes, fixed = plan.sweep.axes, plan.sweep.fixed
        rows = [
            *((dim, axis(labels.tolist())) for dim, labels in axes.items() if dim not in fixed),
            *_fixed(fixed),
            *_asked(plan),
            ("in the store", f"{plan.done:,}"),
            (f"to {plan.sweep.verb}", f"{plan.cells:,}" + (f", in {len(blocks):,} blocks" if blocks else "")),
        ]
        if blocks:
            rows.append(("longest", f"{blocks[0]}: {blocks[0].cells:,} {unit}"))
            rows.append(("bytes", f"{bytes_in_words(plan.nbytes)} before compression"))
            if memory := most_memory(plan):
                here = f", more than the {bytes_in_words(memory_here())} here" * (memory > memory_here())
                rows.append(("memory", f"about {bytes_in_words(memory)} in the largest task{here}"))
            rows += _lines("time", self._time) if plan is self.plans[-1] else []
            rows += _most_time(plan, self.expected_seconds) if plan is self.plans[-1] else []
        return Table(f"{plan.sweep.group} in {self.store}", (), rows)

    def _by_label(self, plan: Plan) -> Iterator[tuple[str, ...]]:
        """Say what each label adds, of axes of several labels, but trials, of which a block has one."""
        schedule = plan.sweep.schedule
        costs = list(map(schedule.cost, plan.blocks))
        seconds = self.seconds if plan is self.plans[-1] else None
        for dim, labels in plan.sweep.axes.items():
            if dim == "trial" or schedule.block_shape[dim] > 1 or len(labels) < _FEWEST_COMPARED:
                continue
            cells, cost = Counter[Any](), defaultdict[Any, float](float)
            for block, its_cost in zip(plan.blocks, costs, strict=True):
                cells[block[dim][0]] += block.cells
                cost[block[dim][0]] += its_cost
            for value in labels.tolist():
                share = cost[value] / plan.cost
                time = f"{share:.1%}" if seconds is None else duration(share * seconds)
                yield dim, label(value), f"{cells[value]:,}", time

    @property
    def _time(self) -> str:
        if not self.cells:
            return "nothing to do"
        if self.seconds is None:
            return self._rough_time
        return (
            f"about {duration(self.seconds)} for the tasks alone, at the speed of the earlier runs; "
            "starting workers and compiling come on top"
        )

    @property
    def _rough_time(self) -> str:
        """Say what is known of the time before a first run: what was measured on another machine."""
        todo = [plan for plan in self.plans if plan.blocks]
        known = [plan for plan in todo if plan.sweep.schedule.seconds is not None]
        if not known:
            return "unknown before a first run into this store"
        threads = threads_here()
        time = duration(max(1, sum(map(_seconds_elsewhere, known)) / threads))
        which = "the tasks"
        if len(known) < len(todo):
            which = " and ".join(plan.sweep.group.rpartition("/")[2] for plan in known)
        return (
            f"roughly {time} for {which} alone on {counted(threads, 'thread')}, up to ten times more or "
            "less: measured on another machine; starting workers and compiling come on top"
        )


def _most_time(plan: Plan, seconds: float | None) -> list[tuple[str, str]]:
    """Say how long all rounds would take, by the time of the next one."""
    until, next_one = plan.sweep.until, plan.round
    if seconds is None or until is None or next_one is None or not next_one.going:
        return []
    cells = plan.cells + next_one.going * (until.most - next_one.trials)
    time = duration(seconds * cells / plan.cells)
    return [("all rounds", f"about {time} if none ever has enough, at the speed of this one")]


def _asked(plan: Plan) -> list[tuple[str, str]]:
    """Say what is asked for; of a sweep with rounds the least and the most that it may come to."""
    unit, until, next_one = plan.sweep.unit, plan.sweep.until, plan.round
    if until is None or next_one is None:
        return [("asked for", f"{plan.total:,} {unit}")]
    later = next_one.going * (until.most - next_one.trials)
    reach = f"{plan.total:,} {unit}, if all have enough then, to {plan.total + later:,}, if none ever has"
    return [
        ("until", f"{until.words.removeprefix('until ')}; at most {until.most:,} trials"),
        ("round", f"{next_one.number} of at most {len([*until.ends])}, to trial {next_one.trials - 1:,}"),
        ("asked for", reach if later else f"{plan.total:,} {unit}"),
    ]


def _seconds_elsewhere(plan: Plan) -> float:
    estimate = plan.sweep.schedule.seconds
    return sum(map(estimate, plan.blocks)) if estimate else 0.0


def _fixed(axes: Mapping[str, str]) -> list[tuple[str, str]]:
    items = (f"{dim}{_TIED}{value.replace(' ', _TIED)}" for dim, value in axes.items() if value)
    return _lines("fixed", ", ".join(items))


def _lines(what: str, words: str) -> list[tuple[str, str]]:
    lines = wrap(words, _MOST_CHARACTERS, break_on_hyphens=False)
    return [("" if i else what, line.replace(_TIED, " ")) for i, line in enumerate(lines)]


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
