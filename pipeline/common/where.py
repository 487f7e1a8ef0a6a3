"""Conditions on labels, as ``width * depth <= 20``: which combinations are asked for."""

from __future__ import annotations

import ast
import operator
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["any_of", "names_in", "satisfied", "within"]

_BINARY: dict[type, Any] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: np.float_power,  # never a number of millions of digits
}
_COMPARISONS: dict[type, Any] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda a, b: np.isin(a, b),
    ast.NotIn: lambda a, b: ~np.isin(a, b),
}
_Labels = Mapping[str, Sequence[Any]]


def names_in(condition: str) -> set[str]:
    """Give the axes that a condition names.

    Raises
    ------
    ValueError
        It is no condition.
    """
    return {node.id for node in ast.walk(_parsed(condition)) if isinstance(node, ast.Name)}


def satisfied(condition: str, axes: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
    """Say of every combination of labels whether a condition holds.

    Parameters
    ----------
    condition : str
        A comparison of axes and numbers or texts, or several joined by ``and``, ``or``, ``not``.
    axes : mapping of str to ndarray
        Labels of every axis, in order.

    Returns
    -------
    ndarray of bool
        Along the axes, of length one along those that the condition does not name.

    Raises
    ------
    ValueError
        It is no condition, names no axis, or cannot be computed.
    """
    known = {}
    for place, (name, labels) in enumerate(axes.items()):
        shape = [1] * len(axes)
        shape[place] = len(labels)
        known[name] = labels.reshape(shape)
    if unknown := names_in(condition) - set(axes):
        raise ValueError(f"{condition!r} names no axis {sorted(unknown)[0]!r}; there are {', '.join(axes)}")
    try:
        with np.errstate(all="ignore"):
            found = np.asarray(_value(_parsed(condition).body, known))
    except (TypeError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"{condition[:200]!r} cannot be computed: {error}") from error
    if found.dtype != bool:
        raise ValueError(f"{condition!r} is no condition; compare, as in width * depth <= 20")
    return found.reshape([1] * (len(axes) - found.ndim) + list(found.shape))


def within(condition: str | None, labels: _Labels, trials: int | None = None) -> str:
    """Narrow a condition, or none, to labels of axes and to the first trials; empty where it is all."""
    parts = [f"{dim} in {list(some)!r}" for dim, some in labels.items()]
    parts += [] if trials is None else [f"trial < {trials}"]
    return " and ".join([*parts, f"({condition})"] if condition else parts)


def any_of(*conditions: str) -> str:
    """Join conditions by ``or``, each alternative once."""
    alternatives: dict[str, None] = {}
    for condition in conditions:
        body = _parsed(condition).body
        joined = isinstance(body, ast.BoolOp) and isinstance(body.op, ast.Or)
        alternatives |= dict.fromkeys(map(ast.unparse, body.values if joined else [body]))  # type: ignore[attr-defined]
    return (
        " or ".join(f"({part})" for part in alternatives)
        if len(alternatives) > 1
        else next(iter(alternatives))
    )


def _parsed(condition: str) -> ast.Expression:
    try:
        return ast.parse(condition.strip(), mode="eval")
    except (SyntaxError, RecursionError, MemoryError, ValueError) as error:  # ValueError: of a null character
        raise ValueError(f"{condition[:200]!r} cannot be read; write as in width * depth <= 20") from error


def _value(node: ast.expr, known: Mapping[str, NDArray[Any]]) -> Any:
    match node:
        case ast.Name():
            return known[node.id]
        case ast.Constant(value=int() | float() | str()):
            return node.value
        case ast.List() | ast.Tuple():
            return [_constant(item) for item in node.elts]
        case ast.BinOp() if type(node.op) in _BINARY:
            return _BINARY[type(node.op)](_value(node.left, known), _value(node.right, known))
        case ast.UnaryOp(op=ast.USub()):
            return -_value(node.operand, known)
        case ast.UnaryOp(op=ast.Not()):
            return ~np.asarray(_value(node.operand, known), bool)
        case ast.BoolOp():
            join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
            return reduce(join, [_value(part, known) for part in node.values])
        case ast.Compare() if all(type(op) in _COMPARISONS for op in node.ops):
            values = [_value(part, known) for part in (node.left, *node.comparators)]
            if len(set().union(*map(_kinds, values))) > 1:
                raise ValueError(f"{ast.unparse(node)!r} compares texts with numbers")
            pairs = zip(node.ops, values, values[1:], strict=False)
            return reduce(np.logical_and, [_COMPARISONS[type(op)](a, b) for op, a, b in pairs])
    raise ValueError(
        f"{ast.unparse(node)!r} has no place in a condition; it compares axes and numbers, joined by and, "
        "or, not"
    )


def _constant(node: ast.expr) -> int | float | str:
    match node:
        case ast.Constant(value=int() | float() | str() as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
    raise ValueError(f"{ast.unparse(node)!r} stands in a list; lists hold numbers or texts")


def _kinds(value: Any) -> set[str]:
    """Tell texts and numbers apart."""
    if isinstance(value, list):
        return set().union(*map(_kinds, value))
    return {"text" if np.asarray(value).dtype.kind in "OUST" else "number"}
