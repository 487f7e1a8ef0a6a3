"""What follows from the losses of sixteen networks in an epoch: which end, and whose rates are reduced."""

import numba
import numpy as np

from relusweep.tasks.compiled import LANES
from relusweep.tasks.training.simd import merged

__all__ = ["begin", "watch"]

_inlined = numba.njit(inline="always")


@_inlined
def begin(memory, lane):
    """Forget the losses of the network that a lane held before."""
    memory.total[lane], memory.reduced[lane] = 0, 1
    for place in (lane, LANES + lane):
        memory.lowest[place], memory.waited[place] = np.inf, 0


@_inlined
def _has_waited(memory, place, loss, least, patience):
    """Count epochs since the loss became lower by such a share; tell whether they are too many."""
    if loss < memory.lowest[place] * (1 - least):
        memory.lowest[place], memory.waited[place] = loss, 0
    else:
        memory.waited[place] += 1
    return memory.waited[place] > patience


@merged
def watch(memory, rule, n_rows):
    """Look at the mean losses of an epoch, and tell which lanes end there; their sums start anew."""
    ended = 0
    for lane in range(LANES):
        loss = np.float64(np.float32(memory.total[lane] / n_rows))  # as it would be recorded
        memory.total[lane] = 0
        ends = loss <= rule.target_loss or loss > rule.most_loss or (rule.ends and loss != loss)
        if rule.patience >= 0 and _has_waited(memory, lane, loss, rule.min_improvement, rule.patience):
            ends = True
        counts = rule.reduce_patience >= 0 and memory.epoch[lane] >= rule.warmup
        if counts and _has_waited(memory, LANES + lane, loss, rule.reduce_threshold, rule.reduce_patience):
            memory.reduced[lane] = max(memory.reduced[lane] * rule.reduce_by, rule.reduce_floor)
            memory.waited[LANES + lane] = 0
        if ends:
            ended |= 1 << lane
    return ended
