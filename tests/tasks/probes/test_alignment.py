"""How boundaries bend and how many dimensions activations fill, of networks made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from relusweep.tasks.axes import fixed
from relusweep.tasks.networks import Network
from relusweep.tasks.probes import Extent, Trained
from relusweep.tasks.probes.alignment import Alignment
from relusweep.tasks.probes.outcome import Outcome
from relusweep.tasks.probes.regions import Regions
from relusweep.tasks.problems.function import Function
from relusweep.tasks.problems.xor import Xor
from relusweep.tasks.regions import linear_pieces, regions
from relusweep.tasks.training import Protocol, Sgd, TrainingResult
from relusweep.tasks.training_block import train_block
from tests.tasks.blocks import block

FIRST = (0,)


def looked_at(probe, network, row, target="saddle", most_layers=3):
    """What a probe says of one network, in the domain of a function."""
    points = {1: 100, 2: 100, 3: 125}[network.n_inputs]
    problem = Function(target=(target,), points=(points,))
    setting = {"target": target, "points": points}
    result = TrainingResult.empty(1, network.n_parameters, snapshots=1)
    result.snapshots[:] = row
    protocol = Protocol(network=network, loss="mse")
    trained = Trained(problem, setting, protocol, None, result, FIRST)
    extent = Extent(problem, network.n_parameters, 1, False, network.width, most_layers)
    return {name: array[0, 0].tolist() for name, array in probe.measure(trained, extent).items()}


def row(*layers):
    return np.concatenate([np.array(layer, float).ravel() for layer in layers])


def test_a_boundary_bends_where_an_earlier_one_crosses_it():
    network = Network(n_inputs=2, width=2, depth=2)
    # units x and y + 2 of the first layer, the second never off; then u + (y + 2) - 9/4, and one that is off
    parameters = row([[1, 0, 0], [0, 1, 2]], [[1, 1, -2.25], [0, 0, -1]], [[1, 0, 0]])
    found = looked_at(Alignment(at=FIRST), network, parameters)
    assert (found["crossings"], found["bent_crossings"], found["bends_elsewhere"]) == (1, 1, 0)
    assert found["activation_rank"] == [2, 1, -1]
    assert found["activation_span"] == [2, 1, -1]
    assert looked_at(Regions(at=FIRST), network, parameters)["n_regions"] == 4


def test_a_boundary_goes_straight_on_where_the_earlier_unit_does_not_reach_it():
    network = Network(n_inputs=2, width=2, depth=2)
    parameters = row([[1, 0, 0], [0, 1, 2]], [[0, 1, -2.25], [0, 0, -1]], [[1, 0, 0]])
    found = looked_at(Alignment(at=FIRST), network, parameters)
    assert (found["crossings"], found["bent_crossings"], found["bends_elsewhere"]) == (1, 0, 0)


def test_one_layer_has_no_crossings_and_a_folded_surface_spans_more_than_it_fills():
    angles = np.pi * np.arange(7) / 7 + 0.1
    network = Network(n_inputs=2, width=7, depth=1)
    units = np.column_stack([np.cos(angles), np.sin(angles), 0.1 * np.arange(7) - 0.3])
    found = looked_at(Alignment(at=FIRST), network, row(units, np.ones(8)))
    assert (found["crossings"], found["bends_elsewhere"]) == (0, 0)
    assert (found["activation_rank"][0], found["activation_span"][0]) == (2, 7)


@pytest.mark.parametrize("units", [{}, {"activation": "vrelu"}, {"activation": "maximum", "group": 3}])
def test_random_networks_bend_at_earlier_boundaries_alone(units):
    network = Network(n_inputs=2, width=5, depth=3, **units)
    parameters = np.random.default_rng(0).normal(size=network.n_parameters)
    found = looked_at(Alignment(at=FIRST), network, parameters)
    assert found["crossings"] == found["bent_crossings"] > 5
    assert found["bends_elsewhere"] == 0
    assert found["activation_rank"] == [2, 2, 2]


def test_regions_of_one_input_are_its_pieces_in_the_domain_of_the_function():
    network = Network(n_inputs=1, width=4, depth=2)
    parameters = np.random.default_rng(1).normal(size=network.n_parameters)
    found = looked_at(Regions(at=FIRST), network, parameters, target="cube")
    pieces = linear_pieces(network, parameters, 0, 1, merge=False)
    assert found["n_regions"] == found["layer_regions"][1] == len(pieces.start) > found["layer_regions"][0]
    assert found["largest_share"] == pytest.approx((pieces.stop - pieces.start).max())
    assert (found["boundary_curves"], found["boundary_pieces"], found["layer_regions"][2]) == (-1, -1, -1)


def test_patterns_of_three_inputs_are_a_lower_bound():
    network = Network(n_inputs=3, width=5, depth=2)
    parameters = np.random.default_rng(2).normal(size=network.n_parameters)
    found = looked_at(Regions(at=FIRST), network, parameters, target="norm3")
    exact = len(regions(network, 1, parameters))
    assert 0.8 * exact < found["n_regions"] <= exact
    assert np.isnan(found["largest_share"])


def test_networks_that_blow_up_and_those_of_other_inputs_are_missing():
    of = block(
        Xor(samples=80),
        probes=(Outcome(), Alignment(at=(0, 12))),
        optimizer=Sgd(learning_rate=1e30, momentum=0),
    )
    crossings = train_block(of).arrays["crossings"]
    assert crossings[:, 0].tolist() == [0, 0, 0]  # one layer
    assert (crossings[:, 1] == -1).any()
    network = Network(n_inputs=1, width=2, depth=1)
    found = looked_at(Alignment(at=FIRST), network, np.ones(network.n_parameters), target="sine")
    assert found["crossings"] == -1


def test_where_it_is_refused():
    labels = {"activation": fixed("relu")}
    with pytest.raises(
        ValueError, match="alignment looks at the plane, and networks have 1 or 3 inputs; leave"
    ):
        Alignment(at=FIRST).check(Function(target=("norm3", "sine"), points=(64,)), labels)
    with pytest.raises(
        ValueError,
        match="alignment needs piecewise linear units of one kink, as those of relu, not silu; leave",
    ):
        Alignment(at=FIRST).check(Function(target=("norm",)), {"activation": ("relu", "silu")})
    Alignment(at=FIRST).check(Function(target=("norm", "sine")), {"activation": ("relu", "vrelu", "maximum")})
