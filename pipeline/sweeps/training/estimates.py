"""What the networks of a setting take: multiply-adds, seconds and bytes, so that plans are good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from relusweep.pipeline.sweeps.training.of_setting import (
    network_of,
    pretraining_of,
    protocol_of,
    restarts_of,
)
from relusweep.tasks.axes import Setting
from relusweep.tasks.networks import Network
from relusweep.tasks.probes import Cost, Extent, Probe
from relusweep.tasks.problems import Problem
from relusweep.tasks.training.memory import bytes_of_block

__all__ = ["Estimates"]

_SPEED, _CACHED = 4e10, 40_000
"""Multiply-adds a second of one thread, and parameters at which it is half as fast: as measured, about."""
_LOSS, _SHUFFLE, _UNIT, _TRIANGLE = 50.0, 200.0, 40.0, 35.0
"""Cost in multiply-adds of the loss of a row, of its place in an order, of a hidden unit with another
activation than ReLU, and of a triangle: as measured, about."""


@dataclass(frozen=True)
class Estimates:
    """What networks of a problem take, with what is kept of them.

    Attributes
    ----------
    problem : Problem
    probes : sequence of Probe
    extent : Extent
        Of the sweep.
    """

    problem: Problem
    probes: Sequence[Probe]
    extent: Extent

    def cost(self, setting: Setting, n_networks: int) -> float:
        """Estimate the multiply-adds."""
        network, rows = network_of(self.problem, setting), self.problem.n_rows_of(setting)
        pretraining = pretraining_of(setting)
        before = pretraining.epochs * network.depth if pretraining else 0
        shuffle = _SHUFFLE if 0 < setting["batch"] < rows else 0.0
        units = 0.0 if network.activation == "relu" else _UNIT * network.width * network.depth
        of_row = 6.0 * network.n_parameters + units + _LOSS + shuffle
        training = rows * (self._epochs(setting, network) * of_row + before * _TRIANGLE)
        return n_networks * (training + sum(cost.work for cost in self._probing(setting)))

    def seconds(self, setting: Setting, n_networks: int) -> float:
        """Estimate the time of one thread: wide networks leave the processor's caches, and are slower."""
        n_parameters = network_of(self.problem, setting).n_parameters
        return self.cost(setting, n_networks) / _SPEED * (1 + n_parameters / _CACHED)

    def memory(self, setting: Setting, n_labels: int, n_trials: int) -> float:
        """Estimate the bytes of networks while they train and are looked at, without the results."""
        snapshots = {epoch for probe in self.probes for epoch in probe.epochs(self.extent)}
        n_parameters = network_of(self.problem, setting).n_parameters
        networks = bytes_of_block(n_parameters, n_labels, n_trials, len(snapshots))
        return networks + max(cost.memory for cost in self._probing(setting))

    def _epochs(self, setting: Setting, network: Network) -> float:
        epochs = protocol_of(self.problem, setting).epochs
        expected = self.problem.epochs_expected(setting, network.n_parameters, epochs)
        if restarts := restarts_of(setting):
            # A layer of ReLU is off everywhere with a chance of about one half to the power of its width,
            # and a network with such a layer cannot learn: a rule of thumb that the tries of `sine` follow.
            alive = 1.0 if network.leak else (1 - 0.5**network.width) ** network.depth
            tries = min(1 / alive, 1.0 + restarts.most) + 1
            expected = tries * expected + restarts.further_epochs
        return expected

    def _probing(self, setting: Setting) -> list[Cost]:
        protocol, rows = protocol_of(self.problem, setting), self.problem.n_rows_of(setting)
        return [probe.cost(setting, protocol, rows) for probe in self.probes]
