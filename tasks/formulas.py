"""Formulas that users write, read by Python's grammar and never run as Python.

What signs and names mean is for each kind to say: `relusweep.tasks.expressions` for numbers,
`relusweep.tasks.boolean.expressions` for truth values.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

__all__ = ["Grammar", "names_in", "parsed", "refusal", "shown"]

_MOST_LETTERS, _MOST_DEPTH, _SHOWN = 500, 100, 60
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z_0-9]*)|(?P<sign>\*\*|[<>]=|[-+*/()<>,&|^~]))"
)
_GLUED = re.compile(r"[A-Za-z_0-9.]+")


class Grammar(NamedTuple):
    """What a kind of formulas may hold.

    Attributes
    ----------
    allowed : str
        In words.
    words : mapping of str to str
        Names that stand for signs.
    """

    allowed: str
    words: Mapping[str, str] = {}


def parsed(text: str, grammar: Grammar) -> ast.expr:
    """Read a formula by Python's grammar; which nodes it may have is for the caller to check.

    Raises
    ------
    ValueError
        It is none, or is too long or nested too deeply.
    """
    if len(text) > _MOST_LETTERS:
        raise ValueError(f"{shown(text)} has {len(text)} letters; allowed are {_MOST_LETTERS}")
    spelled = " ".join(grammar.words.get(token, token) for token in _tokens(text, grammar))
    try:
        tree = ast.parse(spelled, mode="eval").body
    except SyntaxError as error:
        bracket = "'('" in error.msg or "')'" in error.msg
        hint = "; in a YAML list, put it into quotes, since a comma parts it there" if bracket else ""
        raise ValueError(
            f"{shown(text)} is no formula: {error.msg}{hint}; allowed are {grammar.allowed}"
        ) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"{shown(text)} is no formula: {error}") from None
    _check_depth(tree, text)
    return tree


def names_in(tree: ast.expr) -> set[str]:
    """Name the inputs that a formula names: all names but those of functions."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called}


def refusal(text: str, what: str, grammar: Grammar) -> ValueError:
    """Say that something in a formula is not allowed."""
    return ValueError(f"{shown(text)}: {what} is not allowed; allowed are {grammar.allowed}")


def shown(text: str) -> str:
    """Write a formula into a message."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")


def _tokens(text: str, grammar: Grammar) -> Iterator[str]:
    at, end = 0, len(text.rstrip())
    while at < end:
        token = _TOKEN.match(text, at)
        if token is None:
            raise refusal(text, text[at:].lstrip()[0], grammar)
        if token["number"] and (glued := _GLUED.match(text, token.end())):
            raise ValueError(
                f"{shown(text)}: {token['number']} and {glued[0]} stand side by side; write what is between "
                "them, as in 2*x"
            )
        yield token[0].strip()
        at = token.end()


def _check_depth(tree: ast.expr, text: str) -> None:
    waiting: list[tuple[ast.AST, int]] = [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > _MOST_DEPTH:
            raise ValueError(f"{shown(text)} is nested too deeply; allowed are {_MOST_DEPTH} levels")
        waiting += [(part, depth + 1) for part in ast.iter_child_nodes(node)]
