"""Time what is computed of Boolean functions before any network is trained, on one core.

    python benchmarks/boolean.py [--five] [--rounds 7] [--sample 5000]

`--five` adds the NPN classes of five inputs: enumerated, within a minute, and read from the cache; it uses a
cache of its own, so that nothing is there at first. Swaps of five inputs are timed on the classes of
`--sample` random functions; every function costs the same, so all classes are extrapolated from them.
"""

import argparse
import os
import statistics
import tempfile
from timeit import repeat

import numpy as np
from rich.console import Console
from rich.table import Table

from relusweep.tasks.boolean.npn import canonical, npn_classes
from relusweep.tasks.boolean.orderings import strict_orderings
from relusweep.tasks.boolean.swaps import swaps
from relusweep.tasks.boolean.truth_tables import truth_table

ALL_OF_FIVE = 616_126  # NPN classes of five inputs (OEIS A000370)

Row = tuple[str, int, float, str]  # what, how many, seconds, of which measurement


def orderings_of_five() -> None:
    strict_orderings.cache_clear()
    strict_orderings(5)


def swaps_of(ids: np.ndarray, n: int, rounds: int) -> float:
    tables = truth_table(ids, n)
    swaps(tables[:1])  # compiles, and makes the tables that all functions of n inputs share
    return statistics.median(repeat(lambda: swaps(tables), number=1, repeat=rounds))


def up_to_four(rounds: int) -> list[Row]:
    classes = npn_classes(4).representative
    of_rounds = f"median of {rounds}"
    enumeration = statistics.median(repeat(lambda: npn_classes(4), number=1, repeat=rounds))
    return [
        ("NPN classes of 4 inputs, enumerated", len(classes), enumeration, of_rounds),
        ("swaps, all classes of 4 inputs", len(classes), swaps_of(classes, 4, rounds), of_rounds),
    ]


def swaps_of_five(rounds: int, sample: int) -> list[Row]:
    orderings = statistics.median(repeat(orderings_of_five, number=1, repeat=rounds))
    functions = np.random.default_rng(0).integers(2**32, size=sample, dtype=np.uint64)
    seconds = swaps_of(canonical(functions, 5), 5, rounds)
    of_rounds = f"median of {rounds}"
    return [
        ("strict orderings of 5 inputs", len(strict_orderings(5)), orderings, of_rounds),
        ("swaps, random classes of 5 inputs", sample, seconds, of_rounds),
        ("swaps, all classes of 5 inputs", ALL_OF_FIVE, seconds / sample * ALL_OF_FIVE, "extrapolated"),
    ]


def classes_of_five(rounds: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        (enumeration,) = repeat(lambda: npn_classes(5), number=1, repeat=1)
        reading = statistics.median(repeat(lambda: npn_classes(5), number=1, repeat=rounds))
        found = len(npn_classes(5).size)
    return [
        ("NPN classes of 5 inputs, enumerated", found, enumeration, "once"),
        ("NPN classes of 5 inputs, from the cache", found, reading, f"median of {rounds}"),
    ]


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--five", action="store_true")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--sample", type=int, default=5000)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    rows = up_to_four(arguments.rounds) + swaps_of_five(arguments.rounds, arguments.sample)
    if arguments.five:
        rows += classes_of_five(arguments.rounds)
    table = Table("what", title="Boolean functions, on one core")
    for heading in ("how many", "seconds", "a second", "measured"):
        table.add_column(heading, justify="right")
    for what, number, seconds, measured in rows:
        table.add_row(what, f"{number:,}", f"{seconds:,.4f}", f"{number / seconds:,.0f}", measured)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
