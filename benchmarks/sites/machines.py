"""A sweep that takes a while, and real processes to compute it with and to kill."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import xarray as xr

from relusweep.cluster import Address
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.storage import open_dataset

__all__ = ["DRIVER", "LONG", "Machines", "local_workers", "machines", "results", "wait_until"]

# Two dozen blocks of a good part of a second each: what fails to learn goes on to the last of many epochs.
LONG = ("width=2", "depth=1", "leak=0,0.1,0.2,0.3", "trials=600", "epochs=20000")

# A run that tells each block as it comes and is committed: whoever kills it knows what it may not lose.
DRIVER = """
import sys
from pydantic import TypeAdapter
from relusweep.cluster import ClusterConfig
from relusweep.pipeline.monitoring.events import BlockDone, Committed
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep

def tell(event):
    if isinstance(event, BlockDone):
        print(event.block.key, flush=True)
    elif isinstance(event, Committed):
        print("committed", flush=True)

if __name__ == "__main__":
    sweep = TrainingSweep.model_validate_json(sys.argv[1])
    cluster = TypeAdapter(ClusterConfig).validate_json(sys.argv[3])
    run(sweep, sys.argv[2], cluster, listeners=[tell], commit_every=0.5)
"""


def results(store: Path | str, sweep: TrainingSweep) -> xr.Dataset:
    """Everything as stored, in memory."""
    return open_dataset(store, sweep.group, mask_and_scale=False).load()


@dataclass
class Machines:
    """Processes of a scheduler that the run does not own."""

    cluster: Address
    scheduler: psutil.Process
    workers: list[psutil.Process]


@contextmanager
def machines(
    folder: Path,
    *,
    workers: int = 1,
    options: Sequence[str] = ("--no-nanny",),
    settings: Mapping[str, object] = {},
    host: str = "127.0.0.1",
    places: Sequence[tuple[Sequence[str], str]] = (),
) -> Iterator[Machines]:
    """Start a scheduler and workers; all is dead at the end, whatever was frozen, killed or multiplied.

    Parameters
    ----------
    options
        Of ``dask worker``.
    settings
        Of Dask, by the names after ``distributed.``.
    places
        For each worker the words before its command, which say in which network it lives, and its
        address there.
    """
    file = folder / "scheduler.json"
    variables = {f"DASK_DISTRIBUTED__{k.replace('.', '__').upper()}": str(v) for k, v in settings.items()}
    environment = {**os.environ, **variables}
    here = ["--host", host, "--port", "0", "--no-dashboard", "--scheduler-file", str(file)]
    there = ["--nthreads", "1", "--no-dashboard", "--scheduler-file", str(file), *options]
    orders = [_dask("scheduler", here)]
    for before, its_host in places or [((), host)] * workers:
        orders.append([*before, *_dask("worker", ["--host", its_host, *there])])
    with ExitStack() as stack:
        processes = []
        for number, order in enumerate(orders):
            process = subprocess.Popen(order, env=environment, cwd=folder, stderr=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(_kill_family, process.pid)
            processes.append(psutil.Process(process.pid))
            while number == 0 and not (file.exists() and file.read_text().endswith("}")):
                time.sleep(0.05)
        cluster = Address(address=json.loads(file.read_text())["address"], timeout=60)
        yield Machines(cluster, processes[0], processes[1:])


def _dask(role: str, options: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", f"distributed.cli.dask_{role}", *options]


def _kill_family(pid: int) -> None:
    try:
        head = psutil.Process(pid)
        family = [*head.children(recursive=True), head]
    except psutil.NoSuchProcess:
        return
    for process in family:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


def local_workers() -> list[psutil.Process]:
    """Workers of a local cluster of this process."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "relusweep.cluster.local_worker" in child.cmdline()]


def wait_until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)
