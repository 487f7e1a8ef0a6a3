"""What is missing is cut into boxes: of all of it, and where blocks are no spans, of nothing else."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays

from relusweep.pipeline.planning.cutting import cut
from relusweep.pipeline.sweeps.base import Schedule

AXES = {"problem": [*range(6)], "width": [*range(2)], "trial": [*range(7)]}
SHAPE = {"problem": 4, "width": 1, "trial": 5}


@settings(max_examples=60, deadline=None)
@given(arrays(bool, tuple(map(len, AXES.values()))))
def test_scattered_cells_are_cut_into_few_boxes_of_nothing_else(missing: np.ndarray) -> None:
    sweep = SimpleNamespace(name="toy", fingerprint=1, schedule=Schedule(block_shape=SHAPE, divisible=False))
    times, blocks_of = np.zeros(missing.shape, int), {}
    for block in cut(sweep, AXES, missing):
        times[np.ix_(*(block[dim] for dim in AXES))] += 1
        chunk = tuple(block[dim][0] // size for dim, size in SHAPE.items())
        blocks_of[chunk] = blocks_of.get(chunk, 0) + 1
    np.testing.assert_array_equal(times, missing)
    assert max(blocks_of.values(), default=0) <= min(SHAPE["problem"], SHAPE["trial"])
