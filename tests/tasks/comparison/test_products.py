import numpy as np
import pytest

from relusweep.tasks.comparison.affine import fit_affine, row_space
from relusweep.tasks.comparison.products import Products, small_basis

PAIRS = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]


def draw(*ranks: int, n: int = 900, columns: int = 40) -> np.ndarray:
    """Rows in float32 of networks whose spaces have these dimensions."""
    normal = np.random.default_rng(0).normal
    spaces = [np.random.default_rng(rank).normal(size=(rank, columns)) for rank in ranks]
    return np.stack([normal(size=(n, len(space))) @ space for space in spaces]).astype(np.float32)


def cut(rows: np.ndarray) -> list[np.ndarray]:
    return [rows[start : start + 300] for start in range(0, len(rows), 300)]


def check(x: np.ndarray, sizes: list[int | None], *, rtol: float = 1e-7) -> None:
    """Sizes of the bases are these, and maps those of all columns."""
    bases = [small_basis(cut(rows)) for rows in x]
    assert [None if basis is None else basis.shape[1] for basis in bases] == sizes
    products = Products(PAIRS, bases, x.shape[2])
    for start in range(0, x.shape[1], 300):
        products.update(x[:, start : start + 300])
    exact = x.astype(np.float64)
    for source in range(3):
        found = products.maps(source, [0, 1, 2])
        cross = np.stack([exact[source].T @ exact[target] for target in range(3)])[:, None]
        expected = fit_affine([row_space(cross[source, 0], x.shape[1])], cross)
        for one, other in zip(found.images[0], expected.images[0], strict=True):
            np.testing.assert_allclose(found.basis[0] @ one, expected.basis[0] @ other, rtol=rtol, atol=2e-5)


def test_maps_are_those_of_all_columns_and_small_spaces_take_few():
    check(draw(40, 7, 1), [None, 7, 1])


def test_rows_of_later_chunks_may_lie_outside_the_space_of_the_first():
    x = draw(40, 7, 1)
    x[1, 800, 3] += np.float32(1e-2)  # a node that is on for one image
    x[2, 700] = 3 * x[1, 5]
    check(x, [None, 8, 2], rtol=1e-5)


@pytest.mark.parametrize("rounded", ["float16", "bits"])
def test_rows_that_rounding_took_out_of_their_space_are_summed_in_full(rounded):
    x = draw(40, 7, 1)
    if rounded == "float16":
        x = x.astype(np.float16)
    else:  # ten bits of the mantissa
        x = (x.view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32)
    check(x, [None, None, None])


def test_rows_that_are_not_finite_or_all_zero_are_summed_in_full():
    for place in (0, 850):
        for value in (np.inf, np.nan):
            x = draw(7)
            x[0, place, 0] = value
            with np.errstate(all="ignore"):
                assert small_basis(cut(x[0])) is None
    assert small_basis(cut(np.zeros((900, 40), np.float32))) is None
    check(np.stack([draw(7)[0], np.zeros((900, 40), np.float32), draw(1)[0]]), [7, None, 1])


def test_no_more_than_the_first_rows_are_asked_for_where_they_fill_all():
    chunks = iter(cut(draw(40)[0]))
    assert small_basis(chunks) is None
    assert len(list(chunks)) == 2


@pytest.mark.parametrize(("cutoff", "size"), [(None, 7), (1e-3, 7), (1e-15, 8)])
def test_a_cutoff_below_rounding_keeps_more_and_one_above_it_no_less(cutoff, size):
    normal = np.random.default_rng(0).normal
    rows = normal(size=(900, 7)) * [1, 1, 1, 1, 1, 1, 1e-2] @ normal(size=(7, 40))
    rows[:, 3] += normal(size=900) * 5e-7  # 2e-14 of the largest strength
    assert small_basis(cut(rows), cutoff).shape[1] == size
