"""Units taken out: the network that is left is the one with units of zeros, bit for bit."""

import numpy as np
import pytest

from relusweep.tasks.boolean.truth_tables import inputs
from relusweep.tasks.networks import Network, initial_parameters, layer_views
from relusweep.tasks.pruning.fine_tuning import FineTuning
from relusweep.tasks.pruning.units import put_back, without_units
from relusweep.tasks.streams import Stream
from relusweep.tasks.training import Protocol, train

SHAPES = [(3, 5, 1, 0.0), (2, 4, 3, 0.0), (3, 4, 2, 0.1)]


def starts(n, width, depth, leak, count=12):
    network = Network(n_inputs=n, width=width, depth=depth, leak=leak)
    return network, initial_parameters(network, Stream(("units",)), range(count))


def some_kept(count, depth, width):
    kept = np.random.default_rng(3).random((count, depth, width)) < 0.6
    kept[0] = True
    kept[1, 0] = False  # a layer without units
    return kept


@pytest.mark.parametrize("shape", SHAPES)
def test_units_taken_out_are_zeros_and_the_others_stay(shape):
    network, parameters = starts(*shape)
    kept = some_kept(len(parameters), network.depth, network.width)
    back = put_back(network, *without_units(network, parameters, kept), kept)
    before = np.ones((len(kept), network.n_inputs), bool)
    layers = zip(layer_views(network, back), layer_views(network, parameters), strict=True)
    for place, (layer, original) in enumerate(layers):
        here = kept[:, place] if place < network.depth else np.ones((len(kept), 1), bool)
        both = here[:, :, None] & before[:, None]
        np.testing.assert_array_equal(layer.weights, np.where(both, original.weights, 0))
        np.testing.assert_array_equal(layer.biases, np.where(here, original.biases, 0))
        before = here


@pytest.mark.parametrize("shape", SHAPES)
def test_training_what_is_left_gives_the_bits_of_training_units_of_zeros(shape):
    network, parameters = starts(*shape)
    kept = some_kept(len(parameters), network.depth, network.width)
    rows = inputs(network.n_inputs)
    targets = np.tile(rows.prod(axis=1), (len(kept), 1))
    protocol = Protocol(network=network, epochs=150)
    zeros = put_back(network, *without_units(network, parameters, kept), kept)
    whole = train(protocol, rows, targets, zeros, keep_parameters=True)
    tuning = FineTuning(protocol, rows, targets, parameters)
    small, part = tuning.of_parts(np.arange(len(kept)), kept, keep_parameters=True)
    assert put_back(network, small, part.parameters, kept).tobytes() == whole.parameters.tobytes()
    for name in ("success_epoch", "rows_right", "loss", "epochs", "stop_reason"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name))
    narrow, few = tuning.of_parts(np.array([2]), kept[[2]], keep_parameters=True)  # alone, and narrower
    assert narrow.width <= small.width
    alone = put_back(network, narrow, few.parameters, kept[[2]])
    assert alone.tobytes() == whole.parameters[[2]].tobytes()
