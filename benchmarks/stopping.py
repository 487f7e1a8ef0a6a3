"""Compute what stopping by a rule does to rates and to their intervals, exactly: nothing is drawn.

    python benchmarks/stopping.py [--most 10000] [--half-width 0.05]

For trials that succeed with a given rate, independently: how many a setting takes, how far the share of
successes lies from the rate on average, and how often the intervals hold the rate: Wilson's, and the one that
holds at whatever number of trials one stops. Both of 95 %.
"""

import argparse

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import binom

from relusweep.pipeline.sweeps.until import Until
from relusweep.tasks.statistics import anytime, wilson

RATES = (0.0001, 0.001, 0.01, 0.05, 0.1, 0.3, 0.5, 0.9)


def ends(until: Until, rate: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the ends that there are: trials, successes, and their probability."""
    going, start, found = np.ones(1), 0, []
    for end in until.ends:
        of_round = binom.pmf(np.arange(end - start + 1), end - start, rate)
        going, start = np.convolve(going, of_round), end
        successes = np.arange(end + 1)
        goes_on = until.goes_on(successes, end) & (end < until.most)
        stops = ~goes_on & (going > 0)
        found.append((np.full(int(stops.sum()), end), successes[stops], going[stops]))
        going = np.where(goes_on, going, 0.0)
    trials, successes, chances = (np.concatenate(part) for part in zip(*found, strict=True))
    return trials, successes, chances


def row(until: Until, rate: float) -> list[str]:
    """Describe one rate."""
    trials, successes, chances = ends(until, rate)
    shares = successes / trials
    held = [
        float(chances[(found.low <= rate) & (rate <= found.high)].sum())
        for found in (wilson(successes, trials), anytime(successes, trials))
    ]
    mean, bias = float(chances @ trials), float(chances @ shares) - rate
    return [f"{rate:g}", f"{mean:,.0f}", f"{bias:+.2g}", *(f"{share:.1%}" for share in held)]


def main() -> None:
    """Print a table for each rule."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--most", type=int, default=10_000)
    parser.add_argument("--half-width", type=float, default=0.05)
    options = parser.parse_args()
    for until in (Until(options.most), Until(options.most, options.half_width)):
        table = Table("rate", "trials, mean", "bias", "Wilson holds it", "anytime holds it", title=str(until))
        for rate in RATES:
            table.add_row(*row(until, rate))
        Console().print(table)


if __name__ == "__main__":
    main()
