"""Time the store on synthetic results of `npn4`, in a temporary directory ($TMPDIR).

    python benchmarks/store.py [--trials 100] [--rounds 7]

Blocks are those of a run: one size of network, all 222 classes, `--trials` (at most 100); each is committed
by itself, where a run commits every five seconds. Losses are random, as bad for compression as any. Peak
memory is the process's, up to the end of each line.
"""

import argparse
import resource
import statistics
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from timeit import repeat

import numpy as np
import xarray as xr
from rich.console import Console
from rich.table import Table

from relusweep.pipeline.planning.plan import Plan, make_plan
from relusweep.pipeline.sweeps.base import Sweep
from relusweep.pipeline.sweeps.blocks import Block
from relusweep.pipeline.sweeps.named import SWEEPS
from relusweep.pipeline.sweeps.overrides import override
from relusweep.storage import Committer
from relusweep.tasks.training import StopReason

MANY = 501  # trials of npn4 that make 10^7 networks

Row = tuple[str, list[float], int]  # what, seconds of each time, peak KiB since the start


def timed(what: str, work: Callable[[], object], rounds: int) -> Row:
    seconds = repeat(work, number=1, repeat=rounds)
    return what, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def preparation(folder: Path, rounds: int) -> Row:
    """Make the group of ten million networks; each round has a store of its own."""
    sweep = override(SWEEPS["npn4"], [f"trials={MANY}"])
    large = sweep.layout("")  # four inputs: nothing is read from a store
    number = count()

    def prepare() -> None:
        with Committer(folder / f"large-{next(number)}", create=True) as committer:
            committer.prepare(large)
            committer.commit("template", {})

    return timed(f"new store, {sweep.n_cells:,} cells laid out, commit", prepare, rounds)


def results(block: Block) -> dict[str, np.ndarray]:
    """Half of the networks succeed after some epochs, the others never."""
    rng = np.random.default_rng(0)
    shape = block.shape
    succeeds = rng.random(shape) < 0.5
    return {
        "success_epoch": np.where(succeeds, rng.geometric(0.01, shape), -1).astype(np.int32),
        "rows_right": np.where(succeeds, 16, rng.integers(8, 16, shape)).astype(np.int16),
        "final_loss": rng.random(shape, np.float32),
        "stop_reason": np.where(succeeds, StopReason.SUCCESS, StopReason.EPOCHS).astype(np.int8),
    }


def writing(committer: Committer, plan: Plan) -> Row:
    """Write the same results for every block of a sweep, a commit each."""
    committer.prepare(plan.sweep.layout(""))
    committer.commit("template", {})
    arrays = results(plan.blocks[0])
    blocks = iter(plan.blocks)

    def write_next() -> None:
        block = next(blocks)
        for region, _ in plan.regions(block):
            committer.write(plan.sweep.group, region, arrays, block.fingerprint)
        committer.commit(str(block), {})

    return timed(f"write and commit {plan.blocks[0].cells:,} networks", write_next, len(plan.blocks))


def reading(store: Path, sweep: Sweep, rounds: int) -> Iterator[Row]:
    """Open, load and ask; each round opens anew, since xarray keeps what it has read."""

    def opened() -> xr.Dataset:
        return xr.open_dataset(store, engine="relusweep", group=sweep.group)

    if not opened()["done"].all():
        raise RuntimeError("the store does not hold what was written")
    yield timed("open in xarray", opened, rounds)
    yield timed(f"open and load {sweep.n_cells:,} networks", lambda: opened().load(), rounds)
    yield timed(
        'open and sweep.success_rate(["problem", "trial"])',
        lambda: opened().sweep.success_rate(["problem", "trial"]).load(),
        rounds,
    )


def measure(folder: Path, sweep: Sweep, rounds: int) -> Iterator[Row]:
    yield timed("nothing: libraries imported", lambda: None, 1)
    yield preparation(folder, rounds)
    with Committer(folder / "npn4", create=True) as committer:
        yield writing(committer, make_plan(sweep, None))
    yield from reading(folder / "npn4", sweep, rounds)


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    sweep = override(SWEEPS["npn4"], [f"trials={arguments.trials}"])
    table = Table("what", title="The store")
    for heading in ("times", "median seconds", "seconds in all", "peak MiB"):
        table.add_column(heading, justify="right")
    with tempfile.TemporaryDirectory() as folder:
        for what, seconds, peak in measure(Path(folder), sweep, arguments.rounds):
            middle, total = statistics.median(seconds), sum(seconds)
            table.add_row(what, str(len(seconds)), f"{middle:.3f}", f"{total:.2f}", f"{peak / 1024:,.0f}")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
