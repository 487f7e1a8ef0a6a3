"""Tables of errors, of pieces and of what is left of the waves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from relusweep.pipeline.report.compositional.summary import CONSTANT, PAPER_RATE, Case, Run, formula
from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.text import NOTHING, count, intervals, significant, with_ends
from relusweep.tasks.medians import median
from relusweep.tasks.statistics import Rate, wilson

__all__ = [
    "collapsed",
    "counts_table",
    "errors_table",
    "has_pretraining",
    "held",
    "pieces_table",
    "pretraining_table",
    "rate_words",
]

_RESAMPLES = 2000
_SOURCE = 30


def errors_table(found: Sequence[Case], *, best: bool) -> Table:
    """Make the table of minimum, mean and median errors, and of collapsed networks.

    Parameters
    ----------
    found : sequence of Case
    best : bool
        At the best learning rate of each way, rather than at that of the paper.
    """
    rows = []
    for case in found:
        for way, run in (case.at_best_rate if best else case.at_paper_rate).items():
            rows.append(
                {
                    "Curve": formula(case.target),
                    "Way": f"{way.name}, {run.rate:g}" if best else way.name,
                    "Least": significant(float(run.loss.min())),
                    "Mean [95 %]": _mean(run.loss),
                    "Median [95 %]": with_ends(*map(float, median(run.loss))),
                    "Constant, % [95 %]": rate_words(collapsed(run, "end")),
                }
            )
    at = "the best learning rate of each way" if best else f"a learning rate of {PAPER_RATE:g}"
    return Table(f"Errors at {at}", _once(rows, "Curve"))


def counts_table(found: Sequence[Case]) -> Table:
    """Make the table of how many networks ran, how many diverged, and the least error of 30 of them."""
    rows = [
        {
            "Curve": formula(case.target),
            "Way": run.way.name,
            "Rate": f"{run.rate:g}",
            "Networks": f"{run.ran:,}",
            "Not finite": f"{run.ran - len(run.loss):,}",
            "Least of any 30 [95 %]": _least_of(run.loss),
        }
        for case in found
        for run in case.runs
        if run.ran
    ]
    return Table("Networks, and the least error of any 30 of them", _once(rows, "Curve"))


def _once(rows: Sequence[Mapping[str, str]], name: str) -> pd.DataFrame:
    """Make a frame that names each group of rows in its first one only."""
    frame = pd.DataFrame(rows)
    if len(frame):
        frame.loc[frame[name].eq(frame[name].shift()), name] = ""
    return frame


def _least_of(loss: NDArray[np.float64]) -> str:
    """Write the median least error of 30 networks, with its interval, where there are many times as many."""
    if len(loss) < 10 * _SOURCE:
        return NOTHING
    shares = 1 - (1 - np.array([0.5, 0.025, 0.975])) ** (1 / _SOURCE)
    return with_ends(*np.quantile(loss, shares, method="inverted_cdf").tolist())


def _mean(loss: NDArray[np.float64]) -> str:
    """Write a mean with its interval by the bootstrap, since losses span orders of magnitude."""
    draws = np.random.default_rng(0).integers(0, len(loss), (_RESAMPLES, len(loss)))
    low, high = np.quantile(loss[draws].mean(axis=1), [0.025, 0.975])
    return with_ends(float(loss.mean()), float(low), float(high))


def collapsed(run: Run, stage: str) -> Rate:
    """Give the share of networks that are constant at the `start` or the `end` of training all weights."""
    spread = run.data["spread"].sel(stage=stage).to_numpy()
    known = np.isfinite(spread)
    return wilson(int((spread[known] < CONSTANT).sum()), int(known.sum()))


def held(run: Run, stage: str) -> xr.DataArray:
    """Tell of each network which layers still hold their wave, by ``trial`` and ``wave_layer``.

    Layer k does where one of its units is switched ``2**(k − 1)`` times or more. NaN of layers and networks
    that there are not.
    """
    switches = run.data["switches"].sel(stage=stage)
    holds = switches >= 2.0 ** (switches["wave_layer"] - 1)
    return holds.astype(float).where(switches >= 0)


def rate_words(rate: Rate) -> str:
    """Write a share with its interval, in percent."""
    return intervals(pd.DataFrame({name: [float(value)] for name, value in rate._asdict().items()}))[0]


def pieces_table(found: Sequence[Case]) -> Table:
    """Make the table of pieces before and after training, and of layers that hold their wave."""
    rows = []
    for case in found:
        for way, run in case.at_paper_rate.items():
            pieces = {
                stage: run.data["wave_pieces"].sel(stage=stage).to_numpy() for stage in ("start", "end")
            }
            layers = held(run, "end")
            known = layers.min("wave_layer").dropna("trial").to_numpy()
            rows.append(
                {
                    "Curve": formula(case.target),
                    "Way": way.name,
                    **{f"Pieces at the {stage}": _quartiles(of) for stage, of in pieces.items()},
                    "Layers that hold their wave": _quartiles(
                        layers.sum("wave_layer", min_count=1).to_numpy()
                    ),
                    "All hold it, % [95 %]": rate_words(wilson(int(known.sum()), len(known))),
                    "Constant at the start, % [95 %]": rate_words(collapsed(run, "start")),
                }
            )
    return Table(
        "Pieces of the output, median and quartiles, and what is left of the waves", _once(rows, "Curve")
    )


def _quartiles(values: NDArray[np.floating]) -> str:
    known = values[np.isfinite(values) & (values >= 0)]
    if not len(known):
        return NOTHING
    low, middle, high = (count(float(value)) for value in np.quantile(known, [0.25, 0.5, 0.75]))
    return f"{middle} ({low} to {high})"


def has_pretraining(found: Sequence[Case]) -> bool:
    """Tell whether compositions were trained before all weights."""
    return any(way.pretraining != "none" for case in found for way in case.at_paper_rate)


def pretraining_table(found: Sequence[Case]) -> Table:
    """Make the table of the errors of compositions, and of what all weights then made of them."""
    rows = []
    for case in found:
        for way, run in case.at_paper_rate.items():
            if way.pretraining != "none":
                before = run.data["pretraining_loss"].to_numpy()
                rows.append(
                    {
                        "Curve": formula(case.target),
                        "Way": way.name,
                        "Median after pretraining [95 %]": with_ends(*map(float, median(before))),
                        "Median at the end [95 %]": with_ends(*map(float, median(run.loss))),
                    }
                )
    return Table("Errors before and after all weights are trained", _once(rows, "Curve"))
