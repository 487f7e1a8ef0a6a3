"""The rows [∇v_j(x), y_j(x)] of a network's outputs at samples."""

from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from relusweep.tasks.jacobians.closed import ClosedForm
from relusweep.tasks.modes import in_mode

__all__ = ["Method", "coefficients", "differentiate"]

Method = Literal["auto", "closed", "autograd"]

_LEAST, _MOST = 8, 64  # samples of a backward pass: more leave the cache, fewer are mostly overhead
_SAVED = 2**29  # bytes that it may keep, but for the fewest samples


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
        ``y_j = v_j(x) − ∇v_j(x) · x``. NaN where the output is not finite.

    Raises
    ------
    ValueError
        If the method is unknown, the closed form is asked for where there is none, or outputs are not one
        vector a sample.

    Notes
    -----
    At a kink (a unit at exactly zero, equal numbers in a maximum) the unit is off, and the first of the equal
    numbers counts, row after row. The closed form adds up every unit in the same order, wherever it is in the
    image, so that equal patches of an image give equal numbers: what ties in it does not depend on rounding.
    PyTorch's rule is the same, but its sums depend on the place in the image, so that `autograd` breaks ties
    of flat regions as rounding has it. Bits of a sample are the same in any company: those of the closed form
    always, those of `autograd` as far as PyTorch's are in batches of one length, which all batches have.

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
        return differentiate(network, x)[1]


def differentiate(network: nn.Module, inputs: Tensor) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Differentiate the outputs of a network, some samples at a time.

    Parameters
    ----------
    network : Module
        In evaluation mode.
    inputs : Tensor of shape (n_samples, *shape)

    Returns
    -------
    outputs : ndarray of shape (n_samples, n_outputs)
    rows : ndarray of shape (n_samples, n_outputs, n_inputs + 1)

    Raises
    ------
    ValueError
        If outputs are not one vector a sample.

    Notes
    -----
    All batches have one length, the last sample repeated: PyTorch adds up otherwise in those of another.
    """
    filled = inputs if len(inputs) else inputs.new_zeros(1, *inputs.shape[1:])
    length = _length(network, filled[:1])
    again = filled[-1:].expand(-len(filled) % length, *inputs.shape[1:])
    parts = [_of_batch(network, some) for some in torch.cat([filled, again]).split(length)]
    outputs, rows = (torch.cat(arrays)[: len(inputs)].cpu().numpy() for arrays in zip(*parts, strict=True))
    return outputs, rows


@torch.enable_grad()
def _length(network: nn.Module, sample: Tensor) -> int:
    """Give the length of the batches of a network: by what one sample keeps for the way back."""
    saved = 0

    def count(tensor: Tensor) -> Tensor:
        nonlocal saved
        saved += tensor.nbytes
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        network(sample.clone().requires_grad_())
    return min(_MOST, max(_LEAST, _SAVED // max(1, saved)))


@torch.enable_grad()
def _of_batch(network: nn.Module, inputs: Tensor) -> tuple[Tensor, Tensor]:
    x = inputs.clone().requires_grad_()
    outputs = network(x)
    if outputs.ndim != 2 or len(outputs) != len(x):
        raise ValueError(
            f"the network gives outputs of shape {tuple(outputs.shape)} for a batch of {len(x)}; allowed is "
            "(n_samples, n_outputs)"
        )
    n_outputs = outputs.shape[1]
    rows = x.new_empty(len(x), n_outputs, x[0].numel() + 1, requires_grad=False)
    for j in range(n_outputs):
        (gradient,) = torch.autograd.grad(outputs[:, j].sum(), x, retain_graph=j + 1 < n_outputs)
        rows[:, j, :-1] = gradient.flatten(1)
    with torch.no_grad():
        rows[..., -1] = outputs - (rows[..., :-1] @ x.flatten(1)[..., None])[..., 0]
        rows[~outputs.isfinite()] = torch.nan
    return outputs.detach(), rows
