"""Networks of one input that fit the sine, each started again until it fits better than the zero function."""

import math
from dataclasses import dataclass
from time import thread_time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.blocks import BlockResult
from relusweep.tasks.elementary import cos_sin_turn
from relusweep.tasks.networks import Network
from relusweep.tasks.regions import linear_pieces
from relusweep.tasks.streams import Stream
from relusweep.tasks.training.engine import Engine, prepare
from relusweep.tasks.training.protocol import Protocol, StopReason
from relusweep.tasks.training.restarts import Restarts, RestartsResult, train_with_restarts

__all__ = ["FitBlock", "Points", "fit_block", "sine_points"]


class Points(NamedTuple):
    """Points of the sine.

    Attributes
    ----------
    inputs : ndarray of shape (n_points, 1), dtype float32
    targets : ndarray of shape (n_points,), dtype float32
    """

    inputs: NDArray[np.float32]
    targets: NDArray[np.float32]


def sine_points(count: int) -> Points:
    """Give uniformly spaced points of [−π, π], both ends among them, and their sines.

    Sines are those of the points before these are rounded to float32. All bits are the same on every
    processor.

    Parameters
    ----------
    count : int
        At least 2.

    Returns
    -------
    Points

    Raises
    ------
    ValueError
        If there are fewer than 2 points.

    Examples
    --------
    >>> sine_points(5).targets.tolist()
    [0.0, -1.0, 0.0, 1.0, 0.0]
    """
    if count < 2:
        raise ValueError(f"{count} points cannot hold both ends of the interval; allowed is 2 or more")
    half_circle = count - 1
    places = range(-half_circle, count, 2)
    inputs = [[math.pi * place / half_circle] for place in places]
    turns = [place % (2 * half_circle) / (2 * half_circle) for place in places]
    targets = [cos_sin_turn(turn)[1] + 0.0 for turn in turns]  # -0.0 is 0.0
    return Points(np.array(inputs, np.float32), np.array(targets, np.float32))


@dataclass(frozen=True)
class FitBlock:
    """What to train: one network, a range of trials.

    Parameters
    ----------
    protocol : Protocol
        Of one try, with the network.
    restarts : Restarts
    seed : int
        Of the sweep.
    points : int
        Points of the sine.
    trial_start, trial_stop : int
        Half-open range of trial numbers.
    n_parameters, n_pieces : int
        Room for the parameters of a network, and for its pieces.
    engine : {'auto', 'lanes', 'reference'}
    """

    protocol: Protocol
    restarts: Restarts
    seed: int
    points: int
    trial_start: int
    trial_stop: int
    n_parameters: int
    n_pieces: int
    engine: Engine = "auto"


def fit_block(block: FitBlock) -> BlockResult:
    """Train all networks of a block and cut them into their linear pieces; the same bits anywhere.

    Parameters
    ----------
    block : FitBlock

    Returns
    -------
    BlockResult
        Of arrays of shape (n_trials,): ``success_epoch`` int32, the epochs of a try where one met the bar and
        −1 where none did; ``tries`` int32; ``try_loss`` and ``loss`` float32, after the try that was kept and
        at the end; ``stop_reason`` int8; ``n_pieces`` int32. Of arrays of shape (n_trials, block.n_pieces),
        float64, from left to right, NaN behind the last piece: ``piece_start``, ``piece_stop``, ``slope`` and
        ``intercept``, all within [−π, π]. And ``parameters`` float32 of shape (n_trials, block.n_parameters).
        Networks that ended with outputs that are not finite have no pieces; of those with more pieces than
        there is room for, the last ones are left out.
    """
    compile_seconds = prepare(block.protocol, block.points, block.engine)
    begin = thread_time()
    result = _train(block)
    epochs = int(result.tries.sum()) * block.protocol.epochs + int(result.training.epochs.sum())
    return BlockResult(_arrays(block, result), epochs, thread_time() - begin, compile_seconds)


def _train(block: FitBlock) -> RestartsResult:
    inputs, targets = sine_points(block.points)
    trials = range(block.trial_start, block.trial_stop)
    return train_with_restarts(
        block.protocol,
        block.restarts,
        inputs,
        np.tile(targets, (len(trials), 1)),
        [_starts(block, trial) for trial in trials],
        engine=block.engine,
        keep_parameters=True,
    )


def _arrays(block: FitBlock, result: RestartsResult) -> dict[str, NDArray[np.generic]]:
    training, parameters = result.training, result.training.parameters
    assert parameters is not None  # for the type checker: they were asked for
    met = result.try_loss <= block.restarts.bar
    finite = np.flatnonzero(training.stop_reason != StopReason.NOT_FINITE)
    return {
        "success_epoch": np.where(met, block.protocol.epochs, -1).astype(np.int32),
        "tries": result.tries,
        "try_loss": result.try_loss,
        "loss": training.loss,
        "stop_reason": training.stop_reason,
        **_pieces(block.protocol.network, parameters, finite, block.n_pieces),
        "parameters": _padded(parameters, block.n_parameters),
    }


def _starts(block: FitBlock, trial: int) -> Stream:
    """Name the stream that the tries of a trial start from."""
    network = block.protocol.network
    shape = (network.width, network.depth, float(network.leak), network.bias)
    return Stream(("sine starts", block.seed, *shape, trial))


def _pieces(
    network: Network, parameters: NDArray[np.float32], finite: NDArray[np.intp], room: int
) -> dict[str, NDArray[np.generic]]:
    """Lay out the pieces of each network in a row of its own."""
    pieces = linear_pieces(network, parameters[finite], -math.pi, math.pi)
    row = finite[pieces.network]
    counts = np.bincount(row, minlength=len(parameters))
    column = np.arange(len(row)) - (np.cumsum(counts) - counts)[row]
    inside = column < room

    def laid_out(values: NDArray[np.float64]) -> NDArray[np.float64]:
        rows = np.full((len(counts), room), np.nan)
        rows[row[inside], column[inside]] = values[inside]
        return rows

    return {
        "n_pieces": counts.astype(np.int32),
        "piece_start": laid_out(pieces.start),
        "piece_stop": laid_out(pieces.stop),
        "slope": laid_out(pieces.slope),
        "intercept": laid_out(pieces.intercept),
    }


def _padded(parameters: NDArray[np.float32], room: int) -> NDArray[np.float32]:
    padded = np.full((len(parameters), room), np.nan, np.float32)
    padded[:, : parameters.shape[1]] = parameters
    return padded
