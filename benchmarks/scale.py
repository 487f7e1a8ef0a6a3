"""Plan, run, open and question a sweep of more than ten million networks, in a temporary directory ($TMPDIR).

    python benchmarks/scale.py [npn5 --set trials=17 --set epochs=1] [--workers 2]

Networks train for one epoch: how long they train is not what is looked at, all else is as in any run. Each
line is a process of its own, with the libraries imported before its clock starts; its peak memory holds them.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import xarray as xr
from rich.console import Console
from rich.table import Table

from relusweep.cluster import Local
from relusweep.pipeline.common.usage import usage
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.planning.plan import plans
from relusweep.pipeline.sweeps.base import Sweep
from relusweep.pipeline.sweeps.overrides import find_sweep, override

TEN_MILLION = ("trials=17", "epochs=1")  # of each of 616,126 classes


def planned(sweep: Sweep, store: str) -> str:
    return ", ".join(f"{part.cells:,} {part.sweep.unit} left" for part in plans(sweep, store))


def ran(sweep: Sweep, store: str, workers: int | None) -> str:
    facts = run(sweep, store, Local(workers=workers)).facts
    largest = f"{facts['worker_peak_bytes'] / 2**20:,.0f} MiB in the largest of {facts['workers']} workers"
    return f"{largest}, idle {facts['idle_share']:.1%}, at the end {facts['idle_at_end_share']:.1%}"


def opened(sweep: Sweep, store: str) -> str:
    data = xr.open_dataset(store, engine="relusweep", group=sweep.group)
    return f"{data['success_epoch'].size:,} {sweep.unit}"


def asked(sweep: Sweep, store: str, dim: list[str]) -> str:
    data = xr.open_dataset(store, engine="relusweep", group=sweep.group)
    rates = data.sweep.success_rate(dim).load()
    return f"{rates['rate'].size:,} rates of {int(rates['networks'].sum()):,} {sweep.unit}"


def cost(phase: Callable[[], str]) -> tuple[float, int, str]:
    """Seconds of a phase, peak bytes of its process, and what it says."""
    begin = time.perf_counter()
    words = phase()
    return time.perf_counter() - begin, usage().peak_bytes, words


def rows(sweep: Sweep, store: str, workers: int | None) -> Iterator[tuple[str, ...]]:
    phases = {
        "plan, empty store": partial(planned, sweep, store),
        "run, from start to end": partial(ran, sweep, store, workers),
        "plan, all done": partial(planned, sweep, store),
        "open in xarray": partial(opened, sweep, store),
        'open and success_rate("trial")': partial(asked, sweep, store, ["trial"]),
        'open and success_rate(["problem", "trial"])': partial(asked, sweep, store, ["problem", "trial"]),
    }
    for what, phase in phases.items():
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
            seconds, peak, words = fresh.submit(cost, phase).result()
        yield what, f"{seconds:.2f}", f"{peak / 2**20:,.0f}", words
    size = sum(file.stat().st_size for file in Path(store).rglob("*") if file.is_file())
    yield "bytes on disk", "", "", f"{size / 2**20:,.1f} MiB"


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("sweep", nargs="?", default="npn5")
    parser.add_argument("--set", action="append", dest="settings")
    parser.add_argument("--workers", type=int)
    arguments = parser.parse_args()
    sweep = override(find_sweep(arguments.sweep), arguments.settings or list(TEN_MILLION))
    table = Table("what", title=f"{sweep.n_cells:,} {sweep.unit} of {sweep.name}")
    for heading in ("seconds", "peak MiB"):
        table.add_column(heading, justify="right")
    table.add_column("found")
    with tempfile.TemporaryDirectory() as folder:
        for row in rows(sweep, str(Path(folder) / "store"), arguments.workers):
            table.add_row(*row)
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
