"""The tables of the page: what is shown, cell by cell, as text."""

import numpy as np
import pandas as pd

from relusweep.pipeline.report.boolean.summary import Summary, by_swaps
from relusweep.pipeline.report.boolean.swaps import most_swaps
from relusweep.pipeline.report.boolean.widths import width_counts
from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.text import NOTHING, intervals, leak_name, percent

__all__ = [
    "hardest_tables",
    "most_swaps_table",
    "size_table",
    "swaps_tables",
    "width_tables",
]


_MOST_HARDEST = 10
_MOST_ROWS = 20


def swaps_tables(summary: Summary) -> list[Table]:
    """Make the table of success by swaps of every leak: quantiles over classes, and the hardest one named."""
    return [
        _swaps_of(leak, by_swaps(summary.data, summary.over_sizes["rate"].sel(leak=leak)))
        for leak in summary.leaks
    ]


def _swaps_of(leak: float, levels: pd.DataFrame) -> Table:
    share = levels["classes"] / levels["classes"].sum()
    hardest = [
        NOTHING if np.isnan(tied) else f"{problem:.0f}" + (f" and {tied - 1:,.0f} more" if tied > 1 else "")
        for problem, tied in levels[["hardest", "tied"]].to_numpy(float)
    ]
    cells = {
        "Swaps": levels.index.map(str),
        "Classes": levels["classes"].map("{:,}".format),
        "Of all classes, %": share.map(percent),
        "Functions in them": levels["functions"].map("{:,}".format),
        "Success, mean over classes, %": levels["mean"].map(percent),
        "Least, %": levels["least"].map(percent),
        "5 % quantile": levels["low"].map(percent),
        "Median": levels["median"].map(percent),
        "95 % quantile": levels["high"].map(percent),
        "Class of least success (id)": hardest,
    }
    return Table(leak_name(leak), pd.DataFrame(cells))


def most_swaps_table(summary: Summary) -> Table:
    """Make the table of the classes of most swaps, the first of them where they are many."""
    ids = most_swaps(summary)
    part = summary.over_sizes.sel(problem=ids[:_MOST_ROWS])
    cells = {
        "Class (id)": part["problem"].to_series().map(str),
        "Truth table": part["truth_table"].to_series().map(_grouped),
        "Degree": part["degree"].to_series().map(str),
        "Influence": part["influence"].to_series().map("{:.3f}".format),
        "Entropy (bits)": part["entropy"].to_series().map("{:.3f}".format),
        "Functions in class": part["class_size"].to_series().map("{:,}".format),
    }
    for leak in summary.leaks:
        rates = part.sel(leak=leak)[["rate", "low", "high"]].to_dataframe()
        cells[f"{leak_name(leak)}: success, % [95 %]"] = pd.Series(intervals(rates), rates.index)
    first = f"The first {_MOST_ROWS} of the" if len(ids) > _MOST_ROWS else "The"
    many = f"{len(ids):,} classes" if len(ids) > 1 else "class"
    title = f"{first} {many} of most swaps, {int(part['swaps'][0])}"
    return Table(title, pd.DataFrame(cells), code=("Truth table",))


def hardest_tables(summary: Summary) -> list[Table]:
    """Make the table of the hardest classes of every leak."""
    return [_hardest_of(summary, leak) for leak in summary.leaks]


def _hardest_of(summary: Summary, leak: float) -> Table:
    classes = summary.over_sizes.sel(leak=leak).drop_vars("leak").to_dataframe()
    counted = summary.hardest[summary.hardest["leak"] == leak]
    chosen = counted.head(_MOST_HARDEST).join(classes, on="problem")
    sizes = int((summary.ran.sel(leak=leak) > 0).sum())
    cells = {
        "Class (id)": chosen["problem"].map(str),
        "Truth table": chosen["truth_table"].map(_grouped),
        "Sizes where among the hardest": chosen["count"].map(f"{{}} of {sizes}".format),
        "Success over all sizes, % [95 %]": intervals(chosen),
        "Swaps": chosen["swaps"].map(str),
        "Degree": chosen["degree"].map(str),
        "Influence": chosen["influence"].map("{:.3f}".format),
        "Entropy (bits)": chosen["entropy"].map("{:.3f}".format),
        "Functions in class": chosen["class_size"].map(str),
    }
    return Table(leak_name(leak) + _tied(counted["count"]), pd.DataFrame(cells), code=("Truth table",))


def _tied(counts: pd.Series) -> str:
    """Say how many classes share the count with which the table ends, where it does not hold them all."""
    if len(counts) <= _MOST_HARDEST or (last := counts.iloc[_MOST_HARDEST - 1]) != counts.iloc[_MOST_HARDEST]:
        return ""
    return f"; {(counts == last).sum():,} classes count as often as that of the last row"


def _grouped(truth_table: str) -> str:
    """Write a truth table in groups of four rows."""
    return " ".join(truth_table[start : start + 4] for start in range(0, len(truth_table), 4))


def size_table(summary: Summary) -> Table:
    """Make the table of success per leak and size: the numbers of the heat maps, with their intervals."""
    worst = summary.worst.reset_coords("problem")[["problem", "rate", "low", "high"]]
    sizes = worst.assign(mean=summary.mean, networks=summary.by_class["networks"].sum("problem"))
    frame = sizes.to_dataframe(["leak", "width", "depth"]).reset_index()
    cells = {
        "Leak": frame["leak"].map("{:g}".format),
        "Width": frame["width"].map(str),
        "Depth": frame["depth"].map(str),
        "Networks": frame["networks"].map("{:,}".format),
        "Mean over classes, %": frame["mean"].map(percent),
        "Worst class, % [95 %]": intervals(frame),
        "Worst class (id)": frame["problem"].map(str).where(frame["networks"] > 0, NOTHING),
    }
    return Table("Success per size", pd.DataFrame(cells))


def width_tables(summary: Summary) -> list[Table]:
    """Make the table of classes by least width and swaps of every leak."""
    return [
        Table(
            leak_name(leak),
            counts.rename(index={-1: "none"}).add_prefix("Swaps ").reset_index(names="Least width"),
        )
        for leak, counts in width_counts(summary).items()
    ]
