"""Outputs of networks with given parameters: the passes of training, in any partition."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from relusweep.tasks.networks import Network, initial_parameters
from relusweep.tasks.outputs import outputs
from relusweep.tasks.streams import Stream
from relusweep.tasks.training import lanes
from relusweep.tasks.training.protocol import Protocol, Rows
from relusweep.tasks.training.reference import logits
from tests.tasks.training.examples import UNITS

SHAPES = {
    "relu": Network(n_inputs=2, width=5, depth=2, leak=0.1),
    **{name: Network(n_inputs=2, width=4, depth=2, **fields) for name, fields in UNITS.items()},  # type: ignore[arg-type]
    "outputs": Network(n_inputs=2, width=4, depth=2, n_outputs=3, skip="input", activation="relu-tanh"),
    "residual": Network(n_inputs=2, width=4, depth=3, leak=0.1, skip="residual"),
}
X = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)


def drawn(network: Network, count: int = 37) -> np.ndarray:
    return initial_parameters(network, Stream(("outputs",)), range(count))


@pytest.mark.parametrize("name", SHAPES)
def test_any_partition_has_the_same_bits(name: str) -> None:
    network = SHAPES[name]
    parameters = drawn(network)
    whole = lanes.outputs(network, parameters, X)
    np.testing.assert_array_equal(lanes.outputs(network, parameters[5:23], X), whole[5:23])
    np.testing.assert_array_equal(lanes.outputs(network, parameters, X[7:30]), whole[:, 7:30])
    own = np.stack([np.roll(X, i, axis=0) for i in range(len(parameters))])
    rolled = [np.roll(of, i, axis=0) for i, of in enumerate(whole)]
    np.testing.assert_array_equal(lanes.outputs(network, parameters, own), rolled)
    for sign, count in ((1, len(X)), (-1, 0)):  # what `look` sees has the same signs
        right, _, _ = lanes.look(Protocol(network=network), Rows(X, sign * np.sign(whole)), parameters)
        assert (right == count).all()


@pytest.mark.parametrize("name", SHAPES)
def test_they_are_those_of_torch_in_float64(name: str) -> None:
    network = SHAPES[name]
    parameters = drawn(network, 3)
    expected = logits(network, torch.tensor(parameters).double(), torch.tensor(X).double()).numpy()
    found = lanes.outputs(network, parameters, X)
    np.testing.assert_allclose(found, expected.reshape(found.shape), rtol=1e-4, atol=2e-5)


def test_shapes_stand_side_by_side_and_what_is_lost_is_missing() -> None:
    networks = [SHAPES["relu"], SHAPES["vrelu"]]
    rows = np.full((4, max(network.n_parameters for network in networks)), np.nan, np.float32)
    which = np.array([1, 0, -1, 1])
    for at, kind in ((0, 1), (1, 0), (3, 1)):
        rows[at, : networks[kind].n_parameters] = drawn(networks[kind], 4)[at]
    rows[3, 2] = np.inf
    found = outputs(rows, which, X, networks=networks, engine="lanes")
    assert found.shape == (4, 50, 1)
    for at, network in ((0, networks[1]), (1, networks[0])):
        one = rows[at : at + 1, : network.n_parameters]
        np.testing.assert_array_equal(found[at], lanes.outputs(network, one, X)[0])
    assert np.isnan(found[2:]).all()
