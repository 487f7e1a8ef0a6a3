"""Networks are right on every row, with nothing rounded."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from relusweep.tasks.boolean.certificates import is_certified
from relusweep.tasks.boolean.truth_tables import inputs
from relusweep.tasks.layers import layer_views
from relusweep.tasks.networks import Network

_FLOATS = st.floats(-4, 4, width=32)


def outputs(network: Network, row: np.ndarray) -> list[Fraction]:
    """Outputs on all corners, in fractions."""
    leak, found = Fraction(float(np.float32(network.leak))), []
    *hidden, last = layer_views(network, row[None])
    for corner in inputs(network.n_inputs).tolist():
        h = [Fraction(x) for x in corner]
        for layer in [*hidden, last]:
            units = zip(layer.weights[0].tolist(), layer.biases[0].tolist(), strict=True)
            z = [sum((Fraction(w) * x for w, x in zip(ws, h, strict=True)), Fraction(b)) for ws, b in units]
            h = [max(x, leak * x) for x in z]
        found.append(z[0])
    return found


@settings(max_examples=60)
@given(st.data(), st.integers(1, 3), st.integers(1, 2), st.sampled_from([0.0, 0.1]), st.booleans())
def test_signs_are_those_of_fractions(
    data: st.DataObject, n: int, depth: int, leak: float, tiny: bool
) -> None:
    network = Network(n_inputs=n, width=2, depth=depth, leak=leak)
    row = data.draw(arrays(np.float32, network.n_parameters, elements=_FLOATS))
    row = row * np.float32(2.0**-140 if tiny else 1)
    exact = outputs(network, row)
    table = np.array([1 if value > 0 else -1 for value in exact])
    assert is_certified(network, row, table) == all(exact)
    table[data.draw(st.integers(0, 2**n - 1))] *= -1
    assert not is_certified(network, row, table)


def test_what_float32_rounds_away_is_seen() -> None:
    network = Network(n_inputs=1, width=1, depth=1)
    row = np.array([2.0**-30, 1, 1, -1], np.float32)  # max(1 + x 2**-30, 0) - 1 has the sign of x
    assert is_certified(network, row, [-1, 1])
    h = np.maximum(np.float32(1) + np.float32(2.0**-30) * np.array([-1, 1], np.float32), 0)
    assert (h - np.float32(1)).tolist() == [0, 0]
    row[0] = np.inf
    assert not is_certified(network, row, [-1, 1])


def test_tables_fit() -> None:
    with pytest.raises(ValueError, match="of 1 inputs, the network of 2"):
        is_certified(Network(n_inputs=2, width=1, depth=1), np.zeros(5), [-1, 1])
