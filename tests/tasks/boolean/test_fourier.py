import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relusweep.tasks.boolean.fourier import degree, influence, spectral_entropy, spectrum
from relusweep.tasks.boolean.npn import npn_classes
from relusweep.tasks.boolean.truth_tables import inputs, truth_table

AND = [-1, -1, -1, 1]
MAJORITY = [-1, -1, -1, 1, -1, 1, 1, 1]
SECOND_OF_THREE = inputs(3)[:, 1]
PARITY_OF_TEN = -np.prod(inputs(10), axis=1)  # +1 where an odd number of inputs is +1
INNER_PRODUCT = np.where((inputs(4)[:, ::2] > 0).all(axis=1) ^ (inputs(4)[:, 1::2] > 0).all(axis=1), 1, -1)


def test_and_by_hand():
    # AND(x, y) = -1/2 + x/2 + y/2 + xy/2 (O'Donnell 2014, section 1.2, min_2 with signs exchanged)
    assert spectrum(AND).tolist() == [-0.5, 0.5, 0.5, 0.5]


def test_majority_of_three_by_hand():
    # Maj(x, y, z) = (x + y + z - xyz)/2 (O'Donnell 2014, equation 1.2)
    assert spectrum(MAJORITY).tolist() == [0, 0.5, 0.5, 0, 0.5, 0, 0, -0.5]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        # degree, influence, entropy
        ([1, 1], (0, 0, 0)),
        (AND, (2, 1, 2)),  # each of 2 inputs decides on 2 of 4 rows; 4 coefficients of 1/4
        (MAJORITY, (3, 1.5, 2)),  # each of 3 inputs decides on 4 of 8 rows; 4 coefficients of 1/4
        (SECOND_OF_THREE, (1, 1, 0)),  # a dictator
        (PARITY_OF_TEN, (10, 10, 0)),  # one coefficient, and every flip counts
        (INNER_PRODUCT, (4, 2, 4)),  # bent: all 16 coefficients are ±1/4 (O'Donnell 2014, section 6.3)
    ],
)
def test_measures_by_hand(table, expected):
    assert (degree(table), influence(table), spectral_entropy(table)) == expected


def test_entropy_of_a_single_coefficient_is_a_positive_zero():
    assert not np.signbit(spectral_entropy(SECOND_OF_THREE))


@given(st.integers(1, 5).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, 2**2**n - 1))))
def test_definitions(case):
    n, function = case
    table, x = truth_table(function, n), inputs(n).astype(float)
    subsets = x > 0
    characters = np.array([np.prod(x[:, subset], axis=1) for subset in subsets])
    assert spectrum(table).tolist() == (characters @ table / 2**n).tolist()
    assert (spectrum(table) ** 2).sum() == 1
    flips = np.arange(2**n)[:, None] ^ 2 ** np.arange(n)
    assert influence(table) == (table[flips] != table[:, None]).sum() / 2**n


def test_batches_equal_single_functions():
    tables = truth_table(npn_classes(4).representative, 4).reshape(2, 111, 16)
    for measure in (spectrum, degree, influence, spectral_entropy):
        batched = measure(tables)
        assert batched.shape[:2] == (2, 111)
        assert (batched[1, 7] == measure(tables[1, 7])).all()


def test_no_functions():
    none = np.empty((0, 16))
    assert spectrum(none).shape == (0, 16)
    assert degree(none).shape == influence(none).shape == spectral_entropy(none).shape == (0,)


def test_bits_are_refused():
    with pytest.raises(ValueError, match="2 \\* bits - 1"):
        spectrum([0, 1])
