"""Hidden layers of networks compared: linear CKA of what they give for the test images."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from torch import nn

from relusweep.tasks.blocks import BlockResult
from relusweep.tasks.comparison.measures import cka
from relusweep.tasks.images.activations import activations
from relusweep.tasks.images.networks import ImageNetworks
from relusweep.tasks.images.reader import Reader

__all__ = ["LayerBlock", "compare_layers"]

_AT_ONCE = 512  # images: of their kernels with as many others the tiles of all layers are in memory


@dataclass(frozen=True)
class LayerBlock:
    """Networks whose layers to compare.

    Attributes
    ----------
    networks : ImageNetworks
    reader : Reader
        Gives their parameters after training.
    sources, targets : tuple of str
        Labels of the networks from which, and of those to which.
    n_layers : int
        Hidden layers of the network that has most.
    """

    networks: ImageNetworks
    reader: Reader
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    n_layers: int


def compare_layers(block: LayerBlock) -> BlockResult:
    """Compare every hidden layer of some networks with every one of others.

    Returns
    -------
    BlockResult
        Of ``cka``, float64 of shape (n_from, n_to, n_layers, n_layers): NaN where a network has fewer layers,
        or diverged.

    Notes
    -----
    Kornblith, Norouzi, Lee and Hinton, *Similarity of Neural Network Representations Revisited* (2019),
    equation 4 by the biased HSIC, as they compare layers. The kernels of the images are summed tile by tile.
    """
    torch.set_num_threads(1)
    started = time.process_time()
    labels = list(dict.fromkeys((*block.sources, *block.targets)))
    with threadpool_limits(1), np.errstate(all="ignore"):  # bits; networks that diverged give no numbers
        built = [block.networks.trained(label, block.reader) for label in labels]
        layers = _Layers(built, block.networks.data.images("test"))
        hsic = layers.products()
    n = len(hsic)
    pairs = tuple((a, b) for a in range(n) for b in range(n))
    values = cka(pairs, hsic.ravel(), np.diag(hsic)).reshape(n, n)
    places = {label: layers.places(i) for i, label in enumerate(labels)}
    found = np.full((len(block.sources), len(block.targets), block.n_layers, block.n_layers), np.nan)
    for i, source in enumerate(block.sources):
        for j, target in enumerate(block.targets):
            of_pair = values[places[source], places[target]]
            found[i, j, : of_pair.shape[0], : of_pair.shape[1]] = of_pair
    return BlockResult({"cka": found}, 0, time.process_time() - started, 0.0)


class _Layers:
    """All hidden layers of some networks, numbered one after another."""

    def __init__(self, networks: list[nn.Module], images: NDArray[np.float32]) -> None:
        self.networks, self.images = networks, images
        self.spans = [
            slice(start, min(start + _AT_ONCE, len(images))) for start in range(0, len(images), _AT_ONCE)
        ]
        self.means = [self._means(network) for network in networks]

    def places(self, network: int) -> slice:
        """Numbers of the layers of a network."""
        start = sum(len(means) for means in self.means[:network])
        return slice(start, start + len(self.means[network]))

    def products(self) -> NDArray[np.float64]:
        """Sum products of the centred kernels of every two layers: shape (n_layers, n_layers)."""
        n_layers = sum(map(len, self.means))
        sums = np.zeros((n_layers, n_layers))
        for i, span in enumerate(self.spans):
            first = [self._centred(network, span) for network in range(len(self.networks))]
            for other in self.spans[i:]:
                tiles = np.empty((n_layers, (span.stop - span.start) * (other.stop - other.start)))
                for network, of_network in enumerate(first):
                    second = of_network if other == span else self._centred(network, other)
                    for place, x, y in zip(self._numbers(network), of_network, second, strict=True):
                        tiles[place] = (x @ y.T).ravel()
                weight = 1 if other == span else 2
                for a, b in combinations_with_replacement(range(n_layers), 2):  # bits of the pair alone
                    sums[a, b] += weight * np.vdot(tiles[a], tiles[b])
        return np.triu(sums) + np.triu(sums, 1).T

    def _numbers(self, network: int) -> Iterable[int]:
        places = self.places(network)
        return range(places.start, places.stop)

    def _means(self, network: nn.Module) -> list[NDArray[np.float64]]:
        totals = [
            [of_layer.sum(axis=0, dtype=np.float64) for of_layer in activations(network, self.images[span])]
            for span in self.spans
        ]
        return [np.sum(of_layer, axis=0) / len(self.images) for of_layer in zip(*totals, strict=True)]

    def _centred(self, network: int, span: slice) -> list[NDArray[np.float32]]:
        found = activations(self.networks[network], self.images[span])
        return [(x - mean).astype(np.float32) for x, mean in zip(found, self.means[network], strict=True)]
