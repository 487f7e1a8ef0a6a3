"""Triangles and scales trained by the engine `reference`: PyTorch's autograd in float64."""

import numpy as np
import torch
from numpy.typing import NDArray

from relusweep.tasks.composition.waves import SUBTRACTED
from relusweep.tasks.pretraining.triangles import Triangles
from relusweep.tasks.training.optimizers import Adam, Sgd
from relusweep.tasks.training.reference import optimizer_of

__all__ = ["loss_of", "shaped", "train_reference"]


def shaped(
    parameters: torch.Tensor, depth: int, sign: torch.Tensor, *, tied: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Turn parameters into peaks and scales.

    Parameters
    ----------
    parameters : Tensor of shape (n_networks, depth + 1) or (n_networks, 2 * depth)
        Logits of the peaks, and logarithms of the scales where they are free.
    depth : int
    sign : Tensor of shape (n_networks,)
    tied : bool

    Returns
    -------
    Tensor of shape (n_networks, depth + 1 or depth), Tensor of shape (n_networks, depth)
    """
    if not tied:
        return parameters[:, :depth].sigmoid(), parameters[:, depth:].exp()
    tops, rests = parameters.sigmoid(), (-parameters).sigmoid()
    first = torch.where(sign == SUBTRACTED, tops[:, 0], rests[:, 0])
    return tops, torch.cumprod(torch.cat([first[:, None], rests[:, 1:-1]], 1) * tops[:, 1:], 1)


def loss_of(
    peaks: torch.Tensor, scales: torch.Tensor, sign: torch.Tensor, x: torch.Tensor, y: torch.Tensor
) -> torch.Tensor:
    """Give the mean squared error of each network; at a peak the derivative is that of its left side."""
    wave = total = torch.zeros_like(y) + x
    for top, scale in zip(peaks.T[:, :, None], scales.T[:, :, None], strict=False):
        rising, falling = wave / top, (1 - wave) / (1 - top)
        wave = torch.where(rising <= falling, rising, falling)
        total = total + sign[:, None] * scale * wave
    return ((total - y) ** 2).mean(1)


def train_reference(
    start: Triangles, optimizer: Adam | Sgd, epochs: int, *, tied: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Train peaks, and scales where they are not tied; see :func:`.pretrain`.

    Returns
    -------
    ndarray of shape (n_networks, depth + 1 or depth), ndarray of shape (n_networks, depth)
    """
    depth = start.scales.shape[1]
    x, y, sign = (torch.tensor(of, dtype=torch.float64) for of in (start.inputs, start.targets, start.signs))
    parameters = np.log(start.peaks / (1 - start.peaks))
    if not tied:
        parameters = np.concatenate([parameters[:, :depth], np.log(start.scales)], axis=1)
    trained = torch.tensor(parameters, requires_grad=True)
    stepping = optimizer_of(optimizer, trained)
    for _ in range(epochs):
        stepping.zero_grad()
        loss_of(*shaped(trained, depth, sign, tied=tied), sign, x, y).sum().backward()
        stepping.step()
    peaks, scales = shaped(trained.detach(), depth, sign, tied=tied)
    return peaks.numpy(), scales.numpy()
