"""How alike a pruned network is to its original, and to the one that the other method has left."""

import time
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from relusweep.tasks.blocks import BlockResult
from relusweep.tasks.comparison.affine import RowSpace, fit_affine, mapped_outputs, row_space
from relusweep.tasks.comparison.distances import Distances, Unit
from relusweep.tasks.comparison.measures import cka, cross_entropy, n_right
from relusweep.tasks.comparison.moments import Moments
from relusweep.tasks.images.channels import acting_channels, without_channels
from relusweep.tasks.images.networks import ImageNetworks
from relusweep.tasks.images.parameters import load_row
from relusweep.tasks.images.protocol import PruneMethod
from relusweep.tasks.images.pruning import last_step
from relusweep.tasks.images.reader import Reader
from relusweep.tasks.jacobians.closed import ClosedForm
from relusweep.tasks.outcomes import REFERENCES, Outcome

__all__ = ["SimilarityBlock", "compare_pruned", "similarity_memory"]

_MEASURES: Final = ("cka", "distance", "affine_accuracy", "affine_drop", "cross_entropy")
_OTHER: Final[dict[PruneMethod, PruneMethod]] = {"structural": "magnitude", "magnitude": "structural"}
_PAIRS: Final = ((0, 0), (0, 1), (1, 1))
_AT_ONCE = 64  # images whose rows are computed at a time


@dataclass(frozen=True)
class SimilarityBlock:
    """The pruning of a network by one method.

    Attributes
    ----------
    networks : ImageNetworks
    label : str
        Of the network.
    method : {'structural', 'magnitude'}
    steps : tuple of int
        All of the pruning, from 0.
    every : int
        The network is compared at each step that this divides, and where its pruning ended.
    samples : int
        At most so many training and test images are compared at.
    cutoff : float, optional
        As in :func:`relusweep.tasks.comparison.affine.row_space`.
    unit : {'largest', 'largest_size'}
        Of the coefficients in a distance.
    reader : Reader
        Of the stage ``pruning``.
    """

    networks: ImageNetworks
    label: str
    method: PruneMethod
    steps: tuple[int, ...]
    every: int
    samples: int
    cutoff: float | None
    unit: Unit
    reader: Reader


_Part = tuple[NDArray[np.float32], NDArray[np.int64]]


class _Sample(NamedTuple):
    """Images and classes that networks are compared at."""

    train: _Part
    test: _Part


class _Seen(NamedTuple):
    """What a network does at the images: rows of both parts, and outputs of the test images."""

    train: NDArray[np.float32]
    test: NDArray[np.float32]
    outputs: NDArray[np.float32]


def compare_pruned(block: SimilarityBlock) -> BlockResult:
    """Compare the networks of chosen steps with their original, and with what the other method has left.

    Returns
    -------
    BlockResult
        Of arrays of shape (1, 1, n_steps, 2), float64, the last dimension as in `REFERENCES`: ``cka``,
        ``distance``, ``cross_entropy``, ``affine_accuracy`` of coefficients of the reference mapped to those
        of the pruned network, and ``affine_drop`` from its own. Missing of steps that were not chosen, and
        where there is no network.
    """
    torch.set_num_threads(1)
    started = time.process_time()
    other = _OTHER[block.method]
    own, others = (
        block.reader.read("pruning", "outcome", network=block.label, pruning=method, step=list(block.steps))
        for method in (block.method, other)
    )
    arrays = {name: np.full((1, 1, len(block.steps), len(REFERENCES)), np.nan) for name in _MEASURES}
    sample = _Sample(*(block.networks.data.drawn(part, block.samples) for part in ("train", "test")))
    if chosen := _chosen(block, own):
        references = [_see(block, sample, block.method, 0)]
        if (end := last_step(others)) is not None:
            references.append(_see(block, sample, other, end))
        spaces = [_spaces(reference.train, block.cutoff) for reference in references]
        for step in chosen:
            pruned = _see(block, sample, block.method, step)
            for number, reference in enumerate(zip(references, spaces, strict=True)):
                for name, value in _compare(sample, *reference, pruned, block.unit).items():
                    arrays[name][0, 0, step, number] = value
    return BlockResult(arrays, 0, time.process_time() - started, 0.0)


def similarity_memory(n_train: int, n_test: int, n_outputs: int, n_columns: int) -> int:
    """Most memory that a comparison takes, however many steps there are.

    Parameters
    ----------
    n_train, n_test : int
        Images that networks are compared at.
    n_outputs, n_columns : int
        Of their coefficients.

    Returns
    -------
    int
        Bytes: rows of both references and of a pruned network, test rows of two networks once more, the
        directions of the references' rows, and moments of one output.

    Examples
    --------
    >>> similarity_memory(1000, 1000, 10, 785) / 2**20  # MNIST
    414.4...
    """
    rows = 4 * n_outputs * n_columns * (3 * (n_train + n_test) + 2 * n_test)
    spaces = 2 * 8 * n_outputs * n_columns * min(n_columns, n_train)
    one_output = 8 * (7 * n_columns**2 + 4 * (n_train + n_test) * n_columns)
    return rows + spaces + one_output


def _chosen(block: SimilarityBlock, outcomes: NDArray[np.int8]) -> list[int]:
    """Give the steps at which the network is compared."""
    there = np.flatnonzero(np.isin(outcomes, (Outcome.REACHES_THRESHOLD, Outcome.BELOW_THRESHOLD))).tolist()
    ends = {last_step(outcomes), *there[-1:]}
    return [step for step in there if step % block.every == 0 or step in ends]


def _see(block: SimilarityBlock, sample: _Sample, method: PruneMethod, step: int) -> _Seen:
    """Compute rows and outputs of the network at a step."""
    network = block.networks.build(block.label)
    assert isinstance(network, nn.Sequential)
    row = block.reader.read("pruning", "parameters", network=block.label, pruning=method, step=step)
    load_row(network, row)
    small = without_channels(network, acting_channels(network))
    closed = ClosedForm.of(small, block.networks.data.shape)
    assert closed is not None  # as all our own have
    (train, _), (test, outputs) = (_rows(closed, images) for images, _ in sample)
    return _Seen(train, test, outputs)


def _rows(closed: ClosedForm, images: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give rows and outputs at some images."""
    n, columns = len(images), images[0].size + 1
    rows = np.empty((n, closed.n_outputs, columns), np.float32)
    outputs = np.empty((n, closed.n_outputs), np.float32)
    for start in range(0, n, _AT_ONCE):
        here = slice(start, start + _AT_ONCE)
        passed = closed.pass_on(torch.from_numpy(images[here]))
        rows[here], outputs[here] = closed.rows_of(passed), passed.outputs
    return rows, outputs


def _spaces(rows: NDArray[np.float32], cutoff: float | None) -> list[RowSpace]:
    """Find the directions of the rows of each output, whatever they are mapped to; none if some are NaN."""
    if not np.isfinite(rows).all():
        return []
    spaces = []
    for j in range(rows.shape[1]):  # one at a time, or moments of many columns fill the memory
        moments = Moments(((0, 0),), 1, 1, rows.shape[2])
        moments.update(rows[None, :, j : j + 1])
        spaces.append(row_space(moments.second((0, 0))[0], len(rows), cutoff))
    return spaces


def _compare(
    sample: _Sample, first: _Seen, spaces: list[RowSpace], second: _Seen, unit: Unit
) -> dict[str, float]:
    """Compute all measures from one network to another."""
    images, labels = sample.test
    n, test = len(images), np.stack([first.test, second.test])
    n_outputs, n_columns = test.shape[2:]
    mapped = _mapped(first, second, spaces, images.reshape(n, -1))
    distances = Distances(((0, 1),), 2, n_outputs, n_columns)
    distances.update(test)
    accuracy = float(n_right(mapped, labels)) / n
    return {
        "cka": float(np.mean([_cka(test[:, :, j : j + 1]) for j in range(n_outputs)])),
        "distance": float(distances.values(unit)[0]),
        "affine_accuracy": accuracy,
        "affine_drop": float(n_right(second.outputs, labels)) / n - accuracy,
        "cross_entropy": float(cross_entropy(first.outputs[None], second.outputs[None])[0, 0]),
    }


def _mapped(
    first: _Seen, second: _Seen, spaces: list[RowSpace], inputs: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Map test rows of the first network to the second, and apply them: shape (n_samples, n_outputs)."""
    outputs = np.full(first.outputs.shape, np.nan)
    for j, space in enumerate(spaces):
        moments = Moments(((0, 1),), 2, 1, first.train.shape[2])
        moments.update(np.stack([first.train[:, j : j + 1], second.train[:, j : j + 1]]))
        maps = fit_affine([space], moments.second((0, 1))[None])
        outputs[:, j : j + 1] = mapped_outputs(maps, first.test[:, j : j + 1], inputs)[0]
    return outputs


def _cka(rows: NDArray[np.float32]) -> float:
    """Align the rows of one output of two networks: shape (2, n_samples, 1, n_columns)."""
    moments = Moments(_PAIRS, 2, 1, rows.shape[-1])
    moments.update(rows)
    hsic = moments.hsic()[:, 0]
    return float(cka(_PAIRS[1:2], hsic[1:2], hsic[[0, 2]])[0])
