"""Polygons of constructed and of trained networks, and that they agree with shapes told from the weights."""

import math

import numpy as np
import pytest

from relusweep.tasks.hypersphere.geometry import regular_simplex
from relusweep.tasks.hypersphere.outlines import Outline, outline, outline_kind, polygon_around_middle
from relusweep.tasks.hypersphere.problems import BallAndShell
from relusweep.tasks.hypersphere.shapes import Shape, classify
from relusweep.tasks.networks import Network
from relusweep.tasks.regions import Curve

NETWORK = Network(n_inputs=2, width=3, depth=1)
# |x| + |y| <= 0.6, from two kinks and a unit that is active all over the square.
SQUARE = [2, 0, 0, 0, 2, 0, -1, -1, 9, 1, 1, 1, -9.6]


def traced(parameters, threshold=0.0, network=NETWORK, inputs="raw"):
    problem = BallAndShell(n_inputs=2, n_samples=10, inputs=inputs)
    return outline(problem, network, parameters, threshold=threshold)


def hexagon(size):
    corners = [[math.cos(turn), math.sin(turn)] for turn in 2 * math.pi * np.arange(3) / 3]
    return [*np.column_stack([corners, np.zeros(3)]).ravel(), 1, 1, 1, -size]


@pytest.mark.parametrize(("parameters", "corners"), [(SQUARE, 4), (hexagon(0.5), 6)])
def test_bodies_are_traced_with_all_corners(parameters, corners):
    curves = traced(parameters)
    polygon = polygon_around_middle(curves)
    assert len(polygon) == corners
    assert outline_kind(curves) == {4: Outline.QUADRILATERAL, 6: Outline.HEXAGON}[corners]
    radius = {4: 0.6, 6: 0.5 * 2 / math.sqrt(3)}[corners]
    np.testing.assert_allclose(np.linalg.norm(polygon, axis=1), radius, rtol=1e-12)


def test_the_square_is_scaled_as_the_data_are():
    assert outline_kind(traced(hexagon(0.95))) == Outline.NOT_CLOSED  # corners beyond 1
    assert outline_kind(traced(hexagon(0.95), inputs="scaled")) == Outline.HEXAGON


def test_the_threshold_moves_the_boundary():
    half = [*SQUARE[:-1], SQUARE[-1] + 0.5]
    moved = polygon_around_middle(traced(half, 0.5))
    np.testing.assert_allclose(moved, polygon_around_middle(traced(SQUARE)), rtol=1e-12)
    shapes = classify(NETWORK, np.array([half], np.float32), threshold=0.5)
    assert shapes.shape == Shape.HYPEROCTAHEDRON
    np.testing.assert_allclose(shapes.misfit, 0, atol=1e-6)


def test_what_lies_behind_the_parameters_is_left_out():
    padded = polygon_around_middle(traced([*SQUARE, math.nan, math.nan]))
    np.testing.assert_array_equal(padded, polygon_around_middle(traced(SQUARE)))


def test_a_polygon_elsewhere_is_not_around_the_middle():
    triangle = np.array([[1.0, 0.0], [0.0, -1.0], [-1.0, 1.0]])
    around, aside = Curve(triangle, closed=True), Curve(triangle + 3, closed=True)
    line = Curve(triangle[:2], closed=False)
    assert outline_kind([line, aside]) == Outline.NOT_CLOSED
    assert outline_kind([line, aside, around]) == Outline.OTHER
    assert outline_kind([]) == Outline.NOT_CLOSED


@pytest.mark.parametrize("threshold", [0.0, 0.5])
def test_polygons_and_shapes_agree(threshold):
    """Random regions of every kind: what is closed in the square has the corners that the weights say."""
    network = Network(n_inputs=2, width=3, depth=1, leak=0.1)
    parameters = np.concatenate([_bent_by_three(250, threshold), _bent_by_two(250, threshold)])
    shapes = classify(network, parameters, threshold=threshold)
    seen = set()
    for row, shape, vertices in zip(parameters, shapes.shape, shapes.vertices, strict=True):
        polygon = polygon_around_middle(traced(row, threshold, network))
        if polygon is not None:
            assert shape != Shape.OPEN
            assert len(polygon) == vertices
            seen.add((Shape(shape), len(polygon)))
    near_polytopes = {(Shape.HYPEROCTAHEDRON, 4), (Shape.EXPANDED_SIMPLEX, 6)}
    assert seen == {(Shape.NEITHER, 4), (Shape.NEITHER, 6), *near_polytopes}


def _bent_by_three(count, threshold):
    """Directions around those of a regular triangle."""
    rng = np.random.default_rng(0)
    normals = regular_simplex(2) + rng.uniform(0, 1, (count, 1, 1)) * rng.normal(size=(count, 3, 2))
    hidden = np.concatenate([normals, 0.2 * rng.normal(size=(count, 3, 1))], axis=2)
    outer = rng.uniform(0.3, 3, (count, 3))
    parameters = [hidden.reshape(count, 9), outer, np.full((count, 1), threshold - 0.4)]
    return np.concatenate(parameters, axis=1).astype(np.float32)


def _bent_by_two(count, threshold):
    """The last unit, active all over the square, takes away the slope of the others, or about that."""
    parameters = _bent_by_three(count, threshold)
    hidden, outer = parameters[:, :9].reshape(count, 3, 3), parameters[:, 9:12]
    mean = np.einsum("nu,nui->ni", outer[:, :2], hidden[:, :2, :2])
    hidden[:, 2, :2] = mean * np.random.default_rng(1).uniform(-0.8, -0.3, (count, 1)) / outer[:, 2:]
    hidden[:, 2, 2] = 9
    parameters[:, 12] -= 9 * outer[:, 2]
    return parameters
