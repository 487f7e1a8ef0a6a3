"""Cutting with functions of the caller's own."""

from __future__ import annotations

import numpy as np
import pytest

from relusweep.tasks.regions.mesh import convex_polygon, cut_mesh

TRIANGLE = [[0, 0], [4, 0], [0, 3]]


def shoelace(mesh):
    parts = np.split(mesh.vertices[mesh.corners], mesh.offsets[1:-1])
    return np.array(
        [(p[:, 0] * np.roll(p[:, 1], -1) - p[:, 1] * np.roll(p[:, 0], -1)).sum() / 2 for p in parts]
    )


def test_a_triangle_cut_by_lines_and_then_by_what_bends_at_them():
    mesh = convex_polygon(TRIANGLE)
    lines = np.random.default_rng(0).normal(size=(3, 70))
    sizes = np.abs(lines).sum(axis=0) * 4
    first = cut_mesh(mesh, mesh.vertices @ lines[:2] + lines[2], sizes, 1e-14)
    np.testing.assert_allclose(first.values, first.mesh.vertices @ lines[:2] + lines[2], atol=1e-12)
    # The sum of their absolute values is affine on each part.
    bent = np.abs(first.values).sum(axis=1, keepdims=True)
    level = np.median(bent)
    second = cut_mesh(first.mesh, bent - level, [sizes.sum()], 1e-14, first=70)
    exact = np.abs(second.mesh.vertices @ lines[:2] + lines[2]).sum(axis=1) - level
    np.testing.assert_allclose(second.values[:, 0], exact, atol=1e-10)
    assert shoelace(second.mesh).sum() == pytest.approx(6)
    assert (shoelace(second.mesh) > 0).all()
    parents = np.bincount(second.parents, weights=shoelace(second.mesh))
    np.testing.assert_allclose(parents, shoelace(first.mesh))
    ends = second.mesh.edges[second.mesh.labels == 70]
    assert len(ends)
    np.testing.assert_allclose(second.values[ends], 0)
    np.testing.assert_array_equal(second.mesh.vertices[: len(first.mesh.vertices)], first.mesh.vertices)


def test_above_says_the_sign_inside():
    mesh = convex_polygon(TRIANGLE)
    lines = np.random.default_rng(1).normal(size=(3, 130))
    cut = cut_mesh(mesh, mesh.vertices @ lines[:2] + lines[2], np.full(130, 20.0), 1e-14)
    middles = np.array(
        [p.mean(axis=0) for p in np.split(cut.mesh.vertices[cut.mesh.corners], cut.mesh.offsets[1:-1])]
    )
    np.testing.assert_array_equal(cut.above, middles @ lines[:2] + lines[2] > 0)
    assert cut.complete


def test_a_limit_leaves_whole_what_is_not_cut():
    mesh = convex_polygon(TRIANGLE)
    lines = np.random.default_rng(1).normal(size=(3, 30))
    cut = cut_mesh(mesh, mesh.vertices @ lines[:2] + lines[2], np.full(30, 20.0), 1e-14, limit=9)
    assert (len(cut.parents), cut.complete) == (9, False)
    assert shoelace(cut.mesh).sum() == pytest.approx(6)


def test_without_functions_nothing_is_cut():
    mesh = convex_polygon(TRIANGLE)
    cut = cut_mesh(mesh, np.empty((3, 0)), [], 1e-14)
    np.testing.assert_array_equal(cut.mesh.corners, mesh.corners)
    assert cut.above.shape == (1, 0)


@pytest.mark.parametrize(
    ("corners", "message"),
    [
        ([[0, 0], [1, 0]], "three or more finite corners"),
        ([[0, 0], [1, 0], [0, np.nan]], "three or more finite corners"),
        (TRIANGLE[::-1], "counter-clockwise"),
        ([[0, 0], [1, 0], [1, 0], [0, 1]], "once around a convex polygon"),
        ([[0, 0], [2, 0], [0.1, 0.1], [0, 2]], "once around a convex polygon"),
        ([[0, 0], [1, 0], [0, 1]] * 2, "once around a convex polygon"),
    ],
)
def test_what_is_no_convex_polygon_is_refused(corners, message):
    with pytest.raises(ValueError, match=message):
        convex_polygon(corners)


@pytest.mark.parametrize(
    ("values", "sizes", "error", "message"),
    [
        (np.ones(3), [1], 0, r"values \(3 vertices, n_functions\).*got shapes \(3,\)"),
        (np.ones((4, 1)), [1], 0, r"got shapes \(4, 1\)"),
        (np.ones((3, 1)), [1, 1], 0, r"and \(2,\)"),
        ([[1], [np.nan], [-1]], [1], 0, "values and sizes are finite"),
        (np.ones((3, 1)), [-1], 0, "sizes are at least 0"),
        (np.ones((3, 1)), [1], -1e-9, "sizes are at least 0, the error from 0"),
    ],
)
def test_functions_that_do_not_fit_are_refused(values, sizes, error, message):
    with pytest.raises(ValueError, match=message):
        cut_mesh(convex_polygon(TRIANGLE), values, sizes, error)
