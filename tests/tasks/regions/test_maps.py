"""The affine maps of networks: equal to those of the regions, and counted as SciPy clusters them."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage

from relusweep.tasks.networks import Network
from relusweep.tasks.regions import linear_regions
from relusweep.tasks.regions.maps import count_clusters, maps_at
from tests.tasks.regions.rational import random_layers, row


@pytest.mark.parametrize("leak", [0.0, 0.1])
def test_maps_at_points_are_those_of_their_regions(leak):
    network = Network(n_inputs=2, width=6, depth=3, leak=leak)
    parameters = row(random_layers(network, np.random.default_rng(4)))
    regions = linear_regions(network, parameters, [-1, -1], [1, 1])
    middles = np.array([regions.polygon(i).mean(axis=0) for i in range(len(regions.areas))])
    found = maps_at(network, parameters, middles)
    np.testing.assert_allclose(found, np.column_stack([regions.gradient, regions.intercept]), atol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 40])
def test_clusters_are_those_of_single_linkage(n):
    maps = np.random.default_rng(n).normal(size=(n, 3))
    largest = np.linalg.norm(maps, axis=1).max()
    tolerances = (0.0, 0.1, 0.2, 0.4, 1.0)
    expected = [
        len(set(fcluster(linkage(maps, "single"), t * largest, "distance"))) if n > 1 else 1
        for t in tolerances
    ]
    assert list(count_clusters(maps, *tolerances)) == expected


def test_equal_maps_are_one():
    assert count_clusters(np.zeros((5, 3)), 0.0) == (1,)
    assert count_clusters([[1, 0], [0, 1], [1, 0], [1 + 1e-12, 0]], 0.0, 1e-9) == (3, 2)
