import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from relusweep.tasks.comparison.affine import apply_coefficients, fit_affine, mapped_outputs, row_space
from relusweep.tasks.comparison.measures import n_right
from relusweep.tasks.comparison.moments import Moments


def fitted(source, *targets, cutoff=None):
    """Maps from a source network to some targets, all of shape (samples, outputs, columns)."""
    chunk = np.stack([source, *targets])
    moments = Moments([(0, n) for n in range(len(chunk))], len(chunk), *chunk.shape[2:])
    for rows in np.array_split(chunk, 3, axis=1):
        moments.update(rows)
    spaces = [row_space(second, len(source), cutoff) for second in moments.second((0, 0))]
    return fit_affine(spaces, [moments.second((0, n)) for n in range(1, len(chunk))])


def matrices(maps):
    return [basis @ images for basis, images in zip(maps.basis, maps.images, strict=True)]


def dense_network(rng, hidden=6, inputs=9, outputs=4, dead=()):
    """Coefficients of a network of one hidden layer; weights from dead inputs are 0."""
    first, second = rng.normal(size=(hidden, inputs + 1)), rng.normal(size=(outputs, hidden + 1))
    first[:, list(dead)] = 0

    def network(x):
        gates = (x @ first[:, :-1].T + first[:, -1] > 0).astype(float)
        coefficients = np.einsum("jh,sh,hc->sjc", second[:, :-1], gates, first)
        coefficients[:, :, -1] += second[:, -1]
        return coefficients

    return network


def test_a_map_by_hand():
    # C¹ = (1, 0), (0, 2) and C² = (3, 1), (4, 8): M = ((3, 1), (2, 4))
    source = np.array([[[1.0, 0.0]], [[0.0, 2.0]]])
    maps = fitted(source, np.array([[[3.0, 1.0]], [[4.0, 8.0]]]))
    np.testing.assert_allclose(matrices(maps)[0][0], [[3, 1], [2, 4]], rtol=1e-14)
    # row (1, 1) becomes (5, 5): 5 · 2 + 5 on input 2
    assert mapped_outputs(maps, [[[1.0, 1.0]]], [[2.0]]).item() == pytest.approx(15, rel=1e-14)


@settings(max_examples=40)
@given(
    samples=st.integers(3, 40),
    columns=st.integers(1, 12),
    rank=st.integers(1, 12),
    dead=st.integers(0, 3),
    seed=st.integers(0, 99),
)
def test_maps_are_numpys_least_squares_of_least_norm(samples, columns, rank, dead, seed):
    rng = np.random.default_rng(seed)
    source = rng.normal(size=(samples, 1, rank)) @ rng.normal(size=(rank, columns))
    source[:, :, :dead] = 0
    target = rng.normal(size=(samples, 1, columns))
    maps = fitted(source, target)
    expected, _, true_rank, strengths = np.linalg.lstsq(source[:, 0], target[:, 0], rcond=1e-6)
    # the normal equations square the condition number: no digits are promised beyond
    assume(true_rank == 0 or strengths[true_rank - 1] > 1e-3 * strengths[0])
    assert maps.basis[0].shape == (columns, true_rank)
    np.testing.assert_allclose(matrices(maps)[0][0], expected, atol=1e-8 * max(1, abs(expected).max()))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("dead", [(), (0, 5)])
def test_a_network_reproduces_its_own_accuracy(dtype, dead):
    rng = np.random.default_rng(0)
    network = dense_network(rng, dead=dead)
    train, test = rng.normal(size=(400, 9)), rng.normal(size=(200, 9))
    coefficients = network(test).astype(dtype)
    outputs = apply_coefficients(coefficients, test)
    maps = fitted(network(train).astype(dtype), network(train).astype(dtype))
    assert max(basis.shape[1] for basis in maps.basis) <= 7  # one for each hidden unit, and the bias
    mapped = mapped_outputs(maps, coefficients, test)[0]
    labels = outputs.argmax(axis=1)
    assert n_right(mapped, labels) == len(test)
    np.testing.assert_allclose(mapped, outputs, atol=1e-5 if dtype == np.float32 else 1e-10)


def test_a_network_that_is_linear_in_another_is_found_and_another_is_not():
    rng = np.random.default_rng(1)
    network, stranger = dense_network(rng), dense_network(rng)
    train, test = rng.normal(size=(400, 9)), rng.normal(size=(300, 9))
    matrix = rng.normal(size=(10, 10))
    maps = fitted(network(train), network(train) @ matrix, stranger(train))
    mapped = mapped_outputs(maps, network(test), test)
    targets = [apply_coefficients(c, test) for c in (network(test) @ matrix, stranger(test))]
    np.testing.assert_allclose(mapped[0], targets[0], atol=1e-9)
    assert n_right(mapped[0], targets[0].argmax(axis=1)) == 300
    assert n_right(mapped[1], targets[1].argmax(axis=1)) < 300


def test_rows_added_later_make_the_maps_of_a_row_alone():
    rng = np.random.default_rng(2)
    networks = [rng.normal(size=(30, 2, 5)) for _ in range(3)]
    together = fitted(networks[0], networks[1], networks[2])
    for to in (1, 2):
        alone = fitted(networks[0], networks[to])
        for j in range(2):
            np.testing.assert_allclose(alone.images[j][0], together.images[j][to - 1], atol=1e-12)


def test_directions_below_the_cutoff_are_dropped():
    assert row_space(np.diag([4.0, 1e-12, 1.0]), 900).strength.tolist() == [4, 1, 1e-12]
    assert row_space(np.diag([4.0, 1e-12, 1.0]), 9000).strength.tolist() == [4, 1]
    assert row_space(np.diag([4.0, 1e-12, 1.0]), 9, cutoff=0.5).basis.tolist() == [[1], [0], [0]]
    assert row_space(np.zeros((3, 3)), 9).basis.shape == (3, 0)


def test_a_source_of_zeros_gives_zeros():
    maps = fitted(np.zeros((5, 2, 3)), np.ones((5, 2, 3)))
    assert mapped_outputs(maps, np.ones((4, 2, 3)), np.ones((4, 2))).tolist() == [[[0, 0]] * 4]


def test_what_is_refused():
    maps = fitted(np.ones((5, 2, 3)), np.ones((5, 2, 3)))
    with pytest.raises(ValueError, match="infs or NaNs"):
        row_space([[np.nan]], 9)
    with pytest.raises(ValueError, match=r"shape \(columns, columns\), got \(2, 3\)"):
        row_space(np.ones((2, 3)), 9)
    with pytest.raises(ValueError, match="share of the largest strength"):
        row_space(np.ones((2, 2)), 9, cutoff=2)
    with pytest.raises(ValueError, match="as many columns as the row spaces"):
        fit_affine([row_space(np.eye(3), 9)], np.ones((1, 1, 4, 4)))
    with pytest.raises(ValueError, match="the maps are of 2 outputs and 3 columns"):
        mapped_outputs(maps, np.ones((4, 1, 3)), np.ones((4, 2)))
    with pytest.raises(ValueError, match="flatten each image"):
        mapped_outputs(maps, np.ones((4, 2, 3)), np.ones((4, 1, 2)))
    with pytest.raises(ValueError, match="samples, outputs, columns"):
        apply_coefficients(np.ones((2, 3)), np.ones((2, 2)))
