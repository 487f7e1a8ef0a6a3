"""Probes of networks at the end, against independent computations in float64."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from relusweep.tasks.networks import Network, layer_views
from relusweep.tasks.probes import Extent, Trained
from relusweep.tasks.probes.dead_units import DeadUnits
from relusweep.tasks.probes.jacobians import Jacobians
from relusweep.tasks.probes.margins import Margins
from relusweep.tasks.probes.predictions import Predictions
from relusweep.tasks.probes.sharpness import Sharpness
from relusweep.tasks.probes.weight_norms import WeightNorms
from relusweep.tasks.problems import Trials
from relusweep.tasks.problems.boolean import Boolean
from relusweep.tasks.problems.function import Function
from relusweep.tasks.training import Protocol, TrainingResult

NETWORKS = {
    "relu": Network(n_inputs=3, width=5, depth=2),
    "leaky": Network(n_inputs=3, width=4, depth=3, leak=0.1),
    "unequal": Network(n_inputs=3, width=6, depth=2, widths=(6, 2)),
    "vrelu": Network(n_inputs=3, width=4, depth=2, activation="vrelu"),
    "own slopes": Network(n_inputs=3, width=4, depth=2, activation="decomposed_relu"),
    "maximum": Network(n_inputs=3, width=3, depth=2, activation="maximum", group=2),
    "smooth": Network(n_inputs=3, width=4, depth=2, activation="silu"),
    "by layer": Network(n_inputs=3, width=4, depth=2, activation="relu-softplus"),
    "several outputs": Network(n_inputs=3, width=4, depth=2, n_outputs=3),
    "skip": Network(n_inputs=3, width=4, depth=3, skip="residual", activation="tanh"),
}
PROBLEM = Boolean(n_inputs=(3,), problems=(1,))


def rows_of(network: Network, count: int = 5) -> np.ndarray:
    rows = np.random.default_rng(network.n_parameters).normal(size=(count, network.n_parameters))
    for layer, units in zip(layer_views(network, rows), network.widths or (), strict=False):
        assert layer.weights.shape[1] == units
    if network.widths:  # units of zeros
        zeroed = np.zeros_like(rows)
        for own, kept in zip(layer_views(network, zeroed), layer_views(network, rows), strict=True):
            own.weights[:], own.biases[:] = kept.weights, kept.biases
        rows = zeroed
    return rows.astype(np.float32)


def trained(network: Network, rows: np.ndarray, inputs: np.ndarray, targets: np.ndarray, **fields) -> Trained:
    result = TrainingResult.empty(len(rows), network.n_parameters, parameters=True)
    result.parameters[:] = rows
    return Trained(PROBLEM, {}, Protocol(network=network, **fields), Trials(inputs, targets), result)


def extent(network: Network) -> Extent:
    return Extent(
        PROBLEM,
        network.n_parameters,
        1,
        False,
        network.width,
        network.depth,
        most_outputs=network.n_outputs,
    )


def applied(network: Network, row: torch.Tensor, x: torch.Tensor) -> list[torch.Tensor]:
    """One network at one input, layer by layer, from the definition: hidden activations, then outputs."""
    from relusweep.tasks import activations
    from relusweep.tasks.activations import Units

    found, h, place = [], x, 0
    scalars = row[network.n_weights :].reshape(network.depth, network.width, network.n_scalars)
    for i, (fan_out, fan_in) in enumerate(network.layers):
        layer = row[place : place + fan_out * (fan_in + 1)].reshape(fan_out, fan_in + 1)
        place += layer.numel()
        sums = layer[:, :-1] @ h + layer[:, -1]
        if i < network.depth:
            units = Units(network.leak, network.group, layer[None, None, :, -1], scalars[i][None, None])
            new = activations.load(network.activation).of_layer(i).apply(sums[None, None], units)[0, 0]
            h = new + h if network.skip == "residual" and i else new
            found.append(h)
        else:
            found.append(sums)
    return found


@pytest.mark.parametrize("name", NETWORKS)
def test_jacobians_are_those_of_autograd_in_float64(name: str) -> None:
    network = NETWORKS[name]
    rows, x = rows_of(network), np.random.default_rng(0).normal(size=(7, 3))
    found = Jacobians(points=tuple(map(tuple, x))).measure(
        trained(network, rows, x, np.zeros((5, 7))), extent(network)
    )["jacobian"]
    for row, of_network in zip(torch.tensor(rows, dtype=torch.float64), found, strict=True):
        for point, of_point in zip(torch.tensor(x), of_network, strict=True):
            exact = torch.func.jacrev(lambda at, row=row: applied(network, row, at)[-1])(point)
            np.testing.assert_allclose(of_point.reshape(exact.shape), exact, rtol=1e-6, atol=1e-9)


def test_rows_of_networks_that_are_not_finite_are_missing_and_rows_may_be_each_network_s_own() -> None:
    network = NETWORKS["leaky"]
    rows, x = rows_of(network), np.random.default_rng(1).normal(size=(5, 8, 3))
    together = Jacobians().measure(trained(network, rows, x, np.ones((5, 8))), extent(network))["jacobian"]
    one = trained(network, rows[3:4], x[3], np.ones((1, 8)))
    assert together[3].tobytes() == Jacobians().measure(one, extent(network))["jacobian"][0].tobytes()
    rows[2, 4] = np.nan
    one = trained(network, rows, x, np.ones((5, 8)))
    for probe in (Jacobians(), Predictions(), Margins(), Sharpness(), DeadUnits()):
        for name, array in probe.measure(one, extent(network)).items():
            missing = array == -1 if array.dtype.kind == "i" else np.isnan(array)
            assert missing[2].all(), name
            assert not missing[[0, 1, 3, 4]].any(), name


@pytest.mark.parametrize("name", ["relu", "leaky", "unequal", "maximum", "smooth", "several outputs"])
def test_predictions_and_dead_units_are_those_of_each_network_alone(name: str) -> None:
    network = NETWORKS[name]
    rows, x = rows_of(network), np.random.default_rng(0).normal(size=(8, 3))
    for layer in layer_views(network, rows[1:2]):
        layer.biases[:] = -9  # off at all rows, where there is no leak
        break
    outputs, dead = np.empty((5, 8, network.n_outputs)), np.full((5, network.depth), 0)
    units = network.widths or (network.width,) * network.depth
    for i, row in enumerate(torch.tensor(rows, dtype=torch.float64)):
        each = [applied(network, row, point) for point in torch.tensor(x)]
        outputs[i] = [layers[-1].numpy() for layers in each]
        for layer, count in enumerate(units):
            activations = np.array([layers[layer].numpy()[:count] for layers in each])
            dead[i, layer] = sum(not column.any() for column in activations.T)
    one = trained(network, rows, x, np.ones((5, 8)))
    found = Predictions().measure(one, extent(network))["predictions"]
    np.testing.assert_allclose(found.reshape(outputs.shape), outputs, rtol=1e-5, atol=1e-5)
    assert DeadUnits().measure(one, extent(network))["dead_units"].tolist() == dead.tolist()
    assert (dead[1, 0] == units[0]) == (name in ("relu", "unequal", "several outputs"))


def test_margins_are_quantiles_of_distances_to_the_threshold() -> None:
    network = NETWORKS["relu"]
    rows, x = rows_of(network), np.random.default_rng(0).normal(size=(8, 3))
    targets = np.random.default_rng(1).choice([-1, 1], size=(5, 8))
    one = trained(network, rows, x, targets, loss="mse", threshold=0.25)
    outputs = Predictions().measure(one, extent(network))["predictions"].astype(float)
    margins = targets * (outputs - 0.25)
    expected = [np.quantile(margin, share) for margin in margins for share in (0, 0.5)]
    found = Margins().measure(one, extent(network))["margin"]
    np.testing.assert_allclose(found[:, [0, 2]].ravel(), expected, rtol=1e-6)
    weights = np.ones(8)
    weights[np.argmin(margins[0])] = 0
    of_some = replace(one, trials=one.trials._replace(weights=weights))
    assert Margins().measure(of_some, extent(network))["margin"][0, 0] > found[0, 0]


def test_margins_of_several_classes_are_to_the_largest_other_output() -> None:
    network = NETWORKS["several outputs"]
    rows, x = rows_of(network), np.random.default_rng(0).normal(size=(8, 3))
    classes = np.random.default_rng(2).integers(3, size=(5, 8))
    one = trained(network, rows, x, classes, loss="cross_entropy")
    outputs = Predictions().measure(one, extent(network))["predictions"].astype(float)
    least = [
        min(row[c] - max(v for k, v in enumerate(row) if k != c) for row, c in zip(o, own, strict=True))
        for o, own in zip(outputs, classes, strict=True)
    ]
    found = Margins().measure(one, extent(network))["margin"]
    np.testing.assert_allclose(found[:, 0], least, rtol=1e-6)


@pytest.mark.parametrize("name", ["relu", "unequal", "own slopes"])
def test_weight_norms_are_those_of_the_layers(name: str) -> None:
    network = NETWORKS[name]
    rows = rows_of(network)
    found = WeightNorms().measure(trained(network, rows, np.zeros((8, 3)), np.ones((5, 8))), extent(network))
    for place, layer in enumerate(layer_views(network, rows.astype(np.float64))):
        flat = layer.weights.reshape(5, -1)
        np.testing.assert_allclose(found["weight_norm"][:, place], np.linalg.norm(flat, axis=1), rtol=1e-6)
        biases = np.linalg.norm(layer.biases, axis=1)
        np.testing.assert_allclose(found["bias_norm"][:, place], biases, rtol=1e-6)


@pytest.mark.parametrize(("name", "loss"), [("relu", "bce"), ("smooth", "mse"), ("several outputs", "mse")])
def test_sharpness_is_the_largest_eigenvalue_of_the_full_hessian(name: str, loss: str) -> None:
    network = NETWORKS[name]
    rows, x = rows_of(network), np.random.default_rng(0).normal(size=(8, 3))
    shape = (5, 8) if network.n_outputs == 1 else (5, 8, network.n_outputs)
    targets = np.random.default_rng(1).choice([-1.0, 1.0], size=shape)
    found = Sharpness().measure(trained(network, rows, x, targets, loss=loss), extent(network))

    def total(row: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        outputs = torch.stack([applied(network, row, point)[-1] for point in torch.tensor(x)])
        errors = outputs.reshape(target.shape)
        each = torch.log1p((-target * errors).exp()) if loss == "bce" else (errors - target) ** 2
        return each.mean()

    for i, row in enumerate(torch.tensor(rows, dtype=torch.float64)):
        hessian = torch.func.jacrev(torch.func.jacrev(total))(row, torch.tensor(targets[i]))
        largest = np.linalg.eigvalsh(hessian.numpy())[-1]
        assert found["sharpness"][i] == pytest.approx(largest, rel=2e-6)
        assert found["sharpness_residual"][i] <= 1e-6 * np.abs(np.linalg.eigvalsh(hessian.numpy())).max()
    alone = Sharpness().measure(trained(network, rows[2:3], x, targets[2:3], loss=loss), extent(network))
    assert alone["sharpness"][0] == found["sharpness"][2]


def test_points_and_problems_that_are_not_for_a_probe_are_refused() -> None:
    with pytest.raises(ValueError, match="points have 2 numbers, and networks 3 inputs; give points of as"):
        Jacobians(points=((0, 1),)).check(PROBLEM, {})
    with pytest.raises(ValueError, match="margins are of classes, and function has none; leave it out"):
        Margins().check(Function(target=("sine",)), {})
