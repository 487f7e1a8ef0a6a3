"""Networks that give N²L² stored numbers by their index, bit by bit: point fitting by bit extraction.

An index is ``(block n + place) l + bit``, with n places and l bits, and up to ``n l`` blocks. The l bits of
one block and place are the binary digits of one number. A network of width about n and depth about l gives
the number, as it has n² l weights to hold them, and its digits are then taken off one by one. Stored numbers
have several bits, so there are several such networks: some side by side, some one after another.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import islice
from typing import NamedTuple

from relusweep.tasks.constructions._circuits import (
    Circuit,
    Form,
    Network,
    Number,
    affine,
    compose,
    identity,
    parallel,
)
from relusweep.tasks.constructions.step import digit, digits

__all__ = ["Size", "fit", "size"]


class Size(NamedTuple):
    """What width, depth and largest parameter of a network of `fit` do not exceed."""

    width: int
    depth: int
    parameters: int


def fit(values: Sequence[Sequence[Fraction]], bits: Sequence[int], n: int, l: int, *, slow: bool) -> Network:
    """Give several lists of stored numbers by their index.

    Parameters
    ----------
    values : sequence of sequences of Fraction
        Lists of up to ``n² l²`` numbers of [0, 1].
    bits : sequence of int
        For each list, how many binary digits of its numbers are stored: the error is ``2^-bits`` at most.
    n, l : int
    slow : bool
        Whether bits are taken off in l layers each at most by weights up to 4, instead of in one by weights
        up to ``2^l``.

    Returns
    -------
    Network
        One input, an index from 0; as many outputs as lists. No output is negative, whatever the input.
    """
    planes = [
        (output, Fraction(1, 2 ** (i + 1)), plane)
        for output, (stored, count) in enumerate(zip(values, bits, strict=True))
        for i, plane in enumerate(_planes(stored, count))
    ]
    beside, rounds = _arrangement(len(planes), l)
    n_outputs = len(values)
    network = compose(_address(n, l), affine([{i: 1} for i in range(3)] + [{}] * n_outputs, 3))
    for first in range(0, beside * rounds, beside):
        taken = planes[first : first + beside]
        if taken:
            network = compose(network, _round(taken, n_outputs, n, l, slow=slow))
    return compose(network, affine([{3 + output: 1} for output in range(n_outputs)], 3 + n_outputs))


def size(bits: Sequence[int], n: int, l: int, *, slow: bool) -> Size:
    """Bound what `fit` takes, in closed form.

    Notes
    -----
    With B bits in all there are ``⌈log2(2 l)⌉`` rounds, each of at most ``⌈B / ⌈log2(2 l)⌉⌉`` bits side by
    side. As B is O(log(n l)) and a sum of two numbers of at least 1 is at most twice their product, the width
    is O(n log n), the depth O(l log l), or O(l² log l) if slow.
    """
    beside, rounds = _arrangement(sum(bits), l)
    taken_off = l * (l + 1) // 2 if slow else l
    width = beside * max(n, 5) + 2 * n + 6 + len(bits)
    depth = digits(n * l, n + 1) + 1 + rounds * (l + 3 + taken_off)
    return Size(width, depth, max(n**2 * l**2, 4 if slow else 2**l))


def _arrangement(n_bits: int, l: int) -> tuple[int, int]:
    """Give how many bits are looked up side by side, and in how many rounds."""
    rounds = (2 * l - 1).bit_length()
    return -(-n_bits // rounds), rounds


def _planes(stored: Sequence[Fraction], count: int) -> list[list[int]]:
    """Give so many binary digits of all stored numbers, list after list from the highest."""
    highest = 2**count - 1
    codes = [min((value.numerator << count) // value.denominator, highest) for value in stored]
    return [[code >> (count - 1 - i) & 1 for code in codes] for i in range(count)]


def _address(n: int, l: int) -> Network:
    """Split an index into block, place and bit."""
    circuit = Circuit(1)
    (rest,) = circuit.signals
    block = rest * 0
    for unit in [(n + 1) ** m for m in reversed(range(digits(n * l, n + 1)))]:
        thresholds = [unit * n * l * i for i in range(1, n + 1) if unit * i < n * l]
        found, (rest, block) = digit(circuit, rest, thresholds, 1, [rest, block])
        rest, block = rest - unit * n * l * found, block + unit * found
    place, (rest, block) = digit(circuit, rest, [l * i for i in range(1, n)], 1, [rest, block])
    return circuit.network([block, place, rest - l * place])


def _round(
    planes: list[tuple[int, Fraction, list[int]]], n_outputs: int, n: int, l: int, *, slow: bool
) -> Network:
    """Look bits up by block, place and bit, and add them to the outputs so far."""
    lookup = _lookup([bits for _, _, bits in planes], n, l, slow=slow)
    waiting = 3 + n_outputs
    doubled = affine([{i: 1} for i in (0, 1, 2, *range(waiting))], waiting)
    sums: list[dict[int, Number]] = [{len(planes) + i: 1} for i in range(waiting)]
    for i, (output, weight, _) in enumerate(planes):
        sums[3 + output][i] = weight
    added = affine(sums, len(planes) + waiting)
    return compose(doubled, parallel(lookup, identity(waiting)), added)


def _lookup(planes: list[list[int]], n: int, l: int, *, slow: bool) -> Network:
    """Give one bit of each plane by block, place and bit."""
    circuit = Circuit(3)
    reader = _Reader(circuit, *_numbers(circuit, planes, n, l))
    for i in range(l):
        reader.take(reader.slow_bits(i, l) if slow else reader.bits(i, l))
    reader.layer([], None)
    return circuit.network(reader.totals)


def _numbers(circuit: Circuit, planes: list[list[int]], n: int, l: int) -> tuple[list[Form], Form]:
    """Give the number of each plane that holds the bits of a block and place, and the bit that is wanted.

    What each place holds is a step function of the block: n of the ``n l - 1`` steps are added in each layer.
    """
    table = [_packed(bits, n, l) for bits in planes]
    block, place, wanted = circuit.signals
    held = [circuit.combination([], [], number) for blocks in table for number in blocks[0]]
    for first in range(1, n * l, n):
        thresholds = list(range(first, min(first + n, n * l)))
        sides = [block - (t - shift) for t in thresholds for shift in (1, 0)]
        units = circuit.units([*sides, *held, block, place, wanted])
        *held, block, place, wanted = units[len(sides) :]
        rises = [
            [side * (blocks[t][r] - blocks[t - 1][r]) for t in thresholds for side in (1, -1)]
            for blocks in table
            for r in range(n)
        ]
        held = [
            circuit.combination([number, *units], [1, *weights])
            for number, weights in zip(held, rises, strict=True)
        ]
    far = [place * sign - r * sign for r in range(n) for sign in (1, -1)]
    *units, wanted = circuit.units([*far, *held, wanted])
    distances = [units[2 * r] + units[2 * r + 1] for r in range(n)]
    held = [number - distances[i % n] for i, number in enumerate(units[2 * n :])]
    *units, wanted = circuit.units([*held, wanted])
    return [circuit.combination(units[i : i + n], [1] * n) for i in range(0, len(units), n)], wanted


def _packed(bits: list[int], n: int, l: int) -> list[list[Fraction]]:
    """Give the numbers by block and place whose binary digits are the bits."""
    padded = bits + [0] * (n**2 * l**2 - len(bits))
    return [[_number(padded[(block * n + place) * l :][:l]) for place in range(n)] for block in range(n * l)]


def _number(bits: list[int]) -> Fraction:
    return Fraction(int("".join(map(str, bits)), 2), 2 ** len(bits))


class _Reader:
    """Takes binary digits off numbers, the highest first, and keeps the one that is wanted.

    Parameters
    ----------
    circuit : Circuit
    numbers : list of Form
        One of each plane.
    wanted : Form
        Which digit, from 0.
    """

    def __init__(self, circuit: Circuit, numbers: list[Form], wanted: Form) -> None:
        self._circuit, self._numbers, self._wanted = circuit, numbers, wanted
        self._gates: list[Form] = []
        self.totals = [circuit.combination([], []) for _ in numbers]

    def bits(self, i: int, l: int) -> list[Form]:
        """Compare with 1/2 in one layer: numbers have ``l - i`` digits left."""
        slope = 2 ** (l - 1 - i)
        over = [slope * (2 * number - 1) for number in self._numbers]
        units = self.layer([part for form in over for part in (form + 1, form)], i)
        return [units[2 * p] - units[2 * p + 1] for p in range(len(over))]

    def slow_bits(self, i: int, l: int) -> list[Form]:
        """Compare with 1/2 in ``l - i`` layers: what lacks to 1 is doubled until it is 0 or at least 1."""
        last = l - 1 - i
        lacking = self.layer([1 - 2 * number for number in self._numbers], None if last else i)
        near = [1 - unit for unit in lacking]
        for doubling in range(last):
            near = self.layer([2 * form - 1 for form in near], i if doubling == last - 1 else None)
        return near

    def take(self, bits: list[Form]) -> None:
        """Remove the highest digits; those that are wanted pass the gates in the next layer."""
        self._gates = [bit - self._far for bit in bits]
        self._numbers = [2 * number - bit for number, bit in zip(self._numbers, bits, strict=True)]

    def layer(self, forms: list[Form], i: int | None) -> list[Form]:
        """Compute forms in one layer, beside them how far the wanted digit is from i if i is given."""
        sides = [] if i is None else [self._wanted - i, i - self._wanted]
        kept = [*self._numbers, *self.totals, self._wanted]
        units = iter(self._circuit.units([*forms, *kept, *self._gates, *sides]))
        found = list(islice(units, len(forms)))
        self._numbers = list(islice(units, len(self._numbers)))
        self.totals = list(islice(units, len(self.totals)))
        self._wanted = next(units)
        gates = list(islice(units, len(self._gates)))
        if gates:
            self.totals = [total + gate for total, gate in zip(self.totals, gates, strict=True)]
        self._gates = []
        self._far = self._circuit.combination(units, [1, 1])
        return found
