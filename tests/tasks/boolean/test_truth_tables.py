import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relusweep.tasks.boolean.truth_tables import function_id, inputs, n_inputs, parity, truth_table


def test_first_input_is_the_most_significant_bit_of_the_row():
    assert inputs(2).tolist() == [[-1, -1], [-1, 1], [1, -1], [1, 1]]


def test_row_0_is_the_most_significant_bit_of_the_id():
    assert function_id([1, -1, -1, -1]) == 0b1000
    assert truth_table(0b1000, 2).tolist() == [1, -1, -1, -1]


def test_parity_of_four_inputs_has_the_published_id():
    # Sattelberg 2026, chapter 3: 0110 1001 1001 0110
    assert parity(4) == 27030


@pytest.mark.parametrize("n", range(1, 11))
def test_parity_is_plus_one_where_an_odd_number_of_inputs_is(n):
    bits = [int(bit) for bit in f"{parity(n):0{2**n}b}"]
    assert bits == [sum(x > 0) % 2 for x in inputs(n)]


@given(st.integers(1, 5).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.integers(0, 2**2**n - 1)))))
def test_tables_and_ids_are_inverse(case):
    n, ids = case
    tables = truth_table(ids, n)
    assert (tables.shape, tables.dtype) == ((len(ids), 2**n), np.int8)
    assert function_id(tables).tolist() == ids


def test_leading_axes_are_kept():
    ids = np.arange(6).reshape(2, 3)
    assert truth_table(ids, 2).shape == (2, 3, 4)
    assert function_id(truth_table(ids, 2)).tolist() == ids.tolist()


@pytest.mark.parametrize("n", [1, 4, 5])
def test_ids_too_large_are_refused(n):
    largest = 2**2**n - 1
    assert truth_table(largest, n).min() == 1
    with pytest.raises(ValueError, match=f"integer from 0 to {largest}, got {largest + 1}"):
        truth_table(largest + 1, n)


@pytest.mark.parametrize("ids", [-1, 1.0, "1", [0, 16], True])
def test_what_is_no_id_is_refused(ids):
    with pytest.raises(ValueError, match="an id of a function of 2 inputs"):
        truth_table(ids, 2)


@pytest.mark.parametrize("n", [0, -1, 6])
def test_ids_of_too_few_or_too_many_inputs_are_refused(n):
    with pytest.raises(ValueError, match="functions of 1 to 5 inputs have ids"):
        truth_table(0, n)


def test_tables_of_more_inputs_have_no_ids_but_a_number_of_inputs():
    table = np.ones(2**10)
    assert n_inputs(table) == 10
    with pytest.raises(ValueError, match="got n = 10; beyond, use truth tables"):
        function_id(table)


@pytest.mark.parametrize("table", [1, [], [1], [1, -1, 1], np.ones((4, 6))])
def test_wrong_numbers_of_rows_are_refused(table):
    with pytest.raises(ValueError, match="2, 4, 8, … rows"):
        n_inputs(table)


@pytest.mark.parametrize("table", [[0, 1], [1, 2], [1.0, np.nan]])
def test_values_other_than_minus_and_plus_one_are_refused(table):
    with pytest.raises(ValueError, match="-1 and \\+1 only"):
        n_inputs(table)


def test_no_input_is_refused():
    with pytest.raises(ValueError, match="at least 1 input, got n = 0"):
        parity(0)
