"""Each measure of a function against how well networks learn it."""

from __future__ import annotations

from functools import partial
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from relusweep.pipeline.report.functions.summary import MEASURES, Summary, correlation, family_name
from relusweep.pipeline.report.text import signed
from relusweep.pipeline.report.theme import MARKERS, Picture, Theme, figure

__all__ = ["scatter_plots"]

_JITTER = 0.25  # of degrees, which are whole numbers


class _Success(NamedTuple):
    """A variable of `Summary.by_function`, and how it is drawn.

    Attributes
    ----------
    name, what, meaning : str
        Of the variable, in a word or two, and in a sentence.
    scale : int
        What the values are multiplied by.
    shared : bool or 'row'
        Among which panels the axis is the same.
    """

    name: str
    what: str
    meaning: str
    scale: int = 100
    shared: bool | Literal["row"] = True

    @property
    def label(self) -> str:
        return f"{self.what} (%)" if self.scale == 100 else self.what


_ALL = (
    _Success(
        "share",
        "rows right",
        "the percentage of its rows on the right side of zero at the end of training, mean over all its "
        "networks. Guessing would get half of them right",
    ),
    _Success(
        "rate",
        "success",
        "the percentage of its networks, of all sizes and trials, that classified all inputs correctly at "
        "some epoch",
    ),
    _Success(
        "epochs",
        "epochs",
        "the epochs before success, mean over those of its networks that succeeded, so that a function that "
        "none learned has no point. Each row has its own scale",
        scale=1,
        shared="row",
    ),
)


def scatter_plots(summary: Summary) -> list[Picture]:
    """Make the pictures of rows right, success and epochs against the measures; none of a few functions."""
    if not summary.has_many_functions:
        return []
    return [
        Picture(
            name=f"measures-{of.what.replace(' ', '-')}",
            alt=f"Scatter plots of {of.what} against degree, influence and spectral entropy. "
            f"{_in_words(summary, of)}",
            caption=_caption(summary, of),
            draw=partial(_draw, summary, of),
        )
        for of in _ALL
    ]


def _in_words(summary: Summary, of: _Success) -> str:
    sentences = []
    for n in summary.data["n_inputs"].values:
        functions = summary.by_function.sel(n_inputs=n)
        related = (f"{measure} {_related(functions, measure, of)}" for measure in MEASURES)
        sentences.append(f"{n} inputs, rank correlations: {', '.join(related)}.")
    return " ".join(sentences)


def _related(functions: xr.Dataset, measure: str, of: _Success) -> str:
    return signed(correlation(functions, measure, of.name))


def _caption(summary: Summary, of: _Success) -> str:
    text = (
        f"One point per function, a row of panels per number of inputs: {of.meaning}. Degrees are spread "
        "sideways to be visible. Over each panel, Spearman's rank correlation over the functions shown, of "
        "every kind together; a dash where all are equal."
    )
    if not summary.complete:
        text += " Not all networks have run: functions may be compared over different sizes and trials."
    return text


def _draw(summary: Summary, of: _Success, theme: Theme) -> Figure:
    inputs = summary.data["n_inputs"].values
    drawing = figure(10, 2.3 * len(inputs) + 1)
    axes = drawing.subplots(len(inputs), len(MEASURES), squeeze=False, sharey=of.shared)
    for row, n in zip(axes, inputs, strict=True):
        functions = summary.by_function.sel(n_inputs=n)
        count = int(functions[of.name].notnull().sum())
        for axis, measure in zip(row, MEASURES, strict=True):
            _draw_panel(axis, functions, measure, of, summary.families, theme)
            words = f"rank correlation {_related(functions, measure, of)}, {count:,} functions"
            axis.set_title(words, loc="right", fontsize=8, color=theme.muted)
        row[0].set_title(f"{n} inputs")
        row[0].set_ylabel(of.label)
    for axis, label in zip(axes[-1], MEASURES.values(), strict=True):
        axis.set_xlabel(label)
    handles = [
        Line2D([], [], color=colour, marker=marker, linestyle="", label=family_name(family))
        for family, colour, marker in zip(summary.families, theme.series, MARKERS, strict=False)
    ]
    drawing.legend(handles=handles, loc="outside upper left", ncols=len(handles), handletextpad=0.2)
    return drawing


def _draw_panel(
    axis: Axes, functions: xr.Dataset, measure: str, of: _Success, families: list[str], theme: Theme
) -> None:
    random = np.random.default_rng(0)
    for family, colour, marker in zip(families, theme.series, MARKERS, strict=False):
        part = functions.isel(problem=(functions["family"] == family).values)
        alone = part.sizes["problem"] == 1
        spread = 0 if alone or measure != "degree" else _JITTER
        axis.scatter(
            part[measure] + spread * random.uniform(-1, 1, part.sizes["problem"]),
            of.scale * part[of.name],
            s=60 if alone else 12,
            marker=marker,
            color=colour,
            alpha=1 if alone else 0.5,
            linewidths=0,
            zorder=3 if alone else 2,
            rasterized=True,  # thousands of points make a page of many megabytes
        )
    axis.grid(visible=True, axis="y")
    axis.tick_params(length=0)
    axis.set_axisbelow(True)
