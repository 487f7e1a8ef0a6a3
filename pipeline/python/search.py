"""Searches from Python."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import ExitStack
from typing import TYPE_CHECKING, Literal

from rich.console import Console

from relusweep.pipeline.execution.run import run as run_sweep
from relusweep.pipeline.execution.search import Proposals, Search
from relusweep.pipeline.monitoring.progress import announcement
from relusweep.pipeline.monitoring.progress import progress as showing
from relusweep.pipeline.monitoring.record import new_run_id
from relusweep.pipeline.planning.halving import Budget, Race, searched
from relusweep.pipeline.python.runs import Where, check_finished, command_of, config_of
from relusweep.pipeline.python.sweeps import Base, Store, sweep

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

__all__ = ["search"]


def search(
    of: Base,
    store: Store,
    *,
    over: str | Collection[str] | None = None,
    by: str = "success",
    best: Literal["least", "most"] | None = None,
    keep: float = 1 / 3,
    budget: Budget = "trials",
    least: int = 1,
    sampler: BaseSampler | None = None,
    batch: int = 1000,
    batches: int = 10,
    dry_run: bool = False,
    cluster: Where | None = None,
    workers: int | None = None,
    replace: bool = False,
    progress: bool = True,
) -> Search:
    """Find the best labels of some axes: by successive halving, or by what an Optuna sampler proposes.

    Candidates are the combinations of labels of the axes `over`. All get a small budget, the best share
    `keep` of them more, and so on, until one is left, which gets the trials, or the epochs, of the sweep. All
    networks stay in the store, in the group of the sweep: open it as any other. After any stop the same call
    goes on. The same search gives the same result, in whatever order blocks come.

    Parameters
    ----------
    of : Sweep, str, path or Mapping
        A training sweep, or what `relusweep.sweep` makes one of; `trials` is a number.
    store : path
        A directory, or ``s3://bucket/prefix``; made if it does not exist.
    over : str or collection of str, optional
        Axes of several labels; by default all such of network and protocol. Networks of all labels of the
        other axes, as ``problem``, count together.
    by : str
        ``"success"``, the share of networks that succeeded; or a variable, as ``"final_loss"``, by its median
        over the networks, of which those that diverged, or never succeeded where that is an epoch of
        success, are the worst.
    best : {'least', 'most'}, optional
        Which values are better; by default most successes, and the least of a loss or of epochs.
    keep : float
        Share of the candidates that goes on to the next rung.
    budget : {'trials', 'epochs'}
        What a rung gives more of: trials, in addition to those that are there; or epochs, for which networks
        are trained anew, as a label of the axis ``epochs``.
    least : int
        Budget of the first rung, at least.
    sampler : optuna.samplers.BaseSampler, optional
        Proposes candidates, `batch` at a time, and is told their values; all get the whole budget. It chooses
        among labels: write a continuous axis as many labels, as ``numpy.geomspace(1e-4, 1, 200)``. Needs the
        extra ``relusweep[optuna]``. Give it a seed, and the same call goes on after a stop.
    batch, batches : int
        Of the sampler.
    dry_run : bool
        Only say what would be done.
    cluster, workers, replace, progress
        As for `relusweep.run`.

    Returns
    -------
    Search
        ``best``, the labels of the best candidate; ``rungs`` and ``candidates``, data frames. A table on a
        terminal and in a notebook.

    Raises
    ------
    relusweep.errors.InvalidSweep
        The sweep cannot be searched so.
    KeyboardInterrupt, relusweep.errors.BlocksFailed
        As for `relusweep.run`.

    Examples
    --------
    >>> import relusweep as rs
    >>> mine = rs.sweep("npn2", width=range(1, 9), learning_rate=[0.01, 0.03, 0.1], trials=100)
    >>> rs.search(mine, "results", over=["width", "learning_rate"], dry_run=True)
    search of boolean/npn2 over width, learning_rate, by success (most is best)
      rung  candidates  trials  epochs  networks  best success
      1     24          4       4,000   3,840
      2     8           12      4,000   3,840
      3     2           34      4,000   2,720
      4     1           100     4,000   4,000
    """
    asked, place = sweep(of), os.fspath(store)
    names = searched(asked) if over is None else (over,) if isinstance(over, str) else tuple(over)
    proposals = None if sampler is None else Proposals(sampler, batch, batches)
    found = Search(Race(asked, names, by, best, keep, budget, least), place, proposals)
    found.check()
    if dry_run:
        return found
    run_id = new_run_id()
    with ExitStack() as stack:
        told = [stack.enter_context(showing(Console())), announcement(run_id, place)] if progress else []
        finished = run_sweep(
            found.race.sweep,
            place,
            config_of(cluster, workers),
            replace=replace,
            turns=found.turns(),
            listeners=told,
            command=command_of(f"relusweep.search(sweep, {place!r})"),
            run_id=run_id,
        )
    check_finished(finished, place)
    return found
