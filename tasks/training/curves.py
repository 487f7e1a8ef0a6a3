"""Learning curves: what networks give over all rows after chosen epochs."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks import activations
from relusweep.tasks.training.protocol import Protocol, Rows

__all__ = ["Curve", "curve"]


class Curve(NamedTuple):
    """What is seen at each point; NaN where there are no parameters.

    Attributes
    ----------
    loss : ndarray of shape (n_networks, n_points), dtype float32
        Mean over the rows.
    rows_right : ndarray of shape (n_networks, n_points), dtype float32
        Share of the rows.
    gradient_norm : ndarray of shape (n_networks, n_points), dtype float32
        Euclidean norm of the gradient of the mean loss over all rows.
    """

    loss: NDArray[np.float32]
    rows_right: NDArray[np.float32]
    gradient_norm: NDArray[np.float32]


def curve(protocol: Protocol, inputs: ArrayLike, targets: ArrayLike, snapshots: NDArray[np.float32]) -> Curve:
    """Look at networks with all rows, at several points of their training.

    Parameters
    ----------
    protocol : Protocol
        With the network, the loss and the threshold.
    inputs : array_like of shape (n_rows, n_inputs) or (n_networks, n_rows, n_inputs)
    targets : array_like of shape (n_networks, n_rows)
    snapshots : ndarray of shape (n_networks, n_points, n_parameters), dtype float32
        Parameters, as :func:`relusweep.tasks.training.train` keeps them.

    Returns
    -------
    Curve
    """
    rows = Rows(np.ascontiguousarray(inputs, np.float32), np.ascontiguousarray(targets, np.float32))
    found = np.full((3, *snapshots.shape[:2]), np.nan, np.float32)
    look = _in_lanes if activations.load(protocol.network.activation).in_lanes else _in_torch
    for point in range(snapshots.shape[1]):
        there = np.flatnonzero(~np.isnan(snapshots[:, point]).any(axis=1))
        if len(there):
            own = rows.inputs[there] if rows.inputs.ndim == 3 else rows.inputs
            parameters = np.ascontiguousarray(snapshots[there, point])
            found[:, there, point] = look(protocol, Rows(own, rows.targets[there]), parameters)
    return Curve(*found)


_Seen = tuple[NDArray[np.generic], NDArray[np.generic], NDArray[np.generic]]


def _in_lanes(protocol: Protocol, rows: Rows, parameters: NDArray[np.float32]) -> _Seen:
    from relusweep.tasks.training.lanes import gradient_norms, look

    right, loss, _ = look(protocol, rows, parameters)
    return loss, right / rows.n_rows, gradient_norms(protocol, rows, parameters)


def _in_torch(protocol: Protocol, rows: Rows, parameters: NDArray[np.float32]) -> _Seen:
    import torch

    from relusweep.tasks.training.reference import judge, logits

    row = torch.tensor(parameters, requires_grad=True)
    outputs = logits(protocol.network, row, torch.as_tensor(rows.inputs))
    losses, right = judge(protocol, outputs, torch.as_tensor(rows.targets))
    losses.sum().backward()
    assert row.grad is not None  # it was asked for
    return losses.detach().numpy(), right.numpy() / rows.n_rows, row.grad.norm(dim=1).numpy()
