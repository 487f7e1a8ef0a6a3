"""Runs from Python."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import xarray as xr
from rich.console import Console

from relusweep.cluster import Address, ClusterConfig, InvalidCluster, parse_config, read_config
from relusweep.pipeline.common.errors import BlocksFailed
from relusweep.pipeline.common.wording import counted
from relusweep.pipeline.execution.run import run as run_sweep
from relusweep.pipeline.monitoring.events import BlockFailed, RunFinished
from relusweep.pipeline.monitoring.progress import announcement
from relusweep.pipeline.monitoring.progress import progress as showing
from relusweep.pipeline.monitoring.record import new_run_id
from relusweep.pipeline.python.results import open
from relusweep.pipeline.python.sweeps import Base, Store, sweep

__all__ = ["Where", "check_finished", "command_of", "config_of", "run"]

Where = str | os.PathLike[str] | Mapping[str, Any] | ClusterConfig
"""A YAML file of a cluster, what it holds, or the address of a scheduler."""

_TOLD = 5  # of the blocks that failed


def run(
    of: Base,
    store: Store,
    *,
    cluster: Where | None = None,
    workers: int | None = None,
    replace: bool = False,
    progress: bool = True,
) -> xr.Dataset | xr.DataTree:
    """Compute what the store lacks of a sweep; call it again to go on after any stop.

    A script that calls this needs no ``if __name__ == "__main__":``.

    Parameters
    ----------
    of : Sweep, str, path or Mapping
        A sweep, or what `relusweep.sweep` makes one of.
    store : path
        A directory, or ``s3://bucket/prefix``; made if it does not exist.
    cluster : str, path or Mapping, optional
        Where to compute: a YAML file of a cluster, what such a file holds, or the address of a Dask
        scheduler, as ``"tcp://host:8786"``. By default this machine.
    workers : int, optional
        Processes on this machine; by default one for each processor.
    replace : bool
        Start anew where the store has another specification under the name; earlier versions stay readable.
    progress : bool
        Whether to show how far the run is.

    Returns
    -------
    xarray.Dataset or xarray.DataTree
        The results, as `relusweep.open` gives them: also those of earlier runs of this sweep. A tree for a
        sweep with stages, as ``images``.

    Raises
    ------
    KeyboardInterrupt
        The run was stopped, by Ctrl-C or from outside; everything so far is in the store.
    relusweep.errors.BlocksFailed
        Some blocks failed; the others are in the store.
    relusweep.errors.SpecificationChanged
        The store has results of another specification under the name, and `replace` is false.
    relusweep.errors.InvalidCluster, relusweep.errors.ClusterError
        The cluster cannot be as it is described, or cannot be reached.
    relusweep.errors.StoreError
        The store is in use by another run, or cannot be written.

    Examples
    --------
    >>> import relusweep as rs
    >>> results = rs.run(rs.sweep("npn2", trials=10, width=2), "results")  # doctest: +SKIP
    >>> results.sweep.success_rate("trial")  # doctest: +SKIP
    """
    asked, place = sweep(of), os.fspath(store)
    config = config_of(cluster, workers)
    run_id = new_run_id()
    with ExitStack() as stack:
        told = [stack.enter_context(showing(Console())), announcement(run_id, place)] if progress else []
        finished = run_sweep(
            asked,
            place,
            config,
            replace=replace,
            listeners=told,
            command=command_of(f"relusweep.run(sweep, {place!r})"),
            run_id=run_id,
        )
    check_finished(finished, place)
    return open(store, asked.report_group)


def check_finished(finished: RunFinished, store: str) -> None:
    """Raise what a run that did not finish raises."""
    if finished.interrupted:
        by = ", as asked from outside" if finished.cancelled else ""
        raise KeyboardInterrupt(f"stopped{by}; everything so far is in {store}: the same call goes on")
    if finished.failed:
        raise BlocksFailed(_failures(finished.failed, store))


def config_of(cluster: Where | None, workers: int | None) -> ClusterConfig:
    """Say where to compute, as a configuration."""
    if cluster is None:
        return parse_config({"kind": "local", "workers": workers}, "a cluster of this machine")
    if workers is not None:
        raise InvalidCluster(f"workers={workers!r} is for this machine; a cluster says itself how many")
    if isinstance(cluster, Mapping):
        return parse_config({str(key): value for key, value in cluster.items()}, "a cluster as a mapping")
    if isinstance(cluster, ClusterConfig):
        return cluster
    if isinstance(cluster, str) and "://" in cluster:
        return Address(address=cluster)
    return read_config(os.fspath(cluster))


def command_of(call: str) -> str:
    """Say what makes a run go on: the script that runs, or else a call."""
    script = getattr(sys.modules["__main__"], "__file__", None)
    if script and Path(script).is_file():  # that of standard input is none
        return shlex.join(["python", script, *sys.argv[1:]])
    return call


def _failures(failed: tuple[BlockFailed, ...], store: str) -> str:
    told = "; ".join(f"{failure.block} of {failure.group}: {failure.error}" for failure in failed[:_TOLD])
    more = f"; and {len(failed) - _TOLD} more" if len(failed) > _TOLD else ""
    return (
        f"{counted(len(failed), 'block')} failed, the others are stored in {store}: {told}{more}. "
        "The same call tries them again"
    )
