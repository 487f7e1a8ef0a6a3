"""The engine `reference`: networks stacked along a leading axis, PyTorch's own autograd and optimisers.

It is the oracle that the fast engine is held against: slower, in float32 or float64, on CPU or CUDA.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from relusweep.tasks import activations
from relusweep.tasks.activations import Units
from relusweep.tasks.networks import Network
from relusweep.tasks.training.optimizers import Adam, AdamW, Optimizer, RmsProp, Schedule, rate_factors
from relusweep.tasks.training.orders import following_order
from relusweep.tasks.training.penalties import Pull, orthogonality
from relusweep.tasks.training.protocol import Protocol, Rows, StopReason, TrainingResult
from relusweep.tasks.training.rules import Tap, own_steps, ruled
from relusweep.tasks.training.watching import Watch

__all__ = ["judge", "logits", "optimizer_of", "train_reference"]


def logits(
    network: Network, parameters: torch.Tensor, inputs: torch.Tensor, taps: list[Tap] | None = None
) -> torch.Tensor:
    """Apply stacked networks to the same inputs, or each to its own.

    Parameters
    ----------
    network : Network
    parameters : Tensor of shape (n_networks, n_parameters)
    inputs : Tensor of shape (n_rows, n_inputs) or (n_networks, n_rows, n_inputs)
    taps : list of Tap, optional
        Gets one of each hidden layer.

    Returns
    -------
    Tensor of shape (n_networks, n_rows), or (n_networks, n_rows, n_outputs) of several outputs
    """
    scalars = parameters[:, network.n_weights :].reshape(
        len(parameters), network.depth, 1, network.width, network.n_scalars
    )
    x = inputs.expand(len(parameters), -1, -1)
    h, place = x, 0
    for i, (fan_out, fan_in) in enumerate(network.layers):
        size = fan_out * (fan_in + 1)
        layer = parameters[:, place : place + size].reshape(-1, fan_out, fan_in + 1)
        biases = layer[:, None, :, fan_in]
        taken = torch.cat([h, x], dim=2) if i and network.skip == "input" else h
        sums = torch.baddbmm(biases, taken, layer[:, :, :fan_in].mT)
        if i < network.depth:
            units = Units(network.leak, network.group, biases, scalars[:, i])
            activated = _activated(network, i, sums, units)
            h = activated + h if i and network.skip == "residual" else activated
            if taps is not None:
                h.retain_grad()
                taps.append(Tap(sums, units, h))
        place += size
    return sums[..., 0] if network.n_outputs == 1 else sums


def _activated(network: Network, layer: int, sums: torch.Tensor, units: Units) -> torch.Tensor:
    """Give the activations of a hidden layer; those of units of zeros are zero."""
    activation = activations.load(network.activation).of_layer(layer)
    if network.widths is None or activation.zero_at_zero:
        return activation.apply(sums, units)
    there = network.widths[layer]
    own = Units(units.leak, units.group, units.biases[..., :there], units.scalars[..., :there, :])
    return functional.pad(activation.apply(sums[..., :there], own), (0, network.width - there))


def train_reference(
    protocol: Protocol,
    rows: Rows,
    initial: NDArray[np.float32],
    orders: NDArray[np.uint64] | None = None,
    test: Rows | None = None,
    *,
    keep_parameters: bool = False,
    snapshots: Sequence[int] = (),
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
) -> TrainingResult:
    """Train networks; see :func:`relusweep.tasks.training.train` for the arguments, which are trusted here.

    Parameters
    ----------
    protocol, rows, initial, orders, test, keep_parameters, snapshots
        As for :func:`relusweep.tasks.training.train`; no orders mean batches of all rows.
    dtype : torch.dtype
        Precision of the computation.
    device : str
        A PyTorch device.

    Returns
    -------
    TrainingResult
    """
    network = protocol.network
    result = TrainingResult.empty(
        len(initial),
        network.n_parameters,
        parameters=keep_parameters,
        test=test is not None,
        snapshots=len(snapshots),
    )
    going = _Stack(protocol, rows, initial, orders, dtype, device)
    for epoch in range(protocol.epochs + 1):
        last = epoch == protocol.epochs
        if result.snapshots is not None and epoch in snapshots:
            at = list(snapshots).index(epoch)
            result.snapshots[going.running.cpu(), at] = going.parameters.detach().cpu().numpy()
        if orders is None or last or protocol.stop == "first_success" or going.watch.ended.any():
            going.look()
            stopped = torch.ones_like(going.finite) if last else going.has_stopped()
            if stopped.any():
                going.record(result, stopped, epoch, test)
                going.drop(stopped)
            if not len(going.running):
                break
        going.train(epoch)
    return result


_Part = tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]  # inputs, targets and weights of some rows


class _Stack:
    """The networks still in training, and what was last seen of them."""

    def __init__(
        self,
        protocol: Protocol,
        rows: Rows,
        initial: NDArray[np.float32],
        orders: NDArray[np.uint64] | None,
        dtype: torch.dtype,
        device: str,
    ) -> None:
        self.protocol = protocol
        self.inputs, self.targets = (torch.tensor(a, dtype=dtype, device=device) for a in rows[:2])
        self.weights = None
        if rows.weights is not None:
            self.weights = torch.tensor(rows.weights, dtype=dtype, device=device)
        self.running = torch.arange(len(initial), device=device)
        self.parameters = torch.tensor(initial, dtype=dtype, device=device, requires_grad=True)
        self.optimizer = optimizer_of(protocol.optimizer, self.parameters)
        self.steps: torch.Tensor | None = None
        self.taps: list[Tap] | None = None
        self.pull = Pull(protocol.pull)
        self.watch = Watch(protocol, self.parameters)
        self.factors = rate_factors(protocol.schedule or Schedule(), protocol.epochs)
        self.keys = orders
        self.order = None if orders is None else np.tile(np.arange(rows.n_rows), (len(orders), 1))

    def look(self) -> None:
        """See what the networks make of all rows; with orders of batches, without gradients."""
        with torch.set_grad_enabled(self.order is None):
            inputs, targets, weights = self._of_running()
            outputs = self._outputs(inputs)
            self.losses, self.right = judge(self.protocol, outputs, targets, weights)
            self.finite = outputs.isfinite().flatten(1).all(dim=1)
        if self.order is None:
            self.watch.end(self.losses.detach())
        self.succeeded = self.right >= self.protocol.rows_for_success(outputs.shape[1])

    def has_stopped(self) -> torch.Tensor:
        if self.order is not None and self.protocol.stop != "first_success":
            return self.watch.ended
        at_success = self.succeeded & (self.protocol.stop == "first_success")
        return at_success | self.watch.ended | ~self.finite

    def record(self, result: TrainingResult, stopped: torch.Tensor, epoch: int, test: Rows | None) -> None:
        now, at = self.running[stopped].cpu().numpy(), stopped.cpu().numpy()
        finite, right = self.finite.cpu().numpy()[at], self.right.cpu().numpy()[at]
        success = self.succeeded.cpu().numpy()[at] & finite
        ended = self.watch.ended.cpu().numpy()[at]
        met = success if self.protocol.stop == "first_success" else ended
        reason = np.where(met, self.protocol.reason, StopReason.EPOCHS)
        result.stop_reason[now] = np.where(finite, reason, StopReason.NOT_FINITE)
        result.success_epoch[now[success]] = epoch
        result.epochs[now] = epoch
        result.rows_right[now] = right
        result.loss[now] = self.losses.detach().cpu().numpy()[at]
        parameters = self.parameters.detach()[stopped]
        if result.parameters is not None:
            result.parameters[now] = parameters.cpu().numpy()
        if test is not None and result.test_rows_right is not None and result.test_loss is not None:
            x = test.inputs[now] if test.inputs.ndim == 3 else test.inputs
            inputs, targets = (torch.as_tensor(a).to(parameters) for a in (x, test.targets[now]))
            losses, right_of_test = judge(
                self.protocol, logits(self.protocol.network, parameters, inputs), targets
            )
            result.test_loss[now], result.test_rows_right[now] = losses.cpu(), right_of_test.cpu()

    def drop(self, stopped: torch.Tensor) -> None:
        """Let go of networks, with their gradients and moments."""
        going = ~stopped
        self.running, old, state = self.running[going], self.parameters, self.optimizer.state[self.parameters]
        if self.order is None and len(self.running):
            self._differentiate(self.losses)
        self.parameters = old.detach()[going].requires_grad_()
        if old.grad is not None:
            self.parameters.grad = old.grad[going]
        if self.steps is not None:
            self.steps = self.steps[going]
        self.pull.keep(going)
        self.watch.keep(going)
        self.losses = self.losses.detach()[going]
        self.optimizer = optimizer_of(self.protocol.optimizer, self.parameters)
        if state:
            self.optimizer.state[self.parameters] = {
                name: value[going] if isinstance(value, torch.Tensor) and value.ndim else value
                for name, value in state.items()
            }

    def train(self, epoch: int) -> None:
        """Make the updates of one epoch."""
        for group in self.optimizer.param_groups:
            group["lr"] = (
                self.protocol.optimizer.learning_rate * self.factors[min(epoch, len(self.factors) - 1)]
            )
        if self.order is None:
            if self.parameters.grad is None:
                self._differentiate(self.losses)
            self._update()
            self.watch.reduce(self.losses.detach(), epoch)
            return
        total = torch.zeros_like(self.watch.reduced)
        for x, y, weights in self._batches(epoch):
            losses, _ = judge(self.protocol, self._outputs(x), y, weights)
            total += losses.detach() * y.shape[1]
            self._differentiate(losses)
            self._update()
        self.losses = total / self.targets.shape[1]
        self.watch.end(self.losses)
        self.watch.reduce(self.losses, epoch)

    def _outputs(self, inputs: torch.Tensor) -> torch.Tensor:
        """Compute outputs, and tap the hidden layers where rules or the pull ask for it."""
        tapped = self.protocol.rules is not None or self.protocol.pull > 0
        self.taps = [] if tapped and torch.is_grad_enabled() else None
        return logits(self.protocol.network, self.parameters, inputs, self.taps)

    def _differentiate(self, losses: torch.Tensor) -> None:
        """Find the gradient and, of what follows rules instead, the steps."""
        if self.protocol.orthogonality:
            apart = orthogonality(self.protocol.network, self.parameters)
            losses = losses + self.protocol.orthogonality * apart
        if self.protocol.l1:
            losses = losses + self.protocol.l1 * self.parameters.abs().sum(dim=1)
        if self.protocol.pull and self.taps is not None:
            losses = losses + self.pull.penalty([tap.outputs for tap in self.taps])
        losses.sum().backward()
        if self.protocol.rules and self.taps and self.parameters.grad is not None:
            network, rules = self.protocol.network, self.protocol.rules
            self.steps = own_steps(network, rules, self.taps)
            self.parameters.grad[:, ruled(network, rules).flatten()] = 0

    def _update(self) -> None:
        if self.protocol.clip_norm and self.parameters.grad is not None:
            lengths = self.parameters.grad.norm(dim=1, keepdim=True)
            self.parameters.grad *= (self.protocol.clip_norm / (lengths + 1e-6)).clamp(max=1)
        before = self.parameters.detach().clone()
        self.optimizer.step()
        self.optimizer.zero_grad()
        with torch.no_grad():
            # Every optimiser's step is proportional to its rate, which PyTorch has one of.
            self.parameters.copy_(before.lerp(self.parameters, self.watch.reduced[:, None]))
            if self.steps is not None:
                self.parameters += self.steps

    def _batches(self, epoch: int) -> Iterator[_Part]:
        """Go through the rows of each network in an order of its own."""
        assert self.order is not None  # for the type checker: there are orders
        assert self.keys is not None
        running = self.running.cpu().numpy()
        for network in running:
            following_order(self.keys[network], epoch, self.order[network])
        order = torch.as_tensor(self.order[running], device=self.running.device)
        inputs, targets, weights = self._of_running()
        for part in order.split(self.protocol.batch_of(order.shape[1]), dim=1):
            everyone = torch.arange(len(part), device=part.device)[:, None]
            yield (
                inputs[everyone, part] if inputs.ndim == 3 else inputs[part],
                targets[everyone, part],
                None if weights is None else weights[everyone, part],
            )

    def _of_running(self) -> _Part:
        inputs = self.inputs[self.running] if self.inputs.ndim == 3 else self.inputs
        return (
            inputs,
            self.targets[self.running],
            None if self.weights is None else self.weights[self.running],
        )


def judge(
    protocol: Protocol,
    outputs: torch.Tensor,
    targets: torch.Tensor,
    weights: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Give the loss and the number of right rows of each network; rows of weight 0 are right.

    Parameters
    ----------
    protocol : Protocol
    outputs : Tensor of shape (n_networks, n_rows) or (n_networks, n_rows, n_outputs)
    targets : Tensor of shape (n_networks, n_rows) or (n_networks, n_rows, n_targets)
    weights : Tensor of shape (n_networks, n_rows), optional

    Returns
    -------
    losses, right : Tensor of shape (n_networks,)
    """
    if protocol.loss == "cross_entropy":
        losses, right = _of_classes(outputs, targets.long())
    else:
        losses = _errors(protocol, outputs, targets)
        right = (outputs - protocol.threshold) * (targets - protocol.threshold) > 0
        if outputs.ndim == 3:
            losses, right = losses.mean(dim=2), right.all(dim=2)
    if weights is not None:
        losses, right = losses * weights, right | (weights == 0)
    return losses.mean(dim=1), right.sum(dim=1)


def _errors(protocol: Protocol, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Give the loss of each output, of losses that have one target for each."""
    if protocol.loss == "bce":
        return functional.softplus(-targets * outputs)
    if protocol.loss == "hinge":
        return (1 - targets * outputs).relu()
    if protocol.loss == "huber":
        return functional.huber_loss(outputs, targets, reduction="none", delta=protocol.huber_delta)
    return (outputs - targets) ** 2


def _of_classes(outputs: torch.Tensor, classes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Give the cross-entropy of each row, and whether the output of its class is above all others."""
    own = outputs.gather(2, classes[..., None])
    others = outputs.scatter(2, classes[..., None], -torch.inf)
    return (outputs.logsumexp(dim=2) - own[..., 0]), (own > others).all(dim=2)


def optimizer_of(rule: Optimizer, parameters: torch.Tensor) -> torch.optim.Optimizer:
    """Give PyTorch's optimiser of stacked parameters."""
    own: dict[str, Any] = {"lr": rule.learning_rate, "weight_decay": rule.weight_decay}
    if isinstance(rule, Adam):
        kind = torch.optim.AdamW if isinstance(rule, AdamW) else torch.optim.Adam
        return kind([parameters], betas=(rule.beta1, rule.beta2), eps=rule.epsilon, **own)
    if isinstance(rule, RmsProp):
        return torch.optim.RMSprop([parameters], alpha=rule.alpha, eps=rule.epsilon, **own)
    return torch.optim.SGD([parameters], momentum=rule.momentum, nesterov=rule.nesterov, **own)
