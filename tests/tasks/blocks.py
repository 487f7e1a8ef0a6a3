"""Blocks of training sweeps, as tests of tasks want them: small, and without a specification."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from relusweep.tasks.networks import Network
from relusweep.tasks.probes import Extent, Probe
from relusweep.tasks.probes.outcome import Outcome
from relusweep.tasks.probes.parameters import Parameters
from relusweep.tasks.problems import Problem
from relusweep.tasks.training import Adam, Protocol, Restarts, Sgd
from relusweep.tasks.training.engine import Engine
from relusweep.tasks.training_block import TrainingBlock

NETWORK = {"width": 3, "depth": 1, "activation": "relu", "leak": 0.0, "init": "he_normal", "bias": "uniform"}
PROTOCOL = {"loss": "bce", "batch": 0, "epochs": 12, "stop": "last_epoch", "success": 1.0}


def block(
    problem: Problem,
    labels: tuple[Any, ...] = (None,),
    trials: range = range(3),
    *,
    seed: int = 0,
    optimizer: Adam | Sgd | None = None,
    restarts: Restarts | None = None,
    probes: tuple[Probe, ...] = (Outcome(), Parameters()),
    engine: Engine = "auto",
    room: int | None = None,
    **setting: Any,
) -> TrainingBlock:
    """Give a block of the first label of each axis, unless `setting` has another one."""
    setting = {**_first(problem), **NETWORK, **PROTOCOL, **setting}
    network = Network(
        n_inputs=problem.n_inputs_of(setting),
        n_outputs=problem.n_outputs_of(setting),
        **{name: setting[name] for name in NETWORK},
    )
    protocol = Protocol(
        network=network,
        threshold=problem.threshold(setting),
        optimizer=optimizer or Adam(),
        **{**{name: setting[name] for name in PROTOCOL}, "batch": setting["batch"] or None},
    )
    most_epochs = setting["epochs"] + (restarts.further_epochs if restarts else 0)
    sizes = network.width, network.depth
    extent = Extent(problem, room or network.n_parameters, most_epochs, restarts is not None, *sizes)
    return TrainingBlock(problem, setting, labels, trials, seed, protocol, restarts, probes, extent, engine)


def digest(arrays: Iterable[np.ndarray]) -> str:
    """Digest bytes as they are on a little-endian machine."""
    little_endian = [array.astype(array.dtype.newbyteorder("<")) for array in arrays]
    return hashlib.blake2b(b"".join(a.tobytes() for a in little_endian), digest_size=8).hexdigest()


def equal(some: Mapping[str, np.ndarray], others: Mapping[str, np.ndarray]) -> bool:
    """Whether arrays have the same names, types, shapes and bits."""
    return some.keys() == others.keys() and all(
        (array.dtype, array.shape, array.tobytes())
        == (others[name].dtype, others[name].shape, others[name].tobytes())
        for name, array in some.items()
    )


def _first(problem: Problem) -> dict[str, Any]:
    return next(problem.settings())
