"""What `relusweep show` prints of pruning."""

from __future__ import annotations

import xarray as xr

from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.pruning.summary import deep, is_parity, masked, wide
from relusweep.pipeline.report.pruning.tables import (
    deep_table,
    masks_table,
    shapes_table,
    source_table,
    structures_table,
    wide_table,
)

__all__ = ["overview"]


def overview(dataset: xr.Dataset) -> list[str | Table]:
    """Give the tables of what the probes kept."""
    blocks: list[str | Table] = []
    if "least_units" in dataset:
        of_wide = wide(dataset)
        blocks += [source_table(of_wide), wide_table(of_wide)]
    if "layer_units" in dataset:
        of_deep = deep(dataset)
        blocks += [deep_table(of_deep, parity=is_parity(dataset)), shapes_table(of_deep)]
    if "masks_right" in dataset:
        of_masks = masked(dataset)
        blocks += [masks_table(of_masks), structures_table(of_masks)]
    return [block for block in blocks if not isinstance(block, Table) or len(block.cells)]
