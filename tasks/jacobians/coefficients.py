"""The rows [∇v_j(x), y_j(x)] of a network's outputs at samples."""

import math
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from relusweep.tasks.jacobians.closed import ClosedForm
from relusweep.tasks.modes import in_mode

__all__ = ["Method", "coefficients"]

Method = Literal["auto", "closed", "autograd"]

_AT_ONCE = 64  # samples of a backward pass: more leave the cache, fewer are mostly overhead


def coefficients(
    network: nn.Module, inputs: ArrayLike | Tensor, *, method: Method = "auto"
) -> NDArray[np.float32] | NDArray[np.float64]:
    """Compute gradient and offset of every output of a network at every sample.

    Where a network is linear around a sample, ``v(x') = J x' + y`` with these, exactly, for every x' of the
    same region.

    Parameters
    ----------
    network : Module
        Maps inputs of shape (n_samples, *shape) to outputs of shape (n_samples, n_outputs), each sample by
        itself; taken in evaluation mode. Anything that PyTorch differentiates: piecewise linear or not.
    inputs : array_like or Tensor of shape (n_samples, *shape)
        Taken in the precision, and on the device, of the network's parameters.
    method : {'auto', 'closed', 'autograd'}
        `closed` computes from activation patterns and weights, in float32 on a CPU, what
        :class:`relusweep.tasks.jacobians.closed.ClosedForm` can; `autograd` differentiates each output over
        batches of samples. `auto` takes the first where there is one.

    Returns
    -------
    ndarray of shape (n_samples, n_outputs, n_inputs + 1), float32 or float64
        Row j of a sample is ``∇v_j(x)``, in the order of the flattened input, and then
        ``y_j = v_j(x) − ∇v_j(x) · x``.

    Raises
    ------
    ValueError
        If the method is unknown, the closed form is asked for where there is none, or outputs are not one
        vector a sample.

    Notes
    -----
    At a kink (a unit at exactly zero, equal numbers in a maximum) rows are PyTorch's: the unit is off, the
    first of the equal numbers counts.

    Examples
    --------
    The absolute value, from ReLU of x and of −x:

    >>> network = nn.Sequential(nn.Linear(1, 2, bias=False), nn.ReLU(), nn.Linear(2, 1))
    >>> weights = {"0.weight": [[1.0], [-1.0]], "2.weight": [[1.0, 1.0]], "2.bias": [0.5]}
    >>> _ = network.load_state_dict({name: torch.tensor(values) for name, values in weights.items()})
    >>> coefficients(network, [[-3.0], [2.0]])[:, 0].tolist()
    [[-1.0, 0.5], [1.0, 0.5]]
    """
    if method not in get_args(Method):
        raise ValueError(f"unknown method {method!r}; allowed are {', '.join(get_args(Method))}")
    some = next(network.parameters(), torch.empty(0))
    x = torch.as_tensor(inputs).detach().to(some)
    closed = None if method == "autograd" else ClosedForm.of(network, tuple(x.shape[1:]))
    if closed is not None:
        return closed.rows(x)
    if method == "closed":
        raise ValueError(
            "this network has no closed form: allowed are convolutions of 3 by 3 with ReLU and perhaps a "
            "maximum of 2 by 2, and affine maps with ReLU between, in float32 on a CPU; use method='autograd'"
        )
    with in_mode(network, training=False):
        return _autograd(network, x)


def _autograd(network: nn.Module, inputs: Tensor) -> NDArray[np.float32] | NDArray[np.float64]:
    rows = inputs.new_empty(len(inputs), 0, math.prod(inputs.shape[1:]) + 1)
    start = 0
    for some in inputs.split(_AT_ONCE):
        x = some.clone().requires_grad_()
        with torch.enable_grad():
            outputs = network(x)
        if outputs.ndim != 2 or len(outputs) != len(x):
            raise ValueError(
                f"the network gives outputs of shape {tuple(outputs.shape)} for {len(x)} samples; allowed is "
                "(n_samples, n_outputs)"
            )
        if start == 0:
            rows = rows.new_empty(len(inputs), outputs.shape[1], rows.shape[2])
        _differentiate(outputs, x, rows[start : start + len(x)])
        start += len(x)
    return np.asarray(rows.cpu().numpy())


def _differentiate(outputs: Tensor, x: Tensor, rows: Tensor) -> None:
    """Write the rows of a batch."""
    n_outputs = outputs.shape[1]
    for j in range(n_outputs):
        (gradient,) = torch.autograd.grad(outputs[:, j].sum(), x, retain_graph=j + 1 < n_outputs)
        rows[:, j, :-1] = gradient.flatten(1)
    with torch.no_grad():
        rows[..., -1] = outputs - (rows[..., :-1] @ x.flatten(1)[..., None])[..., 0]
