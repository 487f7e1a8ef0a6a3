"""Networks with rational parameters, written layer by layer, composed and set side by side.

A signal is a unit of some hidden layer, or an input. What the next layer reads are affine functions of
signals, `Form`; a `Circuit` turns forms into units. Parameters are whole numbers and fractions: nothing is
rounded here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

__all__ = [
    "Affine",
    "Circuit",
    "Form",
    "Network",
    "Number",
    "affine",
    "compose",
    "identity",
    "parallel",
    "share",
]

Number = int | Fraction


@dataclass(frozen=True)
class Form:
    """``Σ weights[i] signal_i + bias`` of the signals of one layer; sums and multiples are forms too."""

    layer: int
    weights: Mapping[int, Number]
    bias: Number = 0

    def __add__(self, other: Form | Number) -> Form:
        if not isinstance(other, Form):
            return Form(self.layer, self.weights, self.bias + other)
        if other.layer != self.layer:
            raise ValueError(f"a form of layer {self.layer} cannot be added to one of layer {other.layer}")
        weights = dict(self.weights)
        for signal, weight in other.weights.items():
            weights[signal] = weights.get(signal, 0) + weight
        return Form(self.layer, weights, self.bias + other.bias)

    def __mul__(self, factor: Number) -> Form:
        weights = {signal: weight * factor for signal, weight in self.weights.items()}
        return Form(self.layer, weights, self.bias * factor)

    def __neg__(self) -> Form:
        return self * -1

    def __sub__(self, other: Form | Number) -> Form:
        return self + -other

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other: Number) -> Form:
        return -self + other


class Affine(NamedTuple):
    """An affine map: row after row its weights that are not zero, and the biases."""

    rows: tuple[Mapping[int, Number], ...]
    biases: tuple[Number, ...]
    n_inputs: int


class Network(NamedTuple):
    """Affine maps with the activation between each and the next."""

    layers: tuple[Affine, ...]

    @property
    def n_inputs(self) -> int:
        """Count the inputs."""
        return self.layers[0].n_inputs

    @property
    def n_outputs(self) -> int:
        """Count the outputs."""
        return len(self.layers[-1].biases)

    @property
    def depth(self) -> int:
        """Count the hidden layers."""
        return len(self.layers) - 1

    @property
    def width(self) -> int:
        """Count the units of the widest hidden layer."""
        return max((len(layer.biases) for layer in self.layers[:-1]), default=0)

    def parameters(self) -> Iterator[Number]:
        """Give all parameters that are not zero."""
        for layer in self.layers:
            for row in layer.rows:
                yield from row.values()
            yield from filter(None, layer.biases)

    def rounded(self) -> Network:
        """Round all parameters to float64, and keep them as the fractions that they are then."""
        return Network(
            tuple(
                Affine(
                    tuple({i: _rounded(weight) for i, weight in row.items()} for row in layer.rows),
                    tuple(map(_rounded, layer.biases)),
                    layer.n_inputs,
                )
                for layer in self.layers
            )
        )


class Circuit:
    """A network in the making.

    Parameters
    ----------
    n_inputs : int

    Examples
    --------
    >>> circuit = Circuit(1)
    >>> (x,) = circuit.signals
    >>> low, high = circuit.units([x, x - 1])
    >>> circuit.network([low - high]).width
    2
    """

    def __init__(self, n_inputs: int) -> None:
        self._layers: list[Affine] = []
        self._n_signals = n_inputs

    @property
    def signals(self) -> list[Form]:
        """What can be read now: the units of the last layer, or the inputs."""
        return [Form(len(self._layers), {signal: 1}) for signal in range(self._n_signals)]

    def units(self, forms: Sequence[Form]) -> list[Form]:
        """Append a hidden layer with a unit for each form; forms of earlier layers are of no use then."""
        self._layers.append(self._affine(forms))
        self._n_signals = len(forms)
        return self.signals

    def combination(self, forms: Iterable[Form], weights: Iterable[Number], bias: Number = 0) -> Form:
        """Sum multiples of forms; those that have no weight are left out."""
        total: dict[int, Number] = {}
        for form, factor in zip(forms, weights, strict=False):
            bias += factor * form.bias
            for signal, weight in form.weights.items():
                total[signal] = total.get(signal, 0) + factor * weight
        return Form(len(self._layers), total, bias)

    def network(self, outputs: Sequence[Form]) -> Network:
        """End with these outputs."""
        return Network((*self._layers, self._affine(outputs)))

    def _affine(self, forms: Sequence[Form]) -> Affine:
        for form in forms:
            if form.layer != len(self._layers):
                raise ValueError(f"a form of layer {form.layer} cannot be read at layer {len(self._layers)}")
        rows = tuple(_without_zeros(form.weights) for form in forms)
        return Affine(rows, tuple(form.bias for form in forms), self._n_signals)


def affine(rows: Sequence[Mapping[int, Number]], n_inputs: int, biases: Sequence[Number] = ()) -> Network:
    """Give a network without hidden layers; biases are 0 if none are given."""
    return Network((Affine(tuple(rows), tuple(biases) or (0,) * len(rows), n_inputs),))


def identity(n: int, depth: int = 0, *, signed: bool = False) -> Network:
    """Carry n numbers through ReLU layers: one unit each, or two each if they may be negative.

    Examples
    --------
    >>> identity(3, depth=2).width, identity(3, depth=2, signed=True).width
    (3, 6)
    """
    circuit = Circuit(n)
    forms = circuit.signals
    for _ in range(depth):
        if signed:
            units = circuit.units([side for form in forms for side in (form, -form)])
            forms = [up - down for up, down in zip(units[::2], units[1::2], strict=True)]
        else:
            forms = circuit.units(forms)
    return circuit.network(forms)


def compose(first: Network, *others: Network) -> Network:
    """Feed each network with the outputs of the one before it: depths add up.

    Raises
    ------
    ValueError
        If one has not as many inputs as the one before has outputs.
    """
    layers = list(first.layers)
    for network in others:
        if network.n_inputs != len(layers[-1].biases):
            raise ValueError(f"{len(layers[-1].biases)} outputs cannot be {network.n_inputs} inputs")
        layers[-1:] = [_product(network.layers[0], layers[-1]), *network.layers[1:]]
    return Network(tuple(layers))


def parallel(*networks: Network) -> Network:
    """Set networks side by side, each with inputs and outputs of its own; widths add up.

    Inputs of those with fewer layers wait in units of their own: they must not be negative.
    """
    depth = max(network.depth for network in networks)
    padded = [compose(identity(net.n_inputs, depth - net.depth), net) for net in networks]
    return Network(tuple(map(_side_by_side, zip(*(net.layers for net in padded), strict=True))))


def share(*networks: Network) -> Network:
    """Set networks of equally many inputs side by side on the same inputs.

    As in `parallel`, inputs of those with fewer layers must not be negative.
    """
    n = networks[0].n_inputs
    return compose(affine([{i: 1} for _ in networks for i in range(n)], n), parallel(*networks))


def _side_by_side(layers: Sequence[Affine]) -> Affine:
    rows: list[Mapping[int, Number]] = []
    offset = 0
    for layer in layers:
        rows += [{offset + i: weight for i, weight in row.items()} for row in layer.rows]
        offset += layer.n_inputs
    return Affine(tuple(rows), tuple(bias for layer in layers for bias in layer.biases), offset)


def _product(outer: Affine, inner: Affine) -> Affine:
    rows, biases = [], []
    for row, bias in zip(outer.rows, outer.biases, strict=True):
        total: dict[int, Number] = {}
        for middle, weight in row.items():
            bias += weight * inner.biases[middle]
            for signal, factor in inner.rows[middle].items():
                total[signal] = total.get(signal, 0) + weight * factor
        rows.append(_without_zeros(total))
        biases.append(bias)
    return Affine(tuple(rows), tuple(biases), inner.n_inputs)


def _without_zeros(weights: Mapping[int, Number]) -> dict[int, Number]:
    return {signal: weight for signal, weight in weights.items() if weight}


def _rounded(value: Number) -> Number:
    nearest = float(value)
    return value if value == nearest else Fraction(nearest)
