"""The tables of the page: what is shown, cell by cell, as text."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.sine.summary import Fit, Summary
from relusweep.pipeline.report.text import count, intervals, thousandths

__all__ = ["pieces_table", "size_table"]


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
        **({"Met the bar, % [95 %]": intervals(frame)} if summary.has_tries else {}),
        **({"Tries: median (range)": spread("tries", count)} if summary.has_tries else {}),
        "Final error, thousandths: median (range)": spread("loss", thousandths),
        **({"Pieces: median (range)": spread("pieces", count)} if "pieces" in frame else {}),
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
