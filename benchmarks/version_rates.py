"""Count what a comparison marks where there is only chance, and where there is more ($TMPDIR).

    python benchmarks/version_rates.py [npn3 --set trials=100 …] [--seeds 3] [--swaps 30]

Networks are trained as by `relusweep run`, then compared as by `relusweep compare`: any two of several seeds;
two versions that share the networks of two seeds between them, each trial at random, once as pairs and once
as independent; and one seed at smaller and smaller learning rates, which do differ. Where nothing differs,
anything should be marked in at most one comparison of twenty, by rates and by sizes.
"""

import argparse
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from relusweep.cluster import Address, Local, connect
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.sweeps.base import Sweep
from relusweep.pipeline.sweeps.overrides import find_sweep, override
from relusweep.pipeline.versions.compare import compare
from relusweep.storage import Committer, open_dataset, resolve

SIX_SIZES = ("width=2,4,6", "depth=1,2", "trials=100", "epochs=300")  # too few for all to succeed
LEARNING_RATES = (0.02, 0.0125, 0.005, 0.002)  # for one of 0.025

Pair = tuple[str, str]


def trained(sweep: Sweep, store: str, place: Address, *settings: str) -> str:
    """Train a sweep in place of what the store has of it; give the version."""
    run(override(sweep, settings), store, place, replace=True)
    return resolve(store, "newest")


def written(sweep: Sweep, store: str, arrays: Mapping[str, np.ndarray]) -> str:
    """Write results in place of what the store has of a sweep; give the version."""
    layout = sweep.layout(store)
    with Committer(store) as committer:
        committer.prepare(layout, replace=True)
        committer.write(sweep.group, {}, {name: arrays[name] for name in layout.variables}, 1)
        committer.commit("swapped", {})
    return resolve(store, "newest")


def swapped(sweep: Sweep, store: str, versions: Pair, times: int, seeds: tuple[int, int]) -> Iterator[Pair]:
    """Share the networks of two versions between two new ones, each trial at random: only chance is left."""
    opened = (open_dataset(store, sweep.group, version=at, mask_and_scale=False) for at in versions)
    one, other = (data.load() for data in opened)
    draw = np.random.default_rng(0)
    for _ in range(times):
        stays = draw.random(one["done"].shape) < 0.5
        shared = [
            {name: np.where(stays, x[name], y[name]) for name in x.data_vars}
            for x, y in ((one, other), (other, one))
        ]
        first, second = (
            written(override(sweep, [f"seed={seed}"]), store, arrays)
            for seed, arrays in zip(seeds, shared, strict=True)
        )
        yield first, second


def marked(what: str, store: str, group: str, pairs: Iterable[Pair]) -> tuple[str, ...]:
    """Compare pairs of versions: how many rates and sizes are marked, and in how many pairs any."""
    found = [compare(store, a, b, group) for a, b in pairs]
    row = [what, f"{len(found):,}"]
    for prefix in ("", "size_"):
        tested = sum(int((each[f"{prefix}test"] > 0).sum()) for each in found)
        marks = [int(each[f"{prefix}significant"].sum()) for each in found]
        row += [f"{sum(marks):,} of {tested:,}", f"{np.count_nonzero(marks):,}"]
    return tuple(row)


def rows(sweep: Sweep, store: str, place: Address, n_seeds: int, swaps: int) -> Iterator[tuple[str, ...]]:
    versions = [trained(sweep, store, place, f"seed={seed}") for seed in range(n_seeds)]
    yield marked("any two seeds, independent", store, sweep.group, combinations(versions, 2))
    first, second = versions[:2]
    for how, seeds in (("in pairs", (0, 0)), ("independent", (0, 1))):
        pairs = swapped(sweep, store, (first, second), swaps, seeds)
        yield marked(f"trials swapped at random, {how}", store, sweep.group, pairs)
    for rate in LEARNING_RATES:
        slower = trained(sweep, store, place, f"optimizer.learning_rate={rate}")
        yield marked(f"learning rate {rate}, in pairs", store, sweep.group, [(first, slower)])


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("sweep", nargs="?", default="npn3")
    parser.add_argument("--set", action="append", dest="settings")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--swaps", type=int, default=30)
    parser.add_argument("--workers", type=int)
    arguments = parser.parse_args()
    sweep = override(find_sweep(arguments.sweep), arguments.settings or SIX_SIZES)
    table = Table("second version", title=f"{sweep.name}, {sweep.n_cells:,} {sweep.unit} a version")
    for heading in ("comparisons", "rates marked", "in how many", "sizes marked", "in how many"):
        table.add_column(heading, justify="right")
    with tempfile.TemporaryDirectory() as folder, connect(Local(workers=arguments.workers)) as client:
        store, place = str(Path(folder) / "store"), Address(address=client.scheduler.address)
        for row in rows(sweep, store, place, arguments.seeds, arguments.swaps):
            table.add_row(*row)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
