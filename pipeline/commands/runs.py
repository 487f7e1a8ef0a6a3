"""What `status` says of the runs of a store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from relusweep.pipeline.commands.options import say

if TYPE_CHECKING:
    import xarray as xr

    from relusweep.pipeline.monitoring.runs import Run

__all__ = ["print_failed", "print_runs"]

_SHOWN_RUNS = 5
_SHOWN_FAILURES = 5


def print_runs(runs: Sequence[Run]) -> None:
    """Print the newest runs, a line each."""
    from relusweep.pipeline.monitoring.watch import headline, pace, troubles

    if runs:
        say("\n[italic]Newest runs[/]")
    for run in runs[:_SHOWN_RUNS]:
        say(f" {escape(headline(run))}")
        if run.goes:
            say(f"   {escape(pace(run))}")
            continue
        for words in troubles(run):
            say(f"   {escape(words)}")


def print_failed(runs: Sequence[Run], groups: Mapping[str, xr.Dataset]) -> None:
    """Print the blocks that failed in the newest runs and have not come since, with their errors."""
    failed = list(_still_missing(runs, groups))
    for run, failure in failed[:_SHOWN_FAILURES]:
        say(f"\n[red]failed and still missing[/] in {failure['group']}: {escape(failure['block'])}")
        say(f"  {escape(failure['error'])}")
        say(f"  in run {run.id}; try again: {escape(str(run.document.get('command')))}")
    if (more := len(failed) - _SHOWN_FAILURES) > 0:
        say(f" … and {more} more")


def _still_missing(
    runs: Sequence[Run], groups: Mapping[str, xr.Dataset]
) -> Iterator[tuple[Run, dict[str, Any]]]:
    told: set[str] = set()
    for run in runs:
        for failure in run.document.get("failed", ()):
            group = groups.get(failure["group"])
            if failure["key"] in told or (group is not None and not _lacks(group, failure["corners"])):
                continue
            told.add(failure["key"])
            yield run, failure


def _lacks(group: xr.Dataset, corners: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether a group has labels of a block, but not its results.

    A group started anew may have other labels: then nobody misses the block.
    """
    done = group["done"]
    axes = {str(dim): done[dim].values.tolist() for dim in done.dims}
    for corner in corners:
        if all(corner.get(dim) in labels for dim, labels in axes.items()):
            cell = {dim: labels.index(corner[dim]) for dim, labels in axes.items()}
            if not bool(done.isel(cell)):
                return True
    return False
