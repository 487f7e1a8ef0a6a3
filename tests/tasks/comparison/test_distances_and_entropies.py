import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from mpmath import exp, log, mp
from scipy.stats import entropy

from relusweep.tasks.comparison.distances import Distances
from relusweep.tasks.comparison.measures import cka, cross_entropy, n_right


def distances_of(rows, pairs=((0, 1), (0, 0), (1, 0)), cuts=1):
    distances = Distances(pairs, len(rows), *rows.shape[2:])
    for chunk in np.array_split(rows, cuts, axis=1):
        distances.update(chunk)
    return distances


def exact_distance(x, y, size=lambda value: value):
    x, y = ([Fraction(float(value)) for value in rows.ravel()] for rows in (x, y))
    a, b = max(map(size, x)), max(map(size, y))
    return float(sum((u / a - v / b) ** 2 for u, v in zip(x, y, strict=True)) / len(x))


@pytest.mark.parametrize("apart", [1, 1e-3, 1e-6])
@pytest.mark.parametrize("cuts", [1, 7])
def test_distances_are_right_however_near_the_networks(apart, cuts):
    rng = np.random.default_rng(0)
    one = rng.normal(size=(40, 3, 5)).astype(np.float32)
    rows = np.stack([one, (one * (1 + apart * rng.normal(size=one.shape))).astype(np.float32)])
    distances = distances_of(rows, cuts=cuts)
    for unit, size in (("largest", lambda value: value), ("largest_size", abs)):
        found = distances.values(unit)
        np.testing.assert_allclose(found[[0, 2]], exact_distance(*rows, size), rtol=1e-11)
        assert found[1] == 0
    assert distances.values()[0] != distances.values("largest_size")[0]


@pytest.mark.parametrize("scale", [1e-12, 1e-8, 1e5, 1e8, 1e12])
def test_distances_of_networks_of_other_scales_are_right_in_both_directions(scale):
    rows = np.random.default_rng(6).normal(size=(2, 20, 2, 5))
    rows[1] *= scale
    expected = exact_distance(*rows)
    np.testing.assert_allclose(distances_of(rows).values()[[0, 2]], expected, rtol=1e-11)


def test_a_distance_of_scaled_networks_is_within_its_bound():
    one = np.random.default_rng(1).normal(size=(40, 1, 5))
    rows, bound = np.stack([one, 3 * one]), 2 * (200 + 8) * 2.0**-53
    assert 0 <= distances_of(rows).values()[0] <= bound * 2  # sums over a² of coefficients at most 1, over m


def peak_memory(rows):
    """Bytes at the most, of one update; what other threads allocate meanwhile counts too."""
    distances = Distances([(0, 1), (2, 1)], 3, 2, 100)
    tracemalloc.start()
    try:
        distances.update(rows)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_peak_memory_of_distances_is_as_stated():
    rows = np.random.default_rng(4).normal(size=(3, 500, 2, 100)).astype(np.float32)
    peak = min(peak_memory(rows) for _ in range(3))
    assert 8 * 3 * 500 * 100 < peak <= 8 * (3 + 2) * 500 * 100 + 2**18


def test_distances_merge():
    rows = np.random.default_rng(2).normal(size=(2, 12, 2, 3))
    rows[0, 3] *= 9
    parts = [distances_of(rows[:, :5]), distances_of(rows[:, 5:])]
    parts[1].merge(parts[0])
    np.testing.assert_allclose(parts[1].values(), distances_of(rows).values(), rtol=1e-12)


def test_a_network_of_zeros_has_a_distance():
    rows = np.stack([np.zeros((4, 1, 2)), np.full((4, 1, 2), -3.0)])
    for unit in ("largest", "largest_size"):
        assert distances_of(rows).values(unit).tolist() == [1, 0, 1]


def test_a_distance_in_units_of_zero_is_not_finite():
    rows = np.array([[[[1.0, 0.5]]], [[[0.0, -2.0]]]])
    assert not np.isfinite(distances_of(rows).values()[[0, 2]]).any()
    assert distances_of(rows).values("largest_size")[0] == pytest.approx((1 + 1.5**2) / 2)


def test_measures_of_networks_that_diverged_are_missing():
    rows = np.stack([np.ones((6, 2, 3)), np.full((6, 2, 3), np.nan)])
    assert np.isnan(distances_of(rows).values()[[0, 2]]).all()
    outputs = np.random.default_rng(5).normal(size=(3, 6, 2))
    outputs[1, 4, 1], outputs[2] = np.inf, np.nan
    assert np.isfinite(n_right(outputs, np.zeros(6))).tolist() == [True, False, False]
    assert np.isnan(cka([(0, 1), (1, 2)], [0.0, np.nan], [0.0, np.nan, 1.0])).all()  # beside a constant one
    outputs[1, 4, 1] = np.nan
    assert np.isfinite(cross_entropy(outputs, outputs)).tolist() == [[True, False, False], *[[False] * 3] * 2]


def test_cross_entropies_by_hand_and_by_scipy():
    half, quarter = [0.0, 0.0], [np.log(3), 0.0]  # (1/2, 1/2) and (3/4, 1/4)
    found = cross_entropy([[half], [quarter]], [[half], [quarter]])
    expected = [[np.log(2), np.log(16 / 3) / 2], [np.log(2), np.log(4) - 0.75 * np.log(3)]]
    np.testing.assert_allclose(found, expected, rtol=1e-15)
    logits = np.random.default_rng(3).normal(size=(2, 50, 10))
    p, q = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    expected = entropy(p, axis=1) + entropy(p, q, axis=1)  # H(p) + D(p ‖ q)
    assert cross_entropy(logits[:1], logits[1:]).item() == pytest.approx(expected.mean(), rel=1e-13)
    np.testing.assert_allclose(np.diag(cross_entropy(logits, logits)), entropy([p, q], axis=2).mean(axis=1))


def test_the_cross_entropy_of_certain_networks_is_that_of_fifty_digits():
    p, q = np.array([[900.0, 0.0, -900.0]]), np.array([[-800.0, 5.0, 700.0]])
    with mp.workdps(50):
        weights = [exp(v) for v in p[0]]
        terms = (w * (log(sum(exp(u) for u in q[0])) - v) for w, v in zip(weights, q[0], strict=True))
        expected = float(sum(terms) / sum(weights))
    assert cross_entropy([p], [q]).item() == pytest.approx(expected, rel=1e-14)


def test_of_equal_outputs_the_first_counts():
    outputs = np.array([[[1.0, 1.0], [0.0, 2.0]], [[0.0, 1.0], [3.0, 1.0]]])
    assert n_right(outputs, [0, 1]).tolist() == [2, 0]


def test_cka_of_nothing_is_defined():
    pairs = ((0, 0), (0, 1), (1, 1), (1, 2))
    found = cka(pairs, [[4.0], [0.0], [0.0], [0.0]], [[4.0], [0.0], [0.0]])
    assert found.tolist() == [[1], [0], [1], [1]]


def test_what_is_refused():
    with pytest.raises(ValueError, match="the last two alike"):
        cross_entropy(np.zeros((1, 2, 3)), np.zeros((1, 2, 4)))
    with pytest.raises(ValueError, match="labels have shape"):
        n_right(np.zeros((4, 3)), [0, 1])
    with pytest.raises(ValueError, match="at least one sample"):
        Distances([(0, 0)], 1, 1, 1).values()
    with pytest.raises(ValueError, match="a chunk has shape"):
        Distances([(0, 0)], 1, 1, 1).update(np.zeros((1, 2, 1, 3)))
    with pytest.raises(ValueError, match="same pairs"):
        Distances([(0, 0)], 1, 1, 1).merge(Distances([(0, 0)], 1, 1, 2))
