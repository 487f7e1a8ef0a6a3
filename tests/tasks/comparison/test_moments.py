import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relusweep.tasks.comparison.moments import Moments, moments_memory

PAIRS = ((0, 0), (0, 1), (2, 1), (1, 1))
SUMS = ("mean", "cross", "spread", "weighted", "joint")
SHAPE = (3, 2, 4)  # networks, outputs, columns


def drawn(n_samples, seed=0, offset=3.0):
    networks, outputs, columns = SHAPE
    rng = np.random.default_rng(seed)
    return rng.normal(offset, 1, (networks, n_samples, outputs, columns))


def moments_of(*chunks):
    networks, _, outputs, columns = chunks[0].shape
    moments = Moments(PAIRS, networks, outputs, columns)
    for chunk in chunks:
        moments.update(chunk)
    return moments


def assert_same(moments, others, rtol=1e-11):
    assert moments.n_samples == others.n_samples
    for name in SUMS:
        ours, theirs = getattr(moments, name), getattr(others, name)
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=rtol * moments.n_samples)


def test_moments_by_hand():
    x, y = [[1.0, 0.0], [2.0, 0.0], [6.0, 0.0]], [[0.0, 1.0], [0.0, 2.0], [3.0, 0.0]]
    moments = Moments([(0, 1)], n_networks=2, n_outputs=1, n_columns=2)
    moments.update(np.array([x, y])[:, :, None])
    # x − μ = (−2, 0), (−1, 0), (3, 0) and y − ν = (−1, 0), (−1, 1), (2, −1)
    assert moments.mean[:, 0].tolist() == [[3, 0], [1, 1]]
    assert moments.cross[0, 0].tolist() == [[9, -4], [0, 0]]
    assert moments.spread[:, 0].tolist() == [14, 8]
    assert moments.weighted[0, :, 0].tolist() == [[13, -8], [11, 0]]
    assert moments.joint[0, 0] == 4 * 1 + 1 * 2 + 9 * 5
    assert moments.second((0, 1))[0].tolist() == [[18, 5], [0, 0]]


def test_sums_are_those_of_all_rows_at_once():
    chunk = drawn(50)
    moments, centred = moments_of(chunk[:, :7], chunk[:, 7:]), chunk - chunk.mean(axis=1, keepdims=True)
    squares = (centred**2).sum(axis=-1)
    for pair, (x, y) in enumerate(PAIRS):
        expected = np.einsum("sjc,sjd->jcd", centred[x], centred[y])
        np.testing.assert_allclose(moments.cross[pair], expected, atol=1e-12)
        expected = np.einsum("sj,sjc->jc", squares[x], centred[y])
        np.testing.assert_allclose(moments.weighted[pair, 0], expected, atol=1e-11)
        expected = np.einsum("sj,sjc->jc", squares[y], centred[x])
        np.testing.assert_allclose(moments.weighted[pair, 1], expected, atol=1e-11)
        np.testing.assert_allclose(moments.joint[pair], (squares[x] * squares[y]).sum(axis=0), rtol=1e-12)
        expected = np.einsum("sjc,sjd->jcd", chunk[x], chunk[y])
        np.testing.assert_allclose(moments.second((x, y)), expected, rtol=1e-12)
    np.testing.assert_array_equal(moments.second((1, 2)), moments.second((2, 1)).transpose(0, 2, 1))


@st.composite
def partitions(draw):
    """Cut some rows into groups of chunks: each group is summed by itself, then all merge in some order."""
    n = draw(st.integers(1, 40))
    cuts = sorted(draw(st.lists(st.integers(0, n), max_size=5)))
    chunks = [np.arange(a, b) for a, b in zip([0, *cuts], [*cuts, n], strict=True)]
    order = draw(st.permutations(range(len(chunks))))
    groups = [draw(st.integers(0, 2)) for _ in chunks]
    return n, [[chunks[i] for i in order if groups[i] == group] for group in draw(st.permutations(range(3)))]


@given(case=partitions(), offset=st.sampled_from([0.0, 1e6]))
def test_chunks_of_any_size_in_any_order_merge_to_the_same(case, offset):
    n, groups = case
    rows = drawn(n, offset=offset)
    whole = Moments(PAIRS, *SHAPE)
    for group in groups:
        part = Moments(PAIRS, *SHAPE)
        for chunk in group:
            part.update(rows[:, chunk])
        whole.merge(part)
    assert_same(whole, moments_of(rows), rtol=1e-11 + 1e-15 * offset)


def test_no_samples_change_nothing_and_a_merged_part_stays():
    moments, part = moments_of(drawn(9)), moments_of(drawn(5, seed=1))
    before = [getattr(moments, name).copy() for name in SUMS]
    moments.merge(Moments(PAIRS, *SHAPE))
    moments.update(drawn(0))
    for name, values in zip(SUMS, before, strict=True):
        np.testing.assert_array_equal(getattr(moments, name), values)
    moments.merge(part)
    assert_same(part, moments_of(drawn(5, seed=1)), rtol=0)


def exact(rows):
    """Means, centred cross moments and scale of the error, all rational but the last."""
    n, columns = rows.shape[1:]
    values = [[[Fraction(float(v)) for v in row] for row in network] for network in rows]
    mean = [[sum(row[c] for row in network) / n for c in range(columns)] for network in values]
    cross, scale = np.empty((columns, columns), object), np.empty((columns, columns))
    for c in range(columns):
        for d in range(columns):
            x = [row[c] - mean[0][c] for row in values[0]]
            y = [row[d] - mean[1][d] for row in values[1]]
            cross[c, d] = sum(a * b for a, b in zip(x, y, strict=True))
            size = sum(
                abs(a * b) + abs(mean[0][c] * b) + abs(a * mean[1][d]) for a, b in zip(x, y, strict=True)
            )
            scale[c, d] = float(size)
    return mean, cross, scale


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("offset", [0.0, 1e3, 1e7])
@pytest.mark.parametrize("size", [60, 7, 1])
def test_the_error_is_within_its_bound_where_means_are_large(dtype, offset, size):
    rng = np.random.default_rng([size, int(offset)])
    rows = (offset + rng.normal(size=(2, 60, 3)) * [1, 1e-3, 10]).astype(dtype)
    moments = Moments([(0, 1)], n_networks=2, n_outputs=1, n_columns=3)
    for chunk in np.split(rows[:, :, None], range(size, 60, size), axis=1):
        moments.update(chunk)
    mean, cross, scale = exact(rows)
    error = [[float(Fraction(moments.cross[0, 0, c, d]) - cross[c, d]) for d in range(3)] for c in range(3)]
    assert (np.abs(error) <= (60 + 8 * 60 / size) * 2.0**-53 * scale).all()
    sizes = np.abs(rows).mean(axis=1, dtype=float)
    assert (abs(moments.mean[:, 0] - np.array(mean, dtype=float)) <= 60 * 2.0**-53 * sizes).all()


def test_a_textbook_sum_of_squares_would_fail_where_moments_do_not():
    rows = 1e8 + np.array([4.0, 7.0, 13.0, 16.0])  # variance 30: Chan, Golub and LeVeque's own kind of case
    assert (rows**2).sum() - rows.sum() ** 2 / 4 != 90
    moments = Moments([(0, 0)], 1, 1, 1)
    for row in rows:
        moments.update(row.reshape(1, 1, 1, 1))
    assert moments.cross.item() == pytest.approx(90, rel=1e-14)


def test_a_network_that_diverged_spoils_its_own_pairs_only():
    rows = drawn(6)
    rows[2, 3, 0, 1] = np.nan
    moments, clean = moments_of(rows), moments_of(drawn(6))
    alone = [pair for pair, networks in enumerate(PAIRS) if 2 not in networks]
    np.testing.assert_array_equal(moments.cross[alone], clean.cross[alone])
    assert np.isnan(moments.cross[PAIRS.index((2, 1)), 0]).any()


@pytest.mark.parametrize(("networks", "samples", "columns"), [(2, 400, 100), (5, 10, 200), (2, 2000, 20)])
def test_peak_memory_of_an_update_and_a_merge_is_as_stated(networks, samples, columns):
    pairs = [(x, y) for y in range(networks) for x in range(y + 1)]
    chunk = np.random.default_rng(0).normal(size=(networks, samples, 2, columns)).astype(np.float32)
    stated = moments_memory(networks, samples, 2, columns, len(pairs))
    other = Moments(pairs, networks, 2, columns)
    other.update(chunk)

    def peak() -> int:
        tracemalloc.start()
        try:
            moments = Moments(pairs, networks, 2, columns)
            moments.update(chunk)
            moments.update(chunk)
            moments.merge(other)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    least = min(peak() for _ in range(3))  # other threads of this process allocate too: that only adds
    assert stated / 2 < least <= stated


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"pairs are of the 2 networks of a chunk.*got \(\(0, 2\),\)"):
        Moments([(0, 2)], n_networks=2, n_outputs=1, n_columns=1)
    with pytest.raises(ValueError, match="each pair comes once"):
        Moments([(0, 1), (0, 1)], n_networks=2, n_outputs=1, n_columns=1)
    moments = moments_of(drawn(5))
    with pytest.raises(ValueError, match="a chunk has shape"):
        moments.update(drawn(5)[:2])
    with pytest.raises(ValueError, match="of the same pairs"):
        moments.merge(Moments([(0, 1)], *SHAPE))
    with pytest.raises(ValueError, match=r"got \(0, 2\)"):
        moments.second((0, 2))
    with pytest.raises(ValueError, match="at least 4 samples, got 3"):
        moments_of(drawn(3)).hsic(unbiased=True)
