"""Time Jacobians that are derived of stored networks, beside the store alone that reads and writes as much.

    python benchmarks/derived.py [--networks 100000] [--width 10] [--depth 2] [--points 0] [--rounds 3]

The networks are starts of the 222 classes of `npn4`, their parameters in a store in a temporary directory
($TMPDIR). Deriving is a whole run on one worker, which is there before: it plans, reads parameters, computes
and writes. Reading alone is of the parameters; writing alone is one committer that is given the arrays of
each block. Rounds alternate. Without `--points`, Jacobians are at the 16 rows of the functions; with it, at
so many random points.
"""

import argparse
import statistics
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
from rich.console import Console
from rich.table import Table

from relusweep.cluster import Address, Local, connect
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.planning.plan import plans
from relusweep.pipeline.sweeps.derived.making import derived
from relusweep.pipeline.sweeps.derived.sweep import DerivedSweep
from relusweep.pipeline.sweeps.overrides import find_sweep, override
from relusweep.storage import Committer, open_dataset

GROUP = "boolean/npn4"


def train(store: str, cluster: Address, networks: int, width: int, depth: int) -> None:
    """Store starts with their parameters."""
    trials = -(-networks // 222)
    fields = (
        f"trials={trials}",
        f"width={width}",
        f"depth={depth}",
        "leak=0",
        "epochs=1",
        "probes=parameters",
    )
    run(override(find_sweep("npn4"), fields), store, cluster)


def deriving(
    store: str, cluster: Address, fields: dict[str, object], number: int
) -> tuple[float, DerivedSweep]:
    start = perf_counter()
    sweep = derived(store, GROUP, "jacobians", fields, {}, name=f"round{number}")
    finished = run(sweep, store, cluster)
    assert not finished.failed
    return perf_counter() - start, sweep


def reading(store: str) -> float:
    start = perf_counter()
    assert open_dataset(store, GROUP)["parameters"].values.size
    return perf_counter() - start


def writing(store: str, sweep: DerivedSweep, folder: str) -> float:
    """Write what is stored of a sweep once more, alone; reading it and planning do not count."""
    arrays = open_dataset(store, sweep.group, mask_and_scale=False)["jacobian"].values
    (plan,) = plans(sweep, folder)
    layout = sweep.layout(store)
    blocks = [(region, block) for block in plan.blocks for region, _ in plan.regions(block)]
    start = perf_counter()
    with Committer(folder, create=True) as committer:
        committer.prepare(layout)
        for region, block in blocks:
            part = arrays[tuple(region[dim] for dim in sweep.axes)]
            committer.write(sweep.group, region, {"jacobian": part}, block.fingerprint)
        committer.commit("all", {})
    return perf_counter() - start


def main(networks: int, width: int, depth: int, points: int, rounds: int) -> None:
    at = np.random.default_rng(0).uniform(-1, 1, size=(points, 4)).round(3).tolist()
    fields = {"points": at} if points else {}
    times: list[tuple[float, float, float]] = []
    with tempfile.TemporaryDirectory() as folder, connect(Local(workers=1)) as connection:
        store, cluster = str(Path(folder) / "store"), Address(address=connection.backend.address)
        train(store, cluster, networks, width, depth)
        deriving(store, cluster, fields, -1)  # compiles
        for number in range(rounds):
            seconds, sweep = deriving(store, cluster, fields, number)
            alone = writing(store, sweep, str(Path(folder) / f"alone-{number}"))
            times.append((seconds, reading(store), alone))
        nbytes = sweep.n_cells * sweep.bytes_per_cell
        n_networks = sweep.n_cells
    title = f"{n_networks:,} networks of width {width}, depth {depth}: {nbytes / 1e6:.1f} MB"
    table = Table("what", "seconds", "of reading and writing alone", title=title)
    derive, read, write = (statistics.median(seconds) for seconds in zip(*times, strict=True))
    for what, seconds in {"derive": derive, "read alone": read, "write alone": write}.items():
        table.add_row(what, f"{seconds:.2f}", f"{seconds / (read + write):.2f}")
    Console(width=110).print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=100_000)
    parser.add_argument("--width", type=int, default=10)
    parser.add_argument("--depth", type=int, default=2)
    parser.add_argument("--points", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    main(arguments.networks, arguments.width, arguments.depth, arguments.points, arguments.rounds)
