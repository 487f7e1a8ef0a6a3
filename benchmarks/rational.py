"""Rational arithmetic of three libraries: the reduced row echelon form of random matrices.

    python benchmarks/rational.py [--rounds 5]

`fractions` is Gaussian elimination on Python's own Fraction, `sympy` is DomainMatrix, `python-flint` is
fmpq_mat, which `relusweep.tasks.exact` takes. Entries are fractions of two digits.
"""

import argparse
import statistics
from collections.abc import Callable
from fractions import Fraction
from timeit import repeat

import numpy as np
from flint import fmpq, fmpq_mat
from rich.console import Console
from rich.table import Table
from sympy import QQ
from sympy.polys.matrices import DomainMatrix

Matrix = list[list[Fraction]]

SIZES = (5, 10, 30)


def fractions(size: int) -> Matrix:
    rng = np.random.default_rng(size)
    numerators, denominators = rng.integers(-99, 100, (size, size)), rng.integers(1, 100, (size, size))
    return [
        [Fraction(int(p), int(q)) for p, q in zip(*rows, strict=True)]
        for rows in zip(numerators, denominators, strict=True)
    ]


def eliminate(matrix: Matrix) -> Matrix:
    rows = [row[:] for row in matrix]
    for k in range(len(rows)):
        pivot = next(i for i in range(k, len(rows)) if rows[i][k])
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [a / rows[k][k] for a in rows[k]]
        for i, row in enumerate(rows):
            if i != k and row[k]:
                rows[i] = [a - row[k] * b for a, b in zip(row, rows[k], strict=True)]
    return rows


def ways(matrix: Matrix) -> list[tuple[str, Callable[[], object]]]:
    n = len(matrix)
    sympy = DomainMatrix([[QQ(a.numerator, a.denominator) for a in row] for row in matrix], (n, n), QQ)
    flint = fmpq_mat([[fmpq(a.numerator, a.denominator) for a in row] for row in matrix])
    return [("fractions", lambda: eliminate(matrix)), ("sympy", sympy.rref), ("python-flint", flint.rref)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    table = Table("rows", "library", title="Reduced row echelon form, medians")
    table.add_column("ms", justify="right")
    for size in SIZES:
        for library, work in ways(fractions(size)):
            seconds = statistics.median(repeat(work, number=1, repeat=rounds))
            table.add_row(str(size), library, f"{1000 * seconds:.3f}")
    Console().print(table)


if __name__ == "__main__":
    main()
