"""A hundred thousand blocks of ten milliseconds through plan, dispatch and commits: memory stays flat.

    python benchmarks/soak.py [--blocks 100000] [--milliseconds 10] [--workers 2] [--store DIRECTORY]

Scheduler and workers are processes of their own, so that each has its own memory. Every line tells the
resident memory at that moment, blocks a second and the mean time of the commits since the line before. At the
end the store is read again: every block is done and right, or the command fails.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Any, ClassVar, NamedTuple

import numpy as np
import psutil
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from relusweep.cluster import Address
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.monitoring.events import BlockDone, Committed, Event
from relusweep.pipeline.sweeps.base import SpecifiedSweep
from relusweep.pipeline.sweeps.blocks import Block, Schedule, Task
from relusweep.storage import Variable, open_dataset
from relusweep.tasks.blocks import BlockResult

CELLS = 4  # of a block
LINES = 10


class Order(NamedTuple):
    """Number of a block, seconds that it takes."""

    number: int
    seconds: float


def value(number: NDArray[Any] | int) -> NDArray[Any]:
    """Give what the cells of a block hold."""
    return np.sin(np.asarray(number)[..., None] + np.arange(CELLS))


def busy(order: Order) -> BlockResult:
    end = time.thread_time() + order.seconds
    while time.thread_time() < end:
        pass
    return BlockResult({"value": value(order.number)[None]}, 0, order.seconds, 0.0)


class Soak(SpecifiedSweep):
    """Blocks that keep a processor busy and give a number a cell."""

    kind: ClassVar[str] = "soak"
    growable_fields: ClassVar[tuple[str, ...]] = ("blocks",)
    unit: ClassVar[str] = "cells"

    blocks: int
    milliseconds: float

    @property
    def axes(self) -> Mapping[str, NDArray[Any]]:
        """Number the blocks and the cells of each."""
        return {"block": np.arange(self.blocks), "cell": np.arange(CELLS)}

    @property
    def variables(self) -> Mapping[str, Variable]:
        """One number a cell."""
        return {"value": Variable(("block", "cell"), "float64", np.nan)}

    def task(self, block: Block, store: str) -> Task:
        """Give what keeps a processor busy."""
        return busy, Order(block["block"][0], self.milliseconds / 1e3)

    @property
    def schedule(self) -> Schedule:
        """One block is one chunk."""
        return Schedule(block_shape={"block": 1, "cell": CELLS}, divisible=False)


class Watch:
    """Takes a line at every tenth of the run."""

    def __init__(self, blocks: int, processes: Mapping[str, list[psutil.Process]]) -> None:
        self.lines: list[tuple[str, ...]] = []
        self._blocks, self._processes = blocks, processes
        self._done = 0
        self._commits: list[float] = []
        self._last_block = self._last_line = self._begin = time.monotonic()

    def __call__(self, event: Event) -> None:
        """Count."""
        now = time.monotonic()
        if isinstance(event, BlockDone):
            self._done, self._last_block = self._done + 1, now
            if self._done % -(-self._blocks // LINES) == 0 or self._done == self._blocks:
                self._line(now)
        elif isinstance(event, Committed):  # comes right behind the block that was the last to be written
            self._commits.append(now - self._last_block)

    def _line(self, now: float) -> None:
        memory = (sum(p.memory_info().rss for p in group) / 2**20 for group in self._processes.values())
        commit = f"{1e3 * float(np.mean(self._commits)):,.0f}" if self._commits else ""
        rate = self._blocks / LINES / (now - self._last_line)
        self.lines.append(
            (
                f"{self._done:,}",
                f"{now - self._begin:,.0f}",
                f"{rate:,.0f}",
                *(f"{mib:,.0f}" for mib in memory),
                f"{len(self._commits)}",
                commit,
            )
        )
        print(" ".join(self.lines[-1]), file=sys.stderr, flush=True)
        self._last_line, self._commits = now, []


@contextmanager
def machines(workers: int, folder: Path) -> Iterator[tuple[str, Mapping[str, list[psutil.Process]]]]:
    """Scheduler and workers, each a process; gives the address, and whose memory is looked at."""
    file = folder / "scheduler.json"
    place = ["--scheduler-file", str(file)]
    # Found by name, as the tasks of a real sweep: what is defined in `__main__` would travel with every task.
    path = filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
    orders = [["scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", *place]]
    orders += [["worker", "--nthreads", "1", "--no-nanny", "--no-dashboard", *place]] * workers
    with ExitStack() as stack:
        processes = []
        for role, *options in orders:
            command = [sys.executable, "-m", f"distributed.cli.dask_{role}", *options]
            process = stack.enter_context(Popen(command, cwd=folder, env=environment, stderr=DEVNULL))
            stack.callback(process.terminate)
            processes.append(psutil.Process(process.pid))
        while not file.exists():
            time.sleep(0.05)
        watched = {"client": [psutil.Process()], "scheduler": processes[:1], "workers": processes[1:]}
        yield json.loads(file.read_text())["address"], watched


def wrong(store: str, sweep: Soak) -> int:
    """Blocks that are not done or not right."""
    stored = open_dataset(store, sweep.group, mask_and_scale=False).load()
    right = (stored["value"].values == value(np.arange(sweep.blocks))) & stored["done"].values
    return int((~right.all(axis=1)).sum())


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--blocks", type=int, default=100_000)
    parser.add_argument("--milliseconds", type=float, default=10.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--store", help="a directory to keep it in")
    arguments = parser.parse_args()
    sweep = Soak(name="blocks", blocks=arguments.blocks, milliseconds=arguments.milliseconds)
    with (
        tempfile.TemporaryDirectory() as folder,
        machines(arguments.workers, Path(folder)) as (address, seen),
    ):
        store = arguments.store or str(Path(folder) / "store")
        watch = Watch(sweep.blocks, seen)
        run(sweep, store, Address(address=address, timeout=60), listeners=[watch])
        bad = wrong(store, sweep)
        size = sum(file.stat().st_size for file in Path(store).rglob("*") if file.is_file())
    table = Table(title=f"{sweep.blocks:,} blocks of {sweep.milliseconds:g} ms, {arguments.workers} workers")
    for heading in (
        "blocks",
        "s",
        "blocks/s",
        "client MiB",
        "scheduler MiB",
        "workers MiB",
        "commits",
        "ms each",
    ):
        table.add_column(heading, justify="right")
    for line in watch.lines:
        table.add_row(*line)
    table.add_row(f"{bad} wrong", "", "", "", "", "", "", f"{size / 2**20:,.1f} MiB on disk")
    Console(width=120).print(table)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    import soak  # under the name that workers find it by

    soak.main()
