import tracemalloc
from itertools import combinations_with_replacement

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relusweep.tasks.comparison.grams import Grams, draw_halves, grams_memory, interval
from relusweep.tasks.comparison.measures import cka, cka_cost
from relusweep.tasks.comparison.moments import Moments
from relusweep.tasks.streams import Stream

FORMS = ("columns", "samples")


def all_pairs(n_networks):
    return tuple(combinations_with_replacement(range(n_networks), 2))


def chunks(n_samples, size):
    return [slice(start, min(start + size, n_samples)) for start in range(0, n_samples, size)]


def grams_of(rows, *, size=1000, samples=None, centres=None):
    pairs, cuts = all_pairs(len(rows)), chunks(rows.shape[1], size)
    grams = Grams(pairs, rows.mean(axis=1) if centres is None else centres, rows.shape[1], samples)
    for i, here in enumerate(cuts):
        grams.update(rows[:, here], here.start)
        for there in cuts[:i]:
            grams.update(rows[:, here], here.start, rows[:, there], there.start)
    return grams


def hsic_of(form, rows, *, size=1000, **options):
    """HSIC of all pairs of networks, rows of shape (networks, samples, columns)."""
    if form == "samples":
        return grams_of(rows, size=size).hsic(**options)[:, 0]
    moments = Moments(all_pairs(len(rows)), len(rows), 1, rows.shape[2])
    for cut in chunks(rows.shape[1], size):
        moments.update(rows[:, cut, None])
    return moments.hsic(**options)[:, 0]


def cka_of(form, rows, **options):
    pairs, hsic = all_pairs(len(rows)), hsic_of(form, rows, **options)
    own = [hsic[pairs.index((network, network))] for network in range(len(rows))]
    return cka(pairs, hsic, own)[pairs.index((0, 1))] if len(rows) == 2 else cka(pairs, hsic, own)


def matrix_hsic(X, Y, unbiased):
    """Both estimators as they are written, with matrices of n × n."""
    n = len(X)
    K, L, ones = X @ X.T, Y @ Y.T, np.ones(n)
    if not unbiased:  # Gretton et al. (2005), equation 9
        H = np.eye(n) - 1 / n
        return np.trace(K @ H @ L @ H) / (n - 1) ** 2
    np.fill_diagonal(K, 0)  # Song et al. (2012), equation 5
    np.fill_diagonal(L, 0)
    inner = ones @ K @ ones * (ones @ L @ ones) / ((n - 1) * (n - 2)) - 2 / (n - 2) * (ones @ K @ L @ ones)
    return (np.trace(K @ L) + inner) / (n * (n - 3))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("unbiased", "published"), [(False, 0.55761), (True, 0.51346)])
def test_published_values(form, unbiased, published):
    # printed by the notebook that goes with Kornblith et al. (2019): google-research, directory
    # representation_similarity, Demo.ipynb, cells 4 and 6; the generator is the one it uses
    random = np.random.RandomState(1337)
    X = random.randn(100, 10)
    rows = np.stack([X, random.randn(100, 10) + X])
    assert cka_of(form, rows, unbiased=unbiased) == pytest.approx(published, abs=5e-6)


@pytest.mark.parametrize("form", FORMS)
def test_cka_by_hand(form):
    # of single columns CKA is the squared correlation: (1, 2, 3) and (1, 3, 2) have 1/2
    rows = np.array([[[1.0], [2.0], [3.0]], [[1.0], [3.0], [2.0]]])
    assert cka_of(form, rows) == pytest.approx(0.25, rel=1e-14)
    # X = ±e1, ±e2 and Y = ±e1, ±e1: YᵀX is [[2, 2], [0, 0]] but for signs, XᵀX = 2 I, YᵀY = 4 e1 e1ᵀ
    X, Y = [[1, 0], [-1, 0], [0, 1], [0, -1]], [[1, 0], [-1, 0], [1, 0], [-1, 0]]
    assert cka_of(form, np.array([X, Y], dtype=float)) == pytest.approx(8 / (np.sqrt(8) * 4), rel=1e-14)


@pytest.mark.parametrize("form", FORMS)
def test_unbiased_hsic_by_hand(form):
    # x = 0, 0, 1, 1 and y = x: of K only K_34 = 1 is off the diagonal, so trace 2, sum 2, and KK sums to 2:
    # (2 + 2·2/(3·2) − 2/2·2)/(4·1) = 1/6
    rows = np.array([[[0.0], [0.0], [1.0], [1.0]]])
    assert hsic_of(form, rows, unbiased=True)[0] == pytest.approx(1 / 6, rel=1e-14)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("unbiased", [False, True])
@pytest.mark.parametrize(("samples", "columns", "size"), [(30, 5, 7), (12, 40, 5), (9, 9, 9)])
def test_both_forms_are_the_matrices_of_the_papers(form, unbiased, samples, columns, size):
    rows = np.random.default_rng(samples).normal(2, 1, (3, samples, columns))
    rows[1] += rows[0] ** 2
    expected = [matrix_hsic(rows[x], rows[y], unbiased) for x, y in all_pairs(3)]
    found = hsic_of(form, rows, unbiased=unbiased, size=size)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10 * max(expected))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("unbiased", [False, True])
def test_a_network_is_its_own_likeness(form, dtype, unbiased):
    rng = np.random.default_rng(1)
    one = (1e3 + rng.normal(size=(200, 20)) * 10.0 ** rng.integers(-2, 3, 20)).astype(dtype)
    values = cka_of(form, np.stack([one, one, one]), unbiased=unbiased, size=64)
    assert abs(values - 1).max() <= 1e-12


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("unbiased", [False, True])
def test_constant_columns_and_networks_have_values(form, unbiased):
    rng = np.random.default_rng(2)
    varied, still = rng.normal(size=(20, 6)), np.full((20, 6), 0.1)
    varied[:, 2] = 7.0
    other = still + 3
    rounded = (5 + 1e-6 * rng.normal(size=(20, 6))).astype(np.float32)  # a linear network in float32
    values = cka_of(form, np.stack([varied, still, other, rounded]), unbiased=unbiased, size=6)
    expected = {(0, 0): 1, (0, 1): 0, (0, 2): 0, (0, 3): 0}
    assert values.tolist() == pytest.approx([expected.get(pair, 1) for pair in all_pairs(4)], abs=1e-12)


def test_a_network_added_later_needs_its_own_row_only():
    rows = np.random.default_rng(6).normal(1, 1, (3, 40, 1, 5))
    rows[1] += rows[0]
    moments = Moments(all_pairs(3), 3, 1, 5)
    moments.update(rows)
    whole = moments.hsic()
    own = whole[[all_pairs(3).index((network, network)) for network in range(3)]]
    later = Moments([(2, 0), (2, 1), (2, 2)], 3, 1, 5)
    later.update(rows)
    added = cka(later.pairs, later.hsic(), [*own[:2], later.hsic()[2]])
    expected = cka(all_pairs(3), whole, own)
    np.testing.assert_allclose(added, expected[[all_pairs(3).index((other, 2)) for other in range(3)]])


def test_what_is_constant_can_be_said():
    rng = np.random.default_rng(7)
    rows = (5 + 1e-3 * rng.normal(size=(1, 50, 1, 4))).astype(np.float32)
    moments = Moments([(0, 0)], 1, 1, 4)
    moments.update(rows)
    assert moments.hsic() > 0
    assert moments.hsic(constant=2.0**-9) == 0


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("unbiased", [False, True])
def test_a_large_mean_costs_no_digits(form, unbiased):
    rows = np.round(np.random.default_rng(10).normal(size=(3, 60, 5)), 6)
    rows[1] += rows[0]
    near, far = (
        hsic_of(form, rows + offset, unbiased=unbiased, size=16, constant=0) for offset in (0, 2.0**20)
    )
    # the mean takes 20 of 53 bits, its square 40, and its fourth power, to which HSIC would come, all
    np.testing.assert_allclose(far, near, rtol=0, atol=8 * 2.0**-33 * near.max())


@pytest.mark.parametrize("form", FORMS)
def test_a_network_that_diverged_is_not_taken_for_a_constant_one(form):
    rows = np.random.default_rng(8).normal(size=(3, 20, 4))
    rows[1, 5, 2] = np.nan
    values = dict(zip(all_pairs(3), cka_of(form, rows), strict=True))
    assert [pair for pair in values if np.isnan(values[pair])] == [(0, 1), (1, 1), (1, 2)]


@settings(max_examples=30)
@given(size=st.integers(1, 30), order=st.randoms(), split=st.integers(0, 50))
def test_tiles_of_any_size_in_any_order_add_up_to_the_same(size, order, split):
    rows = np.random.default_rng(3).normal(5, 1, (2, 30, 4))
    cuts = chunks(30, size)
    tiles = [(a, b) for i, a in enumerate(cuts) for b in cuts[: i + 1]]
    order.shuffle(tiles)
    parts = [Grams(all_pairs(2), rows[:, 0], 30) for _ in range(2)]
    for i, (a, b) in enumerate(tiles):
        part = parts[i < split]
        if a == b:
            part.update(rows[:, a], a.start)
        else:
            part.update(rows[:, a], a.start, rows[:, b], b.start)
    parts[0].merge(parts[1])
    np.testing.assert_allclose(parts[0].hsic(unbiased=True), grams_of(rows).hsic(unbiased=True), rtol=1e-11)


@pytest.mark.parametrize("unbiased", [False, True])
def test_a_replicate_is_the_statistic_of_its_samples(unbiased):
    rows = np.random.default_rng(4).normal(1, 1, (2, 21, 3))
    halves = draw_halves(21, 5, Stream(("halves",)))
    found = grams_of(rows, size=8, samples=halves).hsic(unbiased=unbiased)
    expected = [
        [matrix_hsic(rows[x, half], rows[y, half], unbiased) for half in halves] for x, y in all_pairs(2)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-11)


def test_halves_hold_every_sample_equally_often():
    halves = draw_halves(11, 4000, Stream(("halves", 1)))
    assert (halves.sum(axis=1) == 5).all()
    assert abs(halves.mean(axis=0) - 5 / 11).max() < 5 * np.sqrt(0.25 / 4000)
    np.testing.assert_array_equal(draw_halves(11, 7, Stream(("halves", 1))), halves[:7])


@pytest.mark.parametrize("unbiased", [False, True])
def test_intervals_hold_the_value_of_the_population_as_often_as_they_say(unbiased):
    rng, held, times, pairs = np.random.default_rng(5), 0, 120, all_pairs(2)
    population = 4 / 5  # one column, y = x + noise of variance 1/4: the squared correlation
    for time in range(times):
        x = rng.normal(size=(80, 1))
        rows = np.stack([x, x + rng.normal(0, 0.5, x.shape)])
        samples = np.vstack([np.ones((1, 80)), draw_halves(80, 200, Stream(("halves", time)))])
        hsic = grams_of(rows, samples=samples).hsic(unbiased=unbiased)
        values = cka(pairs, hsic, hsic[[0, 2]])[1]
        low, high = interval(values[0], values[1:], level=0.9)
        assert low <= values[0] <= high
        held += low <= population <= high
    assert abs(held / times - 0.9) < 3 * np.sqrt(0.9 * 0.1 / times)  # binomial error of 120 intervals


def test_an_interval_holds_its_estimate_where_halves_are_biased():
    rows = np.random.default_rng(9).normal(size=(2, 40, 60))  # nothing in common, but many columns
    samples = np.vstack([np.ones((1, 40)), draw_halves(40, 50, Stream(("halves",)))])
    hsic = grams_of(rows, samples=samples).hsic()
    values = cka(all_pairs(2), hsic, hsic[[0, 2]])[1]
    low, high = interval(values[0], values[1:])
    assert low < values[0] < high < values[1:].min()


@pytest.mark.parametrize(("replicates", "size", "columns"), [(1, 100, 200), (200, 50, 10), (5, 300, 50)])
def test_peak_memory_of_a_tile_and_of_hsic_is_as_stated(replicates, size, columns):
    rows = np.random.default_rng(8).normal(size=(3, 2 * size, columns)).astype(np.float32)
    samples = draw_halves(2 * size, replicates, Stream(("memory",)))
    stated = grams_memory(3, 2 * size, replicates, columns, size, size)
    tracemalloc.start()
    try:
        grams = Grams(all_pairs(3), rows[:, 0], 2 * size, samples)
        grams.update(rows[:, :size], 0)
        grams.update(rows[:, :size], 0, rows[:, size:], size)
        grams.update(rows[:, size:], size)
        grams.hsic(unbiased=True)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert stated / 2 < peak <= stated


def test_the_cheaper_form_is_said():
    assert cka_cost(60_000, 785, 14, 105).cheaper == "columns"
    assert cka_cost(500, 3073, 2, 3).cheaper == "samples"
    assert cka_cost(10, 4, 1, 1) == (160, 250)


def test_what_is_refused():
    rows = np.zeros((2, 6, 3))
    grams = Grams([(0, 1)], rows[:, 0], 6)
    with pytest.raises(ValueError, match="rows have shape"):
        grams.update(rows[:, :, :2], 0)
    with pytest.raises(ValueError, match="samples are 0 to 5, got 6 from 1"):
        grams.update(rows, 1)
    with pytest.raises(ValueError, match="samples apart"):
        grams.update(rows[:, :3], 0, rows[:, 2:], 2)
    with pytest.raises(ValueError, match="same pairs, centres and replicates"):
        grams.merge(Grams([(0, 1)], rows[:, 0] + 1, 6))
    with pytest.raises(ValueError, match=r"shape \(replicates, 6\)"):
        Grams([(0, 1)], rows[:, 0], 6, np.ones((2, 5)))
    grams.update(rows[:, :3], 0)
    with pytest.raises(ValueError, match="tiles hold 9 of 36 pairs of samples"):
        grams.hsic()
    with pytest.raises(ValueError, match="at least 4 samples, got 3"):
        Grams([(0, 1)], rows[:, 0], 6, [[1, 1, 1, 0, 0, 0]]).hsic(unbiased=True)
    with pytest.raises(ValueError, match="level is between 0 and 1"):
        interval(0.5, [0.5], level=95)
