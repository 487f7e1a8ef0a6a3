"""How far float32 and float64 keep the bounds on the errors of constructed networks.

    python benchmarks/constructions.py [--share 1]

For each construction the largest N or L up to a limit, before the first one at which evaluation at about 50
points exceeds the bound on the error. `share` is the share of the limits that is looked at.
"""

import argparse

from rich.console import Console
from rich.table import Table

from relusweep.tasks.constructions import largest_within_bound

CASES = (
    ("square", "l", 80, {"n": 2}),
    ("monomial", "l", 80, {"n": 2, "q": 3}),
    ("points", "l", 60, {"q": 1}),
    ("points_unmodified", "l", 60, {"q": 1}),
    ("smooth", "n", 16, {"l": 2, "q": 1}),
    ("smooth", "n", 16, {"l": 2, "q": 2}),
    ("smooth", "n", 16, {"l": 2, "q": 3}),
    ("smooth", "n", 16, {"l": 2, "q": 2, "d": 2}),
    ("requ_spline", "n", 200, {"q": 3}),
    ("requ_spline", "n", 100, {"q": 5}),
    ("requ_spline", "n", 50, {"q": 6}),
    ("gaussian", "n", 80, {"target": "sine"}),
    ("gaussian", "n", 80, {"target": "wave"}),
    ("logistic", "n", 80, {"target": "sine"}),
    ("logistic", "n", 80, {"target": "wave"}),
)
SETTING = {"q": 2, "d": 1, "n": 1, "l": 1, "target": "sine"}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--share", type=float, default=1.0)
    share = parser.parse_args().share
    table = Table("construction", "setting", "along", title="The largest within the bound")
    for column in ("float32", "float64", "limit"):
        table.add_column(column, justify="right")
    for name, along, limit, changes in CASES:
        limit = max(1, round(limit * share))
        setting = SETTING | changes
        found = [
            largest_within_bound(name, dtype, along, limit, **setting, count=50)
            for dtype in ("float32", "float64")
        ]
        words = ", ".join(f"{axis} {value}" for axis, value in changes.items())
        table.add_row(name, words, along, *map(str, found), str(limit))
    Console().print(table)


if __name__ == "__main__":
    main()
