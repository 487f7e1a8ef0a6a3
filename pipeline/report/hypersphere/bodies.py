"""What geometry says, whatever was trained: the two bodies, and how orthogonal random directions are."""

from __future__ import annotations

from functools import partial
from math import e, lgamma, pi, sqrt
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.text import NOTHING
from relusweep.pipeline.report.theme import MARKERS, Picture, Theme, figure
from relusweep.tasks.hypersphere.geometry import (
    expanded_simplex,
    expanded_simplex_inradius,
    gap_volume_ratio,
    hyperoctahedron,
    hyperoctahedron_inradius,
)
from relusweep.tasks.hypersphere.orthogonality import random_cosines

__all__ = ["bodies", "body_figures", "body_table", "cosine_figures", "cosine_table", "cosines"]

_DIMENSIONS = range(2, 17)
_BUILT = range(2, 7)
_DIRECTIONS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
_TRIALS = 100
_BODIES = {
    "hyperoctahedron": (hyperoctahedron_inradius, hyperoctahedron),
    "expanded simplex": (expanded_simplex_inradius, expanded_simplex),
}


def body_figures() -> pd.DataFrame:
    """Compare the bodies by dimension: closed forms, and polytopes built where that takes a moment.

    Returns
    -------
    pandas.DataFrame
        Indexed by dimension. For each body ``<body>``, circumradius over inradius by the closed form, and
        ``<body>, built``, the same of the polytope (NaN where none is built); ``gaps``, volume between the
        spheres in and around the hyperoctahedron over that of the expanded simplex of the same inradius.
    """
    figures = pd.DataFrame({"gaps": map(gap_volume_ratio, _DIMENSIONS)}, index=_DIMENSIONS)
    for name, (inradius, build) in _BODIES.items():
        figures[name] = [1 / inradius(n) for n in _DIMENSIONS]
        built = {n: body.circumradius / body.inradius for n in _BUILT for body in [build(n)]}
        figures[f"{name}, built"] = pd.Series(built)
    return figures


def bodies(figures: pd.DataFrame) -> Picture:
    """Make the picture of how well the bodies fit between ball and shell."""
    return Picture(
        name="bodies",
        alt="Circumradius over inradius of the two bodies against the dimension: the root of n for the "
        "hyperoctahedron, about the root of n/2 for the expanded simplex. And the ratio of the volumes of "
        "their gaps, which grows as 2 to the n/2.",
        caption=(
            "Left: circumradius over inradius of the two bodies that n + 1 units can close around a ball: "
            "the smaller, the narrower the gap they fit into. Lines: closed forms. Marks: polytopes built "
            f"from their vertices by convex hull, to n = {max(_BUILT)}. The shell of this sweep begins where "
            "the hyperoctahedron just fits. Right: volume between the sphere in and the sphere around the "
            "hyperoctahedron, over that of the expanded simplex of the same inradius, logarithmic; "
            "dashed: what it tends to, 2 to the power n/2, over the root of e."
        ),
        draw=partial(_draw_bodies, figures),
    )


def _draw_bodies(figures: pd.DataFrame, theme: Theme) -> Figure:
    drawing = figure(9.2, 3.6)
    ratios, gaps = drawing.subplots(1, 2)
    for name, colour, marker in zip(_BODIES, theme.leaks, MARKERS, strict=False):
        ratios.plot(figures.index, figures[name], color=colour, linewidth=1.4, label=f"{name}, closed form")
        built = figures[f"{name}, built"]
        ratios.plot(built.index, built, marker, color=colour, markersize=5.5, label=f"{name}, built")
    ratios.set_title("circumradius / inradius")
    ratios.legend(loc="upper left")
    gaps.semilogy(figures.index, figures["gaps"], "-o", color=theme.leaks[0], markersize=4)
    gaps.semilogy(figures.index, _limit(figures.index), "--", color=theme.muted, linewidth=1.2)
    gaps.set_title("ratio of the volumes of the gaps")
    gaps.tick_params(which="minor", left=False)
    for axis in (ratios, gaps):
        axis.set_xlabel("dimension n")
        axis.set_xticks(range(2, max(_DIMENSIONS) + 1, 2))
        axis.grid(visible=True, axis="y")
    return drawing


def _limit(dimensions: pd.Index) -> np.ndarray:
    return np.asarray(np.exp2(dimensions.to_numpy() / 2) / sqrt(e))


def body_table(figures: pd.DataFrame) -> Table:
    """Make the table of the bodies by dimension."""
    cells: dict[str, Any] = {"Dimension": figures.index.map(str)}
    for name in _BODIES:
        title = f"{name.capitalize()}: circumradius / inradius"
        cells[title] = figures[name].map("{:.6f}".format)
        cells[f"{title}, built"] = figures[f"{name}, built"].map("{:.6f}".format, na_action="ignore")
    cells["Ratio of the gaps' volumes"] = figures["gaps"].map("{:,.4g}".format)
    cells["Over its limit"] = (figures["gaps"] / _limit(figures.index)).map("{:.4f}".format)
    return Table("The two bodies", pd.DataFrame(cells).fillna(NOTHING))


def cosine_figures(seed: int) -> pd.DataFrame:
    """Compare n random directions of n dimensions with one another, 100 times.

    Returns
    -------
    pandas.DataFrame
        Indexed by dimension: average over the trials of the mean and the maximum of |cosine|, with their 5 %
        and 95 % quantiles; and ``expected``, the mean of one pair in closed form.
    """
    rows = []
    for n in _DIRECTIONS:
        found = random_cosines(n, seed, range(_TRIALS))._asdict()
        row = {"expected": np.exp(lgamma(n / 2) - lgamma((n + 1) / 2)) / sqrt(pi)}
        for name, values in found.items():
            low, high = np.quantile(values, [0.05, 0.95])
            row |= {name: values.mean(), f"{name}, low": low, f"{name}, high": high}
        rows.append(row)
    return pd.DataFrame(rows, index=_DIRECTIONS)


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
    drawing = figure(6.4, 3.6)
    axis = drawing.subplots()
    names = {"maximum": "maximum over pairs", "mean": "mean over pairs"}
    for (name, words), colour, marker in zip(names.items(), theme.leaks[1::-1], MARKERS, strict=False):
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
