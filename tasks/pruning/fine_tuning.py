"""What networks are trained on again after units were taken out of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.networks import Network
from relusweep.tasks.pruning.units import without_units
from relusweep.tasks.training.engine import Engine, train
from relusweep.tasks.training.protocol import Protocol, TrainingResult

__all__ = ["AT_ONCE", "FineTuning"]

AT_ONCE = 4096
"""Most networks that are trained at a time, so that memory does not grow with their number."""


@dataclass(frozen=True)
class FineTuning:
    """Trained networks, the originals, with what they were trained on.

    Attributes
    ----------
    protocol : Protocol
        Of batches of all rows.
    inputs : ndarray of shape (n_rows, n_inputs) or (n_originals, n_rows, n_inputs)
    targets : ndarray of shape (n_originals, n_rows)
    parameters : ndarray of shape (n_originals, n_parameters), dtype float32
    weights : ndarray of shape (n_originals, n_rows), optional
        What the loss of each row counts, as for `relusweep.tasks.training.train`.
    engine : {'auto', 'lanes', 'cuda', 'reference'}
    """

    protocol: Protocol
    inputs: NDArray[np.generic]
    targets: NDArray[np.generic]
    parameters: NDArray[np.float32]
    weights: NDArray[np.generic] | None = None
    engine: Engine = "auto"

    def of_parts(
        self,
        original: NDArray[np.intp],
        kept: NDArray[np.bool_],
        parameters: NDArray[np.float32] | None = None,
        *,
        keep_parameters: bool = False,
        snapshots: Sequence[int] = (),
    ) -> tuple[Network, TrainingResult]:
        """Train what is left of originals without some of their units, side by side.

        Parameters
        ----------
        original : ndarray of shape (n_networks,)
            Which original each is a part of.
        kept : ndarray of shape (n_networks, depth, width), bool
            Its units.
        parameters : ndarray of shape (n_networks, n_parameters), dtype float32, optional
            Other starts than the original's parameters.
        keep_parameters, snapshots
            As for `relusweep.tasks.training.train`.

        Returns
        -------
        Network
            What the parameters are of.
        TrainingResult
        """
        start = self.parameters[original] if parameters is None else parameters
        small, start = without_units(self.protocol.network, start, kept)
        inputs = self.inputs[original] if self.inputs.ndim == 3 else self.inputs
        result = train(
            self.protocol.model_copy(update={"network": small}),
            inputs,
            self.targets[original],
            start,
            weights=None if self.weights is None else self.weights[original],
            engine=self.engine,
            keep_parameters=keep_parameters,
            snapshots=snapshots,
        )
        return small, result
