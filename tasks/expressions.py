"""Functions of numbers that users write as text: ``sin(3*x1) + x2**2``, or ``sin(x); cos(x)`` of two outputs.

Nothing of it is run as Python. Values have the same bits everywhere; see `relusweep.tasks.elementwise`.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks import elementwise
from relusweep.tasks.formulas import Grammar, names_in, parsed, refusal, shown

__all__ = ["MOST_INPUTS", "Expression", "expression"]

MOST_INPUTS = 8

Values = NDArray[np.float64]
_Made = Callable[[Sequence[Values]], Any]

_PLACES = {f"x{place + 1}": place for place in range(MOST_INPUTS)} | {"x": 0, "y": 1, "z": 2}
_CONSTANTS = {"pi": math.pi, "e": math.e}
_OF_ONE: Mapping[str, Callable[[Values], Values]] = {
    "sin": elementwise.sin,
    "cos": elementwise.cos,
    "tan": lambda x: elementwise.sin(x) / elementwise.cos(x),
    "tanh": elementwise.tanh,
    "exp": elementwise.exp,
    "log": elementwise.log,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "sign": np.sign,
    "floor": np.floor,
}
_OF_SEVERAL: Mapping[str, Callable[[Values, Values], Values]] = {"min": np.minimum, "max": np.maximum}
_OPERATIONS: Mapping[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: elementwise.power,
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
}
_GRAMMAR = Grammar(
    "numbers, pi, e, inputs x1 to x8 or x, y, z, brackets, + - * / **, < <= > >= (1 where true, else 0), "
    f"{', '.join([*_OF_ONE, *_OF_SEVERAL])}, and ; between several outputs"
)


class Expression:
    """A function of some inputs.

    Parameters
    ----------
    text : str
        One formula for each output, with ``;`` between them.

    Attributes
    ----------
    n_inputs : int
        The largest number of an input that it names: x is x1, y is x2, z is x3.
    n_outputs : int

    Raises
    ------
    ValueError
        The text is no such formula, or names no input.

    Examples
    --------
    >>> of = Expression("x1 * x2; max(x1, x2, 0)")
    >>> of.n_inputs, of.n_outputs
    (2, 2)
    >>> of(np.array([2.0, -1.0]), np.array([3.0, -5.0])).tolist()
    [[6.0, 3.0], [5.0, 0.0]]
    """

    def __init__(self, text: str) -> None:
        trees = [parsed(part, _GRAMMAR) for part in text.split(";")]
        self._outputs = [_made(tree, text) for tree in trees]
        places = [_PLACES[name] for tree in trees for name in names_in(tree) if name in _PLACES]
        if not places:
            raise ValueError(f"{shown(text)} names no input; name one, as in 0*x + 1")
        self.n_inputs, self.n_outputs = max(places) + 1, len(trees)

    def __call__(self, *inputs: Values) -> Values:
        """Give the values: (n_points,), or (n_points, n_outputs) of several outputs.

        Parameters
        ----------
        *inputs : ndarray of shape (n_points,), float64
            At least `n_inputs`.
        """
        with np.errstate(all="ignore"):  # what is not finite stays so
            found = [np.broadcast_to(of(inputs), inputs[0].shape) + 0.0 for of in self._outputs]
        return np.stack(found, axis=-1) if len(found) > 1 else found[0]


@lru_cache(maxsize=256)
def expression(text: str) -> Expression:
    """Read an expression once a process; see `Expression`."""
    return Expression(text)


def _made(node: ast.expr, text: str) -> _Made:
    """Make a function of the inputs of a node of a formula; what it may not be is refused."""
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return _constant(value, text)
        case ast.Name(id=name) if name in _CONSTANTS:
            return _constant(_CONSTANTS[name], text)
        case ast.Name(id=name) if name in _PLACES:
            return operator.itemgetter(_PLACES[name])
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATIONS:
            return _applied(_OPERATIONS[type(op)], _made(left, text), _made(right, text))
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _OPERATIONS:
            return _applied(_OPERATIONS[type(op)], _made(operand, text))
        case ast.Compare(left=left, ops=ops, comparators=others) if {*map(type, ops)} <= _OPERATIONS.keys():
            return _compared([type(op) for op in ops], [_made(part, text) for part in (left, *others)])
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return _called(name, [_made(part, text) for part in arguments], text)
    raise refusal(text, _word(node), _GRAMMAR)


def _constant(value: float, text: str) -> _Made:
    try:
        number = np.float64(float(value))
    except OverflowError:
        number = np.float64(np.inf)
    if not np.isfinite(number):
        raise ValueError(f"{shown(text)} holds a number that is too large for float64")
    return lambda inputs: number


def _applied(of: Callable[..., Any], *parts: _Made) -> _Made:
    return lambda inputs: of(*(part(inputs) for part in parts))


def _compared(ops: list[type[ast.cmpop]], parts: list[_Made]) -> _Made:
    def of(*values: Values) -> Values:
        pairs = zip(ops, values, values[1:], strict=False)
        held = (_OPERATIONS[op](one, other) for op, one, other in pairs)
        return np.asarray(reduce(np.logical_and, held), np.float64)

    return _applied(of, *parts)


def _called(name: str, parts: list[_Made], text: str) -> _Made:
    if name in _OF_ONE and len(parts) == 1:
        return _applied(_OF_ONE[name], *parts)
    if name in _OF_SEVERAL and len(parts) > 1:
        return _applied(lambda *values: reduce(_OF_SEVERAL[name], values), *parts)
    if name in _OF_ONE or name in _OF_SEVERAL:
        takes = "one" if name in _OF_ONE else "at least two"
        raise ValueError(f"{shown(text)}: {name} is of {takes}, and got {len(parts)}")
    raise refusal(text, f"{name}(…)", _GRAMMAR)


def _word(node: ast.expr) -> str:
    """Say what a node is: its name, or how it is written."""
    return node.id if isinstance(node, ast.Name) else ast.unparse(node)
