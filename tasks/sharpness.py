"""The largest eigenvalue of the Hessian of the loss, of many networks at a time."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from relusweep.tasks.hidden import in_chunks
from relusweep.tasks.streams import Stream
from relusweep.tasks.training.protocol import Protocol
from relusweep.tasks.training.reference import judge, logits

__all__ = ["Sharpness", "sharpness"]

_LOOK = 5
"""Steps from one look at the eigenvalues to the next."""


class Sharpness(NamedTuple):
    """What is found of each network.

    Attributes
    ----------
    largest : ndarray of shape (n_networks,), float64
        Largest eigenvalue.
    residual : ndarray of shape (n_networks,), float64
        Norm of what the Hessian makes of its vector, less the eigenvalue times that: an eigenvalue lies no
        farther away.
    """

    largest: NDArray[np.float64]
    residual: NDArray[np.float64]


def sharpness(
    protocol: Protocol,
    parameters: NDArray[np.float32],
    inputs: NDArray[Any],
    targets: NDArray[Any],
    weights: NDArray[Any] | None = None,
    *,
    tolerance: float,
    most_steps: int,
) -> Sharpness:
    """Find the largest eigenvalues of the Hessians of the loss over all rows, without penalties.

    Parameters
    ----------
    protocol : Protocol
        With the network and the loss.
    parameters : ndarray of shape (n_networks, n_parameters)
        Finite.
    inputs : ndarray of shape (n_rows, n_inputs) or (n_networks, n_rows, n_inputs)
    targets : ndarray of shape (n_networks, n_rows) or (n_networks, n_rows, n_targets)
    weights : ndarray of shape (n_networks, n_rows), optional
    tolerance : float
        Residuals that are small enough, as a share of the eigenvalue of largest size.
    most_steps : int
        Products with the Hessian, at most; no more are made than there are parameters.

    Returns
    -------
    Sharpness

    Notes
    -----
    Lanczos with full reorthogonalisation, in float64; products with the Hessian are exact, by automatic
    differentiation: Pearlmutter, *Fast Exact Multiplication by the Hessian* (1994).
    """
    found = Sharpness(*np.full((2, len(parameters)), np.nan))
    own = inputs if inputs.ndim == 3 else None
    shared = torch.tensor(inputs, dtype=torch.float64)
    for place, (rows, x, y, counts) in in_chunks(parameters, own, targets, weights):
        count = place.stop - place.start
        row = rows.requires_grad_()
        losses, _ = judge(protocol, logits(protocol.network, row, shared if x is None else x), y, counts)
        (gradient,) = torch.autograd.grad(losses.sum(), row, create_graph=True)
        largest, residual = _lanczos(gradient, row, tolerance, most_steps)
        found.largest[place], found.residual[place] = largest[:count], residual[:count]
    return found


def _lanczos(
    gradient: torch.Tensor, row: torch.Tensor, tolerance: float, most_steps: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Iterate all networks; take of each what it has when it is first known well enough."""
    n_networks, size = row.shape
    words = Stream(("sharpness",)).words(range(1), size)[0]
    start = torch.tensor((words + 0.5) * 2.0**-32 - 0.5)
    basis = [(start / start.norm()).expand(n_networks, -1)]
    alphas, betas = [], []
    found, last = np.full((2, n_networks), np.nan), min(most_steps, size)
    for step in range(1, last + 1):
        product = _product(gradient, row, basis[-1])
        alphas.append((product * basis[-1]).sum(dim=1))
        known = torch.stack(basis, dim=1)
        for _ in range(2):  # once more for what rounding has left
            product = product - (known.mT @ (known @ product[:, :, None]))[:, :, 0]
        betas.append(product.norm(dim=1))
        if step % _LOOK == 0 or step == last:
            values, vectors = _of_tridiagonal(alphas, betas)
            residual = betas[-1] * vectors[:, -1, -1].abs()
            enough = (residual <= tolerance * values.abs().amax(dim=1)).numpy() | (step == last)
            new = enough & np.isnan(found[0])
            found[:, new] = values[:, -1].numpy()[new], residual.numpy()[new]
            if not np.isnan(found[0]).any():
                break
        basis.append(product / betas[-1].clamp_min(torch.finfo(torch.float64).tiny)[:, None])
    return found[0], found[1]


def _product(gradient: torch.Tensor, row: torch.Tensor, vector: torch.Tensor) -> torch.Tensor:
    along = (gradient * vector).sum()
    if not along.requires_grad:  # of a loss that is linear everywhere
        return torch.zeros_like(vector)
    (product,) = torch.autograd.grad(along, row, retain_graph=True, allow_unused=True)
    return torch.zeros_like(vector) if product is None else product


def _of_tridiagonal(
    alphas: list[torch.Tensor], betas: list[torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    matrix = torch.diag_embed(torch.stack(alphas, dim=1))
    if len(alphas) > 1:
        beside = torch.stack(betas[:-1], dim=1)
        matrix = matrix + torch.diag_embed(beside, 1) + torch.diag_embed(beside, -1)
    values, vectors = torch.linalg.eigh(matrix)
    return values, vectors
