"""Networks evaluated by the plainest means, as an oracle."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from relusweep.tasks.constructions._circuits import Network, Number


def run(network: Network, inputs: Sequence[Number]) -> list[Number]:
    """Give all outputs of a ReLU network at one point."""
    signals = list(inputs)
    for i, layer in enumerate(network.layers):
        if i:
            signals = [max(signal, 0) for signal in signals]
        signals = [
            sum((weight * signals[j] for j, weight in row.items()), start=bias)
            for row, bias in zip(layer.rows, layer.biases, strict=True)
        ]
    return signals


def thirds(count: int) -> list[Fraction]:
    """Give numbers of [0, 1] with 0 and 1, most of which no float holds."""
    return [Fraction(i, 3 * count) for i in range(3 * count + 1)]
