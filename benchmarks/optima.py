"""Time exact enumeration of stationary points.

    python benchmarks/optima.py [--rounds 5]

Rational arithmetic alone is timed by `rational.py`.
"""

import argparse
import statistics
from collections.abc import Callable
from time import process_time

from rich.console import Console
from rich.table import Table

from relusweep.tasks.optima.arrangement import arrangement
from relusweep.tasks.optima.census import census
from relusweep.tasks.optima.families import families
from relusweep.tasks.optima.landscape import Landscape

XOR = ([[-1], [0], [0], [1]], (-1, 1, 1, -1))

WORK: dict[str, Callable[[], object]] = {
    "the smallest XOR network": lambda: families(Landscape(arrangement(XOR[0]), XOR[1], 2)),
    "a class of two inputs, one unit": lambda: census(2, 6, 1),
    "a class of two inputs, two units": lambda: census(2, 6, 2),
    "a class of three inputs, one unit": lambda: census(3, 105, 1),
}


def seconds(work: Callable[[], object]) -> float:
    begin = process_time()
    work()
    return process_time() - begin


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    words.add_argument("--rounds", type=int, default=5)
    rounds = words.parse_args().rounds
    table = Table("what", "milliseconds")
    for name, work in WORK.items():
        table.add_row(name, f"{1000 * statistics.median(seconds(work) for _ in range(rounds)):.0f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
