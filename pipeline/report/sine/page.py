"""What the page of a sine sweep says."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr

from relusweep.pipeline.common.wording import counted
from relusweep.pipeline.report.content import Block, Content, Folded, KeyFigure, Section
from relusweep.pipeline.report.marginal_rates import marginal_table
from relusweep.pipeline.report.scale import less_than_named
from relusweep.pipeline.report.sine.fits import fits
from relusweep.pipeline.report.sine.maps import errors, pieces, success, tries
from relusweep.pipeline.report.sine.summary import Summary, summarise
from relusweep.pipeline.report.sine.tables import pieces_table, size_table
from relusweep.pipeline.report.text import NOTHING, enumeration, leak_name, percent, span

__all__ = ["content"]

_READ_PIECES = (
    "From one end of a piece to the other the network is slope · x + intercept. The store has the pieces of "
    "every network, and its weights and biases: how to read them is said at the end, under Open the data."
)
_SHOWN_TABLES = 3


def content(dataset: xr.Dataset) -> Content:
    """Give what the page of a sine sweep says.

    Parameters
    ----------
    dataset : xarray.Dataset
        A group such as ``sine/sine``, or a selection from it with dims ``width``, ``depth`` and ``trial``.

    Raises
    ------
    ValueError
        A dim is missing, or the specification is none of a sine sweep.
    """
    summary = summarise(dataset)
    return Content(
        subject="fits of the sine",
        heading="How many tries does a small network need to begin to fit the sine?",
        lead=_lead(summary),
        borrowed="Task and protocol",
        chapter="section 5.3",
        key_figures=_key_figures(summary),
        smaller=less_than_named(dataset, {}),
        sections=[
            Section("Tries by width and depth", _on_tries(dataset, summary)),
            Section("How well they fit at the end", [errors(summary), *_lost(summary)]),
            Section("The pieces of the fits", _on_pieces(summary)),
        ],
        questions=_questions(summary),
    )


def _lead(summary: Summary) -> str:
    """Say in a few sentences what was trained on what."""
    sweep, rule = summary.sweep, summary.sweep.restarts
    widths, depths = (span(summary.networks[dim].to_numpy()) for dim in ("width", "depth"))
    trials = summary.networks.sizes["trial"]
    return (
        f"{leak_name(sweep.leak)} networks of width {widths} and depth {depths}, {trials} of each size, "
        f"trained on {sweep.points:,} uniformly spaced points of [\N{MINUS SIGN}π, π], both ends among them: "
        "mean squared error, gradient descent on all points at once at rate "
        f"{sweep.optimizer.learning_rate:g}. A network whose error is above {rule.bar:g} after "
        f"{sweep.epochs:,} epochs (the zero function has almost 0.5) starts again from fresh weights, up to "
        f"{rule.most:,} times. All are then trained for {rule.further_epochs:,} more epochs."
    )


def _key_figures(summary: Summary) -> list[KeyFigure]:
    """Give the success of all, the sizes that always failed, and the best fit."""
    rate, low, high = (float(summary.over_all[name]) for name in ("rate", "low", "high"))
    if not rate >= 0:
        return [KeyFigure("Met the bar", NOTHING, "no network has run")]
    sizes = summary.by_size
    never, ran = int((sizes["rate"] == 0).sum()), int((sizes["networks"] > 0).sum())
    spread = f"over all sizes; 95 %: {100 * low:.2f} to {100 * high:.2f}"
    best = sizes["least_loss"].to_series().nsmallest(1).reset_index()
    return [
        KeyFigure("Met the bar", f"{percent(rate)} %", spread),
        KeyFigure("Sizes that never did", f"{never}", f"of {ran} that ran"),
        *(
            KeyFigure("Least final error", f"{loss:.2g}", f"mean squared, at width {width} and depth {depth}")
            for width, depth, loss in best.itertuples(index=False)
        ),
    ]


def _on_tries(dataset: xr.Dataset, summary: Summary) -> list[Block]:
    return [
        tries(summary),
        _never(summary),
        success(summary),
        marginal_table(dataset),
        Folded("The numbers of all maps by size, with ranges and intervals", [size_table(summary)]),
    ]


def _never(summary: Summary) -> str:
    """Name the sizes of which no network met the bar."""
    rates = summary.by_size["rate"].to_series()
    never = [f"{width} by {depth}" for width, depth in rates.index[rates == 0]]
    if never:
        return f"Sizes (width by depth) of which no network met the bar: {enumeration(never)}."
    return "At every size that has run, some network met the bar."


def _lost(summary: Summary) -> list[str]:
    """Say how many networks got worse again, where there are any."""
    sentences = [
        (summary.fallen, "Above the bar at the end, though a try had met it"),
        (summary.blown, "Ended with outputs that are not finite, and so without error and pieces"),
    ]
    return [f"{what}: {counted(many, 'network')}." for many, what in sentences if many]


def _on_pieces(summary: Summary) -> Sequence[Block]:
    picture = fits(summary)
    if picture is None:
        return ["There is no network yet that has any."]
    tables = [pieces_table(fit) for fit in summary.fits]
    shown, others = tables[:_SHOWN_TABLES], tables[_SHOWN_TABLES:]
    folded = [Folded("Pieces of the other networks of the figure", others)] if others else []
    return [pieces(summary), picture, _READ_PIECES, *shown, *folded]


def _questions(summary: Summary) -> list[str]:
    width, depth, trial = summary.sweep.width[0], summary.sweep.depth[0], 0
    if summary.fits:
        width, depth, trial = summary.fits[-1][:3]
    return [
        'results["tries"].median("trial").to_pandas()   # by width and depth',
        'results.sweep.success_rate("trial")            # rate, low, high per size (95 % Wilson)',
        f"one = results.sel(width={width}, depth={depth}, trial={trial})",
        'one[["piece_start", "piece_stop", "slope", "intercept"]].dropna("piece").to_dataframe()',
    ]
