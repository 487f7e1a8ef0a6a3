"""The engine `reference`: networks stacked along a leading axis, PyTorch's own autograd and optimiser.

It is the oracle that the fast engine is held against: slower, in float32 or float64, on CPU or CUDA.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import leaky_relu, softplus

from tasks.networks import Network
from tasks.training.protocol import Protocol, StopReason, TrainingResult

__all__ = ["logits", "train_reference"]


def logits(network: Network, parameters: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
    """Apply stacked networks to the same inputs.

    Parameters
    ----------
    network : Network
    parameters : Tensor of shape (n_networks, n_parameters)
    inputs : Tensor of shape (n_rows, n_inputs)

    Returns
    -------
    Tensor of shape (n_networks, n_rows)
    """
    h = inputs.expand(len(parameters), -1, -1)
    place = 0
    for i, (fan_out, fan_in) in enumerate(network.layers):
        size = fan_out * (fan_in + 1)
        layer = parameters[:, place : place + size].reshape(-1, fan_out, fan_in + 1)
        z = torch.baddbmm(layer[:, None, :, fan_in], h, layer[:, :, :fan_in].mT)
        h = leaky_relu(z, network.leak) if i < network.depth else z
        place += size
    return h[..., 0]


def train_reference(
    protocol: Protocol,
    inputs: NDArray[np.float32],
    targets: NDArray[np.int8],
    initial: NDArray[np.float32],
    *,
    keep_parameters: bool = False,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
) -> TrainingResult:
    """Train networks; see :func:`tasks.training.train` for the arguments, which are trusted here.

    Parameters
    ----------
    protocol, inputs, targets, initial, keep_parameters
        As for :func:`tasks.training.train`.
    dtype : torch.dtype
        Precision of the computation.
    device : str
        A PyTorch device.

    Returns
    -------
    TrainingResult
    """
    network = protocol.network
    result = TrainingResult.empty(len(initial), network.n_parameters if keep_parameters else None)
    x, y = (torch.tensor(a, dtype=dtype, device=device) for a in (inputs, targets))
    running = torch.arange(len(initial), device=device)
    parameters = torch.tensor(initial, dtype=dtype, device=device, requires_grad=True)
    optimizer = _adam(protocol, parameters)
    for epoch in range(protocol.epochs + 1):
        margins = y[running] * logits(network, parameters, x)
        losses = softplus(-margins).mean(dim=1)
        right, finite = (margins > 0).all(dim=1), margins.isfinite().all(dim=1)
        stopped = right | ~finite if epoch < protocol.epochs else torch.ones_like(right)
        if stopped.any():
            now, at = running[stopped].cpu().numpy(), stopped.cpu().numpy()
            reason = torch.where(right, int(StopReason.SUCCESS), int(StopReason.EPOCHS))
            reason = torch.where(finite, reason, int(StopReason.NOT_FINITE)).cpu().numpy()[at]
            result.stop_reason[now] = reason
            result.success_epoch[now[reason == StopReason.SUCCESS]] = epoch
            result.epochs[now] = epoch
            result.rows_right[now] = (margins > 0).sum(dim=1).cpu().numpy()[at]
            result.loss[now] = losses.detach().cpu().numpy()[at]
            if result.parameters is not None:
                result.parameters[now] = parameters.detach().cpu().numpy()[at]
        if stopped.all():
            break
        optimizer.zero_grad()
        losses.sum().backward()
        if stopped.any():
            going = ~stopped
            running, parameters, optimizer = running[going], *_keep(protocol, parameters, optimizer, going)
        optimizer.step()
    return result


def _adam(protocol: Protocol, parameters: torch.Tensor) -> torch.optim.Adam:
    adam = protocol.optimizer
    return torch.optim.Adam(
        [parameters], lr=adam.learning_rate, betas=(adam.beta1, adam.beta2), eps=adam.epsilon
    )


def _keep(
    protocol: Protocol, parameters: torch.Tensor, optimizer: torch.optim.Adam, going: torch.Tensor
) -> tuple[torch.Tensor, torch.optim.Adam]:
    """Drop the networks that have stopped, with their gradients and moments."""
    state = {
        name: value[going] if value.ndim else value for name, value in optimizer.state[parameters].items()
    }
    kept = parameters.detach()[going].requires_grad_()
    assert parameters.grad is not None  # for the type checker: backward() has just run
    kept.grad = parameters.grad[going]
    following = _adam(protocol, kept)
    if state:
        following.state[kept] = state
    return kept, following
