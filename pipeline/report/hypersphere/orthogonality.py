"""How orthogonal random directions are, by the dimension, whatever was trained."""

from __future__ import annotations

from functools import partial
from math import lgamma, pi, sqrt
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.theme import MARKERS, Picture, Theme, figure
from relusweep.tasks.hypersphere.orthogonality import random_cosines

__all__ = ["cosine_figures", "cosine_table", "cosines"]

_DIMENSIONS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
_TRIALS = 100


def cosine_figures(seed: int) -> pd.DataFrame:
    """Compare n random directions of n dimensions with one another, 100 times.

    Returns
    -------
    pandas.DataFrame
        Indexed by dimension: average over the trials of the mean and the maximum of |cosine|, with their 5 %
        and 95 % quantiles; and ``expected``, the mean of one pair in closed form.
    """
    rows = []
    for n in _DIMENSIONS:
        found = random_cosines(n, seed, range(_TRIALS))._asdict()
        row = {"expected": np.exp(lgamma(n / 2) - lgamma((n + 1) / 2)) / sqrt(pi)}
        for name, values in found.items():
            low, high = np.quantile(values, [0.05, 0.95])
            row |= {name: values.mean(), f"{name}, low": low, f"{name}, high": high}
        rows.append(row)
    return pd.DataFrame(rows, index=_DIMENSIONS)


def cosines(figures: pd.DataFrame) -> Picture:
    """Make the picture of the cosines between random directions."""
    return Picture(
        name="orthogonality",
        alt="Mean and maximum of the absolute cosine between random directions against the dimension: both "
        "fall, so that directions become nearly orthogonal.",
        caption=(
            "Absolute cosines of the angles between all pairs of n random directions (vectors of independent "
            "normal numbers) in n dimensions: the mean and the maximum over the pairs. Dots: average over "
            f"{_TRIALS} trials; bands: from the 5 % to the 95 % quantile of the trials; dashed: the mean in "
            "closed form, Γ(n/2) / (√π Γ((n + 1)/2)). Logarithmic scale across."
        ),
        draw=partial(_draw_cosines, figures),
    )


def _draw_cosines(figures: pd.DataFrame, theme: Theme) -> Figure:
    drawing = figure(5.7, 3.4)
    axis = drawing.subplots()
    names = {"maximum": "maximum over pairs", "mean": "mean over pairs"}
    for (name, words), colour, marker in zip(names.items(), theme.series[1::-1], MARKERS, strict=False):
        low, high = (figures[f"{name}, {end}"] for end in ("low", "high"))
        axis.fill_between(figures.index, low, high, color=colour, alpha=0.2, linewidth=0)
        axis.plot(figures.index, figures[name], f"-{marker}", color=colour, markersize=4.5, label=words)
    axis.plot(
        figures.index, figures["expected"], "--", color=theme.ink, linewidth=1, label="mean, closed form"
    )
    axis.set_xscale("log", base=2)
    axis.set_xticks(figures.index, labels=figures.index.map(str))
    axis.tick_params(which="minor", bottom=False)
    axis.set(xlabel="dimension n", ylabel="|cosine|", ylim=(0, 1))
    axis.grid(visible=True, axis="y")
    axis.legend(loc="upper right")
    return drawing


def cosine_table(figures: pd.DataFrame) -> Table:
    """Make the table of the cosines by dimension."""
    cells: dict[str, Any] = {"Dimension": figures.index.map(str)}
    for name in ("mean", "maximum"):
        cells[f"{name.capitalize()} over pairs: average [5 %, 95 %]"] = [
            f"{average:.4f} [{low:.4f}, {high:.4f}]"
            for average, low, high in figures[[name, f"{name}, low", f"{name}, high"]].to_numpy()
        ]
    cells["Mean, closed form"] = figures["expected"].map("{:.4f}".format)
    return Table(f"|Cosine| between n random directions, {_TRIALS} trials", pd.DataFrame(cells))
