"""Comparisons of pairs against their definitions: Gram matrices, loops, and problems whose rows differ."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from relusweep.tasks.pairs.cka import Cka
from relusweep.tasks.pairs.distances import Distances
from relusweep.tasks.problems.ball_and_shell import BallAndShell
from tests.tasks.probes.test_of_networks import NETWORKS, PROBLEM, applied, extent, rows_of, trained


def gram_cka(x: np.ndarray, y: np.ndarray) -> float:
    """Kornblith et al. (2019), equations 3 and 4, with the centring matrix written out."""
    n = len(x)
    centre = np.eye(n) - np.ones((n, n)) / n

    def hsic(a: np.ndarray, b: np.ndarray) -> float:
        return np.trace(a @ a.T @ centre @ b @ b.T @ centre)

    own = hsic(x, x), hsic(y, y)
    if min(own) < 1e-20:  # the same for all inputs: alike to one another alone
        return float(max(own) < 1e-20)
    return hsic(x, y) / np.sqrt(own[0] * own[1])


@pytest.mark.parametrize("name", ["leaky", "unequal", "smooth", "several outputs"])
def test_cka_is_that_of_gram_matrices(name: str) -> None:
    network = NETWORKS[name]
    rows, x = rows_of(network), np.random.default_rng(0).normal(size=(9, 3))
    units = network.widths or (network.width,) * network.depth
    layers = [
        [np.array(layer)[:, :count] for layer, count in zip(zip(*each, strict=True), units, strict=False)]
        for each in (
            [[h.numpy() for h in applied(network, row, point)[:-1]] for point in torch.tensor(x)]
            for row in torch.tensor(rows, dtype=torch.float64)
        )
    ]
    one, other = (trained(network, some, x, np.ones((len(some), 9))) for some in (rows[:2], rows[2:]))
    found = Cka().measure(one, other, extent(network))["cka"]
    for i, j in np.ndindex(2, 3):
        for a, b in np.ndindex(network.depth, network.depth):
            assert found[i, j, a, b] == pytest.approx(gram_cka(layers[i][a], layers[2 + j][b]), rel=1e-5)
    rows[:, : network.n_inputs + 1] = 1 / 3  # one unit that is never off, and then all the same
    constant = trained(network, rows, np.full((9, 3), 0.1), np.ones((5, 9)))
    assert (Cka().measure(constant, constant, extent(network))["cka"] == 1).all()
    rows[2, 0] = np.inf
    other = trained(network, rows[2:], x, np.ones((3, 9)))
    assert (
        np.isnan(Cka().measure(one, other, extent(network))["cka"]).all(axis=(2, 3)).tolist()
        == [[True, False, False]] * 2
    )


def test_distances_are_those_of_outputs_and_of_parameters() -> None:
    network = NETWORKS["relu"]
    rows, x = rows_of(network), np.random.default_rng(0).normal(size=(9, 3))
    outputs = np.array(
        [
            [applied(network, row, point)[-1].item() for point in torch.tensor(x)]
            for row in torch.tensor(rows, dtype=torch.float64)
        ]
    )
    one = trained(network, rows, x, np.ones((5, 9)))
    found = Distances().measure(one, one, extent(network))
    for i, j in np.ndindex(5, 5):
        apart = np.sqrt(np.mean((outputs[i] - outputs[j]) ** 2))
        assert found["output_distance"][i, j] == pytest.approx(apart, rel=1e-5, abs=1e-6)
        assert found["disagreement"][i, j] == pytest.approx(np.mean((outputs[i] > 0) != (outputs[j] > 0)))
        exact = np.linalg.norm(rows[i].astype(float) - rows[j])
        assert found["parameter_distance"][i, j] == pytest.approx(exact, rel=1e-6)


def test_networks_of_other_rows_are_compared_at_points() -> None:
    problem = BallAndShell(n_inputs=(2,), samples=20)
    labels = {"n_inputs": (2,), "samples": (20,), "inputs": ("raw",), "loss": ("bce",)}
    labels |= {name: tuple(values) for name, values in problem.axes.items()}
    with pytest.raises(
        ValueError, match="each of ball_and_shell has its own rows; set points, as points=256"
    ):
        Cka().check(problem, labels)
    Cka(points=16).check(problem, labels)
    Distances().check(PROBLEM, {"n_inputs": (3,)})
    network = NETWORKS["relu"]
    one = trained(network, rows_of(network), np.zeros((5, 9, 3)), np.ones((5, 9)))
    assert (Distances(points=16).measure(one, one, extent(network))["output_distance"][0, 1:] > 0).all()
