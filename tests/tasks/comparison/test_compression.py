from itertools import permutations

import numpy as np
import pytest

from relusweep.tasks.comparison._kmeans import leading
from relusweep.tasks.comparison.affine import apply_coefficients
from relusweep.tasks.comparison.compression import cluster, cluster_all, cluster_chunks, compressed_outputs
from relusweep.tasks.comparison.measures import n_right
from relusweep.tasks.streams import Stream

STREAM = Stream(("clusters", "test", 0))


def blobs(n_samples=600, n_blobs=5, columns=8, dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    centres = 100 * rng.normal(size=(n_blobs, columns))
    which = np.arange(n_samples) % n_blobs
    rows = centres[which] + rng.normal(size=(n_samples, columns))
    return rows.astype(dtype), np.stack([rows[which == blob].mean(axis=0) for blob in range(n_blobs)])


def stream_of(k):
    return Stream(("clusters", "test", k))


def moved_once(rows, centres):
    apart = ((rows[:, None].astype(float) - centres.astype(float)) ** 2).sum(axis=-1)
    nearest = apart.argmin(axis=1)
    return np.stack([rows[nearest == k].mean(axis=0, dtype=float) for k in range(len(centres))])


def in_chunks(rows, size):
    return lambda: (rows[start : start + size] for start in range(0, len(rows), size))


def inertia_of(rows, centres):
    apart = rows[:, None].astype(float) - centres.astype(float)
    return (apart**2).sum(axis=-1).min(axis=1).sum()


def same_points(found, expected):
    nearest = np.abs(found[:, None] - expected).max(axis=-1).argmin(axis=0)
    return sorted(nearest) == list(range(len(expected))) and np.allclose(found[nearest], expected, atol=0.5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_separate_clusters_are_found(dtype):
    rows, means = blobs(dtype=dtype)
    found = cluster(rows, 5, STREAM, output=0)
    assert found.centres.dtype == dtype
    assert same_points(found.centres, means)
    assert found.inertia == pytest.approx(inertia_of(rows, means), rel=1e-5)
    assert same_points(cluster_chunks(in_chunks(rows, 50), 5, STREAM, output=0).centres, means)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("directions", [2, 8, 100])
def test_separate_clusters_are_found_in_the_original_columns(dtype, directions):
    rows, means = blobs(n_samples=7000, dtype=dtype)  # more than there are to start among
    found = cluster_all(rows + dtype(50), (3, 5), stream_of, output=0, directions=directions)
    assert list(found) == [3, 5]
    assert found[5].centres.dtype == dtype
    assert same_points(found[5].centres, means + 50)
    for each in found.values():
        assert each.inertia == pytest.approx(inertia_of(rows + dtype(50), each.centres), rel=1e-5)


def test_rows_turn_onto_the_directions_in_which_they_vary():
    rng = np.random.default_rng(6)
    strengths = np.array([5.0, 0.5, 50.0])
    rows = (3 + (strengths * rng.normal(size=(5000, 3))) @ rng.normal(size=(3, 40))).astype(np.float32)
    mean = rows.mean(axis=0, dtype=float)
    for directions, kept in ((100, 3), (3, 3), (2, 2)):
        basis = leading(rows, mean, directions)
        assert basis.shape == (40, kept)
        np.testing.assert_allclose(basis.T @ basis, np.eye(kept), atol=1e-12)
        left = rows - mean - (rows - mean) @ basis @ basis.T
        assert (np.abs(left).max() < 1e-4) == (kept == 3)
        least = np.square(np.linalg.svd(rows - mean, compute_uv=False)[kept:]).sum()  # Eckart and Young
        assert np.square(left).sum() == pytest.approx(least, rel=1e-6)


def test_rows_of_low_rank_are_clustered_to_the_end():
    rng = np.random.default_rng(7)
    rows = 3 + rng.normal(size=(2000, 3)) @ rng.normal(size=(3, 40))
    for k, found in cluster_all(rows, (4, 12), stream_of, output=0, directions=3).items():
        assert found.iterations > 5
        scale = np.sqrt(found.inertia / len(rows))
        assert np.abs(moved_once(rows, found.centres) - found.centres).max() < 0.02 * scale
        short = cluster_all(rows, (k,), stream_of, output=0, max_iterations=1)[k]
        assert short.iterations == 3
        assert found.inertia < short.inertia


def test_columns_outside_the_leading_directions_count_too():
    rng = np.random.default_rng(8)
    which = np.arange(900) % 2
    rows = rng.normal(size=(900, 3)) + np.outer(which, [100, 4, 0])
    centres = cluster_all(rows, (2,), stream_of, output=0, directions=1)[2].centres
    expected = [rows[which == blob].mean(axis=0) for blob in (0, 1)]
    np.testing.assert_allclose(centres[centres[:, 0].argsort()], expected, atol=1e-10)


def test_few_directions_cost_little_inertia():
    rng = np.random.default_rng(9)
    strengths = 0.9 ** np.arange(60)
    rows = (strengths * rng.normal(size=(1500, 60))).astype(np.float32)
    for k, found in cluster_all(rows, (5, 30), stream_of, output=0, n_init=3, directions=15).items():
        assert found.inertia < 1.01 * cluster(rows, k, stream_of(k), output=0, n_init=3).inertia


def test_numbers_of_clusters_do_not_touch_one_another():
    rows = np.random.default_rng(10).normal(size=(300, 6)).astype(np.float32)
    every = cluster_all(rows, iter((1, 20, 5)), stream_of, output=2)
    assert list(every) == [1, 20, 5]
    for k, found in every.items():
        (alone,) = cluster_all(rows, (k,), stream_of, output=2).values()
        np.testing.assert_array_equal(alone.centres, found.centres)
        assert alone[1:] == found[1:]
    np.testing.assert_array_equal(every[1].centres, cluster(rows, 1, STREAM, output=2).centres)
    for others in (
        cluster_all(rows, (20,), stream_of, output=3),
        cluster_all(rows, (20,), lambda k: STREAM, output=2),
    ):
        assert not np.array_equal(others[20].centres, every[20].centres)


def test_more_starts_are_no_worse():
    rows = np.random.default_rng(11).normal(size=(400, 4))
    once, often = (cluster_all(rows, (20,), stream_of, 1, n_init=n)[20].inertia for n in (1, 10))
    assert often < once


def test_iterations_are_counted_and_limited():
    rows = np.random.default_rng(12).normal(size=(500, 4))
    assert cluster(rows, 1, STREAM, 0).iterations == 0
    ended, cut = (cluster(rows, 10, STREAM, 0, max_iterations=n) for n in (300, 2))
    assert cut.iterations == 2 < ended.iterations < 300
    assert ended.inertia < cut.inertia
    assert cluster_chunks(in_chunks(rows, 100), 10, STREAM, 0, passes=4).iterations == 1 + 4 * 5


def test_the_best_two_clusters_of_a_few_points_are_those_of_all_partitions():
    # worked by trying all: 0, 1, 2 | 10, 11 has inertia 2 + 1/2
    points = np.array([[0.0], [1.0], [2.0], [10.0], [11.0]])
    splits = {frozenset(order[:n]) for order in permutations(range(5)) for n in range(1, 5)}
    best = min(
        sum(len(part) * points[list(part)].var() for part in (split, set(range(5)) - split))
        for split in splits
    )
    assert best == pytest.approx(2.5)
    assert cluster(points, 2, STREAM, output=0, n_init=5).inertia == pytest.approx(best)


@pytest.mark.parametrize("k", [2, 5, 20])
def test_inertia_is_that_of_the_centres_and_falls_with_more_starts(k):
    rows = np.random.default_rng(1).normal(3, 1, (500, 6)).astype(np.float32)
    once, often = (cluster(rows, k, STREAM, output=1, n_init=n) for n in (1, 8))
    in_parts = cluster_chunks(in_chunks(rows, 64), k, STREAM, output=1)
    for found in (once, often, in_parts):
        assert found.inertia == pytest.approx(inertia_of(rows, found.centres), rel=1e-6)
    assert often.inertia <= once.inertia
    assert in_parts.inertia <= 1.15 * once.inertia


@pytest.mark.parametrize("size", [1, 37, 1000])
def test_one_cluster_is_the_column_means(size):
    rows = (1e4 + np.random.default_rng(2).normal(size=(300, 4))).astype(np.float32)
    mean = rows.mean(axis=0, dtype=float)
    for found in (cluster(rows, 1, STREAM, 0), cluster_chunks(in_chunks(rows, size), 1, STREAM, 0)):
        np.testing.assert_allclose(found.centres, mean[None], rtol=1e-15)
        assert found.inertia == pytest.approx(np.square(rows - mean).sum(), rel=1e-12)


def test_one_cluster_classifies_as_the_mean_map():
    rng = np.random.default_rng(3)
    coefficients, test = rng.normal(size=(400, 4, 7)), rng.normal(size=(200, 4, 7))
    inputs, labels = rng.normal(size=(200, 6)), rng.integers(0, 4, 200)
    centres = [cluster(coefficients[:, j], 1, STREAM, j).centres for j in range(4)]
    outputs = compressed_outputs(centres, test, inputs)
    mean = coefficients.mean(axis=0)
    expected = inputs @ mean[:, :-1].T + mean[:, -1]
    np.testing.assert_allclose(outputs, expected, rtol=1e-12, atol=1e-13)
    assert n_right(outputs, labels) == n_right(expected, labels)


def test_a_centre_for_every_row_gives_the_network_back():
    rng = np.random.default_rng(4)
    coefficients, inputs = rng.normal(size=(40, 3, 5)), rng.normal(size=(40, 4))
    centres = [cluster(coefficients[:, j], 40, STREAM, j).centres for j in range(3)]
    outputs = compressed_outputs(centres, coefficients, inputs)
    np.testing.assert_allclose(outputs, apply_coefficients(coefficients, inputs), rtol=1e-10, atol=1e-12)


def test_each_row_takes_its_nearest_centre():
    centres = [np.array([[0.0, 0.0], [1.0, 10.0]]), np.array([[5.0, 0.0]])]
    coefficients = [[[0.4, 1.0], [0.0, 0.0]], [[0.0, 6.0], [0.0, 0.0]]]
    assert compressed_outputs(centres, coefficients, [[2.0], [3.0]]).tolist() == [[0, 10], [13, 15]]


def test_draws_are_named():
    rows = np.random.default_rng(5).normal(size=(200, 5))
    first = cluster(rows, 20, STREAM, output=0).centres
    np.testing.assert_array_equal(cluster(rows, 20, STREAM, output=0).centres, first)
    for stream, output in ((STREAM, 1), (Stream(("clusters", "test", 1)), 0)):
        assert not np.array_equal(cluster(rows, 20, stream, output).centres, first)
    parts = [cluster_chunks(in_chunks(rows, 80), 20, STREAM, output=0).centres for _ in range(2)]
    np.testing.assert_array_equal(*parts)


def test_a_linear_network_has_one_map_however_many_are_asked_for():
    rows = np.ones((30, 3), dtype=np.float32)
    for found in (cluster(rows, 5, STREAM, 0), cluster_chunks(in_chunks(rows, 20), 5, STREAM, 0)):
        assert found.centres.shape == (5, 3)
        np.testing.assert_allclose(found.centres, 1, rtol=1e-6)
        assert found.inertia == pytest.approx(0, abs=1e-12)


def test_rounding_is_not_clustered():
    apart = np.random.default_rng(13).normal(size=(300, 4))
    mean = np.array([1.0, -2.0, 3.0, 0.0])
    for scale, same in ((1e-6, True), (1e-3, False)):
        found = cluster_all(mean + scale * apart, (1, 7), stream_of, 0)
        assert found[7].centres.shape == (7, 4)
        assert (len(np.unique(found[7].centres, axis=0)) == 1) == same
        assert (found[7].inertia == found[1].inertia) == same
        assert (found[7].iterations == 0) == same


def test_what_is_refused():
    rows = np.ones((4, 3))
    for k in (0, 5):
        with pytest.raises(ValueError, match=f"4 rows make 1 to 4 clusters, got {k}"):
            cluster(rows, k, STREAM, 0)
        with pytest.raises(ValueError, match=f"clusters, got {k}"):
            cluster_chunks(in_chunks(rows, 3), k, STREAM, 0)
        with pytest.raises(ValueError, match=f"4 rows make 1 to 4 clusters, got {k}"):
            cluster_all(rows, (1, k), stream_of, 0)
    with pytest.raises(ValueError, match="at least 1 direction, got 0"):
        cluster_all(rows, (2,), stream_of, 0, directions=0)
    for bad in (np.nan, np.inf):
        for k in (1, 2):
            with pytest.raises(ValueError, match=r"NaN|infinity"):
                cluster(np.full((4, 3), bad), k, STREAM, 0)
            with pytest.raises(ValueError, match="rows hold NaN or infinity"):
                cluster_all(np.full((4, 3), bad), (k,), stream_of, 0)
    with pytest.raises(ValueError, match="0 rows"):
        cluster(rows[:0], 1, STREAM, 0)
    with pytest.raises(ValueError, match="centres of 3 columns for each of 2 outputs"):
        compressed_outputs([rows], np.ones((2, 2, 3)), np.ones((2, 2)))
