"""The loop that trains triangles and scales of sixteen networks at a time, as Numba compiles it.

Every name here that is not a number holds vectors of sixteen: one entry for each lane. Parameters are the
logits of the peaks and, where scales are free, behind them the logarithms of the scales.
"""

import numba

from relusweep.tasks.compiled import LANES
from relusweep.tasks.elementary import log
from relusweep.tasks.training._updates import set_rates, update
from relusweep.tasks.training.functions import clip, exp
from relusweep.tasks.training.simd import fma, load, minimum, one_unless_positive, store

__all__ = ["train_triangles"]

_inlined = numba.njit(inline="always")


@_inlined
def _exp(x):
    """Give ``e ** x`` to a relative error of 3e-7, of x beyond 60 that of 60; NaN of what is not finite."""
    return fma(x, 0.0, exp(clip(x)))


@_inlined
def _load_lane(memory, lane, data, network, rule):
    sign = data.signs[network]
    memory.sign[lane] = sign
    memory.sign[LANES + lane] = 1.0 if sign < 0 else 0.0
    for i in range(rule.n_peaks):
        memory.weights[i * LANES + lane] = log(data.peaks[network, i]) - log(1.0 - data.peaks[network, i])
    for i in range(rule.n_peaks, memory.weights.size // LANES):
        memory.weights[i * LANES + lane] = log(data.scales[network, i - rule.n_peaks])
    own = min(network, data.inputs.shape[0] - 1)
    for row in range(data.targets.shape[1]):
        memory.rows[2 * row * LANES + lane] = data.inputs[own, row]
        memory.rows[(2 * row + 1) * LANES + lane] = data.targets[network, row]
    memory.epoch[lane] = 0


@_inlined
def _shape(memory, rule):
    """Give both slopes of each triangle, its peak and what is left of it to one, and the scales."""
    for i in range(rule.n_peaks):
        logit = load(memory.weights, i)
        left, right = _exp(logit * -1.0) + 1.0, _exp(logit) + 1.0
        store(memory.left, i, left)
        store(memory.right, i, right)
        store(memory.tops, i, 1.0 / left)
        store(memory.rests, i, 1.0 / right)
    if not rule.tied:
        for i in range(rule.depth):
            store(memory.scales, i, _exp(load(memory.weights, rule.n_peaks + i)))
        return
    subtracted = load(memory.sign, 1)
    falling = fma(subtracted, load(memory.tops, 0), (1.0 - subtracted) * load(memory.rests, 0))
    for i in range(rule.depth):
        if i:
            falling = load(memory.scales, i - 1) * load(memory.rests, i)
        store(memory.scales, i, falling * load(memory.tops, i + 1))


@_inlined
def _row(memory, rule, row, share):
    """Add a row's part to the derivatives of the loss by peaks and scales; `share` is 2 / rows."""
    x, y, sign = load(memory.rows, 2 * row), load(memory.rows, 2 * row + 1), load(memory.sign, 0)
    wave, total = x, x * 0.0
    for i in range(rule.depth):
        left, right = load(memory.left, i), load(memory.right, i)
        rising, falling = wave * left, fma(wave, -1.0, 1.0) * right
        on = one_unless_positive(rising - falling)
        wave = minimum(rising, falling)
        store(memory.waves, i, wave)
        store(memory.slopes, i, fma(on, left, (on - 1.0) * right))
        total = fma(load(memory.scales, i), wave, total)
    error = (fma(sign, total, x) - y) * share * sign
    down = error * load(memory.scales, rule.depth - 1)
    for back in range(rule.depth):
        i = rule.depth - 1 - back
        wave, slope = load(memory.waves, i), load(memory.slopes, i)
        store(memory.by_scale, i, fma(error, wave, load(memory.by_scale, i)))
        store(memory.gradient, i, fma(down * -1.0, wave * slope, load(memory.gradient, i)))
        down = fma(down, slope, error * load(memory.scales, max(i - 1, 0)))


@_inlined
def _chain(memory, rule):
    """Turn derivatives by peaks and scales into those by the parameters."""
    for i in range(rule.n_peaks):
        product = load(memory.tops, i) * load(memory.rests, i)
        store(memory.gradient, i, load(memory.gradient, i) * product)
    later = load(memory.sign, 0) * 0.0
    for back in range(rule.depth):
        i = rule.depth - 1 - back
        own = load(memory.by_scale, i) * load(memory.scales, i)
        if not rule.tied:
            store(memory.gradient, rule.n_peaks + i, own)
            continue
        later = own + later  # by the logarithm of a scale, of which those behind it are multiples
        above = fma(load(memory.rests, i + 1), later, load(memory.gradient, i + 1))
        store(memory.gradient, i + 1, above)
        by_logit = load(memory.tops, i) * -1.0
        if i == 0:
            subtracted = load(memory.sign, 1)
            by_logit = fma(subtracted, load(memory.rests, 0), (1.0 - subtracted) * by_logit)
        store(memory.gradient, i, fma(by_logit, later, load(memory.gradient, i)))


@_inlined
def _write(memory, lane, network, rule, peaks, scales):
    for i in range(rule.n_peaks):
        peaks[network, i] = memory.tops[i * LANES + lane]
    for i in range(rule.depth):
        scales[network, i] = memory.scales[i * LANES + lane]


def train_triangles(data, rule, schedule, memory, peaks, scales):
    """Train all networks, all rows an update, and write what their peaks and scales become."""
    n_networks, n_rows = data.targets.shape
    for first in range(0, n_networks, LANES):
        lanes = min(LANES, n_networks - first)
        for lane in range(lanes):
            _load_lane(memory, lane, data, first + lane, rule)
        memory.first_moment[:] = 0
        memory.second_moment[:] = 0
        for _ in range(rule.epochs):
            _shape(memory, rule)
            memory.gradient[:] = 0
            memory.by_scale[:] = 0
            for row in range(n_rows):
                _row(memory, rule, row, 2.0 / n_rows)
            _chain(memory, rule)
            set_rates(memory, schedule, 0, 1)
            update(memory, rule)
            for lane in range(LANES):
                memory.epoch[lane] += 1
        _shape(memory, rule)
        for lane in range(lanes):
            _write(memory, lane, first + lane, rule, peaks, scales)
