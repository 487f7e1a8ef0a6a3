"""Kill real workers, schedulers, drivers and jobs in mid-run, resume, and compare with an undisturbed run.

    python benchmarks/kills.py [--rounds 5] [--only worker driver] [--set trials=600]

Seconds count from the kill; a worker is at work again when it begins a block. `begun again`: networks whose
training began once more, in % of all, with what was in flight. `came again`: blocks that had come and were
computed once more, as no commit had them. What this machine cannot do is named with the reason. The command
fails if a single trial ended with other bits than an undisturbed run.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from killed.ground import Ground, Missing, Trial
from killed.here import HERE
from killed.there import THERE
from rich.console import Console
from rich.table import Table
from sites.machines import LONG, machines, results

from relusweep.pipeline.execution.run import run
from relusweep.pipeline.sweeps.overrides import find_sweep, override

HEALTHY = ("--no-nanny", "--nthreads", "2")
FAULTS = {**HERE, **THERE}
WHAT = {
    "worker": "worker process, one of two",
    "scheduler": "scheduler of another",
    "driver": "driver, SIGKILL",
    "sigterm": "driver, SIGTERM",
    "poison-0": "poison block, allowed-failures 0",
    "poison-3": "poison block, allowed-failures 3",
    "slurm-1": "Slurm: scancel of the one worker job",
    "slurm-2": "the same, of two processes",
    "slurm-driver": "Slurm: driver job, SIGKILL, two worker jobs",
    "ssh": "SSH: the one worker process of a host",
}


def spread(values: Sequence[float], digits: int) -> str:
    """Median, and the range where there is one."""
    if not values or np.isnan(values).any():
        return ""
    low, middle, high = (f"{value:.{digits}f}" for value in np.quantile(values, [0, 0.5, 1]))
    return middle if low == high else f"{middle} ({low} to {high})"


def rows(fault: str, trials: Sequence[Trial]) -> Iterator[tuple[str, ...]]:
    """Describe the trials of one fault: a row for each thing that was waited for."""
    again = spread([trial.came_again for trial in trials], 0)
    first = (
        WHAT[fault],
        str(len(trials)),
        spread([100 * trial.begun_again for trial in trials], 1),
        again and f"{again} of {trials[0].blocks}",
        f"{sum(trial.right for trial in trials)} of {len(trials)}",
    )
    for until in dict.fromkeys(until for trial in trials for until in trial.seconds) or ("",):
        seconds = [trial.seconds[until] for trial in trials if until in trial.seconds]
        often = "" if len(seconds) == len(trials) else f", in {len(seconds)} trials"
        yield *first[:2], until, spread(seconds, 1) + often, *first[2:]
        first = ("",) * len(first)


def tried(fault: str, ground: Ground) -> Trial:
    with tempfile.TemporaryDirectory() as folder:
        trial = FAULTS[fault](replace(ground, folder=Path(folder), came=[], failed=[]))
    seconds = ", ".join(f"{until}: {value:.1f} s" for until, value in trial.seconds.items())
    print(f"{fault}: {seconds}; right: {trial.right}", file=sys.stderr, flush=True)
    return trial


def table(trials: Mapping[str, Sequence[Trial]], missing: Mapping[str, Missing]) -> Table:
    every = [trial for of_one in trials.values() for trial in of_one]
    table = Table("killed", "trials", "until", "seconds", "begun again, %", "came again", "as undisturbed")
    for fault, of_one in trials.items():
        for row in rows(fault, of_one):
            table.add_row(*row)
    for fault, reason in missing.items():
        table.add_row(WHAT[fault], "0", f"not here: {reason}")
    load = f"load of the machine: {spread([trial.load for trial in every], 0)}"
    right = f"{sum(trial.right for trial in every)} of {len(every)}"
    table.add_row("all", str(len(every)), load, "", "", "", right)
    return table


def main() -> None:
    """Print a table after each round, of all so far."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", default=list(FAULTS), choices=list(FAULTS))
    parser.add_argument("--set", action="append", default=[], dest="settings")
    arguments = parser.parse_args()
    settings = [*LONG, *arguments.settings]
    sweep = override(find_sweep("npn3"), settings)
    trials: dict[str, list[Trial]] = {}
    missing: dict[str, Missing] = {}
    with tempfile.TemporaryDirectory() as folder, machines(Path(folder), options=HEALTHY) as healthy:
        os.environ["XDG_STATE_HOME"] = folder  # certificates
        run(sweep, f"{folder}/undisturbed", healthy.cluster)
        undisturbed = results(f"{folder}/undisturbed", sweep)
        ground = Ground(settings, sweep, undisturbed, healthy.cluster, Path(folder))
        for _ in range(arguments.rounds):
            for fault in (fault for fault in arguments.only if fault not in missing):
                try:
                    trial = tried(fault, ground)
                except Missing as reason:
                    missing[fault] = reason
                else:
                    trials.setdefault(fault, []).append(trial)
            Console(width=160).print(table(trials, missing))
    sys.exit(0 if all(trial.right for of_one in trials.values() for trial in of_one) else 1)


if __name__ == "__main__":
    main()
