"""Numbers in words, the same everywhere."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from numbers import Integral, Real

__all__ = ["axis", "bytes_in_words", "counted", "duration", "label", "plural", "resources_in_words", "speed"]

_IN_FULL = 6  # labels of an axis


_DAYS_FROM, _YEARS_FROM = 100, 1000  # hours, days


def duration(seconds: float) -> str:
    """Write a time in the two largest units that it fills.

    Examples
    --------
    >>> [duration(seconds) for seconds in (0.04, 61, 7322)]
    ['0.04 s', '1 min 1 s', '2 h 2 min']
    """
    if seconds < 59.5:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= _DAYS_FROM:
        days = hours / 24
        return f"{days:,.0f} days" if days < _YEARS_FROM else f"{days / 365.25:,.3g} years"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def bytes_in_words(count: float) -> str:
    """Write a size in the largest unit that it fills.

    Examples
    --------
    >>> bytes_in_words(39_960_000)
    '38.11 MiB'
    """
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if count < 1024:
            return f"{count:,.4g} {unit}"
        count /= 1024
    return f"{count:,.4g} PiB"


def speed(rate: float, unit: str) -> str:
    """Write how many units come in a second.

    Examples
    --------
    >>> [speed(rate, "networks") for rate in (0.25, 1234.5)]
    ['0.25 networks/s', '1,234 networks/s']
    """
    return f"{rate:,.{0 if rate >= 10 else 2}f} {unit}/s"


def label(value: object) -> str:
    """Write the label of a cell along a dimension: a number as short as it can be, or text.

    Examples
    --------
    >>> [label(value) for value in (27030, 0.1, 0.0, "parity")]
    ['27030', '0.1', '0', 'parity']
    """
    return f"{value:g}" if isinstance(value, Real) and not isinstance(value, Integral) else str(value)


def resources_in_words(resources: Mapping[str, float]) -> str:
    """Write what a block asks of its worker.

    Examples
    --------
    >>> resources_in_words({"GPU": 1.0})
    '1 GPU'
    """
    return ", ".join(f"{amount:g} {name}" for name, amount in resources.items())


def plural(noun: str, count: int) -> str:
    """Put a noun into the number that goes with a count.

    Examples
    --------
    >>> [plural(noun, 2) for noun in ("trial", "class", "batch", "epoch")]
    ['trials', 'classes', 'batches', 'epochs']
    """
    if count == 1:
        return noun
    return f"{noun}es" if noun.endswith(("s", "tch")) else f"{noun}s"


def counted(number: int, what: str) -> str:
    """Say how many there are.

    Examples
    --------
    >>> counted(1, "cell"), counted(1200, "batch")
    ('1 cell', '1,200 batches')
    """
    return f"{number:,} {plural(what, number)}"


def axis(labels: Sequence[object]) -> str:
    """Write the labels of an axis, by their ends where they are many.

    Examples
    --------
    >>> axis([0.0, 0.1]), axis(range(2, 11)), axis([1, 4, 9, 16, 25, 36, 49])
    ('0, 0.1', '2 to 10', '7 from 1 to 49')
    """
    if len(labels) > 2 and all(isinstance(a, int) and b == a + 1 for a, b in pairwise(labels)):
        return f"{labels[0]} to {labels[-1]}"
    if len(labels) > _IN_FULL:
        return f"{len(labels):,} from {label(labels[0])} to {label(labels[-1])}"
    return ", ".join(map(label, labels))
