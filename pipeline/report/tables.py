"""The tables of the page, as rows of text."""

from dataclasses import dataclass

import numpy as np

from pipeline.report.summary import Summary
from pipeline.report.theme import leak_name, percent
from pipeline.report.widths import width_counts

__all__ = ["Table", "hardest_tables", "missing_table", "size_table", "width_tables"]


@dataclass(frozen=True)
class Table:
    """A table of the page.

    Attributes
    ----------
    title : str
        What the rows are.
    columns : tuple of str
        Headings.
    rows : list of tuple of str
        Cells as they are shown.
    """

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]


def _interval(rate: float, low: float, high: float) -> str:
    return "–" if np.isnan(rate) else f"{percent(rate)} [{100 * low:.1f}, {100 * high:.1f}]"


def hardest_tables(summary: Summary) -> list[Table]:
    """Make the table of the hardest classes of every leak."""
    return [_hardest_of(summary, leak) for leak in range(len(summary.leaks))]


def _hardest_of(summary: Summary, leak: int) -> Table:
    chosen = summary.hardest[np.isclose(summary.hardest["leak"], summary.leaks[leak])]
    sizes = int((summary.ran.isel(leak=leak) > 0).sum())
    rows = []
    for row in chosen.itertuples():
        of_class = summary.data.sel(problem=row.problem)
        success = summary.over_sizes.isel(leak=leak).sel(problem=row.problem)
        rows.append(
            (
                str(row.problem),
                _grouped(str(of_class["truth_table"].item())),
                f"{row.count} of {sizes}",
                _interval(*(float(success[name]) for name in ("rate", "low", "high"))),
                str(of_class["swaps"].item()),
                str(of_class["degree"].item()),
                f"{of_class['influence'].item():.3f}",
                f"{of_class['entropy'].item():.3f}",
                str(of_class["class_size"].item()),
            )
        )
    return Table(leak_name(summary.leaks[leak]), _HARDEST_COLUMNS, rows)


_HARDEST_COLUMNS = (
    "Class (id)",
    "Truth table",
    "Sizes where among the hardest",
    "Success over all sizes, % [95 %]",
    "Swaps",
    "Degree",
    "Influence",
    "Entropy (bits)",
    "Functions in class",
)


def _grouped(truth_table: str) -> str:
    """Write a truth table in groups of four rows."""
    return " ".join(truth_table[start : start + 4] for start in range(0, len(truth_table), 4))


def size_table(summary: Summary) -> Table:
    """Make the table of success per leak and size: the numbers of the heat maps, with intervals of the worst class."""
    networks = summary.by_class["networks"].sum("problem")
    worst = summary.worst.reset_coords("problem")[["problem", "rate", "low", "high"]]
    frame = worst.assign(mean=summary.mean, networks=networks).to_dataframe(["leak", "width", "depth"]).reset_index()
    rows = [
        (
            f"{row.leak:g}",
            str(row.width),
            str(row.depth),
            f"{row.networks:,}",
            percent(row.mean),
            _interval(row.rate, row.low, row.high),
            str(row.problem) if row.networks else "–",
        )
        for row in frame.itertuples()
    ]
    return Table("Success per size", _SIZE_COLUMNS, rows)


_SIZE_COLUMNS = ("Leak", "Width", "Depth", "Networks", "Mean over classes, %", "Worst class, % [95 %]", "Worst class (id)")


def width_tables(summary: Summary) -> list[Table]:
    """Make the table of classes by least width and swaps of every leak."""
    tables = []
    for column, leak in enumerate(summary.leaks):
        counts = width_counts(summary, column)
        headings = ("Least width", *(f"{swaps} swaps" for swaps in counts.columns))
        rows = [
            ("none" if width == -1 else str(width), *map(str, of_width))
            for width, of_width in zip(counts.index, counts.to_numpy(), strict=True)
        ]
        tables.append(Table(leak_name(leak), headings, rows))
    return tables


def missing_table(summary: Summary) -> Table:
    """Make the table of what has not run, as the accessor gives it."""
    frame = summary.missing.reset_index(drop=True)
    rows = [tuple(f"{value:,g}" if isinstance(value, float) else str(value) for value in row) for row in frame.to_numpy()]
    return Table("Not run", tuple(map(str, frame.columns)), rows)
