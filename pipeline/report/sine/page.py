"""What the page of a sine sweep says."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr

from relusweep.pipeline.common.wording import counted
from relusweep.pipeline.report.content import Block, Content, Folded, KeyFigure, Section
from relusweep.pipeline.report.sine.fits import fits
from relusweep.pipeline.report.sine.maps import errors, pieces, success, tries
from relusweep.pipeline.report.sine.summary import Summary, summarise
from relusweep.pipeline.report.sine.tables import pieces_table, size_table
from relusweep.pipeline.report.text import NOTHING, enumeration, leak_name, percent, span
from relusweep.pipeline.report.training.axes import labels, said

__all__ = ["content"]

_READ_PIECES = (
    "From one end of a piece to the other the network is slope · x + intercept. The store has the pieces of "
    "every network, and its weights and biases: how to read them is said at the end, under Open the data."
)
_TRIES = "How many tries does a small network need to begin to fit the sine?"
_FITS = "How well do small networks fit the sine?"
_NUMBERS = "The numbers of all maps by size, with ranges and intervals"
_MET, _LEAST = "Met the bar", "Least final error"
_SHOWN_TABLES = 3


def content(dataset: xr.Dataset) -> Content:
    """Give what the page of a sine sweep says.

    Parameters
    ----------
    dataset : xarray.Dataset
        A group such as ``sine/sine``, or a selection from it with dims ``width``, ``depth`` and ``trial``.
    """
    summary = summarise(dataset)
    return Content(
        subject="fits of the sine",
        heading=_TRIES if summary.has_tries else _FITS,
        lead=_lead(summary),
        borrowed="Task and protocol",
        chapter="section 5.3",
        key_figures=_key_figures(summary),
        sections=[
            *([Section("Tries by width and depth", _on_tries(summary))] if summary.has_tries else []),
            Section("How well they fit at the end", _on_fits(summary)),
            *(
                [Section("The pieces of the fits", _on_pieces(summary))]
                if "pieces" in summary.by_size
                else []
            ),
        ],
        questions=_questions(summary),
    )


def _lead(summary: Summary) -> str:
    """Say in a few sentences what was trained on what."""
    data = summary.networks
    widths, depths = (span(data[dim].to_numpy()) for dim in ("width", "depth"))
    leaks = enumeration([leak_name(leak) for leak in labels(data, "leak")])
    rate, epochs, bar, more = (
        said(data, name) for name in ("learning_rate", "epochs", "bar", "further_epochs")
    )
    trained = (
        f"{leaks} networks of width {widths} and depth {depths}, {len(labels(data, 'trial'))} of each size, "
        f"trained on {summary.points:,} uniformly spaced points of [\N{MINUS SIGN}π, π], both ends among "
        f"them: mean squared error, learning rate {rate}, {epochs} epochs."
    )
    if not summary.has_tries:
        return trained
    return (
        f"{trained} A network whose error is then above {bar} (the zero function has almost 0.5) starts "
        f"again from fresh weights, up to {summary.most_tries - 1:,} times. All are then trained for {more} "
        "more epochs."
    )


def _key_figures(summary: Summary) -> list[KeyFigure]:
    """Give the success of all, the sizes that always failed, and the best fit."""
    sizes, ran = summary.by_size, int((summary.by_size["networks"] > 0).sum())
    if not ran:
        return [KeyFigure(_MET if summary.has_tries else _LEAST, NOTHING, "no network has run")]
    best = sizes["least_loss"].to_series().nsmallest(1).reset_index()
    return [
        *(_met(summary, ran) if summary.has_tries else []),
        *(
            KeyFigure(_LEAST, f"{loss:.2g}", f"mean squared, at width {width} and depth {depth}")
            for width, depth, loss in best.itertuples(index=False)
        ),
    ]


def _met(summary: Summary, ran: int) -> list[KeyFigure]:
    rate, low, high = (float(summary.over_all[name]) for name in ("rate", "low", "high"))
    spread = f"over all sizes; 95 %: {100 * low:.2f} to {100 * high:.2f}"
    never = int((summary.by_size["rate"] == 0).sum())
    return [
        KeyFigure(_MET, f"{percent(rate)} %", spread),
        KeyFigure("Sizes that never did", f"{never}", f"of {ran} that ran"),
    ]


def _on_tries(summary: Summary) -> list[Block]:
    return [tries(summary), _never(summary), success(summary), Folded(_NUMBERS, [size_table(summary)])]


def _on_fits(summary: Summary) -> list[Block]:
    numbers = [] if summary.has_tries else [Folded(_NUMBERS, [size_table(summary)])]
    return [errors(summary), *_lost(summary), *numbers]


def _never(summary: Summary) -> str:
    """Name the sizes of which no network met the bar."""
    rates = summary.by_size["rate"].to_series()
    never = [f"{width} by {depth}" for width, depth in rates.index[rates == 0]]
    if never:
        return f"Sizes (width by depth) of which no network met the bar: {enumeration(never)}."
    return "At every size that has run, some network met the bar."


def _lost(summary: Summary) -> list[str]:
    """Say how many networks got worse again, where there are any."""
    if not summary.fallen:
        return []
    return [f"Above the bar at the end, though a try had met it: {counted(summary.fallen, 'network')}."]


def _on_pieces(summary: Summary) -> Sequence[Block]:
    picture = fits(summary)
    if picture is None:
        return ["There is no network yet that has any."]
    tables = [pieces_table(fit) for fit in summary.fits]
    shown, others = tables[:_SHOWN_TABLES], tables[_SHOWN_TABLES:]
    folded = [Folded("Pieces of the other networks of the figure", others)] if others else []
    return [pieces(summary), picture, _READ_PIECES, *shown, *folded]


def _questions(summary: Summary) -> list[str]:
    if not summary.fits:
        return list(Content.questions)
    width, depth, trial = summary.fits[-1][:3]
    return [
        *(
            ['results["tries"].median("trial").to_pandas()   # by width and depth']
            if summary.has_tries
            else []
        ),
        'results.sweep.success_rate("trial")            # rate, low, high per size (95 % Wilson)',
        f"one = results.sel(width={width}, depth={depth}, trial={trial})",
        'one[["piece_start", "piece_stop", "slope", "intercept"]].dropna("piece").to_dataframe()',
    ]
