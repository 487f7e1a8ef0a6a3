"""Functions by name: tables worked by hand, measures that follow by hand, and draws that nothing moves."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relusweep.tasks.boolean.fourier import degree, influence, spectral_entropy, spectrum
from relusweep.tasks.boolean.functions import PARITY, class_name, family, named_tables, random_name
from relusweep.tasks.boolean.measures import spectral_measures
from relusweep.tasks.boolean.truth_tables import function_id, inputs, parity, truth_table

SIZES = st.integers(4, 9)
IDS = st.integers(0, 2**16 - 1)


def test_names_and_families() -> None:
    names = [class_name(105), PARITY, random_name(7)]
    assert names == ["class 00105 xor parity", "parity", "random 0007"] == sorted(names)
    assert [family(name) for name in names] == ["class xor parity", "parity", "random"]


@pytest.mark.parametrize("n", range(1, 6))
def test_parity_is_the_one_that_has_an_id(n: int) -> None:
    assert function_id(named_tables([PARITY], n, 0)).tolist() == [parity(n)]


@pytest.mark.parametrize("n", range(1, 13))
def test_parity_by_hand(n: int) -> None:
    (table,) = named_tables([PARITY], n, 0)
    assert (degree(table), influence(table), spectral_entropy(table)) == (n, n, 0)
    assert table[0] == -1  # no input is +1
    assert table[1] == 1  # the last one is


def test_class_xor_parity_by_hand() -> None:
    """XOR of parity and AND, of four inputs, where the class 1 is AND: they differ on the last row alone."""
    assert function_id(named_tables([class_name(1)], 4, 0)).tolist() == [parity(4) ^ 1]
    # Of five inputs the AND of the first four is 1 on the last two rows.
    assert function_id(named_tables([class_name(1)], 5, 0)).tolist() == [parity(5) ^ 0b11]
    # A constant leaves parity as it is, or negates it; parity of the first four leaves that of the others.
    tables = named_tables([class_name(0), class_name(2**16 - 1), class_name(parity(4))], 6, 0)
    x = inputs(6)
    odd, odd_of_two = (2 * ((part > 0).sum(axis=1) % 2) - 1 for part in (x, x[:, 4:]))
    assert tables.tolist() == [odd.tolist(), (-odd).tolist(), odd_of_two.tolist()]


@given(n=SIZES, function=IDS)
def test_xor_with_parity_moves_coefficients_to_the_complements(n: int, function: int) -> None:
    """χ_S χ_N = χ_{N∖S}: so degree, influence and entropy follow from those of the function of four."""
    (table,) = named_tables([class_name(function)], n, 0)
    of_four = spectrum(truth_table(function, 4))
    # Subsets of the first four inputs are every 2**(n - 4)th. Parity is +1 on an odd number of +1, which is
    # (-1)^(n + 1) times the product of all inputs, and XOR is -f g.
    expected = np.zeros(2**n)
    expected[:: 2 ** (n - 4)] = of_four
    expected = (-1) ** n * expected[::-1]  # the complement of S is the last subset but S
    assert spectrum(table).tolist() == expected.tolist()
    sizes = np.count_nonzero(inputs(4) > 0, axis=1)
    assert degree(table) == n - sizes[of_four != 0].min()
    assert influence(table) == n - influence(truth_table(function, 4))
    assert spectral_entropy(table) == pytest.approx(spectral_entropy(truth_table(function, 4)))


def test_random_functions_are_drawn_uniformly() -> None:
    tables = named_tables(map(random_name, range(400)), 8, 0)
    assert tables.shape == (400, 256)
    assert set(np.unique(tables)) == {-1, 1}
    # The mean of 102 400 signs has deviation 1/320; that of a row's 400 signs 1/20, of 256 rows.
    assert abs(tables.mean()) < 4 / 320
    assert abs(tables.mean(axis=0)).max() < 4.5 / 20
    assert len(np.unique(tables, axis=0)) == 400
    measures = spectral_measures(tables)
    # Every flip changes half of the 2**(n - 1) pairs: n/2, with deviation sqrt(n / 4 / 2**(n - 1)).
    assert abs(measures["influence"].mean() - 4) < 4 * np.sqrt(8 / 4 / 128 / 400)
    # E[−z² log2 z²] of 256 coefficients ~ N(0, 1/256): 8 bits less (2 − γ − ln 2)/ln 2 = 1.054.
    assert measures["entropy"].mean() == pytest.approx(8 - 1.054, abs=0.02)


def test_of_few_inputs_every_function_is_drawn() -> None:
    ids = function_id(named_tables(map(random_name, range(400)), 2, 0))
    counts = np.bincount(ids.astype(int), minlength=16)
    assert counts.min() > 0
    assert ((counts - 25) ** 2 / 25).sum() < 37.7  # χ² of 15 degrees of freedom, 0.1 %


@given(st.lists(st.integers(0, 9999), min_size=1, max_size=5), st.integers(1, 9))
def test_a_function_does_not_depend_on_which_others_are_asked_for(numbers: list[int], n: int) -> None:
    together = named_tables([PARITY, *map(random_name, numbers)], n, 3)[1:]
    alone = [named_tables([random_name(number)], n, 3)[0].tolist() for number in numbers]
    assert together.tolist() == alone


def test_seeds_and_numbers_of_inputs_draw_other_functions() -> None:
    drawn = [named_tables([random_name(0)], n, seed)[0, :64].tobytes() for n in (6, 7) for seed in (0, 1)]
    assert len(set(drawn)) == 4


def test_the_bits_of_named_functions_are_frozen() -> None:
    """A change here is a change of results: it calls for a new result-schema version."""
    names = [class_name(105), PARITY, *map(random_name, range(100))]
    digest = hashlib.blake2b(named_tables(names, 10, 0).tobytes(), digest_size=8).hexdigest()
    assert digest == "ba2ff810d9fd3680"


@pytest.mark.parametrize("name", ["", "random 7", "random", "class 1 xor parity", "class 00105", "Parity"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"no Boolean function is named.*'random 0000'"):
        named_tables([name], 4, 0)


def test_names_that_the_inputs_do_not_suffice_for() -> None:
    with pytest.raises(ValueError, match="'class 00105 xor parity' has at least 4 inputs, got n = 3"):
        named_tables([class_name(105)], 3, 0)
    with pytest.raises(ValueError, match="from 0 to 65535"):
        named_tables([class_name(70000)], 4, 0)


def test_no_names_give_no_tables() -> None:
    assert named_tables([], 5, 0).shape == (0, 32)
