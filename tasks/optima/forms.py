"""Families as formulas, and one network of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.optima.families import Family
from relusweep.tasks.optima.landscape import Landscape
from relusweep.tasks.optima.points import solutions

__all__ = ["Example", "equations", "example", "patterns", "units"]

MINUS = "\N{MINUS SIGN}"


class Example(NamedTuple):
    """A network of a family.

    Attributes
    ----------
    weights : ndarray of shape (width, n_inputs), object
        Fractions; those of units without an output weight are zero here.
    biases, outputs : ndarray of shape (width,), object
    bias : Fraction
        Of the output.
    """

    weights: NDArray[np.object_]
    biases: NDArray[np.object_]
    outputs: NDArray[np.object_]
    bias: Fraction

    def __call__(self, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute the output at rows of shape (n_rows, n_inputs)."""
        hidden = np.maximum(inputs @ self.weights.T.astype(float) + self.biases.astype(float), 0)
        return np.asarray(hidden @ self.outputs.astype(float) + float(self.bias))


def example(of: Landscape, family: Family) -> Example:
    """Give one network of a family, with output weights of 1 and -1.

    Parameters
    ----------
    of : Landscape
    family : Family
    """
    found = solutions(of, family.faces, family.outputs)
    assert found is not None  # a family has points
    signs = np.array(family.outputs)
    inner = np.full((of.width, of.arrangement.points.shape[1]), Fraction(0), object)
    inner[signs != 0] = found.point[:-1].reshape(-1, inner.shape[1])
    outputs = np.array([Fraction(sign) for sign in family.outputs], object)
    return Example(inner[:, :-1], inner[:, -1], outputs, found.point[-1])


def equations(of: Landscape, family: Family) -> list[str]:
    """Write what holds of the parameters of a family, beside the signs of its units.

    Parameters
    ----------
    of : Landscape
    family : Family

    Returns
    -------
    list of str
        As ``o1·w1 = −2 − o1·b1``; ``w12`` is the weight of unit 1 for input 2.
    """
    found = solutions(of, family.faces, family.outputs)
    assert found is not None  # a family has points
    signs = [sign for sign in family.outputs if sign for _ in of.arrangement.points[0]]
    point, basis = found.point * [*signs, 1], found.basis * [*signs, 1]
    names = list(_names(of, family))
    free = [int(np.flatnonzero(row)[-1]) for row in basis]
    basis = basis / basis[range(len(free)), free][:, None] if free else basis
    constants = point - point[free] @ basis if free else point
    return [
        *_without_output(of, family),
        *(
            f"{names[place]} = {_sum(constants[place], basis[:, place], [names[other] for other in free])}"
            for place in range(len(names))
            if place not in free
        ),
    ]


def _without_output(of: Landscape, family: Family) -> Iterator[str]:
    """Write what holds of units without an output weight: their own slope is zero."""
    at = of.slopes(of.joined(tuple(f for f, sign in zip(family.faces, family.outputs, strict=True) if sign)))
    points = of.arrangement.points
    for unit, (face, sign) in enumerate(zip(family.faces, family.outputs, strict=True), 1):
        if sign:
            continue
        yield f"o{unit} = 0"
        if not at.along[face]:
            slope = ((of.arrangement.signs[face] > 0) * np.array(at.errors)) @ points
            names = [*_weights(unit, points.shape[1] - 1), f"b{unit}"]
            first, *others = np.flatnonzero(slope)
            factors = np.array([Fraction(-int(slope[place]), int(slope[first])) for place in others], object)
            yield f"{names[first]} = {_sum(Fraction(0), factors, [names[place] for place in others])}"


def _names(of: Landscape, family: Family) -> Iterator[str]:
    """Name the products of output weights with weights and biases, and the output bias."""
    inputs = of.arrangement.points.shape[1] - 1
    for unit in (place for place, sign in enumerate(family.outputs, 1) if sign):
        yield from (f"o{unit}·{name}" for name in [*_weights(unit, inputs), f"b{unit}"])
    yield "c"


def _weights(unit: int, inputs: int) -> list[str]:
    return [f"w{unit}{place if inputs > 1 else ''}" for place in range(1, inputs + 1)]


def _sum(constant: Fraction, factors: NDArray[np.object_], names: Sequence[str]) -> str:
    """Write a constant and multiples of names as a sum."""
    terms = [(factor, name) for factor, name in zip(factors, names, strict=True) if factor]
    parts = [(constant, "")] if constant or not terms else []
    text = ""
    for factor, name in [*parts, *terms]:
        size = name if name and abs(factor) == 1 else f"{abs(factor)}{name and '·'}{name}"
        sign = MINUS if factor < 0 else "+" if text else ""
        text += f" {sign} {size}" if text else f"{sign}{size}"
    return text


def patterns(of: Landscape, family: Family) -> list[str]:
    """Say of each unit at how many rows it is on, and at how many its value is zero.

    Families have the same words where symmetries of the rows, for each unit its own, take the units into one
    another.

    Parameters
    ----------
    of : Landscape
    family : Family
    """
    return [_on(of.arrangement.signs[face]) for face in family.faces]


def units(of: Landscape, family: Family) -> list[str]:
    """Say the same, and the signs of the output weights.

    Parameters
    ----------
    of : Landscape
    family : Family
    """
    signs = [f"o{'=><'[sign]}0" for sign in family.outputs]
    return [f"{on}, {sign}" for on, sign in zip(patterns(of, family), signs, strict=True)]


def _on(signs: NDArray[np.int8]) -> str:
    on, zero = int((signs > 0).sum()), int((signs == 0).sum())
    at = "off" if not on else "on everywhere" if on == len(signs) else f"on at {_rows(on)}"
    return f"{at}, zero at {_rows(zero)}" if zero else at


def _rows(count: int) -> str:
    return f"{count} row{'s' if count > 1 else ''}"
