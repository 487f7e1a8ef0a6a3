"""Activations: what their files say of them is true, and which engine trains which."""

import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from relusweep.tasks import activations
from relusweep.tasks.activations import Units
from relusweep.tasks.regions import linear_pieces, linear_regions
from relusweep.tasks.streams import Stream
from relusweep.tasks.training import Network, Protocol, Sgd, initial_parameters, train
from relusweep.tasks.training._units import CODES
from relusweep.tasks.training.engine import lacking, prepare
from tests.tasks.training.examples import ENGINES

LEAK = 0.1

FORMULAS = {
    "abs": abs,
    "decomposed_relu": lambda z, d: z + d * abs(z),
    "decomposed_softplus": lambda z, d, s: z + 2 * d * math.log(math.cosh(math.exp(s) * z / 2)),
    "gelu": lambda z: z * (1 + math.erf(z / math.sqrt(2))) / 2,
    "hard_tanh": lambda z: max(-1, min(1, z)),
    "identity": lambda z: z,
    "maximum": max,
    "relu": lambda z: max(z, LEAK * z),
    "sigmoid": lambda z: 1 / (1 + math.exp(-z)),
    "silu": lambda z: z / (1 + math.exp(-z)),
    "softplus": lambda z: math.log1p(math.exp(z)),
    "tanh": math.tanh,
    "vrelu": lambda z, left, right: right * z if z > 0 else left * z,
}
SCALARS = {"vrelu": [-0.3, 1.7], "decomposed_relu": [-0.3], "decomposed_softplus": [-0.3, 0.2]}

every_activation = pytest.mark.parametrize("name", activations.names())
bent = [name for name in activations.names() if activations.load(name).slope_below]
LISTS = ["relu-tanh", "sigmoid-hard_tanh", "abs-relu"]
smooth = ["gelu", "sigmoid", "silu", "softplus", "tanh"]


def group(name):
    return 2 if activations.load(name).grouped else 1


def unit(name, sums, scalars):
    """The activation of one unit, in plain Python."""
    return FORMULAS[name](sums if group(name) > 1 else sums[0], *scalars)


def sums(name, z):
    """Sums of a unit for each number: itself, and for a group of two another one."""
    return [[v, 1 - 2 * v][: group(name)] for v in z]


def applied(name, z, scalars=None, leak=LEAK):
    """One unit at many sums, of shape (n_rows, group)."""
    own = torch.tensor(SCALARS.get(name, []), dtype=torch.float64) if scalars is None else scalars
    units = Units(leak, group(name), torch.zeros(()), own.reshape(1, 1, 1, -1))
    z = torch.as_tensor(z, dtype=torch.float64)
    return activations.load(name).apply(z[None], units)[0, :, 0]


def network(name, n_inputs=2, width=5, depth=2, **fields):
    leak = LEAK if activations.load(name).uses_leak else 0.0
    fields |= {"width": width, "depth": depth, "leak": leak, "group": group(name)}
    return Network(n_inputs=n_inputs, activation=name, **fields)


def arguments(name, n_networks=30, **protocol):
    rule = Sgd(learning_rate=1.0, momentum=0.0)
    chosen = Protocol(network=network(name), optimizer=rule, stop="last_epoch", **protocol)
    x = [[-1, -1], [1, -1], [-1, 1], [1, 1]]
    y = np.tile([-1, 1, 1, -1], (n_networks, 1))
    return chosen, x, y, initial_parameters(chosen.network, Stream((name,)), range(n_networks))


def output(network, parameters, x):
    """The output at one point, in plain Python."""
    h, place = list(x), 0
    names = network.activation.split("-") * (1 if "-" in network.activation else network.depth)
    scalars = parameters[network.n_weights :].reshape(network.depth, network.width, -1).tolist()
    for i, (fan_out, fan_in) in enumerate(network.layers):
        layer = parameters[place : place + fan_out * (fan_in + 1)].reshape(fan_out, fan_in + 1).tolist()
        h = [sum(w * v for w, v in zip(row, [*h, 1.0], strict=True)) for row in layer]
        if i < network.depth:
            groups = [h[u : u + network.group] for u in range(0, fan_out, network.group)]
            h = [unit(names[i], some, own) for some, own in zip(groups, scalars[i], strict=True)]
            if names[i].startswith("decomposed"):  # whose linear part has no bias
                h = [value - row[-1] for value, row in zip(h, layer, strict=True)]
        place += fan_out * (fan_in + 1)
    return h[0]


@every_activation
def test_an_activation_is_its_formula(name):
    z = sums(name, np.linspace(-30, 30, 241).tolist())
    expected = [unit(name, some, SCALARS.get(name, [])) for some in z]
    np.testing.assert_allclose(applied(name, z), expected, rtol=1e-13, atol=1e-14)


@every_activation
def test_gradients_are_those_of_the_formula(name):
    z, scalars = sums(name, [-2.3, -0.4, 0.7, 3.1]), SCALARS.get(name, [])
    of = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (z, scalars)]
    assert torch.autograd.gradcheck(lambda z, scalars: applied(name, z, scalars), of)


@every_activation
def test_what_is_declared_is_true(name):
    activation = activations.load(name)
    assert (applied(name, [[0.0] * group(name)]).item() == 0) == activation.zero_at_zero
    point = sums(name, [-2.0])
    assert (applied(name, point, leak=0.5) != applied(name, point, leak=0.1)).item() == activation.uses_leak
    below, above = (applied(name, sums(name, z)).tolist() for z in ([-3.0, -1.0], [1.0, 3.0]))
    straight = np.allclose(below[0], 3 * below[1]) and np.allclose(above, [1, 3])
    assert straight == (activation.slope_below is not None)
    if activation.slope_below:
        assert below == [-3 * activation.slope_below(LEAK), -activation.slope_below(LEAK)]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", [*activations.names(), *LISTS])
def test_networks_are_trained_along_their_gradient(name, engine):
    protocol, x, y, initial = arguments(name, n_networks=5, epochs=1)
    if engine == "lanes" and lacking(protocol):
        pytest.skip(f"lanes does not have {lacking(protocol)}")
    result = train(protocol, x, y, initial, engine=engine, keep_parameters=True)

    def loss(parameters):
        outputs = [output(protocol.network, parameters, point) for point in x]
        return np.logaddexp(0, -y[0] * outputs).mean()

    for start, end in zip(initial.astype(float), result.parameters, strict=True):
        steps = 1e-6 * np.eye(len(start))
        gradient = [(loss(start + step) - loss(start - step)) / 2e-6 for step in steps]
        np.testing.assert_allclose(start - end, gradient, atol=1e-6)


def test_a_list_says_what_holds_for_all_its_layers():
    relu, both, smooth = (activations.load(name) for name in ("relu", "relu-abs", "relu-sigmoid"))
    assert both.of_layer(0) == relu
    assert relu.of_layer(1) == relu
    assert both.uses_leak
    assert both.piecewise_linear
    assert both.zero_at_zero
    assert not smooth.zero_at_zero
    assert not smooth.piecewise_linear
    with pytest.raises(ValueError, match="relu-vrelu: vrelu has scalars or groups, and cannot be in a list"):
        activations.load("relu-vrelu")
    with pytest.raises(
        ValidationError, match="relu-tanh is of 2 layers; allowed is one for each of depth = 3"
    ):
        network("relu-tanh", depth=3)


@every_activation
def test_auto_is_lanes_where_these_have_the_activation(name):
    fast = activations.load(name).in_lanes
    assert fast == (name in {"relu", *CODES})
    protocol, *data = arguments(name, epochs=20)
    auto, same = (
        train(protocol, *data, engine=engine, keep_parameters=True).parameters
        for engine in ("auto", "lanes" if fast else "reference")
    )
    assert auto.tobytes() == same.tobytes()
    if not fast:
        assert prepare(protocol, 4) == 0
        with pytest.raises(ValueError, match=f"lanes does not have the activation {name}; use engine='auto'"):
            train(protocol, *data, engine="lanes")


@pytest.mark.parametrize("name", [*bent, "abs-relu"])
def test_pieces_are_those_of_the_network(name):
    one = network(name, n_inputs=1, width=4)
    for row in initial_parameters(one, Stream(("pieces",)), range(20)).astype(float):
        pieces = linear_pieces(one, row, -3, 3)
        for share in (0.0, 0.3, 1.0):
            x = pieces.start + share * (pieces.stop - pieces.start)
            expected = [output(one, row, [v]) for v in x.tolist()]
            np.testing.assert_allclose(pieces.slope * x + pieces.intercept, expected, atol=1e-12)


@pytest.mark.parametrize("name", [*bent, "abs-relu"])
def test_regions_are_those_of_the_network(name):
    plane = network(name)
    row = initial_parameters(plane, Stream(("regions",)), range(1))[0].astype(float)
    regions = linear_regions(plane, row, [-2, -2], [2, 2])
    assert regions.areas.sum() == pytest.approx(16)
    for i, (first, last) in enumerate(zip(regions.offsets, regions.offsets[1:], strict=False)):
        middle = regions.vertices[regions.corners[first:last]].mean(axis=0)
        expected = output(plane, row, middle.tolist())
        assert regions.gradient[i] @ middle + regions.intercept[i] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", [*smooth, "hard_tanh", "relu-tanh"])
def test_other_networks_have_no_pieces(name):
    one = network(name, n_inputs=1)
    with pytest.raises(
        ValueError, match=f"{name} is not piecewise linear.*allowed are abs, identity, maximum, relu, vrelu"
    ):
        linear_pieces(one, np.zeros(one.n_parameters), -1, 1)


@pytest.mark.parametrize("name", [name for name in activations.names() if name != "relu"])
def test_a_leak_that_means_nothing_is_refused(name):
    with pytest.raises(ValidationError, match=f"activation {name} has no leak; got leak = 0.1, allowed is 0"):
        Network(n_inputs=1, width=1, depth=1, activation=name, leak=0.1)


def test_an_unknown_activation_is_refused_with_those_there_are():
    with pytest.raises(
        ValidationError, match="unknown activation 'sine'; allowed are abs, decomposed_relu, "
    ):
        Network(n_inputs=1, width=1, depth=1, activation="sine")
