"""What follows from the losses of sixteen networks in an epoch: which end, and whose rates are reduced."""

import numba
import numpy as np

from relusweep.tasks.compiled import LANES
from relusweep.tasks.training.simd import merged

__all__ = ["forget", "watch"]

_inlined = numba.njit(inline="always")


@_inlined
def forget(memory, lane):
    """Forget the losses of the network that a lane held before."""
    memory.total[lane], memory.reduced[lane] = 0, 1
    for place in (lane, LANES + lane):
        memory.lowest[place], memory.waited[place] = np.inf, 0


@merged
def _has_waited(lowest, waited, place, loss, least, patience):
    """Count epochs since the loss became lower by such a share; tell whether they are too many."""
    if loss < lowest[place] * (1 - least):
        lowest[place], waited[place] = loss, 0
    else:
        waited[place] += 1
    return waited[place] > patience


@merged
def _watch(rule, epoch, total, n_rows, lowest, waited, reduced):
    ended = 0
    for lane in range(LANES):
        loss = np.float64(np.float32(total[lane] / n_rows))  # as it would be recorded
        total[lane] = 0
        ends = loss <= rule.target_loss or loss > rule.most_loss or (rule.ends and loss != loss)
        if rule.patience >= 0:
            ends |= _has_waited(lowest, waited, lane, loss, rule.min_improvement, rule.patience)
        if rule.reduce_patience >= 0 and epoch[lane] >= rule.warmup:
            of_rate = LANES + lane
            if _has_waited(lowest, waited, of_rate, loss, rule.reduce_threshold, rule.reduce_patience):
                reduced[lane], waited[of_rate] = max(reduced[lane] * rule.reduce_by, rule.reduce_floor), 0
        if ends:
            ended |= 1 << lane
    return ended


@_inlined
def watch(memory, rule, n_rows):
    """Look at the mean losses of an epoch, and tell which lanes end there; their sums start anew."""
    return _watch(
        rule.watch, memory.epoch, memory.total, n_rows, memory.lowest, memory.waited, memory.reduced
    )
