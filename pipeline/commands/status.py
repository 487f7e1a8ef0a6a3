"""The command that says what a store holds and who computes for it: `status`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

from rich.markup import escape
from typer import Option

from relusweep.pipeline.commands.options import Store, output, print_table, say
from relusweep.pipeline.common.wording import label

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from relusweep.pipeline.monitoring.runs import Run
    from relusweep.storage import StoredGroup

__all__ = ["asked_for", "status"]

_SHOWN = 5  # runs, failures, versions
_SHOWN_ROWS = 10

Watch = Annotated[bool, Option("--watch", help="Go on showing the runs that go, until they end or Ctrl-C.")]


def status(store: Store = "results", watch: Watch = False) -> None:
    """Show what is done and what is missing of every sweep in a store, its newest runs and its last commits.

    With --watch, from any machine that sees the store, how far the runs are that go:

    relusweep status --watch --store s3://bucket/results
    """
    from relusweep.pipeline.monitoring.waiting import look_at_runs
    from relusweep.pipeline.monitoring.watch import watch_runs
    from relusweep.storage import Contents, StoreNotFound, contents

    if watch:
        watch_runs(store, output)
        return
    runs = look_at_runs(store)
    try:
        found = contents(store)
    except StoreNotFound:
        if not runs:
            raise
        found = Contents({}, {}, [])  # submitted, and nothing has come yet
    damaged = {**found.damaged, **_unreadable(found.groups)}
    groups = {name: group for name, group in found.groups.items() if name not in damaged}
    _print_groups(groups)
    for name, why in damaged.items():
        say(f"[red]left out[/] is {escape(name)}: {escape(why)}")
    if found.foreign:
        say(f"of no sweep, and left alone: {escape(', '.join(found.foreign))}")
    _print_runs(runs)
    _print_failed(runs, groups)
    _print_versions(store)


def _unreadable(groups: Mapping[str, StoredGroup]) -> dict[str, str]:
    """Find the groups of which it cannot be read what is done, with the reason."""
    from relusweep.storage import StoreReadError

    why = {}
    for name, group in groups.items():
        try:
            _counts(group)
        except (StoreReadError, ValueError) as error:
            why[name] = str(error)
    return why


def _print_groups(groups: Mapping[str, StoredGroup]) -> None:
    if not groups:
        say("Nothing has been stored yet.")
        return
    counts = {name: _counts(group) for name, group in groups.items()}
    rows = [
        (name, f"{size:,}", f"{done:,}", f"{size - done:,}" if done < size else "none")
        for name, (size, done) in counts.items()
    ]
    print_table(("group", "cells", "done", "missing"), rows)
    for name, (size, done) in counts.items():
        if done < size and "success_epoch" in groups[name].arrays:
            _print_missing(name, groups[name], asked_for(groups[name]))


def _counts(group: StoredGroup) -> tuple[int, int]:
    """Count the cells that are asked for, and those of them that are done."""
    import numpy as np

    from relusweep.pipeline.common.asked import ASKED, boxes

    if ASKED not in group.arrays:
        asked = asked_for(group)
        return group.done.size // asked.size * int(asked.sum()), int((group.done & asked).sum())
    numbers, done = group.read(ASKED), 0
    for box in boxes(numbers, 0, group.arrays["done"].chunks):
        asked = np.arange(box[-1].start, box[-1].stop) < numbers[box[:-1]][..., None]
        done += int((group.read("done", box) & asked).sum())
    return int(numbers.sum()), done


def asked_for(group: StoredGroup) -> NDArray[np.bool_]:
    """Tell which cells are asked for, along all dimensions, of length one where it does not matter."""
    import numpy as np

    from relusweep.pipeline.common.asked import ASKED
    from relusweep.pipeline.common.where import satisfied
    from relusweep.pipeline.sweeps.kinds import quantity_class, quantity_kinds
    from relusweep.storage import specification_of
    from relusweep.tasks.axes import label_array

    specification, every = specification_of(group.attrs), np.ones([1] * len(group.dims), bool)
    if (kind := str(group.attrs.get("kind"))) in quantity_kinds():
        wanted = quantity_class(kind).model_validate(specification).wanted
        return every if wanted is None else wanted
    if ASKED in group.arrays:  # settings have numbers of trials of their own
        return np.asarray(np.arange(len(group.axes[group.dims[-1]])) < group.read(ASKED)[..., None])
    condition = specification.get("where")
    if not condition:
        return every
    return satisfied(condition, {dim: label_array(tuple(labels)) for dim, labels in group.axes.items()})


def _print_missing(name: str, group: StoredGroup, asked: NDArray[np.bool_]) -> None:
    """Print how many networks have not run, without distinguishing problems and trials."""
    missing = group.missing("problem", "trial", *group.attrs.get("fixed", ()), asked=asked)
    head = [*(dim.capitalize() for dim in missing[0][0]), "Networks not run"]
    rows = ([*map(label, labels.values()), f"{count:,}"] for labels, count in missing[:_SHOWN_ROWS])
    print_table(head, rows, f"Missing in {name}")
    if (more := len(missing) - _SHOWN_ROWS) > 0:
        say(f" … and {more} more")


def _print_runs(runs: Sequence[Run]) -> None:
    from relusweep.pipeline.monitoring.watch import headline, pace, troubles

    if runs:
        say("\n[italic]Newest runs[/]")
    for run in runs[:_SHOWN]:
        say(f" {escape(headline(run))}")
        for words in [pace(run)] if run.goes else troubles(run):
            say(f"   {escape(words)}")


def _print_failed(runs: Sequence[Run], groups: Mapping[str, StoredGroup]) -> None:
    """Print the blocks that failed in the newest runs and have not come since, with their errors."""
    failed = list(_still_missing(runs, groups))
    for run, failure in failed[:_SHOWN]:
        say(f"\n[red]failed and still missing[/] in {failure['group']}: {escape(failure['block'])}")
        say(f"  {escape(failure['error'])}")
        say(f"  in run {run.id}; try again: {escape(str(run.document.get('command')))}")
    if (more := len(failed) - _SHOWN) > 0:
        say(f" … and {more} more")


def _still_missing(
    runs: Sequence[Run], groups: Mapping[str, StoredGroup]
) -> Iterator[tuple[Run, dict[str, Any]]]:
    told: set[str] = set()
    for run in runs:
        for failure in run.document.get("failed", ()):
            group = groups.get(failure["group"])
            if failure["key"] in told or (group is not None and not _lacks(group, failure["corners"])):
                continue
            told.add(failure["key"])
            yield run, failure


def _lacks(group: StoredGroup, corners: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether a group has labels of a block, but not its results.

    A group started anew may have other labels: then nobody misses the block.
    """
    axes = group.axes
    return any(
        not group.done[tuple(labels.index(corner[dim]) for dim, labels in axes.items())]
        for corner in corners
        if all(corner.get(dim) in labels for dim, labels in axes.items())
    )


def _print_versions(store: str) -> None:
    from relusweep.storage import StoreNotFound, history

    with suppress(StoreNotFound):
        rows = [
            (f"{each.written_at:%Y-%m-%d %H:%M:%S}", each.message, each.id, ", ".join(each.tags))
            for each in history(store)[:_SHOWN]
        ]
        print_table(("committed (UTC)", "what", "version", "tags"), rows, "Last commits")
