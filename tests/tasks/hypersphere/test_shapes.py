"""Regions of constructed networks: of both kinds, of others, and open ones."""

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import label
from scipy.spatial import ConvexHull
from scipy.stats import ortho_group

from relusweep.tasks.hypersphere.geometry import expanded_simplex, hyperoctahedron, regular_simplex
from relusweep.tasks.hypersphere.shapes import Shape, classify, region_vertices
from relusweep.tasks.networks import Network

LEAKS = [0.0, 0.01, 0.3]
dimensions = pytest.mark.parametrize("n", [2, 3, 5, 8])
seeds = st.integers(0, 2**32 - 1)


def network(n, leak=0.0):
    return Network(n_inputs=n, width=n + 1, depth=1, leak=leak)


def flat(normals, biases, outer, offset):
    return np.concatenate([np.column_stack([normals, biases]).ravel(), outer, [offset]])


def octahedral(n, leak, reach=3.0, form="convex"):
    """sum |x_i| <= 1 where the last unit, which adds a linear function, does not bend before `reach`."""
    sum_all = np.ones(n)
    # Leaky ReLUs of 2 x_i / (1 - leak) add up to sum |x_i| + slope sum x_i; the last unit takes that away.
    slope = (1 + leak) / (1 - leak)
    last, outer, constant = {
        "convex": ((-sum_all, reach), slope, slope * reach),
        "concave": ((sum_all, reach), -slope, -slope * reach),
        "inactive": ((sum_all, -reach), -slope / (leak or 1), slope * reach),
    }[form]
    normals = np.vstack([2 / (1 - leak) * np.eye(n), last[0]])
    return flat(normals, [0.0] * n + [last[1]], [1.0] * n + [outer], -1 - constant)


def simplicial(n, leak, bias=0.0, offset=-1.0):
    return flat(regular_simplex(n), np.full(n + 1, bias), np.ones(n + 1), offset)


def output(net, parameters, x):
    units = net.width
    hidden, (outer, offset) = (
        parameters[: units**2].reshape(units, units),
        np.split(parameters[units**2 :], [units]),
    )
    z = x @ hidden[:, :-1].T + hidden[:, -1]
    return np.maximum(z, net.leak * z) @ outer + offset


def moved(parameters, n, seed):
    """Turn, scale and shift the inputs; permute the units and share their scale out anew."""
    rng = np.random.default_rng(seed)
    rotation, scale, shift = ortho_group.rvs(n, random_state=rng), rng.uniform(0.2, 5), rng.normal(size=n)
    hidden, outer = parameters[: (n + 1) ** 2].reshape(n + 1, n + 1), parameters[(n + 1) ** 2 : -1]
    normals, order, share = (
        scale * hidden[:, :-1] @ rotation,
        rng.permutation(n + 1),
        rng.uniform(0.2, 5, n + 1),
    )
    biases = hidden[:, -1] + normals @ shift
    return flat(
        (normals * share[:, None])[order], (biases * share)[order], (outer / share)[order], parameters[-1]
    )


def classify_one(net, parameters, tolerance=0.3):
    shapes = classify(net, parameters[None].astype(np.float32), tolerance)
    return [shapes.shape[0], shapes.vertices[0], shapes.misfit[0]]


def sort_rows(points):
    return points[np.lexsort(points.round(4).T)]


@dimensions
@pytest.mark.parametrize(
    ("leak", "form"),
    [*((leak, form) for leak in LEAKS for form in ("convex", "concave")), (0.3, "inactive")],
)
def test_the_hyperoctahedron_is_told_however_its_last_unit_is_written(n, leak, form):
    parameters = octahedral(n, leak, form=form)
    vertices = region_vertices(network(n, leak), parameters.astype(np.float32))
    np.testing.assert_allclose(sort_rows(vertices), sort_rows(hyperoctahedron(n).vertices), atol=1e-5)
    shape, count, misfit = classify_one(network(n, leak), parameters)
    assert (shape, count) == (Shape.HYPEROCTAHEDRON, 2 * n)
    assert misfit < 1e-4


@pytest.mark.parametrize("n", [2, 3, 5])
def test_the_vertices_of_the_expanded_simplex_are_those_of_the_polytope(n):
    vertices = region_vertices(network(n), simplicial(n, 0.0).astype(np.float32))
    reach = np.linalg.norm(vertices, axis=1).max()
    np.testing.assert_allclose(
        sort_rows(vertices / reach), sort_rows(expanded_simplex(n).vertices), atol=1e-5
    )


@dimensions
@pytest.mark.parametrize("leak", LEAKS)
def test_the_expanded_simplex_is_told(n, leak):
    # All terms leak z_i add up to nothing, so the region has the same form with any leak.
    shape, count, misfit = classify_one(network(n, leak), simplicial(n, leak))
    assert (shape, count) == (Shape.EXPANDED_SIMPLEX, n * (n + 1))
    assert misfit < 1e-4


@given(st.integers(2, 6), st.sampled_from(LEAKS), st.booleans(), seeds)
def test_misfits_do_not_depend_on_place_size_or_form(n, leak, is_octahedral, seed):
    rng = np.random.default_rng(seed)
    parameters = octahedral(n, leak) if is_octahedral else simplicial(n, leak)
    parameters *= 1 + rng.normal(0, 0.02, parameters.size)
    before = classify_one(network(n, leak), parameters)
    after = classify_one(network(n, leak), moved(parameters, n, seed))
    assert after == pytest.approx(before, rel=1e-2, abs=1e-4)


@given(st.integers(2, 6), st.sampled_from(LEAKS), st.booleans(), seeds)
def test_perturbed_polytopes_are_near_but_not_the_same(n, leak, is_octahedral, seed):
    rng = np.random.default_rng(seed)
    parameters = octahedral(n, leak) if is_octahedral else simplicial(n, leak)
    parameters *= 1 + rng.uniform(-0.02, 0.02, parameters.size)
    shape, _, misfit = classify_one(network(n, leak), parameters)
    assert shape == (Shape.HYPEROCTAHEDRON if is_octahedral else Shape.EXPANDED_SIMPLEX)
    assert 1e-5 < misfit < 0.25
    assert classify_one(network(n, leak), parameters, tolerance=misfit * 0.99)[0] == Shape.NEITHER
    assert classify_one(network(n, leak), parameters, tolerance=misfit * 1.01)[0] == shape


@given(st.integers(2, 4), st.sampled_from(LEAKS), seeds)
def test_regions_of_random_bounded_networks_are_the_hulls_of_their_vertices(n, leak, seed):
    rng = np.random.default_rng(seed)
    net, normals = network(n, leak), rng.normal(size=(n + 1, n))
    normals[-1] = -rng.uniform(0.4, 1, n) @ normals[:-1]
    parameters = flat(normals, rng.normal(size=n + 1), np.ones(n + 1), 0.0)
    parameters[-1] = -output(net, parameters, rng.normal(size=(1, n)))[0] - rng.exponential()
    vertices = region_vertices(net, parameters.astype(np.float32))
    assert abs(output(net, parameters, vertices)).max() < 1e-3
    hull = ConvexHull(vertices)
    assert len(hull.vertices) == len(vertices)
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    x = rng.uniform(low - 0.2 * (high - low), high + 0.2 * (high - low), (500, n))
    depth = (hull.equations @ np.column_stack([x, np.ones(500)]).T).max(axis=0)
    inside = output(net, parameters, x) <= 0
    clear = abs(depth) > 1e-3 * (high - low).max()
    assert (inside == (depth <= 0))[clear].all()


def test_bounded_regions_are_those_that_a_picture_shows():
    # Any kinks in the plane, the last unit of any sign: the parts of {output <= 0} within the picture's edge.
    rng, counts = np.random.default_rng(0), np.zeros((2, 2), int)
    axis = np.linspace(-10, 10, 201)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    for _ in range(300):
        net, concave, normals = network(2, rng.choice(LEAKS)), rng.integers(2), rng.normal(size=(3, 2))
        normals[2] = (2 * concave - 1) * rng.normal(0.6, 0.5, 2) @ normals[:2]
        parameters = flat(normals, rng.normal([0, 0, 3 * concave]), [1, 1, 1 - 2 * concave], 0)
        parameters[-1] = -output(net, parameters, np.zeros((1, 2)))[0] - rng.exponential()
        parts, _ = label((output(net, parameters, grid) <= 0).reshape(201, 201), np.ones((3, 3)))
        areas = np.bincount(parts.ravel()) * 0.1**2
        areas[np.concatenate([[0], parts[0], parts[-1], parts[:, 0], parts[:, -1]])] = 0
        vertices = region_vertices(net, parameters.astype(np.float32))
        if not len(vertices):
            assert areas.max() < 0.5
        elif abs(vertices).max() < 9.5 and (area := ConvexHull(vertices).volume) > 0.5:
            assert abs(areas / area - 1).min() < 0.2
        else:
            continue
        counts[concave, int(len(vertices) > 0)] += 1
    assert counts.min() > 10


@dimensions
def test_a_simplex_with_its_corners_cut_off_is_neither(n):
    shape, count, misfit = classify_one(network(n), simplicial(n, 0.0, bias=1 - 1e-4, offset=-(n + 1.0)))
    assert (shape, count) == (Shape.NEITHER, n * (n + 1))
    assert misfit == pytest.approx(math.sqrt((n - 1) / (2 * n)), abs=1e-3)


def test_a_square_with_its_corner_cut_off_is_neither():
    assert classify_one(network(2), octahedral(2, 0.0, reach=1.05))[:2] == [Shape.HYPEROCTAHEDRON, 4]
    shape, count, _ = classify_one(network(2), octahedral(2, 0.0, reach=0.95))
    assert (shape, count) == (Shape.NEITHER, 6)


def test_numbers_of_vertices_between_belong_to_neither():
    # The line on which the first and the last unit are 0 misses the region; the other 5 meet it.
    normals = np.vstack([np.eye(3), [-1, -0.2, -0.2]])
    shape, count, misfit = classify_one(network(3), flat(normals, [0, 0, 0, 1], np.ones(4), -1.5))
    assert (shape, count) == (Shape.NEITHER, 10)
    assert math.isnan(misfit)


def open_networks():
    square = octahedral(2, 0.0)
    yield "no unit", np.zeros(13)
    yield "nothing inside", np.append(square[:-1], 1.0)
    yield "outside in", np.append(square[:9], -square[9:])
    yield "two concave units", np.concatenate([square[:9], [1, -1, -1], square[-1:]])
    yield "a concave kink cuts off the middle", octahedral(2, 0.0, reach=-0.1, form="concave")
    yield "normals on one side", flat([[1, 0], [0, 1], [1, 1]], [0, 0, 0], [1, 1, 1], -1)
    yield "normals on a line", flat([[1, 0], [-1, 0], [2, 0]], [0, 0, 0], [1, 1, 1], -1)
    yield "no normals", flat(np.zeros((3, 2)), [0, 0, 0], [1, 1, 1], -1)
    yield "not finite", np.append(square[:-1], np.nan)
    yield "infinite", np.append(square[:-1], -np.inf)


@pytest.mark.parametrize(("reason", "parameters"), list(open_networks()))
def test_open_regions(reason, parameters):
    shape, count, misfit = classify_one(network(2), parameters)
    assert (shape, count) == (Shape.OPEN, 0), reason
    assert math.isnan(misfit)
    assert region_vertices(network(2), parameters.astype(np.float32)).shape == (0, 2)


@dimensions
@pytest.mark.parametrize("leak", LEAKS)
def test_a_concave_kink_opens_a_polytope_that_is_still_compared(n, leak):
    parameters = octahedral(n, leak, reach=0.9, form="concave")
    shape, count, misfit = classify_one(network(n, leak), parameters)
    assert (shape, count) == (Shape.OPEN, 2 * n)
    assert misfit < 1e-4
    assert len(region_vertices(network(n, leak), parameters.astype(np.float32))) == 0


def test_concave_units_are_counted():
    rows = np.tile(octahedral(4, 0.0), (4, 1)).astype(np.float32)
    rows[1:, -2] *= -1
    rows[2:, -3] *= -1
    rows[3:, -6] = 0
    assert classify(network(4), rows).concave.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_leak_may_open_what_a_relu_closes(order):
    parameters = flat(np.array([[1, 0], [0, 1], [-0.1, -0.1]])[list(order)], [0, 0, 0], [1, 1, 1], -1)
    assert classify_one(network(2, 0.0), parameters)[0] != Shape.OPEN
    assert classify_one(network(2, 0.09), parameters)[0] != Shape.OPEN
    assert classify_one(network(2, 0.11), parameters)[0] == Shape.OPEN
    assert classify_one(network(2, 1.0), parameters)[0] == Shape.OPEN


@given(seeds)
def test_normals_in_a_plane_close_nothing_in_space(seed):
    rng = np.random.default_rng(seed)
    plane = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]]) @ rng.integers(-4, 5, size=(2, 3))
    assert classify_one(network(3), flat(plane, np.zeros(4), np.ones(4), -1))[0] == Shape.OPEN


def test_many_networks_are_classified_side_by_side():
    rows = np.stack([octahedral(3, 0.0), np.zeros(21), simplicial(3, 0.0)]).astype(np.float32)
    shapes = classify(network(3), rows)
    assert shapes.shape.tolist() == [Shape.HYPEROCTAHEDRON, Shape.OPEN, Shape.EXPANDED_SIMPLEX]
    assert shapes.vertices.tolist() == [6, 0, 12]
    assert [field.dtype for field in shapes] == [np.int8, np.int16, np.int16, np.float64]
    assert [len(field) for field in classify(network(3), rows[:0])] == [0, 0, 0, 0]


@pytest.mark.parametrize(
    "wrong",
    [
        Network(n_inputs=1, width=2, depth=1),
        Network(n_inputs=2, width=4, depth=1),
        Network(n_inputs=2, width=3, depth=2),
    ],
)
def test_other_networks_are_refused(wrong):
    with pytest.raises(ValueError, match="one hidden layer with one unit more"):
        classify(wrong, np.zeros((1, wrong.n_parameters), np.float32))


@pytest.mark.parametrize("shape", [(13,), (2, 12)])
def test_parameters_that_do_not_fit_are_refused(shape):
    with pytest.raises(ValueError, match="a network has 13 parameters"):
        classify(network(2), np.zeros(shape, np.float32))


@pytest.mark.parametrize("tolerance", [-0.1, 1.1, math.nan])
def test_tolerances_out_of_range_are_refused(tolerance):
    with pytest.raises(ValueError, match="share from 0 to 1"):
        classify(network(2), np.zeros((1, 13), np.float32), tolerance)
