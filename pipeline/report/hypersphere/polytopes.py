"""The two polytopes that n + 1 units can close around a ball, compared by dimension, whatever was trained."""

from __future__ import annotations

from functools import partial
from math import e, sqrt
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

__all__ = ["polytope_figures", "polytope_table", "polytopes"]

_DIMENSIONS = range(2, 17)
_BUILT = range(2, 7)
_POLYTOPES = {
    "hyperoctahedron": (hyperoctahedron_inradius, hyperoctahedron),
    "expanded simplex": (expanded_simplex_inradius, expanded_simplex),
}


def polytope_figures() -> pd.DataFrame:
    """Compare the two by dimension: by closed forms, and by polytopes built where that is quick.

    Returns
    -------
    pandas.DataFrame
        Indexed by dimension. For each polytope ``<name>``, circumradius over inradius by the closed form, and
        ``<name>, built``, the same of the one built (NaN where none is built); ``gaps``, volume between the
        spheres in and around the hyperoctahedron over that of the expanded simplex of the same inradius.
    """
    figures = pd.DataFrame({"gaps": map(gap_volume_ratio, _DIMENSIONS)}, index=_DIMENSIONS)
    for name, (inradius, build) in _POLYTOPES.items():
        figures[name] = [1 / inradius(n) for n in _DIMENSIONS]
        built = {n: polytope.circumradius / polytope.inradius for n in _BUILT for polytope in [build(n)]}
        figures[f"{name}, built"] = pd.Series(built)
    return figures


def polytopes(figures: pd.DataFrame) -> Picture:
    """Make the picture of how well the polytopes fit between ball and shell."""
    return Picture(
        name="polytopes",
        alt="Circumradius over inradius of the two polytopes against the dimension: the root of n for the "
        "hyperoctahedron, about the root of n/2 for the expanded simplex. And the ratio of the volumes of "
        "their gaps, which grows as 2 to the n/2.",
        caption=(
            "Left: circumradius over inradius of the two polytopes that n + 1 units can close around a ball: "
            "the smaller, the narrower the gap they fit into. Lines: closed forms. Marks: polytopes built "
            f"from their vertices by convex hull, to n = {max(_BUILT)}. The shell of this sweep begins where "
            "the hyperoctahedron just fits. Right: volume between the sphere in and the sphere around the "
            "hyperoctahedron, over that of the expanded simplex of the same inradius, logarithmic; "
            "dashed: what it tends to, 2 to the power n/2, over the root of e."
        ),
        draw=partial(_draw_polytopes, figures),
    )


def _draw_polytopes(figures: pd.DataFrame, theme: Theme) -> Figure:
    drawing = figure(9.2, 3.6)
    ratios, gaps = drawing.subplots(1, 2)
    for name, colour, marker in zip(_POLYTOPES, theme.series, MARKERS, strict=False):
        ratios.plot(figures.index, figures[name], color=colour, linewidth=1.4, label=f"{name}, closed form")
        built = figures[f"{name}, built"]
        ratios.plot(built.index, built, marker, color=colour, markersize=5.5, label=f"{name}, built")
    ratios.set_title("circumradius / inradius")
    ratios.legend(loc="upper left")
    gaps.semilogy(figures.index, figures["gaps"], "-o", color=theme.series[0], markersize=4)
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


def polytope_table(figures: pd.DataFrame) -> Table:
    """Make the table of the polytopes by dimension."""
    cells: dict[str, Any] = {"Dimension": figures.index.map(str)}
    for name in _POLYTOPES:
        title = f"{name.capitalize()}: circumradius / inradius"
        cells[title] = figures[name].map("{:.6f}".format)
        cells[f"{title}, built"] = figures[f"{name}, built"].map("{:.6f}".format, na_action="ignore")
    cells["Ratio of the gaps' volumes"] = figures["gaps"].map("{:,.4g}".format)
    cells["Over its limit"] = (figures["gaps"] / _limit(figures.index)).map("{:.4f}".format)
    return Table("The two polytopes", pd.DataFrame(cells).fillna(NOTHING))
