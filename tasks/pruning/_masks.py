"""Listing all masks of a network, as Numba compiles it."""

import numpy as np

from relusweep.tasks.compiled import compiled

__all__ = ["minimal", "tell_right"]


@compiled()
def tell_right(parameters, inputs, targets, threshold, rule, right):  # type: ignore[no-untyped-def]
    """Write of every mask whether the network is right on all rows.

    The threshold is subtracted from the targets. Units are numbered through all layers, and the output is the
    last one. Of units, each hidden one has a bit; of weights, each number of a unit has. Counting up changes
    the bits of later units first, so only the units from the first one that has changed are computed again.
    """
    n_inputs, width, depth, leak, of_units = rule
    rows, hidden = len(targets), width * depth
    bits = 0
    while 1 << bits < right.size:
        bits += 1
    first_layer = width * (n_inputs + 1)
    values = np.zeros((hidden, rows))
    for mask in range(right.size):
        changed = bits - 1  # the most significant bit that has changed since the mask before
        while mask > 0 and not (mask ^ (mask - 1)) >> changed & 1:
            changed -= 1
        place = bits - 1 - changed if mask > 0 else 0
        if of_units:
            unit = place
        elif place < first_layer:
            unit = place // (n_inputs + 1)
        else:
            unit = width + (place - first_layer) // (width + 1)
        for u in range(unit, hidden):
            fan_in = n_inputs if u < width else width
            start = u * (n_inputs + 1) if u < width else first_layer + (u - width) * (width + 1)
            if of_units and not mask >> (bits - 1 - u) & 1:
                values[u] = 0
                continue
            below = (u // width - 1) * width
            for row in range(rows):
                kept_bias = of_units or mask >> (bits - 1 - start - fan_in) & 1
                z = parameters[start + fan_in] if kept_bias else 0.0
                for i in range(fan_in):
                    if of_units or mask >> (bits - 1 - start - i) & 1:
                        z += parameters[start + i] * (inputs[row, i] if u < width else values[below + i, row])
                values[u, row] = z if z > 0 else leak * z
        start = first_layer + (hidden - width) * (width + 1)
        good = True
        for row in range(rows):
            z = parameters[start + width] if of_units or mask >> (bits - 1 - start - width) & 1 else 0.0
            for i in range(width):
                if of_units or mask >> (bits - 1 - start - i) & 1:
                    z += parameters[start + i] * values[hidden - width + i, row]
            if not (z - threshold) * targets[row] > 0:
                good = False
                break
        right[mask] = good


@compiled()
def minimal(right):  # type: ignore[no-untyped-def]
    """Mark the masks that are right and of which no part is."""
    below = right.copy()  # whether the mask or a part of it is right, over the bits that were looked at
    bit = 1
    while bit < right.size:
        for mask in range(right.size):
            if mask & bit:
                below[mask] |= below[mask ^ bit]
        bit *= 2
    found = np.zeros(right.size, np.bool_)
    for mask in range(right.size):
        if right[mask]:
            alone, bit = True, 1
            while bit < right.size:
                if mask & bit and below[mask ^ bit]:
                    alone = False
                bit *= 2
            found[mask] = alone
    return found
