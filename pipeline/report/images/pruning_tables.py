"""The tables of what pruning leaves, with intervals over networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.images.pruned import METHODS, Pruned, mean, pruned
from relusweep.pipeline.report.images.stages import Stages
from relusweep.pipeline.report.text import NOTHING, accuracy, points, significant
from relusweep.tasks.outcomes import Outcome

__all__ = ["ends_table", "likeness_table", "networks_table", "shares_table", "tables"]

Write = Callable[[float], str]

_SHARES = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01)
_ENDED = {
    Outcome.BELOW_THRESHOLD: "below the threshold",
    Outcome.LAYER_EMPTIED: "a layer emptied",
    Outcome.NOT_FINITE: "not finite",
}
_MEASURES: dict[str, tuple[str, Write]] = {
    "cka": ("CKA", "{:.3f}".format),
    "distance": ("Distance", significant),
    "affine_drop": ("Lost by the affine map, points", points),
    "cross_entropy": ("Cross-entropy, nats", significant),
}
_PAIRS = {
    ("structural", "original"): "original \N{RIGHTWARDS ARROW} structural",
    ("magnitude", "original"): "original \N{RIGHTWARDS ARROW} magnitude",
    ("structural", "other_method"): "magnitude \N{RIGHTWARDS ARROW} structural",
    ("magnitude", "other_method"): "structural \N{RIGHTWARDS ARROW} magnitude",
}


def tables(stages: Stages) -> list[Table]:
    """Make all tables but that of single networks."""
    groups = pruned(stages)
    found = [ends_table(groups, stages.specification["prune_threshold"]), *map(shares_table, groups)]
    if "pruning_similarity" in stages:
        found += map(likeness_table, groups)
    return [table for table in found if len(table.cells)]


def ends_table(groups: Sequence[Pruned], threshold: float) -> Table:
    """Make the table of what is left where networks still reach the threshold."""
    rows = []
    for group, method, data in _by_method(groups):
        right = group.at_end(group.data["test_accuracy"]).sel(pruning=method)
        left = group.at_end(group.share).sel(pruning=method)
        rows.append(
            {
                "Networks": group.name,
                "Pruning": method,
                "Weights left, %": _written(np.log(left), lambda size: accuracy(np.exp(size))),
                "Channels": _channels(group.at_end(group.data["channels"]).sel(pruning=method)),
                "Right, %": _written(right, accuracy),
                "Steps": _number(float(group.end.sel(pruning=method).mean()), "{:.3g}".format),
                "Then": _endings(data["outcome"]),
            }
        )
    title = f"Last networks with {accuracy(threshold)} % right: means over networks, with 95 % intervals"
    return Table(title, pd.DataFrame(rows))


def networks_table(groups: Sequence[Pruned]) -> Table:
    """Make the table of the ends of every network."""
    rows = []
    for group, method, data in _by_method(groups):
        share, channels = group.at_end(group.share), group.at_end(group.data["channels"])
        right = group.at_end(group.data["test_accuracy"])
        for label in data["network"].values:
            at = {"network": label, "pruning": method}
            rows.append(
                {
                    "Network": label,
                    "Pruning": method,
                    "Steps": _number(float(group.end.sel(at)), "{:.0f}".format),
                    "Weights left, %": accuracy(float(share.sel(at))),
                    "Channels": _channels(channels.sel(at).expand_dims("network")),
                    "Right, %": accuracy(float(right.sel(at))),
                    "Then": _endings(data["outcome"].sel(network=[label])),
                }
            )
    return Table("Every network at its end", pd.DataFrame(rows))


def shares_table(group: Pruned) -> Table:
    """Make the table of accuracy by share of the weights that are left, and of what both ways differ in."""
    right = group.data["test_accuracy"]
    rows = []
    for share in _SHARES:
        found = {method: group.at(right, method, share) for method in METHODS}
        if not any(np.isfinite(values).any() for values in found.values()):
            continue
        row = {"Weights left, %": f"{100 * share:g}"}
        row |= {f"{method.capitalize()}, % right": _written(v, accuracy) for method, v in found.items()}
        row["Structural minus magnitude, points"] = _written(found["structural"] - found["magnitude"], points)
        rows.append(row)
    title = (
        f"{group.name}, accuracy by share of the weights left: means of those that come to it, 95 % intervals"
    )
    return Table(title, pd.DataFrame(rows))


def likeness_table(group: Pruned) -> Table:
    """Make the table of how alike both ends are to the original, and to one another."""
    rows = []
    for (method, reference), words in _PAIRS.items():
        row = {"From \N{RIGHTWARDS ARROW} to": words}
        for name, (heading, write) in _MEASURES.items():
            ends = group.at_end(group.data[name].sel(reference=reference)).sel(pruning=method)
            row[heading] = _written(ends, write)
        rows.append(row)
    title = f"{group.name}, how alike the ends are: means over networks, with 95 % intervals"
    return Table(title, pd.DataFrame(rows))


def _by_method(groups: Sequence[Pruned]) -> Iterator[tuple[Pruned, str, xr.Dataset]]:
    for group in groups:
        for method in METHODS:
            yield group, method, group.data.sel(pruning=method)


def _written(values: ArrayLike, write: Write) -> str:
    """Write the mean of some networks with its interval."""
    found = mean(np.asarray(values))
    if not found.n:
        return NOTHING
    ends = "" if np.isnan(found.low) else f" [{write(float(found.low))}, {write(float(found.high))}]"
    return f"{write(float(found.mean))}{ends}"


def _number(value: float, write: Write) -> str:
    return NOTHING if np.isnan(value) else write(value)


def _channels(channels: xr.DataArray) -> str:
    """Write the mean channels of each layer: over (network, layer)."""
    means = channels.mean("network").dropna("layer").values
    return "\N{MIDDLE DOT}".join(f"{number:.3g}" for number in means) or NOTHING


def _endings(outcomes: xr.DataArray) -> str:
    """Say how the pruning of networks ended: codes over (network, step)."""
    ended = [_ending(codes) for codes in outcomes.transpose("network", "step").values]
    if len(ended) == 1:
        return ended[0]
    counts = pd.Series(ended, dtype=object).value_counts(sort=False)
    return ", ".join(f"{count} {words}" for words, count in counts.items())


def _ending(codes: NDArray[np.float64]) -> str:
    made = codes[np.isfinite(codes)]
    if not len(made) or made[-1] in _ENDED:
        return _ENDED[Outcome(int(made[-1]))] if len(made) else NOTHING
    return "no steps left" if len(made) == len(codes) else "not finished"
