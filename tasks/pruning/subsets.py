"""Which subsets of the units of one hidden layer suffice, fine-tuned: all of them are tried."""

from __future__ import annotations

from itertools import chain, combinations
from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.pruning.fine_tuning import AT_ONCE, FineTuning

__all__ = ["Subsets", "Trajectories", "fine_tune_subsets", "subsets_of"]


class Subsets(NamedTuple):
    """What came of the subsets of each original.

    Attributes
    ----------
    least : ndarray of shape (n_originals,), dtype int32
        Units of the smallest subset that succeeds.
    right : ndarray of shape (n_originals, width), dtype int32
        How many of the C(width, i) subsets of i = 1, 2, … units succeed; -1: not tried.
    first_epoch : ndarray of shape (n_originals, width), dtype int32
        Epochs of the fastest of these; -1: none.
    median_epoch : ndarray of shape (n_originals, width), dtype float32
        Epochs of the one in the middle; NaN: none.
    trajectories : Trajectories
        Of subsets of the least size.
    """

    least: NDArray[np.int32]
    right: NDArray[np.int32]
    first_epoch: NDArray[np.int32]
    median_epoch: NDArray[np.float32]
    trajectories: Trajectories


class Trajectories(NamedTuple):
    """The loss of some subsets of each original along their fine-tuning.

    Attributes
    ----------
    units : ndarray of shape (n_originals, n_trajectories), dtype int32
        Bit u is set where unit u is kept; -1: there is no further subset.
    success_epoch : ndarray of shape (n_originals, n_trajectories), dtype int32
        -1: it does not succeed; -2: there is no further subset.
    loss : ndarray of shape (n_originals, n_trajectories, n_epochs), dtype float32
        NaN after the end of the fine-tuning.
    """

    units: NDArray[np.int32]
    success_epoch: NDArray[np.int32]
    loss: NDArray[np.float32]


def subsets_of(width: int, size: int) -> NDArray[np.bool_]:
    """List all subsets of so many units.

    Parameters
    ----------
    width, size : int

    Returns
    -------
    ndarray of shape (C(width, size), width), bool
        In the order of `itertools.combinations`.

    Examples
    --------
    >>> subsets_of(3, 2).astype(int).tolist()
    [[1, 1, 0], [1, 0, 1], [0, 1, 1]]
    """
    count = comb(width, size)
    units = np.fromiter(chain.from_iterable(combinations(range(width), size)), np.intp, count * size)
    kept = np.zeros((count, width), bool)
    np.put_along_axis(kept, units.reshape(count, size), True, axis=1)
    return kept


def fine_tune_subsets(
    tuning: FineTuning, *, all_sizes: bool = False, trajectories: int = 0, epochs: tuple[int, ...] = ()
) -> Subsets:
    """Fine-tune every subset of 1, 2, … units of each original, up to the first size at which one succeeds.

    A subset starts with the weights and biases that its units have in the original, and the output's bias.

    Parameters
    ----------
    tuning : FineTuning
        Of networks of one hidden layer that succeed: all of their units do.
    all_sizes : bool
        Whether to go on to all units.
    trajectories : int
        Subsets of the least size whose loss is kept along their fine-tuning: one half of those that succeed,
        evenly from the fastest to the slowest, and the other half of those that do not, evenly by final loss.
    epochs : tuple of int
        When it is kept, ascending.

    Returns
    -------
    Subsets

    Notes
    -----
    B. Sattelberg, *Local Linearity of ReLU Neural Networks* (Colorado State University, 2026), section 3.4.4.
    """
    n, width = len(tuning.parameters), tuning.protocol.network.width
    found = _empty(n, width, trajectories, len(epochs))
    for size in range(1, width + 1):
        trying = np.arange(n) if all_sizes else np.flatnonzero(found.least < 0)
        if not len(trying):
            break
        kept = subsets_of(width, size)
        epoch, loss = _fine_tuned(tuning, trying, kept)
        right = epoch >= 0
        found.right[trying, size - 1] = right.sum(axis=1)
        for place in np.flatnonzero(right.any(axis=1)):
            original, its = trying[place], epoch[place][right[place]]
            found.first_epoch[original, size - 1] = its.min()
            found.median_epoch[original, size - 1] = np.median(its)
            if found.least[original] < 0:
                found.least[original] = size
                chosen = _chosen(epoch[place], loss[place], trajectories)
                _follow(tuning, original, kept[chosen], epochs, found.trajectories)
    return found


def _empty(n: int, width: int, trajectories: int, epochs: int) -> Subsets:
    def whole(*shape: int, fill: int = -1) -> NDArray[np.int32]:
        return np.full(shape, fill, np.int32)

    nothing = np.full((n, width), np.nan, np.float32), np.full((n, trajectories, epochs), np.nan, np.float32)
    followed = Trajectories(whole(n, trajectories), whole(n, trajectories, fill=-2), nothing[1])
    return Subsets(whole(n), whole(n, width), whole(n, width), nothing[0], followed)


def _fine_tuned(
    tuning: FineTuning, trying: NDArray[np.intp], kept: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Give epochs of success and final losses, of shape (n_trying, n_subsets)."""
    shape = len(trying), len(kept)
    epoch, loss = np.empty(shape, np.int32), np.empty(shape, np.float32)
    for start in range(0, epoch.size, AT_ONCE):
        place, subset = np.divmod(np.arange(start, min(start + AT_ONCE, epoch.size)), len(kept))
        _, result = tuning.of_parts(trying[place], kept[subset][:, None])
        epoch[place, subset], loss[place, subset] = result.success_epoch, result.loss
    return epoch, loss


def _chosen(epoch: NDArray[np.int32], loss: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Choose subsets whose loss is followed; those that do not stay finite come last."""
    right, wrong = np.flatnonzero(epoch >= 0), np.flatnonzero(epoch < 0)
    right, wrong = (
        right[np.argsort(epoch[right], kind="stable")],
        wrong[np.argsort(loss[wrong], kind="stable")],
    )
    of_wrong = min(len(wrong), max(count // 2, count - len(right)))
    return np.concatenate([_spread(right, count - of_wrong), _spread(wrong, of_wrong)])


def _spread(places: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Take so many, evenly, the first and the last among them; all where there are no more."""
    if len(places) <= count:
        return places
    return places[np.linspace(0, len(places) - 1, count).round().astype(np.intp)]


def _follow(
    tuning: FineTuning,
    original: np.intp,
    kept: NDArray[np.bool_],
    epochs: tuple[int, ...],
    found: Trajectories,
) -> None:
    """Fine-tune subsets of an original again, and look at their loss on the way."""
    from relusweep.tasks.training.curves import curve

    if not len(kept):
        return
    owners = np.full(len(kept), original)
    small, result = tuning.of_parts(owners, kept[:, None], snapshots=epochs)
    assert result.snapshots is not None  # they were asked for
    protocol = tuning.protocol.model_copy(update={"network": small})
    inputs = tuning.inputs[owners] if tuning.inputs.ndim == 3 else tuning.inputs
    weights = None if tuning.weights is None else tuning.weights[owners]
    found.units[original, : len(kept)] = kept @ (1 << np.arange(kept.shape[1]))
    found.success_epoch[original, : len(kept)] = result.success_epoch
    seen = curve(protocol, inputs, tuning.targets[owners], result.snapshots, weights)
    found.loss[original, : len(kept)] = seen.loss
