"""Regions on a grid: against a flood fill over neighbours, whose patterns and maps PyTorch gives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from relusweep.tasks.jacobians.coefficients import coefficients
from relusweep.tasks.sections.exact import cut_plane
from relusweep.tasks.sections.grids import Grid, count_on_grid
from tests.tasks.sections.test_exact import convolutional, inside, patterns, plane_of_random, polygons

SIZE = 14


def filled(inside: NDArray[np.bool_], alike: Callable[[tuple[int, int], tuple[int, int]], bool]) -> int:
    """Count regions by filling one after another."""
    left, n = set(zip(*(places.tolist() for places in np.nonzero(inside)), strict=True)), 0
    while left:
        waiting, n = [left.pop()], n + 1
        while waiting:
            row, column = waiting.pop()
            around = {(row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            same = {point for point in around if alike((row, column), point)}
            left -= same
            waiting += same
    return n


@pytest.mark.parametrize(("window", "tolerance"), [("triangle", 1e-5), ("box", 0.1)])
def test_counts_are_those_of_a_flood_fill(window: str, tolerance: float) -> None:
    network, plane = convolutional("rm", 3).eval(), plane_of_random((1, 4, 4), 2)
    corners = plane.window(window, 0.7)  # type: ignore[arg-type]  # one of them
    grid = Grid.over(corners, SIZE)
    points = np.concatenate([grid.row(row) for row in range(SIZE)])
    expected = inside(corners, points - 1e-9 * (points - corners.mean(axis=0)))
    np.testing.assert_array_equal(grid.inside.ravel(), expected)
    codes = patterns(network, plane, points)[0].reshape(SIZE, SIZE, -1)
    maps = coefficients(network, plane.images(points), method="autograd").reshape(SIZE, SIZE, -1)

    def near(one: tuple[int, int], other: tuple[int, int]) -> bool:
        largest = max(np.abs(maps[one]).max(), np.abs(maps[other]).max())
        return bool(np.abs(maps[one] - maps[other]).max() <= tolerance * largest)

    found = count_on_grid(network, plane, grid, tolerance)
    by_patterns = filled(grid.inside, lambda one, other: (codes[one] == codes[other]).all())
    assert found == (by_patterns, filled(grid.inside, near))
    assert found.by_patterns >= found.by_maps > 1


def test_points_in_regions_are_counted_and_thin_regions_missed() -> None:
    network, plane = convolutional("rm", 1), plane_of_random((1, 4, 4), 2)
    window = plane.window("triangle")
    section, grid = cut_plane(network, plane, window), Grid.over(window, SIZE)
    points = np.concatenate([grid.row(row) for row in range(SIZE)])
    expected = np.zeros(section.n_regions, int)
    for polygon, region, _ in polygons(section):
        expected[region] += inside(polygon, points).sum()
    held = grid.held(section)
    assert np.abs(held - expected).max() <= 1  # points on edges
    np.testing.assert_array_equal(held == 0, expected == 0)
    assert 0 < (held == 0).sum() < section.n_regions
    assert section.areas[held == 0].mean() < section.areas[held > 0].mean()


def test_other_networks_are_counted_by_their_maps() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 5), nn.Hardtanh(), nn.Linear(5, 2)).eval()
    plane = plane_of_random((1, 4, 4), 2)
    grid = Grid.over(plane.window("box"), SIZE)
    found = count_on_grid(network, plane, grid)
    assert found.by_patterns == -1
    points = np.concatenate([grid.row(row) for row in range(SIZE)])
    maps = coefficients(network, plane.images(points), method="autograd")
    assert found.by_maps == len(np.unique(maps[..., :-1].round(5), axis=0)) > 3
