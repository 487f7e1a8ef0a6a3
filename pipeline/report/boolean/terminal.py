"""What the terminal shows of a Boolean sweep, in lines narrow enough for it."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import xarray as xr

from relusweep.pipeline.common.queries import hardest, minimum_width, success_rate
from relusweep.pipeline.report.boolean.summary import by_swaps
from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.text import percent

__all__ = ["overview"]

_MOST_CLASSES = 10


def overview(dataset: xr.Dataset) -> list[str | Table]:
    """Give success rates by size and by swaps, the hardest classes and the least widths that learn them."""
    rates = success_rate(dataset, ["problem", "trial"]).compute()
    by_class = success_rate(dataset, ["width", "depth", "trial"])["rate"].compute()
    leaks = dataset["leak"].values
    return [
        *(_success(rates.sel(leak=leak), leak) for leak in leaks),
        *(_by_swaps(dataset, by_class.sel(leak=leak), leak) for leak in leaks),
        _most_swaps(dataset),
        _hardest(dataset),
        *_least_widths(dataset),
    ]


def _success(rates: xr.Dataset, leak: float) -> Table:
    apart = max(float(abs(rates[end] - rates["rate"]).max()) for end in ("low", "high"))
    about = f"95 % intervals reach at most {100 * apart:.1f} from them" if apart >= 0 else "none has run"
    depths = {
        f"depth {depth}": [*map(_percent, rates["rate"].sel(depth=depth).values)]
        for depth in rates["depth"].values
    }
    cells = {"width": rates["width"].values, **depths}
    return Table(f"Learned with leak {leak:g}, % ({about})", pd.DataFrame(cells))


def _percent(rate: float) -> str:
    return percent(rate) if rate >= 0 else "not run"


def _by_swaps(dataset: xr.Dataset, rate: xr.DataArray, leak: float) -> Table:
    levels = by_swaps(dataset, rate)
    rates = levels[["mean", "least", "low", "median", "high"]].map(percent)
    cells = rates.rename(columns={"low": "5 %", "high": "95 %"})
    cells.insert(0, "classes", levels["classes"].map("{:,}".format))
    title = f"Learned by swaps, leak {leak:g}, % of the networks of a class"
    return Table(title, cells.reset_index(names="swaps"))


def _most_swaps(dataset: xr.Dataset) -> str:
    most = int(dataset["swaps"].max())
    ids = dataset["problem"].values[dataset["swaps"].values == most].tolist()
    more = f" and {len(ids) - _MOST_CLASSES:,} more" if len(ids) > _MOST_CLASSES else ""
    return f"Classes of most swaps, {most}: {', '.join(map(str, ids[:_MOST_CLASSES]))}{more}"


def _hardest(dataset: xr.Dataset) -> Table:
    counted = hardest(dataset, _MOST_CLASSES)
    known = dataset[["truth_table", "swaps"]].sel(problem=counted["problem"].to_numpy())
    cells = {
        "leak": counted["leak"].map("{:g}".format),
        "class": counted["problem"],
        "truth table": known["truth_table"].values,
        "swaps": known["swaps"].values,
        "sizes": counted["count"],
    }
    title = "Hardest classes, by the sizes where they are within one point of the lowest rate"
    return Table(title, pd.DataFrame(cells))


def _least_widths(dataset: xr.Dataset) -> Iterator[Table]:
    """Count the classes by the least width of one hidden layer, where the sweep has networks of one."""
    if not (dataset["depth"] == 1).any():
        return
    widths = minimum_width(dataset).compute()
    values = sorted(set(widths.values.ravel().tolist()), key=lambda width: (width < 0, width))
    leaks = widths["leak"].values
    counts = {
        "none" if value < 0 else f"width {value}": (widths == value).sum("problem").values for value in values
    }
    cells = {"leak": [f"{leak:g}" for leak in leaks], **counts}
    yield Table("Classes by the least width that learned them with one hidden layer", pd.DataFrame(cells))
