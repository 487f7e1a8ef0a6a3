"""The tables of the page and of the terminal: what is shown, cell by cell, as text."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import xarray as xr

from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.sine.summary import Fit, Summary, summarise
from relusweep.pipeline.report.text import count, intervals, percent, thousandths

__all__ = ["overview", "pieces_table", "size_table"]


def overview(dataset: xr.Dataset) -> list[str | Table]:
    """Give tries, success, errors and pieces by size."""
    summary = summarise(dataset)
    sizes, most = summary.by_size, summary.sweep.restarts.most + 1
    apart = max(float(abs(sizes[end] - sizes["rate"]).max()) for end in ("low", "high"))
    about = f"95 % intervals reach at most {100 * apart:.1f} from them" if apart >= 0 else "none has run"
    return [
        _by_size(sizes["tries"], f"Tries, median over the trials ({most:,} are the most)", count),
        _by_size(sizes["most_tries"], "Tries, most of any trial", count),
        _by_size(sizes["rate"], f"Met the bar of {summary.sweep.restarts.bar:g}, % ({about})", percent),
        _by_size(sizes["loss"], "Final mean squared error in thousandths, median", thousandths),
        _by_size(sizes["least_loss"], "Final mean squared error in thousandths, least", thousandths),
        _by_size(sizes["pieces"], "Linear pieces, median", count),
    ]


def _by_size(values: xr.DataArray, title: str, write: Callable[[float], str]) -> Table:
    frame = values.transpose("width", "depth").to_pandas().map(write).add_prefix("depth ")
    return Table(title, frame.reset_index())


def size_table(summary: Summary) -> Table:
    """Make the table of everything per size: the numbers of the maps, with ranges and intervals."""
    frame = summary.by_size.to_dataframe(["width", "depth"]).reset_index()

    def spread(name: str, write: Callable[[float], str]) -> pd.Series:
        middle, least, most = (frame[f"{prefix}{name}"].map(write) for prefix in ("", "least_", "most_"))
        return middle + " (" + least + " to " + most + ")"

    cells = {
        "Width": frame["width"].map(str),
        "Depth": frame["depth"].map(str),
        "Networks": frame["networks"].map("{:,}".format),
        "Met the bar, % [95 %]": intervals(frame),
        "Tries: median (range)": spread("tries", count),
        "Final error, thousandths: median (range)": spread("loss", thousandths),
        "Pieces: median (range)": spread("pieces", count),
    }
    return Table("Everything by size", pd.DataFrame(cells))


def pieces_table(fit: Fit) -> Table:
    """Make the table of the pieces of a network, from left to right."""
    frame = fit.pieces.to_dataframe()
    cells = {
        "Piece": [f"{place}" for place in range(1, len(frame) + 1)],
        "From": frame["piece_start"].map("{:.6f}".format),
        "To": frame["piece_stop"].map("{:.6f}".format),
        "Slope": frame["slope"].map("{:.6f}".format),
        "Intercept": frame["intercept"].map("{:.6f}".format),
    }
    more = f", the first {len(frame)} of {fit.n_pieces:,} pieces" if len(frame) < fit.n_pieces else ""
    title = f"Width {fit.width}, depth {fit.depth}, trial {fit.trial}{more}: error {thousandths(fit.loss)}"
    return Table(title, pd.DataFrame(cells))
