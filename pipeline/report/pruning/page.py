"""What pruning adds to the page of a training sweep."""

from __future__ import annotations

import xarray as xr

from relusweep.pipeline.report.content import Block, Folded, Section
from relusweep.pipeline.report.pruning.removals import chains, sizes_left
from relusweep.pipeline.report.pruning.subsets import least_sizes, trajectories
from relusweep.pipeline.report.pruning.summary import deep, is_parity, masked, wide
from relusweep.pipeline.report.pruning.tables import (
    deep_table,
    masks_table,
    shapes_table,
    source_table,
    structures_table,
    wide_table,
)
from relusweep.pipeline.report.theme import Picture

__all__ = ["sections"]

_WIDE = (
    "Of every network that learned its function, an original, all subsets of one hidden unit were "
    "fine-tuned, then of two, and so on, by the protocol that trained it, until one succeeded. Networks that "
    "did not learn it are no originals; where none did, a dash stands."
)
_SOURCE = (
    "The source trains up to four networks of a size to find one original; the first table has the same. The "
    "second one has all originals, with 95 % Wilson intervals over them: how many get down to the least "
    "number of units that any of them does, and how many of the subsets of its least size succeed."
)
_DEEP = (
    "One unit after another was removed from every network that learned its function, an original. Each step "
    "fine-tunes the network without each unit that is left, side by side, and chooses one of those that are "
    "right on all rows with a probability proportional to 1/loss. A pruning ends when no network of one unit "
    "less is right, or when a layer has lost its last unit."
)
_CONJECTURE = (
    "The source conjectures w\u02e1 \u2265 n for l layers of width w that learn the parity of n inputs. A "
    "pruning is within it if no layer has more units than the least such w. Prunings of one original are not "
    "independent: the intervals are over originals of which at least one pruning is within."
)
_MASKS = (
    "Every subset of the units, and of the weights and biases, was masked out of each network that learned "
    "its function, without fine-tuning. A mask is minimal if what it keeps is right on all rows and no part "
    "of that is."
)
_BITS = (
    "Of what is kept 1 stands for each that stays. Units: a group for each layer. Weights: a group for each "
    "unit, its incoming weights and its bias, layer after layer; the last group is the output's. Units are "
    "in the order that makes the number least."
)


def sections(dataset: xr.Dataset) -> list[Section]:
    """Give a section for each of the probes on pruning."""
    found = []
    if "least_units" in dataset:
        found.append(Section("Pruning: all subsets of the units", _on_subsets(dataset)))
    if "layer_units" in dataset:
        found.append(Section("Pruning: one unit after another", _on_removals(dataset)))
    if "masks_right" in dataset:
        found.append(Section("Pruning: all masks, without fine-tuning", _on_masks(dataset)))
    return found


def _on_subsets(dataset: xr.Dataset) -> list[Block]:
    summary = wide(dataset)
    return [
        *_noted(summary.note),
        _WIDE,
        *_there(least_sizes(summary)),
        _SOURCE,
        source_table(summary),
        Folded("All originals, with intervals", [wide_table(summary)]),
        *_there(trajectories(summary)),
    ]


def _on_removals(dataset: xr.Dataset) -> list[Block]:
    summary, parity = deep(dataset), is_parity(dataset)
    return [
        *_noted(summary.note),
        _DEEP,
        *_there(sizes_left(summary, parity=parity)),
        *([_CONJECTURE] if parity else []),
        deep_table(summary, parity=parity),
        *_there(chains(summary)),
        *(
            [Folded("The smallest layers that were left", [shapes_table(summary)])]
            if len(summary.shapes)
            else []
        ),
    ]


def _on_masks(dataset: xr.Dataset) -> list[Block]:
    summary = masked(dataset)
    found: list[Block] = [_BITS, structures_table(summary)] if len(summary.structures) else []
    return [*_noted(summary.note), _MASKS, masks_table(summary), *found]


def _noted(note: str) -> list[str]:
    return [note] if note else []


def _there(picture: Picture | None) -> list[Block]:
    return [picture] if picture else []
