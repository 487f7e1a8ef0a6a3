"""The watched loss of stacked networks: which of them end, and whose learning rates are reduced."""

import math

import torch
from torch import Tensor

from relusweep.tasks.training.optimizers import Schedule
from relusweep.tasks.training.protocol import Protocol

__all__ = ["Watch"]


class Watch:
    """What the losses of networks have come to after some epochs, as `stop` and the schedule ask for it.

    Parameters
    ----------
    protocol : Protocol
    parameters : Tensor of shape (n_networks, n_parameters)
        Whose dtype and device it takes.

    Attributes
    ----------
    ended : Tensor of shape (n_networks,), bool
    reduced : Tensor of shape (n_networks,)
        What a schedule that waits for a plateau has come to multiply the learning rates by.
    """

    def __init__(self, protocol: Protocol, parameters: Tensor) -> None:
        self._protocol, self._schedule = protocol, protocol.schedule or Schedule()
        self.ended = parameters.new_zeros(len(parameters), dtype=torch.bool)
        self.reduced = parameters.new_ones(len(parameters))
        self._stays, self._waits = _Lowest(self.reduced), _Lowest(self.reduced)

    def end(self, losses: Tensor) -> None:
        """Find which networks end after an epoch with these losses, of shape (n_networks,)."""
        protocol, target, most = self._protocol, self._protocol.target_loss, self._protocol.most_loss
        if protocol.stop == "plateau" and protocol.patience is not None:
            self.ended = self._stays.after(losses, protocol.min_improvement) > protocol.patience
        elif protocol.stop == "target_loss" and target is not None:
            self.ended = losses <= target
        elif protocol.stop == "divergence" and most is not None:
            self.ended = losses > most
        if protocol.stop not in ("first_success", "last_epoch"):
            self.ended = self.ended | losses.isnan()

    def reduce(self, losses: Tensor, epoch: int) -> None:
        """Find the rates that follow an epoch with these losses, of shape (n_networks,)."""
        schedule = self._schedule
        if schedule.kind == "plateau" and epoch >= schedule.warmup:
            late = self._waits.after(losses, schedule.threshold) > schedule.patience
            lower = (self.reduced * schedule.factor).clamp(min=schedule.floor)
            self.reduced = torch.where(late, lower, self.reduced)
            self._waits.epochs[late] = 0

    def keep(self, going: Tensor) -> None:
        """Forget all networks but some."""
        self.ended, self.reduced = self.ended[going], self.reduced[going]
        self._stays.keep(going)
        self._waits.keep(going)


class _Lowest:
    """The lowest losses so far, and how many epochs followed them."""

    def __init__(self, like: Tensor) -> None:
        self.loss = torch.full_like(like, math.inf)
        self.epochs = torch.zeros_like(like, dtype=torch.int64)

    def after(self, losses: Tensor, least: float) -> Tensor:
        """Count an epoch where the loss is not lower by so large a share, and give the counts."""
        lower = losses < self.loss * (1 - least)
        self.loss = torch.where(lower, losses, self.loss)
        self.epochs = torch.where(lower, 0, self.epochs + 1)
        return self.epochs

    def keep(self, going: Tensor) -> None:
        self.loss, self.epochs = self.loss[going], self.epochs[going]
