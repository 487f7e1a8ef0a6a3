"""Exact polygons: against patterns of dense samples in float64, and against regions of composed networks."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given
from numpy.typing import NDArray
from torch import nn

from relusweep.tasks.networks import Network
from relusweep.tasks.regions import linear_pieces, linear_regions
from relusweep.tasks.sections import cutter
from relusweep.tasks.sections.exact import Section, count_pieces, cut_plane
from relusweep.tasks.sections.planes import Plane, plane_through
from tests.tasks.regions.rational import area as exact_area
from tests.tasks.regions.rational import exact_regions, whole_networks

N_CLASSES = 3


def plane_of_random(shape: tuple[int, int, int], seed: int) -> Plane:
    return plane_through(np.random.default_rng(seed).normal(size=(3, *shape)))


def convolutional(order: str, seed: int) -> nn.Sequential:
    """Give two convolutions of 4 × 4 images; ``rm`` means ReLU before the maximum, ``r`` no maximum."""
    torch.manual_seed(seed)
    after = {"r": nn.ReLU, "m": lambda: nn.MaxPool2d(2)}
    convolutions = [nn.Conv2d(1, 3, 3, padding=1), nn.Conv2d(3, 2, 3, padding=1)]
    layers = [layer for first in convolutions for layer in (first, *(after[name]() for name in order))]
    side = 4 // 2 ** (2 * ("m" in order))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(2 * side**2, N_CLASSES))


def patterns(
    network: nn.Sequential, plane: Plane, points: NDArray[np.float64]
) -> tuple[np.ndarray, np.ndarray]:
    """Say in float64 which units are on, which number of each maximum is taken, and the largest output."""
    x = torch.from_numpy(plane.origin + np.tensordot(points, plane.axes, 1))
    found = []
    layers = copy.deepcopy(network).double()
    for i, layer in enumerate(layers):
        if isinstance(layer, nn.MaxPool2d):
            taken = nn.functional.max_pool2d(x, 2, return_indices=True)
            found.append(torch.where(taken[0] > 0, taken[1], -1).flatten(1))
        elif isinstance(layer, nn.ReLU) and not any(
            isinstance(layers[j], nn.MaxPool2d) for j in (i - 1, i + 1)
        ):
            found.append((x > 0).flatten(1))
        x = layer(x)
    return torch.cat(found, 1).detach().numpy(), x.argmax(1).numpy()


def polygons(section: Section) -> Iterator[tuple[NDArray[np.float64], int, int]]:
    ends = np.cumsum(section.sizes)
    for size, end, region, label in zip(section.sizes, ends, section.region, section.label, strict=True):
        yield section.corners[end - size : end], int(region), int(label)


def inside(polygon: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.bool_]:
    edges = np.roll(polygon, -1, axis=0) - polygon
    away = points[:, None] - polygon
    return np.asarray((edges[:, 0] * away[..., 1] - edges[:, 1] * away[..., 0] >= 0).all(axis=1))


def area(corners: NDArray[np.float64]) -> float:
    x, y = corners.T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


@pytest.mark.parametrize(("order", "scale"), [("rm", 1), ("mr", 1), ("r", 0.5)])
def test_each_pattern_of_a_convolutional_network_is_one_polygon(
    order: str, scale: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cutter, "AT_ONCE", 7)  # polygons are left over, and taken up again
    network, plane = convolutional(order, 1), plane_of_random((1, 4, 4), 2)
    window = plane.window("triangle", scale)
    section = cut_plane(network, plane, window)
    assert section.is_whole
    assert section.n_regions > 40
    assert section.areas.sum() == pytest.approx(area(window), rel=1e-12)
    points = np.random.default_rng(3).dirichlet(np.ones(3), 2000) @ window
    sampled, largest = patterns(network, plane, points)
    of_polygons, labels = patterns(
        network, plane, np.array([p.mean(axis=0) for p, _, _ in polygons(section)])
    )
    found = {}
    held = np.zeros(len(points), int)
    for (polygon, region, label), pattern, computed in zip(
        polygons(section), of_polygons, labels, strict=True
    ):
        here = inside(polygon, points)
        held += here
        assert (sampled[here] == pattern).all()
        assert (largest[here] == label).all()
        assert computed == label
        assert found.setdefault(region, pattern.tobytes()) == pattern.tobytes()
    assert (held == 1).all()  # they fill the window, and do not overlap
    assert len(set(found.values())) == section.n_regions  # no region is in two


def dense(depth: int, width: int, n_outputs: int, seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    hidden = [layer for i in range(depth) for layer in (nn.Linear(width if i else 16, width), nn.ReLU())]
    return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(width, n_outputs))


def composed(network: nn.Sequential, start: NDArray[np.float64], axes: NDArray[np.float64]) -> np.ndarray:
    """Give the parameters of a dense network after a map of the plane, or a line, to images."""
    first, *others = [layer for layer in network if isinstance(layer, nn.Linear)]
    weights, biases = (p.detach().double().numpy() for p in (first.weight, first.bias))
    layers = [(weights @ axes.T, biases + weights @ start)]
    layers += [tuple(p.detach().double().numpy() for p in (each.weight, each.bias)) for each in others]
    return np.concatenate([np.column_stack(layer).ravel() for layer in layers])


@pytest.mark.parametrize(("depth", "width"), [(1, 30), (3, 10)])
def test_a_dense_network_is_cut_as_its_composition_with_the_plane(depth: int, width: int) -> None:
    network, plane = dense(depth, width, 1, depth), plane_of_random((1, 4, 4), 5)
    row = composed(network, plane.origin.ravel(), plane.axes.reshape(2, -1))
    box = plane.window("box", 0.8)
    section = cut_plane(network, plane, box)
    expected = linear_regions(Network(n_inputs=2, width=width, depth=depth), row, box[0], box[2])
    assert section.n_regions == len(expected.areas) > 8
    np.testing.assert_allclose(np.sort(section.areas), np.sort(expected.areas), rtol=1e-9)


def test_pieces_along_a_side_are_those_of_the_composition_with_it() -> None:
    network, plane = dense(2, 8, 1, 4), plane_of_random((1, 4, 4), 6)
    start, end = plane.corners[1:]
    axes = plane.axes.reshape(2, -1)
    row = composed(network, plane.origin.ravel() + start @ axes, ((end - start) @ axes)[None])
    expected = linear_pieces(Network(n_inputs=1, width=8, depth=2), row, 0, 1, merge=False)
    n_pieces = len(expected.slope)
    assert n_pieces > 4
    assert count_pieces(network, plane, np.stack([start, end])) == n_pieces
    assert count_pieces(network, plane, np.stack([end, start]), limit=3) == 4


def test_numbers_of_a_maximum_that_are_always_equal_make_no_regions() -> None:
    """Each square of an image has one colour, so its maximum is ReLU of that colour."""
    torch.manual_seed(0)
    after = nn.Linear(4, 2)
    convolution = nn.Conv2d(1, 1, 3, padding=1, bias=False)
    convolution.weight.data = torch.zeros(1, 1, 3, 3)
    convolution.weight.data[0, 0, 1, 1] = 1.0
    squares = nn.Sequential(convolution, nn.MaxPool2d(2), nn.ReLU(), nn.Flatten(), after)
    same = nn.Linear(4, 4, bias=False)
    same.weight.data = torch.eye(4)
    pixels = nn.Sequential(nn.Flatten(), same, nn.ReLU(), after)
    small = np.random.default_rng(2).normal(size=(3, 1, 2, 2))
    ours = plane_through(np.kron(small, np.ones((1, 1, 2, 2))))
    theirs = plane_through(small)
    found = cut_plane(squares, ours, ours.window("box"))
    expected = cut_plane(pixels, theirs, theirs.window("box"))
    assert found.n_regions == expected.n_regions > 3
    np.testing.assert_allclose(np.sort(found.areas), 4 * np.sort(expected.areas), rtol=1e-9)


def test_kinks_that_meet_in_a_point_leave_no_slivers() -> None:
    """A network of units that are all zero at A: its regions are a fan, cut by nothing else."""
    torch.manual_seed(1)
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 9, bias=False), nn.ReLU(), nn.Linear(9, 1))
    images = np.random.default_rng(8).normal(size=(3, 1, 4, 4))
    images[0] = 0.0
    plane = plane_through(images)
    assert cut_plane(network, plane, plane.window("square")).n_regions == 18
    turned = plane_through(images[[1, 0, 2]])  # the point is not the origin, and so it is rounded
    assert cut_plane(network, turned, turned.window("square", 1.5)).n_regions == 18


@given(whole_networks(n_inputs=2))
def test_regions_are_those_of_rational_arithmetic(
    case: tuple[Network, list[tuple[NDArray[np.int64], NDArray[np.int64]]]],
) -> None:
    """Lines coincide and concur, and units are zero all over."""
    _, whole = case
    layers: list[nn.Module] = [nn.Flatten()]
    for weights, biases in whole:
        linear = nn.Linear(weights.shape[1], len(weights))
        linear.weight.data, linear.bias.data = (torch.from_numpy(a).float() for a in (weights, biases))
        layers += [linear, nn.ReLU()]
    plane = plane_through(np.reshape([[0.0, 0], [2, 0], [0, 2]], (3, 1, 1, 2)))  # the two pixels themselves
    section = cut_plane(nn.Sequential(*layers[:-1]), plane, plane.window("square"))
    expected = [float(exact_area(corners)) for corners, _ in exact_regions(whole[:-1], 0, (-2, -2), (2, 2))]
    np.testing.assert_allclose(np.sort(section.areas), np.sort(expected), rtol=1e-12)


def test_after_the_limit_it_ends_with_what_it_has() -> None:
    network, plane = convolutional("rm", 1), plane_of_random((1, 4, 4), 2)
    window = plane.window("triangle")
    section = cut_plane(network, plane, window, limit=10)
    assert not section.is_whole
    assert len(section.sizes) == 11
    assert 0 < section.areas.sum() < area(window)


def test_windows_and_networks_that_cannot_be_cut_are_refused() -> None:
    network, plane = convolutional("rm", 1), plane_of_random((1, 4, 4), 2)
    triangle = plane.window("triangle")
    for empty in (triangle[::-1], triangle * [1, 0], triangle[[0, 0, 0]]):
        with pytest.raises(ValueError, match="the window is empty, or its corners do not go around"):
            cut_plane(network, plane, empty)
    with pytest.raises(ValueError, match=r"at least three corners, finite, .* got shape \(2, 2\)"):
        cut_plane(network, plane, triangle[:2])
    angles = np.arange(5) * 0.8 * np.pi
    pentagram = np.column_stack([np.cos(angles), np.sin(angles)])
    with pytest.raises(ValueError, match="go around it more than once"):
        cut_plane(network, plane, pentagram)
    with pytest.raises(ValueError, match="limit is a whole number of at least 1, got 0"):
        cut_plane(network, plane, triangle, limit=0)
    with pytest.raises(ValueError, match=r"of shape \(1, 4, 4\): this network is none; count on a grid"):
        cut_plane(nn.Sequential(nn.Flatten(), nn.Linear(16, 4), nn.GELU(), nn.Linear(4, 2)), plane, triangle)
    with torch.no_grad():
        network[0].bias[0] = torch.nan
    with pytest.raises(ValueError, match="got NaN or infinity: leave out networks that diverged"):
        cut_plane(network, plane, triangle)
