"""Time how soon a fresh process is ready: commands that look, and the first opening of a store.

    python benchmarks/startup.py [--rounds 7] [--trials 10]

Each line is the processor time (user and system) of a fresh process and its peak memory, medians of the
rounds. In each round every process is started once, so that all see the same machine. The yardstick is the
process that imports xarray and Zarr. The store holds made-up results of `npn4` with `--trials` trials.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

PYTHON = (sys.executable, "-c")
RELUSWEEP = (sys.executable, "-m", "relusweep")
YARDSTICK = "import xarray, zarr"
OPEN = "import xarray; xarray.open_dataset({store!r}, engine='relusweep', group='boolean/npn4')"
MIB = 1024**2


class Line(NamedTuple):
    """What is measured, and what it may cost."""

    what: str
    command: tuple[str, ...]
    most: float = 1.0  # times the processor time of the yardstick
    seconds: float | None = None  # or this many seconds
    mebibytes: float | None = None


class Cost(NamedTuple):
    """Of one process: processor seconds, and bytes of memory at its peak."""

    seconds: float
    peak: int


def lines(store: str) -> list[Line]:
    at = ("--store", store)
    plan = ("plan", "npn4", "--set", "trials=10", *at)
    return [
        Line(f'python -c "{YARDSTICK}"', (*PYTHON, YARDSTICK)),
        Line("relusweep --help", (*RELUSWEEP, "--help"), mebibytes=150),
        Line("relusweep sweeps", (*RELUSWEEP, "sweeps"), mebibytes=150),
        Line("relusweep status", (*RELUSWEEP, "status", *at), mebibytes=150),
        Line("relusweep plan npn4 --set trials=10", (*RELUSWEEP, *plan), 2),
        Line("relusweep show npn4", (*RELUSWEEP, "show", "npn4", *at), 2),
        Line("import relusweep", (*PYTHON, "import relusweep"), seconds=0.3),
        Line("xarray.open_dataset(…), the first", (*PYTHON, OPEN.format(store=store)), 1.5),
    ]


def cost(command: tuple[str, ...]) -> Cost:
    """Run a command to its end."""
    with Path(os.devnull).open("w") as nowhere:
        process = subprocess.Popen(command, stdout=nowhere)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss * (1 if sys.platform == "darwin" else 1024))


def fill(path: str, trials: int) -> None:
    """Write made-up results, in a process whose memory nobody looks at."""
    from store import writing

    from relusweep.pipeline.planning.plan import make_plan
    from relusweep.pipeline.sweeps.named import SWEEPS
    from relusweep.pipeline.sweeps.overrides import override
    from relusweep.storage import Committer

    with Committer(path, create=True) as committer:
        writing(committer, make_plan(override(SWEEPS["npn4"], [f"trials={trials}"]), None))


def row(line: Line, costs: list[Cost], yardstick: float) -> list[str]:
    seconds = statistics.median(cost.seconds for cost in costs)
    peak = statistics.median(cost.peak for cost in costs) / MIB
    most = line.most * yardstick if line.seconds is None else line.seconds
    goals = [f"{line.most:g} times" if line.seconds is None else f"{line.seconds:g} s"]
    met = seconds <= most
    if line.mebibytes is not None:
        goals.append(f"{line.mebibytes:g} MiB")
        met = met and peak <= line.mebibytes
    shown = (f"{seconds:.2f} s", f"{seconds / yardstick:.2f}", f"{peak:.0f} MiB", ", ".join(goals))
    return [line.what, *shown, "yes" if met else "NO"]


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--fill", metavar="STORE", help="only make the store")
    options = parser.parse_args()
    if options.fill:
        fill(options.fill, options.trials)
        return
    with tempfile.TemporaryDirectory() as folder:
        store = str(Path(folder, "store"))
        made = (sys.executable, __file__, "--fill", store, "--trials", str(options.trials))
        subprocess.run(made, check=True)
        chosen = lines(store)
        rounds = [[cost(line.command) for line in chosen] for _ in range(options.rounds)]
    costs = [list(of_line) for of_line in zip(*rounds, strict=True)]
    yardstick = statistics.median(cost.seconds for cost in costs[0])
    table = Table("what", "processor", "ratio", "memory", "at most", "met")
    for line, of_line in zip(chosen, costs, strict=True):
        table.add_row(*row(line, of_line, yardstick))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
