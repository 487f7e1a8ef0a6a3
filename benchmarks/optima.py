"""Time exact enumeration of stationary points, and what libraries take for the rational arithmetic in it.

    python benchmarks/optima.py [--rounds 5] [--systems 300]

The systems are those that decide which families there are: eight rows, the parts of two units of three
inputs and the fit beside them, reduced to echelon form.
"""

import argparse
import statistics
from collections.abc import Callable
from fractions import Fraction
from time import process_time

import numpy as np
from flint import fmpq_mat, fmpz_mat
from rich.console import Console
from rich.table import Table
from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from relusweep.tasks.boolean.truth_tables import inputs, truth_table
from relusweep.tasks.optima.arrangement import arrangement
from relusweep.tasks.optima.census import census
from relusweep.tasks.optima.families import families
from relusweep.tasks.optima.landscape import Landscape

XOR = ([[-1], [0], [0], [1]], (-1, 1, 1, -1))


def systems(count: int) -> list[list[list[int]]]:
    """Draw pairs of units of three inputs."""
    of = Landscape(arrangement(inputs(3)), tuple(truth_table(np.uint64(105), 3).astype(int).tolist()), 2)
    random, found = np.random.default_rng(0), []
    while len(found) < count:
        pair = random.choice(np.flatnonzero(of.arrangement.on), 2).tolist()
        at = of.slopes(of.joined(tuple(pair)))
        images = [of.arrangement.images[of.arrangement.spanned[face]] for face in pair]
        fit = at.scale * np.array(of.targets) + np.array(at.errors)
        found.append(np.column_stack([np.ones(8, int), np.vstack(images).T, fit]).tolist())
    return found


def with_fractions(rows: list[list[int]]) -> list[list[Fraction]]:
    """Reduce by elimination, as one writes it."""
    left, done = [[Fraction(value) for value in row] for row in rows], 0
    for column in range(len(rows[0])):
        pivot = next((i for i in range(done, len(left)) if left[i][column]), None)
        if pivot is None:
            continue
        left[done], left[pivot] = left[pivot], left[done]
        left[done] = [value / left[done][column] for value in left[done]]
        for i, row in enumerate(left):
            if i != done and row[column]:
                left[i] = [a - row[column] * b for a, b in zip(row, left[done], strict=True)]
        done += 1
        if done == len(left):
            break
    return left


LIBRARIES: dict[str, Callable[[list[list[int]]], object]] = {
    "python-flint, whole numbers": lambda rows: fmpz_mat(rows).rref(),
    "python-flint, fractions": lambda rows: fmpq_mat(rows).rref(),
    "fractions.Fraction": with_fractions,
    "SymPy, DomainMatrix over QQ": lambda rows: DomainMatrix(
        [[QQ(value) for value in row] for row in rows], (len(rows), len(rows[0])), QQ
    ).rref(),
}


def seconds(work: Callable[[], object], rounds: int) -> float:
    def once() -> float:
        begin = process_time()
        work()
        return process_time() - begin

    return statistics.median(once() for _ in range(rounds))


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--systems", type=int, default=300)
    asked = words.parse_args()
    table = Table("what", "how many", "milliseconds each")
    drawn = systems(asked.systems)
    for name, reduce in LIBRARIES.items():
        took = seconds(lambda reduce=reduce: [reduce(rows) for rows in drawn], asked.rounds)
        table.add_row(name, str(len(drawn)), f"{1000 * took / len(drawn):.3f}")
    work = {
        "the smallest XOR network": lambda: families(Landscape(arrangement(XOR[0]), XOR[1], 2)),
        "a class of two inputs, one unit": lambda: census(2, 6, 1),
        "a class of two inputs, two units": lambda: census(2, 6, 2),
        "a class of three inputs, one unit": lambda: census(3, 105, 1),
    }
    for name, one in work.items():
        table.add_row(name, "1", f"{1000 * seconds(one, asked.rounds):.0f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
