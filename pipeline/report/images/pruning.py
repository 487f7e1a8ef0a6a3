"""The section on pruning: accuracy and likeness by share of the weights, and both ends compared."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from relusweep.pipeline.report.content import Block, Folded, KeyFigure
from relusweep.pipeline.report.images import pruning_plots
from relusweep.pipeline.report.images.pruned import METHODS, Pruned, mean, pruned
from relusweep.pipeline.report.images.pruning_tables import (
    ends_table,
    likeness_table,
    networks_table,
    shares_table,
)
from relusweep.pipeline.report.images.stages import Stages
from relusweep.pipeline.report.text import accuracy

__all__ = ["blocks", "key_figures"]

_ALIKE = (
    "What a pruned network does, beside what its original does, by the measures of pairs of networks: CKA "
    "and distance of the linear coefficients at test images, the affine map from coefficients of the "
    "original to those of the pruned network, and the cross-entropy of the outputs. At the ends, both ways "
    "of pruning are compared with one another too."
)


def blocks(stages: Stages) -> list[Block]:
    """Give what the section shows, of a sweep whose stage ``pruning`` has run at least in part."""
    groups, threshold = pruned(stages), float(stages.specification["prune_threshold"])
    shares = [table for table in map(shares_table, groups) if len(table.cells)]
    shown: list[Block] = [
        *_said(groups, threshold),
        pruning_plots.accuracies(groups, threshold),
        ends_table(groups, threshold),
        Folded("Every network at its end", [networks_table(groups)]),
        *shares,
    ]
    if "pruning_similarity" in stages:
        shown += [_ALIKE, pruning_plots.similarities(groups), *map(likeness_table, groups)]
    return shown


def key_figures(stages: Stages) -> Iterator[KeyFigure]:
    """Give what share of the weights is left at the end, by method, of the first kind of networks."""
    (group, *_), threshold = pruned(stages), stages.specification["prune_threshold"]
    left = group.at_end(group.share)
    for method in METHODS:
        share = np.exp(mean(np.log(left.sel(pruning=method).values)).mean)
        if np.isfinite(share):
            note = f"{method} pruning of {group.name}, to {accuracy(threshold)} % of the test images right"
            yield KeyFigure("Weights left", f"{accuracy(float(share))} %", note)


def _said(groups: list[Pruned], threshold: float) -> Iterator[str]:
    """Say which way of pruning leaves fewer weights, network by network."""
    for group in groups:
        left = group.at_end(group.share)
        structural, magnitude = (left.sel(pruning=method).values for method in METHODS)
        apart = mean(np.log(structural / magnitude))
        if apart.n < 2:
            continue
        ratio, low, high = np.exp([apart.mean, apart.low, apart.high])
        yield (
            f"{group.name}: at the last step with {accuracy(threshold)} % of the test images right, "
            f"structural pruning has left {ratio:.2g} times the weights that magnitude pruning has left "
            f"(geometric mean over {apart.n} networks, 95 % interval {low:.2g} to {high:.2g})."
        )
