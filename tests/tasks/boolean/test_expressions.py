"""Boolean functions by expression and truth table: against every row, and that nothing else gets through."""

import itertools
import sys
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relusweep.tasks.boolean.expressions import checked, n_outputs, table, written

EXPRESSIONS = {
    "(a & b) ^ c": lambda a, b, c: (a and b) != c,
    "a | ~b & c": lambda a, b, c: a or (not b and c),
    "a ^ b & c": lambda a, b, c: a != (b and c),
    "a | b ^ c": lambda a, b, c: a or (b != c),
    "not a and b xor c": lambda a, b, c: ((not a) and b) != c,
    "not (a or b) or x3": lambda a, b, c: not (a or b) or c,
    "x1 & x2 | x1 & x3 | x2 & x3": lambda a, b, c: a + b + c > 1,
    "~~a": lambda a, b, c: a,
    "b & 1 | 0": lambda a, b, c: b,
    "0": lambda a, b, c: False,
}


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expressions_are_what_python_says_at_every_row(text):
    rows = itertools.product([False, True], repeat=3)
    found = table(text, 3)
    assert found.outputs[:, 0].tolist() == [bool(EXPRESSIONS[text](*row)) for row in rows]
    assert (found.outputs.shape, found.matters.all(), n_outputs(text)) == ((8, 1), True, 1)


def test_the_last_inputs_of_twelve():
    outputs = table("l ^ x11", 12).outputs[:, 0]
    assert outputs.tolist() == [row % 2 != row // 2 % 2 for row in range(4096)]


def test_tables_outputs_and_conditions():
    assert written(table("01-1", 2)) == "01-1"
    assert written(table("a & b; a ^ b", 2)) == "0001; 0110"
    assert written(table("0-01; 0-10 where ~(a & b)", 2)) == "0-0-; 0-1-"
    assert written(table("a ^ b where a | b", 2)) == "-110"
    assert written(table("10-1 where 0111", 2)) == "-0-1"
    assert [n_outputs(text) for text in ("a;b;1", "01-1", "mymodule:f")] == [3, 1, None]
    assert checked("  a&b ;  a ^ b ", 2) == "a&b ; a ^ b"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is no formula"),
        ("a b", "is no formula: invalid syntax"),
        ("a + b", r"a \+ b is not allowed; allowed are a to l or x1 to x12"),
        ("!a", ": ! is not allowed"),
        ("a if b else a", "a if b else a is not allowed"),
        ("a == b", ": = is not allowed"),
        ("x0", "x0 is not allowed"),
        ("2 & a", "2 is not allowed"),
        ("True", "True is not allowed"),
        ("c", "names c, input 3, and there are 2"),
        ("01", "has 2 rows; a truth table of 2 inputs has 4"),
        ("0-11; 0111", "a row matters for all outputs or for none"),
        ("----", "no row matters"),
        ("a where b & ~b", "no row matters"),
        ("a where a where b", "several conditions; join them by &"),
        ("mymodule:f; a", "mymodule:f is code, which stands alone"),
        ("a where mymodule:f", "mymodule:f is code, which stands alone"),
    ],
)
def test_what_is_no_function_is_refused(text, says):
    with pytest.raises(ValueError, match=says):
        checked(text, 2)


WORDS = ["a", "b", "x2", "x9", "and", "or", "not", "xor", "where", "if", "0", "1", "01-1", "m:f", "lambda"]


@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from([*WORDS, *"&|^~();- :=*[."]), max_size=20)))
def test_any_text_is_a_function_or_a_value_error(parts):
    text = parts if isinstance(parts, str) else " ".join(parts)
    try:
        name = checked(text, 2)
    except ValueError:
        return
    if n_outputs(name) is not None:
        assert table(name, 2).outputs.shape == (4, n_outputs(name))


@pytest.fixture
def module(monkeypatch):
    made = ModuleType("bits_of_ours")
    monkeypatch.setitem(sys.modules, "bits_of_ours", made)
    return made


def test_code_takes_bits_and_gives_bits(module):
    module.majority = lambda bits: 2 * bits.sum(axis=1) > bits.shape[1]
    module.adder = lambda bits: np.stack([bits.all(axis=1), bits.sum(axis=1) % 2], axis=1)
    assert written(table("bits_of_ours:majority", 3)) == "00010111"
    assert written(table("bits_of_ours:adder", 2, 2)) == "0001; 0110"


@pytest.mark.parametrize(
    ("gives", "says"),
    [
        (lambda bits: 2 * bits.sum(axis=1), r"sums of bits of shape \(8, 3\) gave 2; allowed are 0 and 1"),
        (
            lambda bits: bits,
            r"of shape \(8, 3\) gave bool of shape \(8, 3\); allowed are numbers of shape \(8,\)",
        ),
        (lambda bits: np.nan * bits[:, 0], "gave nan; allowed are 0 and 1"),
        (lambda bits: bits[:, 7], r"of shape \(8, 3\) raised IndexError"),
        (lambda bits: "yes", "gave <U3 of shape"),
    ],
)
def test_code_that_gives_something_else_is_named(module, gives, says):
    module.sums = gives
    table.cache_clear()
    from relusweep.tasks import own

    own.load.cache_clear()
    with pytest.raises(ValueError, match=says) as error:
        table("bits_of_ours:sums", 3)
    assert str(error.value).startswith("bits_of_ours:sums")
