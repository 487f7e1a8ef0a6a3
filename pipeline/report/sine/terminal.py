"""What `relusweep show` prints of a sine sweep."""

from __future__ import annotations

from collections.abc import Callable

import xarray as xr

from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.sine.summary import Summary, summarise
from relusweep.pipeline.report.text import count, percent, thousandths
from relusweep.pipeline.report.training.axes import said

__all__ = ["overview"]


def overview(dataset: xr.Dataset) -> list[str | Table]:
    """Give tries, success, errors and pieces by size."""
    summary = summarise(dataset)
    sizes = summary.by_size
    return [
        *(_tries(summary) if summary.has_tries else []),
        _by_size(sizes["loss"], "Final mean squared error in thousandths, median", thousandths),
        _by_size(sizes["least_loss"], "Final mean squared error in thousandths, least", thousandths),
        *([_by_size(sizes["pieces"], "Linear pieces, median", count)] if "pieces" in sizes else []),
    ]


def _tries(summary: Summary) -> list[Table]:
    sizes, bar = summary.by_size, said(summary.networks, "bar")
    apart = max(float(abs(sizes[end] - sizes["rate"]).max()) for end in ("low", "high"))
    about = f"95 % intervals reach at most {100 * apart:.1f} from them" if apart >= 0 else "none has run"
    return [
        _by_size(
            sizes["tries"], f"Tries, median over the trials ({summary.most_tries:,} are the most)", count
        ),
        _by_size(sizes["most_tries"], "Tries, most of any trial", count),
        _by_size(sizes["rate"], f"Met the bar of {bar}, % ({about})", percent),
    ]


def _by_size(values: xr.DataArray, title: str, write: Callable[[float], str]) -> Table:
    frame = values.transpose("width", "depth").to_pandas().map(write).add_prefix("depth ")
    return Table(title, frame.reset_index())
