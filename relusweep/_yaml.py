"""What users write, in files and behind ``--set``: YAML 1.2, where fields decide what a text means.

A scalar stays text until a field reads it: a field of numbers reads a number (`Whole`, `Real`), one of words
takes the text as it stands. So ``yes`` is a word, ``1:30`` and ``010`` are no numbers, and ``1e3`` is one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BeforeValidator

__all__ = ["Plain", "Real", "Truth", "Whole", "number", "plain", "read_yaml", "read_yaml_file", "resolved"]

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUTH = {word: word[0] in "tT" for word in ("true", "True", "TRUE", "false", "False", "FALSE")}
_DECIMAL = r"[-+]?(0|[1-9][0-9]*)"
_WHOLE = re.compile(rf"({_DECIMAL})|0x[0-9a-fA-F]+|0o[0-7]+")
_REAL = re.compile(rf"({_DECIMAL}|[-+]?(?=\.[0-9]))(\.[0-9]*)?([eE][-+]?[0-9]+)?")
_NOT_FINITE = {f"{sign}.{word}": f"{sign}inf" for sign in ("", "+", "-") for word in ("inf", "Inf", "INF")}
_NOT_FINITE |= dict.fromkeys((".nan", ".NaN", ".NAN"), "nan")
_MOST_DEPTH, _MOST_NODES = 50, 1_000_000


class Plain(str):
    """A scalar that was written without quotes: it may stand for a number or for true or false."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def number(value: object) -> object:
    """Read a number as YAML 1.2 writes it; what is no text is left to the field, but booleans are no numbers.

    Raises
    ------
    ValueError
        The text is no number, or the value is a boolean.

    Examples
    --------
    >>> number("12"), number("1e3"), number(".5"), number("0x10")
    (12, 1000.0, 0.5, 16)
    >>> number("010")
    Traceback (most recent call last):
    ValueError: must be a number without leading zeros
    """
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")
    if not isinstance(value, str):
        return value
    found = _number(value.strip())
    if found is None:
        zeros = re.fullmatch(r"[-+]?0[0-9.]+", value.strip())
        raise ValueError("must be a number" + (" without leading zeros" if zeros else ""))
    return found


def _number(text: str) -> int | float | None:
    if match := _WHOLE.fullmatch(text):
        return int(text) if match[1] else int(text, 0)
    if text in _NOT_FINITE:
        return float(_NOT_FINITE[text])
    return float(text) if _REAL.fullmatch(text) else None


def _truth(value: object) -> object:
    found = _TRUTH.get(value) if isinstance(value, str) else value
    if not isinstance(found, bool):
        raise ValueError("must be true or false")
    return found


Whole = Annotated[int, BeforeValidator(number)]
"""A field of whole numbers; ``1e3`` is one."""

Real = Annotated[float, BeforeValidator(number)]
"""A field of numbers."""

Truth = Annotated[bool, BeforeValidator(_truth)]
"""A field that is true or false."""


def plain(text: str) -> Plain | None:
    """Give what a scalar without quotes is before a field reads it: None for null, or a text."""
    return None if text in _NULL else Plain(text)


def resolved(value: Any) -> Any:
    """Give plain scalars the meaning that YAML gives them, where no field of ours reads them."""
    if isinstance(value, Mapping):
        return {key: resolved(part) for key, part in value.items()}
    if isinstance(value, list):
        return [resolved(part) for part in value]
    if not isinstance(value, Plain):
        return value
    if value in _TRUTH:
        return _TRUTH[value]
    found = _number(value)
    return str(value) if found is None else found


def read_yaml_file(path: Path) -> Any:
    """Read a file as `read_yaml` reads a text.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        Its content cannot be read; the message, of one line, begins with `path`.
    """
    try:
        return read_yaml(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}{error}") from None


def read_yaml(text: str | bytes) -> Any:
    """Read mappings, lists and scalars: None, or texts, `Plain` where they stand without quotes.

    Parameters
    ----------
    text : str or bytes
        Bytes in UTF-8, or UTF-16 with its mark.

    Raises
    ------
    ValueError
        It is no YAML of one document, a mapping has a key twice or one that is no text, or it is too deep.
        The message, of one line, goes on after a name: ``, line 3: trials is given twice, …``.
    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _check(node, loader.yaml_merge)
        return loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f" (line {mark.line + 1})" if mark else ""
        words = ", ".join(part for part in (error.context, error.problem) if part)
        raise ValueError(f" is not YAML: {words}{place}") from None
    except yaml.YAMLError as error:  # of the bytes
        raise ValueError(f" is not YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise ValueError(f" is nested too deeply; allowed are {_MOST_DEPTH} levels") from None


class _Loader(yaml.SafeLoader):
    """Knows mappings, lists, texts and merge keys; of other tags, none."""

    yaml_merge = "tag:yaml.org,2002:merge"
    yaml_implicit_resolvers = {"<": [(yaml_merge, re.compile("<<"))]}  # noqa: RUF012  (as PyYAML has it)
    yaml_constructors = {  # noqa: RUF012
        None: yaml.SafeLoader.construct_undefined,
        "tag:yaml.org,2002:map": yaml.SafeLoader.construct_yaml_map,
        "tag:yaml.org,2002:seq": yaml.SafeLoader.construct_yaml_seq,
        "tag:yaml.org,2002:str": lambda _, node: _scalar(node),
    }


def _scalar(node: yaml.ScalarNode) -> str | None:
    return plain(node.value) if node.style is None else str(node.value)


def _check(root: yaml.Node, merge: str) -> None:
    """Refuse a key that comes twice or is no text, and what nests, or grows by aliases, without end."""
    waiting, seen = [(root, 1)], 0
    while waiting:
        node, depth = waiting.pop()
        seen += 1
        if depth > _MOST_DEPTH or seen > _MOST_NODES:
            raise ValueError(
                f", line {node.start_mark.line + 1}: is nested too deeply or repeated too often; allowed are "
                f"{_MOST_DEPTH} levels and {_MOST_NODES:,} values, those of aliases counted each time"
            )
        if isinstance(node, yaml.MappingNode):
            _check_keys(node, merge)
            waiting += [(value, depth + 1) for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            waiting += [(value, depth + 1) for value in node.value]


def _check_keys(node: yaml.MappingNode, merge: str) -> None:
    lines: dict[str, int] = {}
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode) or (key.tag != merge and _scalar(key) is None):
            raise ValueError(f", line {line}: a key is no text; write field: value")
        if key.value in lines:
            raise ValueError(
                f", line {line}: {key.value} is given twice, first in line {lines[key.value]}; leave one"
            )
        lines[key.value] = line
