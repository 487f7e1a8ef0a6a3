"""One block of a Boolean sweep: some functions, one network, a range of trials."""

from dataclasses import dataclass
from time import thread_time

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks import networks
from relusweep.tasks.blocks import BlockResult
from relusweep.tasks.boolean.functions import named_tables
from relusweep.tasks.boolean.truth_tables import inputs, truth_table
from relusweep.tasks.networks import Network
from relusweep.tasks.streams import Stream
from relusweep.tasks.training.engine import Engine, prepare, train
from relusweep.tasks.training.protocol import Protocol

__all__ = ["TrainingBlock", "initial_parameters", "train_block"]


@dataclass(frozen=True)
class TrainingBlock:
    """What to train: every function, from the initial parameters of each trial.

    Parameters
    ----------
    protocol : Protocol
        With the network.
    seed : int
        Of the sweep.
    functions : tuple of int or of str
        Functions of ``protocol.network.n_inputs`` inputs: ids, or names of
        :mod:`relusweep.tasks.boolean.functions`.
    trial_start, trial_stop : int
        Half-open range of trial numbers.
    engine : {'auto', 'lanes', 'reference'}
    """

    protocol: Protocol
    seed: int
    functions: tuple[int | str, ...]
    trial_start: int
    trial_stop: int
    engine: Engine = "auto"


def initial_parameters(
    network: Network, seed: int, function: int | str, trials: range
) -> NDArray[np.float32]:
    """Draw the initial parameters of a function's trials, from one stream for each function, size and leak.

    Parameters
    ----------
    network : Network
    seed : int
    function : int or str
        Id or name of the function.
    trials : range
        Consecutive trial numbers.

    Returns
    -------
    ndarray of shape (len(trials), network.n_parameters), dtype float32
    """
    shape = (network.n_inputs, network.width, network.depth, float(network.leak), network.bias)
    return networks.initial_parameters(network, Stream(("boolean starts", seed, function, *shape)), trials)


def train_block(block: TrainingBlock) -> BlockResult:
    """Train all networks of a block; the same block gives the same bits anywhere.

    Parameters
    ----------
    block : TrainingBlock

    Returns
    -------
    BlockResult
        Of arrays of shape (n_functions, n_trials): ``success_epoch`` int32, ``rows_right`` int16, ``loss``
        float32 and ``stop_reason`` int8, as in :class:`relusweep.tasks.training.TrainingResult`.
    """
    network = block.protocol.network
    compile_seconds = prepare(block.protocol, 2**network.n_inputs, block.engine)
    trials = range(block.trial_start, block.trial_stop)
    shape = (len(block.functions), len(trials))
    initial = np.empty((*shape, network.n_parameters), np.float32)
    for function, room in zip(block.functions, initial, strict=True):
        room[:] = initial_parameters(network, block.seed, function, trials)
    tables = _tables(block.functions, network.n_inputs, block.seed)
    begin = thread_time()
    result = train(
        block.protocol,
        inputs(network.n_inputs),
        np.repeat(tables, len(trials), axis=0),
        initial.reshape(-1, network.n_parameters),
        engine=block.engine,
    )
    arrays: dict[str, NDArray[np.generic]] = {
        "success_epoch": result.success_epoch,
        "rows_right": result.rows_right.astype(np.int16),
        "loss": result.loss,
        "stop_reason": result.stop_reason,
    }
    return BlockResult(
        {name: array.reshape(shape) for name, array in arrays.items()},
        int(result.epochs.sum(dtype=np.int64)),
        thread_time() - begin,
        compile_seconds,
    )


def _tables(functions: tuple[int | str, ...], n: int, seed: int) -> NDArray[np.int8]:
    names = [function for function in functions if isinstance(function, str)]
    return named_tables(names, n, seed) if names else truth_table(np.array(functions, np.uint64), n)
