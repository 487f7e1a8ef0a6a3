"""Running what a source reports, sweep by sweep, and writing its page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from relusweep.cluster import ClusterConfig
from relusweep.pipeline.common.files import check_writable
from relusweep.pipeline.common.paths import expanded
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.monitoring.events import Listener
from relusweep.pipeline.monitoring.record import new_run_id
from relusweep.pipeline.reproduction.plan import Part, Reproduction

__all__ = ["Reproduced", "reproduce"]

Listen = Callable[[Part, str], AbstractContextManager[Sequence[Listener]]]
"""Of a sweep that begins, and the id of its run, gives who is told of its events."""


class Reproduced(NamedTuple):
    """How running a source ended.

    Attributes
    ----------
    page : Path, optional
        None where it was interrupted.
    failed : mapping of str to int
        Blocks that failed, by sweep.
    """

    page: Path | None
    failed: dict[str, int]


def reproduce(
    asked: Reproduction, cluster: ClusterConfig, folder: Path, *, listen: Listen, command: str
) -> Reproduced:
    """Compute what the store lacks of a source's sweeps, in order, and write the page of all.

    All are planned before the first runs. A sweep of which blocks failed keeps no other from running.

    Parameters
    ----------
    asked : Reproduction
    cluster : ClusterConfig
    folder : Path
        Where the page goes, ``reproduction.html``, and in folders beside it the pages of the sweeps.
    listen : callable
        Called before each sweep that runs.
    command : str
        What goes on with it, kept with the facts of the runs.

    Raises
    ------
    relusweep.errors.CannotExport
        The folder cannot be written.
    relusweep.errors.SweepError, relusweep.errors.StoreError, relusweep.errors.ClusterError
        As `relusweep.pipeline.execution.run.run`; what came before is stored.
    """
    from relusweep.pipeline.reproduction.page import write_page  # and with it Matplotlib

    check_writable(expanded(folder) / "any")
    plans, failed = asked.plans, dict[str, int]()
    for part in asked.parts:
        if part.sweep is None or not plans[part.step.sweep].cells:
            continue
        run_id = new_run_id()
        with listen(part, run_id) as listeners:
            finished = run(
                part.sweep, asked.store, cluster, listeners=listeners, command=command, run_id=run_id
            )
        if finished.interrupted:
            return Reproduced(None, failed)
        if finished.failed:
            failed[part.step.sweep] = len(finished.failed)
    return Reproduced(write_page(asked, folder, command, failed), failed)
