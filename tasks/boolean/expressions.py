"""Boolean functions that users write: by expressions, by truth tables, or by code of their own.

- ``(a & b) ^ c``: of the inputs a, b, c, … or x1, x2, x3, …; ``~`` binds before ``&``, that before ``^``, and
  that before ``|``. The words not, and, xor and or mean the same signs;
- ``01-1``: a truth table, all inputs −1 first, 1 for +1; rows with ``-`` do not matter;
- ``a & b; a ^ b``: one function of two outputs;
- ``a ^ b where a | b``: rows where the condition does not hold do not matter;
- ``mymodule:f``: code of the user's own, a function of bits.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks import own
from relusweep.tasks.boolean.truth_tables import inputs
from relusweep.tasks.formulas import Grammar, names_in, parsed, refusal, shown

__all__ = ["Table", "checked", "matters_partly", "n_outputs", "table", "written"]

_MOST_INPUTS = 12
_PLACES = {f"x{place + 1}": place for place in range(_MOST_INPUTS)}
_PLACES |= {letter: place for place, letter in enumerate("abcdefghijkl")}
_TABLE = re.compile(r"[01-]{2,}")
_GRAMMAR = Grammar(
    "a to l or x1 to x12, 0, 1, brackets, ~ & ^ | or not, and, xor, or; ; between several outputs, and where "
    "before the condition of the rows that matter",
    {"not": "~", "and": "&", "xor": "^", "or": "|"},
)
_OPERATIONS: Mapping[type[ast.AST], Callable[..., Any]] = {
    ast.BitAnd: operator.and_,
    ast.BitXor: operator.xor,
    ast.BitOr: operator.or_,
}

Bits = NDArray[np.bool_]


class Table(NamedTuple):
    """What a function is at every row.

    Attributes
    ----------
    outputs : ndarray of shape (2**n, n_outputs), bool
    matters : ndarray of shape (2**n,), bool
        Rows that the function is asked for.
    """

    outputs: Bits
    matters: Bits


class _Parts(NamedTuple):
    outputs: list[str]
    condition: str | None


def checked(text: str, n: int) -> str:
    """Check a function of `n` inputs, and give its text with single spaces; code is not imported.

    Raises
    ------
    ValueError
        It is none, has another number of inputs, or no row matters.
    """
    text = " ".join(text.split())
    if own.is_path(text):
        return text
    outputs, condition = _parts(text)
    if of_code := [part for part in (*outputs, condition or "") if own.is_path(part)]:
        raise ValueError(
            f"{shown(text)}: {of_code[0]} is code, which stands alone and gives all outputs itself"
        )
    if not table(text, n).matters.any():
        raise ValueError(f"{shown(text)}: no row matters; ask for one at least")
    return text


def n_outputs(text: str) -> int | None:
    """Count the outputs of a function; None of code, which does not say."""
    return None if own.is_path(text) else len(_parts(text).outputs)


def matters_partly(text: str) -> bool:
    """Tell whether a function says which rows matter."""
    return not own.is_path(text) and ("-" in text or _parts(text).condition is not None)


def written(of: Table) -> str:
    """Write a table as a truth table is read.

    Examples
    --------
    >>> written(table("a & b; a ^ b where a | b", 2))
    '-001; -110'
    """
    return "; ".join(
        "".join(np.where(of.matters, column.astype(int).astype(str), "-")) for column in of.outputs.T
    )


@lru_cache(maxsize=1024)
def table(text: str, n: int, of_code: int = 1) -> Table:
    """Evaluate a function at every row of `n` inputs.

    Parameters
    ----------
    text : str
    n : int
    of_code : int
        Outputs of code of the user's own, which is imported.

    Raises
    ------
    ValueError
        The function is none of so many inputs, or code of the user's own gives something else than bits.

    Examples
    --------
    >>> outputs, matters = table("a & b; a ^ b where a | b", 2)
    >>> outputs.astype(int).tolist(), matters.tolist()
    ([[0, 0], [0, 1], [0, 1], [1, 0]], [False, True, True, True])
    """
    bits = inputs(n) > 0
    if own.is_path(text):
        return Table(_of_code(text, bits, of_code), np.ones(len(bits), bool))
    parts = _parts(text)
    found = [_values(part, bits, text) for part in parts.outputs]
    matters = _alike(text, [matters for _, matters in found])
    if parts.condition is not None:
        matters = matters & np.logical_and(*_values(parts.condition, bits, text))
    return Table(np.stack([values for values, _ in found], axis=1), matters)


def _parts(text: str) -> _Parts:
    """Part outputs and condition."""
    outputs, *conditions = re.split(r"\bwhere\b", text)
    if len(conditions) > 1:
        raise ValueError(f"{shown(text)} has several conditions; join them by &")
    return _Parts(
        [part.strip() for part in outputs.split(";")], conditions[0].strip() if conditions else None
    )


def _values(part: str, bits: Bits, text: str) -> tuple[Bits, Bits]:
    """Evaluate a truth table or an expression: the values, and which rows matter."""
    n_rows, n = bits.shape
    if _TABLE.fullmatch(part):
        if len(part) != n_rows:
            raise ValueError(f"{shown(part)} has {len(part)} rows; a truth table of {n} inputs has {n_rows}")
        letters = np.array(list(part))
        return letters == "1", letters != "-"
    tree = parsed(part, _GRAMMAR)
    beyond = [name for name in names_in(tree) if name in _PLACES and _PLACES[name] >= n]
    if beyond:
        raise ValueError(
            f"{shown(text)} names {beyond[0]}, input {_PLACES[beyond[0]] + 1}, and there are {n}"
        )
    return np.broadcast_to(_value(tree, bits, text), n_rows), np.ones(n_rows, bool)


def _value(node: ast.expr, bits: Bits, text: str) -> Bits:
    match node:
        case ast.Constant(value=value) if type(value) is int and value in (0, 1):
            return np.full(len(bits), value, bool)
        case ast.Name(id=name) if name in _PLACES:
            return bits[:, _PLACES[name]]
        case ast.UnaryOp(op=ast.Invert(), operand=operand):
            return ~_value(operand, bits, text)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATIONS:
            found: Bits = _OPERATIONS[type(op)](_value(left, bits, text), _value(right, bits, text))
            return found
    raise refusal(text, ast.unparse(node), _GRAMMAR)


def _alike(text: str, each: list[Bits]) -> Bits:
    if any((one != each[0]).any() for one in each[1:]):
        raise ValueError(f"{shown(text)}: a row matters for all outputs or for none; let each have - there")
    return each[0]


def _of_code(path: str, bits: Bits, of_code: int) -> Bits:
    found = own.shaped(path, own.call(path, bits), bits.shape, of_code)
    if not np.isin(found, (0, 1)).all():
        other = found[~np.isin(found, (0, 1))].flat[0]
        raise ValueError(
            f"{path} of bits of shape {bits.shape} gave {other}; allowed are 0 and 1, as bool too"
        )
    return found.astype(bool).reshape(len(bits), of_code)
