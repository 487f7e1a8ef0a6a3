"""What the last layers of pretrained networks are trained on: features of images, computed once."""

import time
from dataclasses import dataclass

import numpy as np
import torch

from relusweep.tasks.blocks import BlockResult
from relusweep.tasks.images.architectures import Pretrained
from relusweep.tasks.images.networks import ImageNetworks

__all__ = ["FeatureBlock", "extract"]

_AT_ONCE = 8  # images, all of whose layers are in memory


@dataclass(frozen=True)
class FeatureBlock:
    """Some images, and the model that takes them.

    Attributes
    ----------
    networks : ImageNetworks
    model : str
        Name of a pretrained architecture.
    samples : range
        Consecutive images, training images first.
    n_features : int
        Length of a row: the features of the model that has most.
    device : str
        A PyTorch device.
    """

    networks: ImageNetworks
    model: str
    samples: range
    n_features: int
    device: str


def extract(block: FeatureBlock) -> BlockResult:
    """Compute features.

    Returns
    -------
    BlockResult
        Of ``features``, float32 of shape (1, n_samples, n_features), NaN behind the last of the model's own.
    """
    torch.set_num_threads(1)
    started = time.process_time()
    network = block.networks.build(f"{block.model}-sgd-0").to(block.device)  # all labels share the module
    assert isinstance(network, Pretrained)
    rows = np.full((1, len(block.samples), block.n_features), np.nan, np.float32)
    for start in range(0, len(block.samples), _AT_ONCE):
        images = block.networks.data.at(block.samples[start : start + _AT_ONCE])
        with torch.no_grad():
            found = network.features(torch.from_numpy(images).to(block.device)).cpu().numpy()
        rows[0, start : start + len(found), : found.shape[1]] = found
    return BlockResult({"features": rows}, 0, time.process_time() - started, 0.0)
