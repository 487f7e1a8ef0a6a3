"""What the regions of one network say: inequalities, neighbours, maps, boundary, picture."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

import relusweep as rs
from relusweep.tasks.boolean.constructions import forward
from relusweep.tasks.networks import Network
from relusweep.tasks.regions._plot import pattern_colours
from relusweep.tasks.regions.space import regions_in_space
from tests.tasks.regions.rational import random_layers, row


@pytest.fixture(scope="module")
def example():
    network = Network(n_inputs=2, width=6, depth=3, leak=0.1)
    layers = random_layers(network, np.random.default_rng(3))
    return layers, rs.regions(network, ((-2, -1), (1.5, 2)), row(layers))


def test_inequalities_hold_inside_and_each_is_needed(example):
    _, found = example
    for region in range(len(found)):
        Q, p, facets = found.halfspaces(region)
        corners = found.polygon(region)
        slack = p[:, None] - Q @ corners.T
        size = np.abs(Q).sum(axis=1)[:, None]
        assert (slack > -1e-12 * size).all()
        # A facet holds two corners: without its row the polygon would go on beyond it.
        assert ((slack < 1e-12 * size).sum(axis=1) == 2).all()
        assert len({tuple(facet) for facet in facets.tolist()}) == len(facets) == len(corners)


def test_sides_of_the_box_are_facets(example):
    _, found = example
    box = {
        (-1, 0): (0, -1, 1),
        (-1, 1): (1, 0, 1.5),
        (-1, 2): (0, 1, 2),
        (-1, 3): (-1, 0, 2),
    }
    seen = set()
    for region in range(len(found)):
        for q, p, facet in zip(*(part.tolist() for part in found.halfspaces(region)), strict=True):
            if facet[0] < 0:
                seen.add(tuple(facet))
                assert (*q, p) == box[tuple(facet)]
    assert seen == set(box)


def test_neighbours_differ_by_the_unit_between_them(example):
    _, found = example
    regions, facets, edges = found.adjacency
    for (one, other), edge, facet in zip(regions, edges, facets, strict=True):
        assert np.argwhere(found.active[one] != found.active[other]).tolist() == [facet.tolist()]
        ends = set(found.mesh.edges[edge].tolist())
        for region in (one, other):
            assert ends <= set(found.corners[slice(*found.offsets[region : region + 2])].tolist())
        assert other in found.neighbours(one, tuple(facet))
    # Euler: vertices − edges + regions = 1.
    sides = np.unique(found.mesh.sides)
    assert len(np.unique(found.corners)) - len(sides) + len(found) == 1
    everywhere = [set(found.neighbours(i).tolist()) for i in range(len(found))]
    assert all(i in everywhere[j] for i in range(len(found)) for j in everywhere[i])
    assert sum(map(len, everywhere)) == 2 * len(regions)


def test_the_boundary_bends_at_kinks_by_the_angle_between_gradients(example):
    _, found = example
    level = float(np.median(found.intercept))
    curves = found.boundary(level=level)
    assert curves
    for curve in curves:
        ends = np.roll(curve.corners, -1, axis=0) if curve.closed else curve.corners[1:]
        middles = (curve.corners[: len(ends)] + ends) / 2
        directions = [
            np.arctan2(*next(found.gradient[i] for i in range(len(found)) if _holds(found, i, middle)))
            for middle in middles
        ]
        # A step is a gradient turned by a right angle, so both turn alike; arctan2(x, y) goes the other way.
        turns = -np.diff(directions, prepend=directions[-1:] if curve.closed else np.nan)
        turns = (turns + np.pi) % (2 * np.pi) - np.pi
        expected = turns if curve.closed else [*turns, np.nan]
        np.testing.assert_allclose(curve.angles, expected, atol=1e-9)
        layers = curve.facets[:, 0]
        assert (layers < 0).tolist() == np.isnan(expected).tolist()


def _holds(found, region, point):
    Q, p, _ = found.halfspaces(region)
    return (Q @ point <= p + 1e-9 * np.abs(Q).sum(axis=1)).all()


def test_turns_of_a_closed_curve_add_up_to_a_circle():
    network = Network(n_inputs=2, width=4, depth=1)
    weights = [1, 0, 0, -1, 0, 0, 0, 1, 0, 0, -1, 0, -1, -1, -1, -1, 1]
    (square,) = rs.regions(network, 2, weights).boundary()
    np.testing.assert_allclose(square.angles, np.pi / 2)
    # Along the axes both units of a coordinate are zero: x and -x, y and -y.
    assert {tuple(facet) for facet in square.facets.tolist()} <= {(0, 0), (0, 1), (0, 2), (0, 3)}


def test_numbers_of_regions_are_those_of_lists(example):
    _, plane = example
    layers = [(np.eye(3), np.zeros(3)), (np.ones((2, 3)), np.zeros(2))]
    for found in (plane, regions_in_space(layers)):
        last = len(found) - 1
        assert found.halfspaces(-1).facets.tolist() == found.halfspaces(last).facets.tolist()
        assert found.neighbours(-1).tolist() == found.neighbours(last).tolist() != []
        for wrong in (last + 1, -last - 2):
            for ask in (found.halfspaces, found.neighbours):
                with pytest.raises(IndexError, match=f"from 0 to {last}; got {wrong}"):
                    ask(wrong)
    np.testing.assert_array_equal(plane.polygon(-1), plane.polygon(len(plane) - 1))


def test_what_becomes_of_the_parameters_does_not_change_the_regions():
    parameters = np.array([1.0, 0, 0, 0, 1, 0, 1, 1, 0])
    found = rs.regions(Network(n_inputs=2, width=2, depth=1), 1, parameters)
    weights = np.eye(3)
    space = regions_in_space([(weights, np.zeros(3)), (np.ones((1, 3)), np.zeros(1))])
    parameters[:] = weights[:] = 7
    assert found.J.max() == space.J.max() == 1
    assert all((np.abs(space.halfspaces(i).Q).sum(axis=1) == 1).all() for i in range(8))


def test_first_layers_alone(example):
    layers, found = example
    part = found.of_layers(1)
    assert part.active.shape[1] == 1
    assert len(part) < len(found)
    for region in range(len(part)):
        middle = part.polygon(region).mean(axis=0)
        hidden = layers[0][0] @ middle + layers[0][1]
        expected = layers[1][0] @ np.where(hidden < 0, 0.1 * hidden, hidden) + layers[1][1]
        np.testing.assert_allclose(part.J[region] @ middle + part.y[region], expected, atol=1e-12)


def test_maps_are_the_network(example):
    layers, found = example
    middles = np.array([found.polygon(i).mean(axis=0) for i in range(len(found))])
    np.testing.assert_allclose(
        (found.gradient * middles).sum(axis=1) + found.intercept,
        forward(layers, middles, 0.1)[:, 0],
        atol=1e-12,
    )


def module(*activations):
    torch.manual_seed(0)
    widths = [2, *range(5, 5 + len(activations)), 3]
    parts = [nn.Flatten()]
    for (fan_in, fan_out), activation in zip(pairwise(widths), [*activations, nn.Identity()], strict=True):
        parts += [nn.Linear(fan_in, fan_out), activation]
    return nn.Sequential(*parts).double()


@pytest.mark.parametrize(
    "network",
    [
        module(nn.ReLU()),
        module(nn.ReLU(), nn.LeakyReLU(0.2), nn.PReLU(init=-1.0)),
        module(nn.Identity(), nn.ReLU(), nn.Dropout(0.5)).eval(),
        nn.Sequential(module(nn.ReLU()), nn.Sequential(nn.ReLU())),
    ],
)
def test_modules_of_pytorch(network):
    found = rs.regions(network, 2)
    middles = np.array([found.polygon(i).mean(axis=0) for i in range(len(found))])
    expected = network(torch.from_numpy(middles)).detach().numpy()
    np.testing.assert_allclose((found.J @ middles[:, :, None])[:, :, 0] + found.y, expected, atol=1e-12)
    assert found.areas.sum() == pytest.approx(16)
    assert len(np.unique(found.active.reshape(len(found), -1), axis=0)) == len(found) > 5


def test_colours_follow_the_pattern_alone(example):
    _, found = example
    colours = pattern_colours(found.bits)
    assert colours.min() >= 0
    assert colours.max() <= 1
    np.testing.assert_array_equal(pattern_colours(found.bits[::-1]), colours[::-1])
    assert len(np.unique(colours.round(3), axis=0)) > 0.9 * len(found)


def test_picture(example):
    from matplotlib import pyplot

    _, found = example
    axes = found.plot(boundary=True)
    faces, lines = axes.collections
    assert len(faces.get_paths()) == len(found)
    assert len(lines.get_paths()) == len(found.boundary())
    assert axes.get_xlim() == (-2, 1.5)
    assert found.plot(axes) is axes
    pyplot.close(axes.figure)


ONE = Network(n_inputs=2, width=1, depth=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((ONE, 1), "a Network is a shape: give its parameters too"),
        ((ONE, 1, [1, 2, np.nan, 1, 1]), "parameters are finite"),
        ((Network(n_inputs=1, width=1, depth=1), 1, np.ones(4)), "2 input"),
        ((Network(n_inputs=2, width=1, depth=1, activation="tanh"), 1, np.ones(5)), "points of a grid"),
        ((ONE, 1, [1e200, 0, 0, 1, 1]), "units may reach 3e.200"),
        ((ONE, 0, np.ones(5)), "low is below high"),
        ((ONE, np.inf, np.ones(5)), "both are finite"),
        ((ONE, (0, 1), np.ones(5)), "a box is its lower left and upper right corner"),
        ((module(nn.Tanh()), 1), r"a module is made of Linear.*got Tanh\(\).*points of a grid"),
        ((nn.Sequential(nn.Conv2d(1, 1, 3), nn.ReLU()), 1), r"got Conv2d.*rs\.images\.cut_plane"),
        ((nn.Sequential(nn.Linear(2, 1)), 1), r"a hidden layer and one of outputs; got 1 layer"),
        ((nn.Sequential(nn.Linear(1, 1), nn.ReLU()), 1), "2 input.*got one of 1"),
        ((nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(5, 1)), 1), "behind 4 units"),
        ((nn.Sequential(nn.Linear(2, 4), nn.Linear(5, 1), nn.ReLU()), 1), "behind 4 units"),
        (
            (nn.Sequential(nn.Linear(3, 1), nn.ReLU()), ((0, 0), (1, 1))),
            r"of 3 inputs, an array of shape \(2, 3",
        ),
        ((nn.Sequential(nn.ReLU()), 1), "an activation follows a Linear layer"),
        ((nn.Sequential(), 1), "has a Linear layer"),
        ((module(nn.ReLU()), 1, np.ones(5)), "a module has parameters of its own"),
    ],
)
def test_what_has_no_regions_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        rs.regions(*arguments)


def test_what_a_network_has_not_is_refused(example):
    _, found = example
    for depth in (-1, 0, 4):
        with pytest.raises(ValueError, match=f"depth is 1 to 3; got {depth}"):
            found.of_layers(depth)
    for options in ({"output": 1}, {"level": np.nan}):
        with pytest.raises(ValueError, match="outputs are numbered from 0 to 0 and levels are finite"):
            found.boundary(**options)


def test_a_module_that_diverged_is_refused():
    network = module(nn.ReLU())
    with torch.no_grad():
        network[1].weight[0, 0] = np.inf
    with pytest.raises(ValueError, match="weights are finite"):
        rs.regions(network, 1)
    for limit in (0, 1.5, np.inf, True):
        with pytest.raises(ValueError, match="limit is a number of regions"):
            rs.regions(module(nn.ReLU()), 1, limit=limit)
