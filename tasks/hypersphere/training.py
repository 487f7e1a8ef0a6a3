"""One block of a sweep of balls and shells: networks of one setting, each with samples of its own."""

from dataclasses import dataclass
from time import thread_time

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks import networks
from relusweep.tasks.blocks import BlockResult
from relusweep.tasks.hypersphere.problems import BallAndShell, Part, Samples, draw_samples
from relusweep.tasks.hypersphere.shapes import classify
from relusweep.tasks.streams import Stream
from relusweep.tasks.training.engine import Engine, prepare, train
from relusweep.tasks.training.protocol import Protocol, StopReason, TrainingResult

__all__ = ["SampleBlock", "train_block"]


@dataclass(frozen=True)
class SampleBlock:
    """What to train: a range of trials, each with its own samples, start and orders of batches.

    Parameters
    ----------
    problem : BallAndShell
        With the number of training samples.
    protocol : Protocol
        With the network and the threshold between the targets.
    targets : tuple of float
        What the network is to give in the ball and in the shell.
    test_samples : int
        Samples that no network is trained on; 0: none.
    seed : int
        Of the sweep.
    trial_start, trial_stop : int
        Half-open range of trial numbers.
    room : int
        Length of the rows of parameters to give back, at least those of the network.
    engine : {'auto', 'lanes', 'reference'}
    """

    problem: BallAndShell
    protocol: Protocol
    targets: tuple[float, float]
    test_samples: int
    seed: int
    trial_start: int
    trial_stop: int
    room: int
    engine: Engine = "auto"

    @property
    def name(self) -> tuple[str | int | float, ...]:
        """Of all random streams of these networks: another setting draws anew."""
        network, batch = self.protocol.network, self.protocol.batch or self.problem.n_samples
        return self.seed, network.n_inputs, self.protocol.loss, network.leak, batch, self.problem.inputs

    @property
    def trials(self) -> range:
        """Trial numbers."""
        return range(self.trial_start, self.trial_stop)

    def samples(self, part: Part) -> Samples:
        """Draw the training or the test samples of every trial."""
        n_samples = self.problem.n_samples if part == "training" else self.test_samples
        problem = self.problem.model_copy(update={"n_samples": n_samples})
        return draw_samples(problem, part, self.name, self.trials)

    def initial_parameters(self) -> NDArray[np.float32]:
        """Draw the parameters that every trial starts from: shape (n_trials, n_parameters)."""
        network = self.protocol.network
        return networks.initial_parameters(
            network, Stream(("hypersphere starts", *self.name, network.bias)), self.trials
        )

    def orders(self) -> NDArray[np.uint64]:
        """Draw what the orders of every trial's batches are drawn from: shape (n_trials,)."""
        return Stream(("hypersphere orders", *self.name)).keys(self.trials)


def train_block(block: SampleBlock) -> BlockResult:
    """Train all networks of a block; the same block gives the same bits anywhere.

    Parameters
    ----------
    block : SampleBlock

    Returns
    -------
    BlockResult
        Of arrays of shape (n_trials,): ``success_epoch`` int32, ``rows_right`` int32, ``train_loss`` float32
        and ``stop_reason`` int8, as in :class:`relusweep.tasks.training.TrainingResult`; where there are test
        samples ``test_rows_right`` int32 and ``test_loss`` float32; ``shape`` int8, ``vertices`` int16,
        ``concave`` int16 and ``misfit`` float32 as in :class:`relusweep.tasks.hypersphere.shapes.Shapes`, of
        networks whose outputs are not finite as of open regions. And ``parameters`` float32 of shape
        (n_trials, block.room), NaN behind those of the network.
    """
    compile_seconds = prepare(block.protocol, block.problem.n_samples, block.engine)
    samples = block.samples("training")
    test = block.samples("test") if block.test_samples else None
    initial, orders = block.initial_parameters(), block.orders()
    begin = thread_time()
    result = train(
        block.protocol,
        samples.inputs,
        _targets(block, samples),
        initial,
        orders=orders,
        test=None if test is None else (test.inputs, _targets(block, test)),
        engine=block.engine,
        keep_parameters=True,
    )
    kernel_seconds = thread_time() - begin
    epochs = int(result.epochs.sum(dtype=np.int64))
    return BlockResult(_arrays(block, result), epochs, kernel_seconds, compile_seconds)


def _targets(block: SampleBlock, samples: Samples) -> NDArray[np.float32]:
    ball, shell = np.array(block.targets, np.float32)
    return np.asarray(np.where(samples.targets < 0, ball, shell))


def _arrays(block: SampleBlock, result: TrainingResult) -> dict[str, NDArray[np.generic]]:
    network, parameters = block.protocol.network, result.parameters
    assert parameters is not None  # for the type checker: they were asked for
    finite = result.stop_reason != StopReason.NOT_FINITE
    shapes = classify(
        network, np.where(finite[:, None], parameters, np.nan), threshold=block.protocol.threshold
    )
    padded = np.full((len(parameters), block.room), np.nan, np.float32)
    padded[:, : network.n_parameters] = parameters
    arrays: dict[str, NDArray[np.generic] | None] = {
        "success_epoch": result.success_epoch,
        "rows_right": result.rows_right,
        "train_loss": result.loss,
        "stop_reason": result.stop_reason,
        "test_rows_right": result.test_rows_right,
        "test_loss": result.test_loss,
        **shapes._asdict(),
        "misfit": shapes.misfit.astype(np.float32),
        "parameters": padded,
    }
    return {name: array for name, array in arrays.items() if array is not None}
