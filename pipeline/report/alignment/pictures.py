"""The partitions of the plane by one network of each remedy, before and after training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from relusweep.pipeline.report.alignment.frame import PLAIN, remedies
from relusweep.pipeline.report.theme import Picture, Theme, figure
from relusweep.pipeline.sweeps.training.again import network_of
from relusweep.tasks.probes import Trained, domain_of
from relusweep.tasks.probes.snapshots import Snapshots
from relusweep.tasks.regions import Regions, can_be_cut, linear_regions
from relusweep.tasks.regions._plot import pattern_colours
from relusweep.tasks.training_block import TrainingBlock, train_block

__all__ = ["partitions_picture"]

_PANEL = 1.75

Pair = tuple[Regions | None, Regions | None]


def partitions_picture(dataset: xr.Dataset, table: pd.DataFrame) -> Picture | None:
    """Draw the regions of a network of each remedy, before and after training; None where none ran.

    They are trained again here, to the same bits: parameters need not be stored.
    """
    some = _chosen(table)
    if not len(some):
        return None
    dims = [str(dim) for dim in dataset["success_epoch"].dims if dim in some]
    found = {}
    for name in remedies(some):
        one = some[some["remedy"] == name].iloc[0]
        found[name] = _cut(network_of(dataset.sel({dim: [one[dim]] for dim in dims})))
    first = some.iloc[0]
    counts = "; ".join(f"{name}: {_counts(pair)}" for name, pair in found.items())
    of = f"target {first['target']}, width {first['width']}, depth {first['depth']}"
    return Picture(
        name="partitions",
        alt=f"Linear regions of one network of each kind, {of}. Regions before and after training: {counts}.",
        caption=(
            f"Linear regions of one network of each kind ({of}, the first trial), at the start above and "
            "after training below, with their number. Plain networks and those with a penalty start alike. "
            "A colour is a pattern of activation."
        ),
        draw=partial(_draw, found),
    )


def _chosen(table: pd.DataFrame) -> pd.DataFrame:
    """Select the first trial of each kind, of a target and a size that most kinds share."""
    plane = table[table["inputs"] == 2]
    if not len(plane):
        return plane
    sizes = plane.groupby(["width", "depth"])["remedy"].nunique()
    width, depth = max(sizes.index, key=lambda size: (sizes[size], size[1] == 2, size[0]))
    some = plane[(plane["width"] == width) & (plane["depth"] == depth)]
    of_first: pd.DataFrame = some[some["target"] == some["target"].iloc[0]].drop_duplicates("remedy")
    return of_first


def _cut(block: TrainingBlock) -> Pair:
    """Train a network again, and cut its domain before and after."""
    ends = (0, block.protocol.epochs)
    kept = replace(block, probes=(Snapshots(at=ends),))
    rows = train_block(kept).arrays["snapshots"].reshape(2, -1)[:, : block.protocol.network.n_parameters]
    low, high = (np.full(2, end) for end in _domain(block))
    network = block.protocol.network
    before, after = (
        linear_regions(network, row, low, high, exact=True)
        if can_be_cut(network, row[None], low, high)[0]
        else None
        for row in rows.astype(float)
    )
    return before, after


def _domain(block: TrainingBlock) -> tuple[float, float]:
    trials = block.problem.draw(block.setting, block.labels, block.trials, block.seed)
    return domain_of(Trained(block.problem, block.setting, block.protocol, trials, None))  # type: ignore[arg-type]


def _counts(pair: Pair) -> str:
    return " and ".join("none" if regions is None else f"{len(regions):,}" for regions in pair)


def _draw(found: Mapping[str, Pair], theme: Theme) -> Figure:
    drawing = figure(_PANEL * len(found) + 0.3, 2 * (_PANEL + 0.25) + 0.2)
    axes = drawing.subplots(2, len(found), squeeze=False)
    for column, (name, pair) in enumerate(found.items()):
        for axis, regions in zip(axes[:, column], pair, strict=True):
            axis.set(xticks=[], yticks=[], aspect="equal")
            axis.spines[:].set_visible(False)
            if regions is None:
                axis.set_title("not finite", fontsize=8, loc="center")
                continue
            polygons = np.split(regions.vertices[regions.corners], regions.offsets[1:-1])
            colours = pattern_colours(regions.bits)
            axis.add_collection(
                PolyCollection(polygons, facecolors=colours, edgecolors="#1c2127", linewidths=0.25)
            )
            (left, bottom), (right, top) = regions.box
            axis.set(xlim=(left, right), ylim=(bottom, top))
            axis.set_xlabel(f"{len(regions):,} regions", fontsize=8)
            axis.set_rasterization_zorder(1.5)
        axes[0, column].set_title(
            name if name == PLAIN else name.replace(", ", ",\n"), fontsize=8, loc="center"
        )
    axes[0, 0].set_ylabel("start", fontsize=8)
    axes[1, 0].set_ylabel("end", fontsize=8)
    return drawing
