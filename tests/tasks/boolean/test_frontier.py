"""Shapes that suffice, by arguments and by networks with the weights."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from relusweep.tasks.boolean.constructions import parity_network, solves, swaps_network
from relusweep.tasks.boolean.frontier import (
    at_least,
    enlarged,
    excluded,
    least_shapes,
    parity_suffices,
    swaps_suffice,
)
from relusweep.tasks.boolean.npn import npn_classes
from relusweep.tasks.boolean.swaps import swaps
from relusweep.tasks.boolean.truth_tables import inputs, parity, truth_table

TABLES = truth_table(npn_classes(3).representative.astype(np.uint64), 3)
SWAPS = swaps(TABLES)


@pytest.mark.parametrize("leak", [0.0, 0.1])
def test_bounds_have_networks_of_every_larger_shape(leak: float) -> None:
    for table, count, line in zip(TABLES, SWAPS.count, SWAPS.weights, strict=True):
        least = swaps_network(table, line, leak)
        for width, depth in product(range(1, 5), range(1, 4)):
            if swaps_suffice(count, width):
                found = enlarged(least, width, depth, leak)
                assert [W.shape[0] for W, _ in found] == [width] * depth + [1]
                assert solves(found, table, leak)
    for width, depth in product(range(1, 4), range(1, 4)):
        if parity_suffices(3, width, depth):
            assert solves(parity_network(3, width, depth, leak), truth_table(parity(3), 3), leak)


def test_too_small_a_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"width 3 and depth 1; allowed is at least that, got 2"):
        enlarged(parity_network(3, 3, 1, 0.0), 2, 1, 0.0)


def test_width_one_is_monotone_along_a_line() -> None:
    assert excluded(SWAPS.count, 1).tolist() == (SWAPS.count > 1).tolist()
    assert not excluded(SWAPS.count, 2).any()
    rng = np.random.default_rng(0)
    reached = set()
    for _ in range(3000):  # random networks of width 1 and depth 3
        h, leak = inputs(3) @ rng.normal(size=3), rng.choice([0.0, 0.1])
        for _ in range(3):
            z = rng.normal() * h + rng.normal()
            h = np.maximum(z, leak * z)
        signs = np.where(rng.normal() * h + rng.normal() > 0, 1, -1)
        reached.add(int(swaps(signs).count))
    assert reached == {0, 1}


def test_least_shapes_are_those_that_no_smaller_one_makes_needless() -> None:
    rng = np.random.default_rng(1)
    solved = rng.random((50, 4, 3)) < 0.2
    for some, known, least in zip(solved, at_least(solved), least_shapes(solved), strict=True):
        shapes = np.argwhere(some)
        for place in product(range(4), range(3)):
            assert known[place] == any((shape <= place).all() for shape in shapes)
            others = [shape for shape in shapes if (shape <= place).all() and tuple(shape) != place]
            assert least[place] == (some[place] and not others)
