"""What is handed to the kernels of the engine `lanes`: data, rules, rates, and the memory they work on."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.compiled import LANES
from relusweep.tasks.networks import Network, places_of
from relusweep.tasks.training import _decomposed, _losses, _units, _updates, gather
from relusweep.tasks.training._layers import BEFORE, HIDDEN, layers_of
from relusweep.tasks.training.optimizers import Adam, AdamW, Optimizer, RmsProp, Schedule, Sgd
from relusweep.tasks.training.protocol import Protocol, Rows
from relusweep.tasks.training.simd import bank

__all__ = ["PIECE", "Data", "constants_of", "data_of", "is_plain", "memory_of", "rule_of", "schedule_of"]

PIECE = 20
"""Rows that go through the layers at a time."""


class Data(NamedTuple):
    """What is each network's own, or that of all."""

    inputs: NDArray[np.float32]  # (n_networks or 1, n_rows, n_inputs)
    targets: NDArray[np.float32]  # (n_networks or 1, n_rows, numbers), a weight last where rows have one
    initial: NDArray[np.float32]
    keys: NDArray[np.uint64]
    points: NDArray[np.int64]  # epochs after which snapshots are taken
    snapshots: NDArray[np.float32]  # (n_networks, n_points, n_parameters), written


def data_of(
    rows: Rows,
    initial: NDArray[np.float32],
    orders: NDArray[np.uint64] | None = None,
    points: Sequence[int] = (),
    snapshots: NDArray[np.float32] | None = None,
) -> Data:
    """Give data and starts in arrays of one layout; targets that are the same for all networks once."""
    inputs = rows.inputs if rows.inputs.ndim == 3 else rows.inputs[None]
    keys = np.zeros(0, np.uint64) if orders is None else orders
    targets = rows.targets if rows.targets.ndim == 3 else rows.targets[..., None]
    if rows.weights is not None:
        targets = np.concatenate([targets, rows.weights[..., None]], axis=2)
    bits = np.ascontiguousarray(targets).view(np.int32)
    if len(bits) and (bits == bits[0]).all():
        targets = targets[:1]
    # Numba would compile anew for arrays that lie otherwise or are read-only.
    return Data(
        np.require(inputs, requirements=("C", "W")),
        np.require(targets, requirements=("C", "W")),
        np.require(initial, requirements=("C", "W")),
        np.require(keys, requirements=("C", "W")),
        np.array(points, np.int64),
        np.zeros((0, 0, 0), np.float32) if snapshots is None else snapshots,
    )


class _Rule(NamedTuple):
    """What is the same for all networks."""

    n_inputs: int
    n_outputs: int
    n_targets: int
    weighted: bool  # whether rows have weights
    single: bool  # whether they have one target and no weight
    size: int  # numbers of a row, with a one for the bias
    width: int  # of the widest layer
    depth: int
    residual: bool
    skips: bool  # whether something skips layers
    group: int  # sums of a unit
    n_weights: int  # before the scalars of units
    n_scalars: int  # of a unit
    activation: int  # of `_units.CODES`; of a list that of the first layer
    leak: float
    batch: int  # rows of an update, but for the last one of an epoch
    piece: int  # of which so many at a time
    loss: int  # of `_losses.CODES`
    delta: float  # of Huber's loss
    threshold: float
    early: bool  # whether success ends the training
    wrong: float  # that many and a half of the rows may be on the wrong side
    epochs: int
    kink_rate: float  # of rules of biases and scalars; 0 where they follow the optimiser
    slope_rate: float
    sharp_by_rule: bool
    pull: float
    orthogonality: float
    optimizer: int  # of `_updates`
    beta1: float  # or the momentum
    beta2: float  # or alpha
    regularised: bool  # whether there is something of the next four
    l1: float
    clip_norm: float
    decay: float  # of weights, by the gradient,
    shrink: float  # or of an update of the full rate
    scheduled: bool  # whether the rate changes with the epochs
    watched: bool  # whether the losses of epochs matter
    watch: "_Watch"


class _Watch(NamedTuple):
    """What losses of epochs do; what is not asked for never happens."""

    ends: bool  # whether they end the training, where they
    target_loss: float  # are at most this,
    most_loss: float  # above this,
    patience: int  # or not lower for more epochs than these, if they are not negative,
    min_improvement: float  # by such a share
    reduce_patience: int  # and where they reduce the rate
    reduce_threshold: float
    reduce_by: float
    reduce_floor: float
    warmup: int


def rule_of(protocol: Protocol, data: Data, batch: int) -> _Rule:
    """Give what is the same for all networks, in updates of so many rows."""
    network, optimizer, rules = protocol.network, protocol.optimizer, protocol.rules
    n_rows, weighted = data.inputs.shape[1], data.targets.shape[2] > protocol.n_targets
    wrong = n_rows - protocol.rows_for_success(n_rows)
    code, beta1, beta2 = constants_of(optimizer)
    l1, longest, decay, shrink = _regularisation(protocol)
    watch = _watching(protocol)
    return _Rule(
        network.n_inputs,
        network.n_outputs,
        protocol.n_targets,
        weighted,
        network.n_outputs == 1 and not weighted,
        _size(data),
        network.width,
        network.depth,
        network.skip == "residual",
        network.skip != "none",
        network.group,
        sum(fan_out * (fan_in + 1) for fan_out, fan_in in network.true_layers),
        network.n_scalars,
        _codes(network)[0],
        network.leak,
        batch,
        min(PIECE, batch),
        _losses.CODES[protocol.loss],
        protocol.huber_delta,
        protocol.threshold,
        protocol.stop == "first_success",
        wrong + 0.5,
        protocol.epochs,
        *((rules.kink_rate, rules.slope_rate, rules.sharpness == "rule") if rules else (0.0, 0.0, False)),
        protocol.pull,
        protocol.orthogonality,
        code,
        beta1,
        beta2,
        any((l1, longest, decay, shrink)),
        l1,
        longest,
        decay,
        shrink,
        protocol.schedule is not None,
        watch.ends or watch.reduce_patience >= 0,
        watch,
    )


def _size(data: Data) -> int:
    """Count the numbers of a row: inputs, a one for the bias, targets, and its weight if it has one."""
    return int(data.inputs.shape[2] + 1 + data.targets.shape[2])


def is_plain(protocol: Protocol) -> bool:
    """Tell whether the kernel of ReLU trains the networks, not that of `_units`."""
    without = not (protocol.pull or protocol.orthogonality) and protocol.network.skip == "none"
    return without and protocol.network.activation == "relu"


def _codes(network: Network) -> list[int]:
    """Give the code of each hidden layer's activation."""
    names = network.activation.split("-")
    return [_units.CODES[name] for name in (names if len(names) > 1 else names * network.depth)]


def constants_of(optimizer: Optimizer) -> tuple[int, float, float]:
    """Give the code of an optimiser, and how its moments decay."""
    if isinstance(optimizer, Adam):
        return _updates.ADAM, optimizer.beta1, optimizer.beta2
    if isinstance(optimizer, RmsProp):
        return _updates.RMSPROP, 0.0, optimizer.alpha
    return _updates.NESTEROV if optimizer.nesterov else _updates.DESCENT, optimizer.momentum, 0.0


def _regularisation(protocol: Protocol) -> tuple[float, float, float, float]:
    """Give the strength of L1, the longest gradient, and how weights decay: by it, or apart from it."""
    optimizer, decay = protocol.optimizer, protocol.optimizer.weight_decay
    shrink = optimizer.learning_rate * decay if isinstance(optimizer, AdamW) else 0.0
    return protocol.l1, protocol.clip_norm or 0.0, 0.0 if shrink else decay, shrink


def _watching(protocol: Protocol) -> _Watch:
    stop, schedule = protocol.stop, protocol.schedule or Schedule()
    ends, reduces = stop in ("plateau", "target_loss", "divergence"), schedule.kind == "plateau"
    target, most, patience = protocol.target_loss, protocol.most_loss, protocol.patience
    return _Watch(
        ends,
        target if stop == "target_loss" and target is not None else -1.0,
        most if stop == "divergence" and most is not None else math.inf,
        patience if stop == "plateau" and patience is not None else -1,
        protocol.min_improvement,
        schedule.patience if reduces else -1,
        schedule.threshold,
        schedule.factor,
        schedule.floor,
        schedule.warmup,
    )


def schedule_of(optimizer: Optimizer, updates: int) -> NDArray[np.float32]:
    """Step size and epsilon of each update: shape (n, 2), of which the last goes on.

    Adam's bias correction is folded into them: ``step * m / (sqrt(v) + epsilon)`` equals
    ``rate * m̂ / (sqrt(v̂) + epsilon)``. Powers come from products, whose bits do not depend on a library;
    those below 2**-54 change nothing.
    """
    if isinstance(optimizer, Sgd):
        return np.array([[optimizer.learning_rate, 0]], np.float32)
    if isinstance(optimizer, RmsProp):
        return np.array([[optimizer.learning_rate, optimizer.epsilon]], np.float32)
    betas = [optimizer.beta1, optimizer.beta2]
    slowest = max(*betas, 2.0**-60)
    lasting = math.ceil(-60 * math.log(2) / math.log(slowest))
    powers = np.cumprod(np.broadcast_to(betas, (min(updates, lasting) + 1, 2)), axis=0)
    root = np.sqrt(1 - powers[:, 1])
    return np.stack(
        [optimizer.learning_rate * root / (1 - powers[:, 0]), optimizer.epsilon * root], axis=1
    ).astype(np.float32)


class _Memory(NamedTuple):
    """The vectors that sixteen networks work on."""

    weights: NDArray[np.float32]
    first_moment: NDArray[np.float32]
    second_moment: NDArray[np.float32]
    gradient: NDArray[np.float32]
    rows: NDArray[np.float32]  # all, or a piece of a batch: inputs, a one for the bias, targets, weight
    hidden: NDArray[np.float32]  # activations of each hidden layer; every row ends with a 1 for the bias
    sums: NDArray[np.float32]  # of activations other than ReLU: sums of each hidden layer, then their errors
    sides: NDArray[np.float32]  # of decomposed units: what `_decomposed` says
    running: NDArray[np.float32]  # of pulled units: what `_penalties` says
    inverse_lengths: NDArray[np.float32]  # of rows of a layer's weights that are to be orthogonal
    outputs: NDArray[np.float32]
    slopes: NDArray[np.float32]  # derivatives of the loss by the outputs,
    errors: NDArray[np.float32]  # and by the activations of two hidden layers
    codes: NDArray[np.int64]  # of each hidden layer, of `_units.CODES`
    layers: NDArray[np.int64]  # what `_layers` says
    places: NDArray[np.uint32]  # of the weights among stored parameters
    seen: NDArray[np.float32]  # how many rows are wrong; zero, or NaN where outputs are not finite
    rates: NDArray[np.float32]  # step, epsilon, and what a schedule multiplies the step by
    network: NDArray[np.int64]  # which network each lane holds
    epoch: NDArray[np.int64]  # epochs that it has had
    point: NDArray[np.int64]  # snapshots that it has had
    due: NDArray[np.int64]  # epochs before the next one, or -1
    data: NDArray[np.float32]  # for mini-batches, rows without the ones; (LANES or 1, n_rows, pitch)
    order: NDArray[np.unsignedinteger[Any]]  # and each lane's order of them, (LANES, n_rows)
    words: NDArray[np.uint32]  # what the next order is drawn from
    right: NDArray[np.int64]  # what is seen when training is over: right rows,
    total: NDArray[np.float64]  # the sum of their losses,
    finite: NDArray[np.bool_]  # whether all outputs are finite,
    squares: NDArray[np.float64]  # and the sum of the squares of the gradient
    lowest: NDArray[np.float64]  # where losses are watched: the lowest so far, of `stop` and of the schedule,
    waited: NDArray[np.int64]  # epochs since then,
    reduced: NDArray[np.float64]  # and what the schedule has come to multiply the rate by


def memory_of(protocol: Protocol, data: Data, n_rows: int, batch: int, *, shuffled: bool = False) -> _Memory:
    """Allocate for batches of so many rows, in their own order or shuffled."""
    network, piece, size = protocol.network, min(PIECE, batch), _size(data)
    layers, places = layers_of(network, piece), places_of(network).astype(np.uint32)
    rows, hidden = bank((piece if shuffled else n_rows) * size), bank(layers[-1, HIDDEN])
    rates = bank(3)
    rows[:], hidden[:], rates[2 * LANES :] = 1, 1, 1
    n_units, n_rows_of_weights = layers[-1, BEFORE], network.width * network.group
    n_sums = 0 if is_plain(protocol) else piece * n_units * network.group
    decomposed = network.activation.startswith("decomposed")
    drawn, apart = n_rows if shuffled else 0, gather.pitch(size - 1)
    copies = 1 if len(data.inputs) == len(data.targets) == 1 else LANES
    numbers = copies * drawn * apart
    return _Memory(
        weights=bank(places.size),
        first_moment=bank(places.size),
        second_moment=bank(places.size),
        gradient=bank(places.size),
        rows=rows,
        hidden=hidden,
        sums=bank(n_sums),
        sides=bank(n_units * _decomposed.SUMS if decomposed else 0),
        running=bank(1 + 4 * n_units if protocol.pull else 0),
        inverse_lengths=bank(n_rows_of_weights if protocol.orthogonality else 0),
        outputs=bank(piece * network.n_outputs),
        slopes=bank(piece * network.n_outputs),
        errors=bank(piece * 2 * network.width),
        codes=np.array(_codes(network), np.int64),
        layers=layers,
        places=places,
        seen=bank(2),
        rates=rates,
        network=np.zeros(LANES, np.int64),
        epoch=np.zeros(LANES, np.int64),
        point=np.zeros(LANES, np.int64),
        due=np.zeros(LANES, np.int64),
        data=bank(-(-numbers // LANES))[:numbers].reshape(copies, drawn, apart),
        order=np.zeros((LANES, drawn), np.uint16 if drawn <= 2**16 else np.uint32),
        words=np.zeros((4, -(-drawn // 4)), np.uint32),
        right=np.zeros(LANES, np.int64),
        total=np.zeros(LANES),
        finite=np.zeros(LANES, bool),
        squares=np.zeros(LANES),
        lowest=np.zeros(2 * LANES),
        waited=np.zeros(2 * LANES, np.int64),
        reduced=np.ones(LANES),
    )
