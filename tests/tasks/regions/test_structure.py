"""Pieces, switches and spread, against a look at very many points."""

from __future__ import annotations

import numpy as np
import pytest

from relusweep.tasks.networks import Network, initial_parameters, layer_views
from relusweep.tasks.regions.structure import structure
from relusweep.tasks.streams import Stream


@pytest.mark.parametrize(("width", "depth"), [(3, 1), (4, 4), (6, 3)])
def test_of_random_networks(width: int, depth: int) -> None:
    """By brute force: signs of all units, slopes and outputs at a hundred thousand points."""
    network = Network(n_inputs=1, width=width, depth=depth)
    rows = initial_parameters(network, Stream(("structure",)), range(12)).astype(float)
    found = structure(network, rows, -1, 1)
    x = np.linspace(-1, 1, 100_001)[:, None]
    for i, row in enumerate(rows):
        h, switches = x, []
        for layer in layer_views(network, row[None]):
            z = h @ layer.weights[0].T + layer.biases[0]
            switches.append((np.diff((z > 0).astype(int), axis=0) != 0).sum(axis=0).max())
            h = np.maximum(z, 0)
        slopes = np.diff(z[:, 0]) / np.diff(x[:, 0])
        bends = np.abs(np.diff(slopes)) > 1e-6 * np.abs(slopes).max()
        bends &= ~np.concatenate([[False], bends[:-1]])  # a kink between two points is seen twice
        assert found.pieces[i] == 1 + bends.sum()
        assert found.switches[i].tolist() == switches[:-1]
        assert abs(found.spread[i] - np.ptp(z)) < 1e-4


def test_of_networks_that_are_constant() -> None:
    network = Network(n_inputs=1, width=2, depth=2)
    rows = np.zeros((2, network.n_parameters))
    rows[1] = initial_parameters(network, Stream(("structure",)), range(1))[0]
    rows[1, 4:6] = 0
    found = structure(network, rows, 0, 1)
    assert found.pieces[0] == 1
    assert found.switches[0].tolist() == [0, 0]
    assert found.spread[0] == 0


def test_short_pieces_do_not_count() -> None:
    """A unit that is on between two points that are 1e-7 apart, and one between points 1e-5 apart."""
    network = Network(n_inputs=1, width=2, depth=1)
    for apart, pieces in ((1e-7, 2), (1e-5, 3)):
        row = np.array([[1, -0.5, 1, -0.5 - apart, 1, 1, 0]])
        assert structure(network, row, 0, 1).pieces.tolist() == [pieces]
