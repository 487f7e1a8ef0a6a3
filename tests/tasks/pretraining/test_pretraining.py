"""Training of peaks and scales: both engines, their gradients, their bits, and how it may end."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from relusweep.tasks.composition.starts import Start
from relusweep.tasks.composition.waves import ADDED, SUBTRACTED, partial_sums, tied_scales
from relusweep.tasks.networks import Network
from relusweep.tasks.pretraining.ends import PretrainingEnd
from relusweep.tasks.pretraining.lanes import train_in_lanes
from relusweep.tasks.pretraining.reference import loss_of, shaped, train_reference
from relusweep.tasks.pretraining.stage import Pretraining, pretrain
from relusweep.tasks.pretraining.triangles import Triangles
from relusweep.tasks.training.optimizers import Adam, Sgd
from relusweep.tasks.training.protocol import Protocol, Rows
from relusweep.tasks.training.reference import logits
from tests.tasks.blocks import digest

NETWORKS, DEPTH = 20, 4
X = np.linspace(0, 1, 60, dtype=np.float32)
every_kind = pytest.mark.parametrize("tied", [True, False])


def start(n: int = NETWORKS, depth: int = DEPTH) -> Triangles:
    signs = np.resize([SUBTRACTED, ADDED], n).astype(np.float32)
    targets = np.where(signs[:, None] < 0, X * X * X, np.sqrt(X)).astype(np.float32)
    peaks = np.random.default_rng(0).uniform(0.2, 0.8, (n, depth + 1))
    return Triangles(X[None], targets, signs, peaks, tied_scales(peaks, signs))


def parameters(of: Triangles, tied: bool) -> np.ndarray:
    logit = np.log(of.peaks / (1 - of.peaks))
    return logit if tied else np.concatenate([logit[:, :-1], np.log(of.scales)], axis=1)


def loss(row: np.ndarray, of: Triangles, network: int, tied: bool) -> float:
    """In NumPy and float64, by the waves themselves."""
    depth = of.scales.shape[1]
    peaks = 1 / (1 + np.exp(-row[: depth + tied]))
    scales = tied_scales(peaks, of.signs[network]) if tied else np.exp(row[depth:])
    sums = partial_sums(peaks, scales, of.signs[network], of.inputs[0].astype(float))[-1]
    return float(np.mean((sums - of.targets[network]) ** 2))


def differences(of: Triangles, tied: bool) -> np.ndarray:
    """Give derivatives by central finite differences."""
    rows, step = parameters(of, tied), 1e-6
    found = np.zeros_like(rows)
    for network, i in np.ndindex(rows.shape):
        up, down = rows[network].copy(), rows[network].copy()
        up[i] += step
        down[i] -= step
        found[network, i] = (loss(up, of, network, tied) - loss(down, of, network, tied)) / (2 * step)
    return found


def stepped(train, of: Triangles, tied: bool, rate: float = 1.0) -> np.ndarray:
    """Give the derivatives by which one step of gradient descent changed the parameters."""
    peaks, scales = train(of, Sgd(learning_rate=rate, momentum=0.0), 1, tied=tied)
    moved = np.log(peaks.astype(float) / (1 - peaks.astype(float)))
    after = moved if tied else np.concatenate([moved, np.log(scales.astype(float))], axis=1)
    return (parameters(of, tied) - after) / rate


@every_kind
def test_gradients_are_those_of_finite_differences(tied: bool) -> None:
    of = start(6)
    expected = differences(of, tied)
    assert abs(expected).max() > 0.01
    np.testing.assert_allclose(stepped(train_reference, of, tied), expected, atol=2e-8)
    np.testing.assert_allclose(stepped(train_in_lanes, of, tied, rate=4.0), expected, atol=4e-7)


@every_kind
def test_autograd_differentiates_the_loss_of_the_waves(tied: bool) -> None:
    of = start(4)
    rows = torch.tensor(parameters(of, tied))
    x, y, sign = (torch.tensor(array).double() for array in (of.inputs, of.targets, of.signs))
    found = loss_of(*shaped(rows, DEPTH, sign, tied=tied), sign, x, y)
    np.testing.assert_allclose(
        found, [loss(row, of, i, tied) for i, row in enumerate(rows.numpy())], rtol=1e-12
    )


@every_kind
@pytest.mark.parametrize("optimizer", [Adam(learning_rate=0.02), Sgd(learning_rate=0.5, momentum=0.9)])
def test_both_engines_train_alike(tied: bool, optimizer: Adam | Sgd) -> None:
    of = start()
    for found, expected in zip(
        train_in_lanes(of, optimizer, 100, tied=tied),
        train_reference(of, optimizer, 100, tied=tied),
        strict=True,
    ):
        np.testing.assert_allclose(found, expected, rtol=3e-4)


@pytest.mark.parametrize(("tied", "frozen"), [(True, "006db2f5fc0d1aee"), (False, "fb1e5ebf6dc99769")])
def test_no_partition_changes_a_bit_and_they_are_frozen(tied: bool, frozen: str) -> None:
    of, adam = start(), Adam(learning_rate=0.02)
    whole = train_in_lanes(of, adam, 30, tied=tied)
    assert digest(whole) == frozen
    for some in (slice(0, 1), slice(3, 8), slice(7, 20)):
        part = Triangles(of.inputs, *(array[some] for array in of[1:]))
        for found, expected in zip(train_in_lanes(part, adam, 30, tied=tied), whole, strict=True):
            assert (found == expected[some]).all()


@pytest.mark.parametrize("kind", ["peaks", "scales"])
@pytest.mark.parametrize("engine", ["lanes", "reference"])
def test_networks_compute_what_was_trained(kind: str, engine: str) -> None:
    of = start()
    network = Network(n_inputs=1, width=5, depth=DEPTH)
    protocol = Protocol(network=network, loss="mse", stop="last_epoch")
    begun = Start(of.peaks, of.scales, of.signs, np.ones((NETWORKS, 20)))
    rows = Rows(X[:, None], of.targets)
    before = pretrain(
        protocol, Pretraining(kind=kind, epochs=0, learning_rate=0.02), rows, begun, engine=engine
    )
    found = pretrain(
        protocol, Pretraining(kind=kind, epochs=200, learning_rate=0.02), rows, begun, engine=engine
    )
    assert (found.loss < before.loss / 3).all()
    assert (found.end == PretrainingEnd.EPOCHS).all()
    outputs = logits(network, torch.tensor(found.parameters), torch.tensor(rows.inputs)).numpy()
    np.testing.assert_allclose(((outputs - of.targets) ** 2).mean(1), found.loss, rtol=1e-3)


@pytest.mark.parametrize("kind", ["peaks", "scales"])
@pytest.mark.parametrize("engine", ["lanes", "reference"])
def test_peaks_at_an_end_are_told_and_leave_no_network(kind: str, engine: str) -> None:
    of = start(3)
    protocol = Protocol(network=Network(n_inputs=1, width=4, depth=DEPTH), loss="mse", stop="last_epoch")
    begun = Start(of.peaks, of.scales, of.signs, np.zeros((3, 0)))
    pretraining = Pretraining(kind=kind, epochs=1, learning_rate=20.0)
    found = pretrain(protocol, pretraining, Rows(X[:, None], of.targets), begun, engine=engine)
    assert (found.end == PretrainingEnd.PEAK_AT_END).all()
    assert np.isnan(found.parameters).all()


@pytest.mark.parametrize(
    ("epochs", "end"), [(0, PretrainingEnd.SCALE_OUT_OF_RANGE), (1, PretrainingEnd.NOT_FINITE)]
)
def test_scales_out_of_range_and_numbers_that_are_none_are_told(epochs: int, end: PretrainingEnd) -> None:
    """Derivatives by a scale of 1e30 are infinite in float32; the networks beside it train on."""
    of = start(3)
    protocol = Protocol(network=Network(n_inputs=1, width=4, depth=DEPTH), loss="mse", stop="last_epoch")
    scales = of.scales.copy()
    scales[1, 1] = 1e30
    begun = Start(of.peaks, scales, of.signs, np.zeros((3, 0)))
    pretraining = Pretraining(kind="scales", epochs=epochs, learning_rate=1e-3)
    found = pretrain(protocol, pretraining, Rows(X[:, None], of.targets), begun)
    assert found.end.tolist() == [PretrainingEnd.EPOCHS, end, PretrainingEnd.EPOCHS]
    assert np.isnan(found.parameters).all(axis=1).tolist() == [False, True, False]
