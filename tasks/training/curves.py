"""Learning curves: what networks give over all rows after chosen epochs."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.training.engine import lacking
from relusweep.tasks.training.protocol import Protocol, Rows

__all__ = ["Curve", "curve"]


class Curve(NamedTuple):
    """What is seen at each point; NaN where there are no parameters.

    Attributes
    ----------
    loss : ndarray of shape (n_networks, n_points), dtype float32
        Mean over the rows.
    rows_right : ndarray of shape (n_networks, n_points), dtype float32
        Share of the rows; NaN also where an output is infinite or not a number.
    gradient_norm : ndarray of shape (n_networks, n_points), dtype float32
        Euclidean norm of the gradient of the mean loss over all rows.
    """

    loss: NDArray[np.float32]
    rows_right: NDArray[np.float32]
    gradient_norm: NDArray[np.float32]


def curve(
    protocol: Protocol,
    inputs: ArrayLike,
    targets: ArrayLike,
    snapshots: NDArray[np.float32],
    weights: ArrayLike | None = None,
) -> Curve:
    """Look at networks with all rows, at several points of their training.

    Parameters
    ----------
    protocol : Protocol
        With the network, the loss and the threshold.
    inputs : array_like of shape (n_rows, n_inputs) or (n_networks, n_rows, n_inputs)
    targets : array_like of shape (n_networks, n_rows) or (n_networks, n_rows, n_targets)
    snapshots : ndarray of shape (n_networks, n_points, n_parameters), dtype float32
        Parameters, as :func:`relusweep.tasks.training.train` keeps them.
    weights : array_like of shape (n_rows,) or (n_networks, n_rows), optional
        What the loss of each row counts.

    Returns
    -------
    Curve
    """
    rows = Rows(np.ascontiguousarray(inputs, np.float32), np.ascontiguousarray(targets, np.float32))
    if weights is not None:
        every = np.broadcast_to(np.asarray(weights, np.float32), rows.targets.shape[:2])
        rows = rows._replace(weights=np.ascontiguousarray(every))
    look = _in_torch if lacking(protocol) else _in_lanes
    with np.errstate(over="ignore"):  # of norms beyond float32, infinite is what is recorded
        return Curve(*(np.asarray(found, np.float32) for found in look(protocol, rows, snapshots)))


_Found = tuple[NDArray[np.generic], NDArray[np.generic], NDArray[np.generic]]


def _in_lanes(protocol: Protocol, rows: Rows, snapshots: NDArray[np.float32]) -> _Found:
    from relusweep.tasks.training.lanes import curves

    right, loss, finite, norm = curves(protocol, rows, snapshots)
    there = ~np.isnan(snapshots).any(axis=2)
    share = np.where(finite, right / rows.n_rows, np.nan)
    loss, share, norm = (np.where(there, found, np.nan) for found in (loss, share, norm))
    return loss, share, norm


def _in_torch(protocol: Protocol, rows: Rows, snapshots: NDArray[np.float32]) -> _Found:
    import torch

    from relusweep.tasks.training.reference import judge, logits

    inputs, targets = (torch.as_tensor(a) for a in rows[:2])
    weights = None if rows.weights is None else torch.as_tensor(rows.weights)
    losses, shares, norms = np.full((3, *snapshots.shape[:2]), np.nan, np.float32)
    for point in range(snapshots.shape[1]):
        row = torch.tensor(snapshots[:, point], requires_grad=True)
        outputs = logits(protocol.network, row, inputs)
        loss, right = judge(protocol, outputs, targets, weights)
        (gradient,) = torch.autograd.grad(loss.sum(), row)
        there = ~np.isnan(snapshots[:, point]).any(axis=1)
        finite = there & outputs.isfinite().flatten(1).all(dim=1).numpy()
        losses[there, point] = loss.detach().numpy()[there]
        shares[finite, point] = right.numpy()[finite] / rows.n_rows
        norms[there, point] = gradient.norm(dim=1).numpy()[there]
    return losses, shares, norms
