"""The search for the regions of a network in up to six dimensions, compiled.

A region is a cone of vectors (x, s) with s > 0, of which the points are x / s. So regions of a box and of all
space are alike: rows ``r`` with ``r @ y < 0``. Layer after layer and unit after unit, the search asks whether
a region has points on both sides of a unit. Where floats cannot tell, it stops with that question.
"""

import numpy as np

from relusweep.tasks.compiled import compiled
from relusweep.tasks.regions import _hull
from relusweep.tasks.regions._hull import NO, UNCLEAR, YES, allowed, surrounded

__all__ = ["DONE", "FULL", "QUESTION", "explore"]

DONE, FULL, QUESTION = 0, 1, 2

_EPS = 2.0**-52
_TINY = 1e-300  # what comes to zero by rounding, perhaps
_SHARE = 1e-7  # rows of smaller share are left out of a proof that holds in fewer dimensions


@compiled(_hull, counted=False)
def explore(network, extra, space, stack, found, scratch):  # type: ignore[no-untyped-def]
    """Go on with the search, depth first, until it is done, `found` is full, or it has a question.

    Parameters
    ----------
    network : tuple
        Weights (n_layers, width, width) and biases (n_layers, width) filled up by zeros; the first unit of
        each layer, and then the number of units; the slope below zero of each layer.
    extra : tuple
        Affine functions of the inputs (d, d + 1), their errors (d,), and ones (d,); and whether the last of
        the rows, all after those of units, that every region keeps is s > 0, which is no facet.
    space : tuple
        Affine functions (n_units, d + 1) of all units before activation at the present node, their errors
        (n_units,), and rows of length 1 (n_units + n_extra, d + 1) with errors. There, −1 marks a function
        without slope whose sign is sure, and infinity one that may have none.
    stack : tuple
        Signs and bounding rows, a vector inside, and the next unit of each node; and how many nodes there
        are, in an array of one number. The node after them is the one with a question.
    found : tuple
        Signs, facets, vectors inside, and whether bounded, of each region, and an array of their number.
        Where it is unclear, the latter are 2.
    scratch : tuple

    Returns
    -------
    int
        DONE, FULL or QUESTION.
    """
    first = network[2]
    signs, bounding, inside, unit, height = stack
    functions, _, rows, noise = space
    n_units = first[-1]
    vectors, answers = scratch[0], scratch[16]
    while height[0] > 0:
        if found[4][0] == len(found[0]):
            return FULL
        height[0] -= 1
        node = height[0]
        layer = 0
        while True:
            u = unit[node]
            while u > first[layer]:
                layer += 1
            if u == first[layer]:
                for i in range(len(rows) - extra[3] if u else 0):
                    if bounding[node, i]:
                        side = 1 - signs[node, i] if i < n_units else 1
                        bounding[node, i] = _ask(
                            i, side, network, extra, space, signs[node], bounding[node], scratch
                        )
                if u == n_units:
                    break
                _enter(layer, network, extra, space, signs[node])
            if noise[u] < 0:
                signs[node, u] = functions[u, -1] > 0
                unit[node] = u + 1
                continue
            here = _side(rows[u], noise[u], inside[node])
            for side in range(2):
                answers[side] = YES
                if here != 2 * side - 1:
                    answers[side] = _ask(u, side, network, extra, space, signs[node], bounding[node], scratch)
            if answers[0] == UNCLEAR or answers[1] == UNCLEAR:
                return QUESTION
            unit[node] = u + 1
            signs[node, u] = answers[1]
            if answers[0] == YES and answers[1] == YES:
                bounding[node, u] = 1
                own = here >= 0
                _copy(signs[node], signs[node + 1])
                _copy(bounding[node], bounding[node + 1])
                signs[node, u], signs[node + 1, u] = not own, own
                _copy(vectors[1] if here == 0 else inside[node], inside[node + 1])
                _copy(vectors[0 if own else 1], inside[node])
                unit[node + 1] = u + 1
                height[0] += 1
                node += 1
        n = found[4][0]
        _copy(signs[node], found[0][n])
        _copy(bounding[node], found[1][n])
        _copy(inside[node], found[2][n])
        found[3][n] = _is_bounded(extra, space, bounding[node], signs[node], scratch)
        found[4][0] = n + 1
    return DONE


@compiled(counted=False)
def _copy(one, other):  # type: ignore[no-untyped-def]
    for k in range(len(one)):
        other[k] = one[k]


@compiled(counted=False)
def _side(row, noise, vector):  # type: ignore[no-untyped-def]
    """Give the sign of a row at a vector, or zero where it is not sure."""
    value, length = 0.0, 0.0
    for k in range(len(row)):
        value += row[k] * vector[k]
        length += abs(vector[k])
    if abs(value) > (noise + 4 * len(row) * _EPS) * length:
        return 1 if value > 0 else -1
    return 0


@compiled(counted=False)
def _enter(layer, network, extra, space, signs):  # type: ignore[no-untyped-def]
    """Find the affine functions of a layer's units at a node whose earlier units have signs."""
    weights, biases, first, slopes = network
    functions, errors, rows, noise = space
    start, stop, dim = first[layer], first[layer + 1], functions.shape[1]
    before, before_errors, on, slope = extra[0], extra[1], extra[2], 1.0
    if layer:
        last, slope = first[layer - 1], slopes[layer - 1]
        before, before_errors, on = functions[last:start], errors[last:start], signs[last:start]
    after, after_errors = functions[start:stop], errors[start:stop]
    _apply(
        weights[layer],
        biases[layer],
        on,
        slope,
        before,
        before_errors,
        after,
        after_errors,
        stop - start,
        dim,
    )
    for u in range(start, stop):
        length, steep = 0.0, 0.0
        for k in range(dim):
            length += functions[u, k] ** 2
            if k < dim - 1:
                steep += abs(functions[u, k])
        length = np.sqrt(length)
        if steep == 0 and (length > errors[u] or errors[u] == 0):
            noise[u] = -1.0
        elif steep == 0 or errors[u] > 1e-4 * length:
            noise[u] = np.inf
        else:
            noise[u] = 1.01 * errors[u] / length + 4 * _EPS
            for k in range(dim):
                rows[u, k] = functions[u, k] / length


@compiled(counted=False)
def _apply(weights, biases, on, slope, before, before_errors, after, errors, n_after, dim):  # type: ignore[no-untyped-def]
    """Take affine functions of units to those of the next layer, with bounds of the errors of the entries.

    Weights may be rounded themselves. An entry is zero only where nothing but zeros comes in, so exactly.
    """
    for j in range(n_after):
        total, carried = abs(biases[j]), 0.0
        after[j, :dim] = 0
        after[j, dim - 1] = biases[j]
        for i in range(len(on)):
            weight = weights[j, i] * (1.0 if on[i] else slope)
            if weight == 0:
                continue
            largest = 0.0
            for k in range(dim):
                if before[i, k] != 0:
                    after[j, k] += weight * before[i, k]
                    largest = max(largest, abs(before[i, k]))
                    if after[j, k] == 0:
                        after[j, k] = _TINY
            total += abs(weight) * largest
            carried += abs(weight) * before_errors[i]
        errors[j] = 1.01 * (carried + (len(on) + 6) * _EPS * total)


@compiled(_hull, counted=False)
def _ask(asked, side, network, extra, space, signs, bounding, scratch):  # type: ignore[no-untyped-def]
    """Whether a region has points on a side of a row; the vector of YES is left among the scratch."""
    vectors, held, n_helds, rows, noise, ids, turned, shares, gram = scratch[:9]
    n_helds[side] = 0
    if space[3][asked] == np.inf:
        return UNCLEAR
    m = 0
    for step in range(-1, len(bounding)):
        i = asked if step < 0 else step
        if step < 0 or (bounding[i] and i != asked):
            ids[m], noise[m] = i, space[3][i]
            turned[m] = side if step < 0 else (signs[i] if i < len(signs) else 0)
            for k in range(rows.shape[1]):
                rows[m, k] = -space[2][i, k] if turned[m] else space[2][i, k]
            m += 1
    answer, n_held = allowed(rows[:m], noise[:m], vectors[side], held[side], shares, gram)
    if answer == UNCLEAR and n_held > 1:
        kept = 0
        for j in range(n_held):
            if shares[j] > _SHARE:
                held[side, kept] = held[side, j]
                kept += 1
        n_helds[side] = kept
        if _proves(held[side, :kept], network, extra, signs, scratch):
            return NO
        for j in range(kept):
            held[side, j] = ids[held[side, j]]
    return answer


@compiled(_hull, counted=False)
def _proves(held, network, extra, signs, scratch):  # type: ignore[no-untyped-def]
    """Whether the origin surely lies in the hull of the rows held.

    They may span fewer dimensions than there are, exactly, which floats cannot see: where entries are zero,
    or where all rows are functions of the few units of a layer that pass something on. There the proof is
    tried in the coordinates of those units.
    """
    first, slopes = network[2:]
    rows, noise, ids = scratch[3:6]
    work, part, part_noise = scratch[9:12]
    n_held, dim, n_units = len(held), rows.shape[1], first[-1]
    lowest = n_units
    for j in range(n_held):
        _copy(rows[held[j]], part[j])
        part_noise[j] = noise[held[j]]
        i = ids[held[j]]
        lowest = min(lowest, i if i < n_units or extra[3] else -1)
    if _proves_in(part, part_noise, n_held, dim, work):
        return True
    layer = -1
    while lowest >= first[layer + 1] and lowest < n_units:
        layer += 1
    while layer >= 0:
        passing = 0
        for u in range(first[layer], first[layer + 1]):
            passing += signs[u] or slopes[layer] != 0
        if passing < dim:
            used = _in_coordinates(layer, held, network, signs, scratch)
            if used and _proves_in(part, part_noise, n_held, used, work):
                return True
        layer -= 1
    return False


@compiled(_hull, counted=False)
def _proves_in(part, noise, n_held, used, work):  # type: ignore[no-untyped-def]
    """Leave out the columns of zeros, and look whether the rows that remain are a simplex around zero."""
    n = 0
    for k in range(used):
        some = False
        for j in range(n_held):
            some |= part[j, k] != 0
        if some:
            for j in range(n_held):
                part[j, n] = part[j, k]
            n += 1
    return n_held == n + 1 and surrounded(part[:n_held, :n], noise, work)


@compiled(counted=False)
def _in_coordinates(layer, held, network, signs, scratch):  # type: ignore[no-untyped-def]
    """Write the rows held as functions of what a layer passes on; give the number of columns, or 0."""
    weights, biases, first, slopes = network
    ids, turned = scratch[5:7]
    part, part_noise, coords, coord_errors, ones = scratch[10:15]
    start, stop, n_units = first[layer], first[layer + 1], first[-1]
    dim = 0
    coords[0] = 0
    coord_errors[0] = 0
    for u in range(start, stop):
        if signs[u] or slopes[layer] != 0:
            coords[0, u - start, dim] = 1.0
            dim += 1
    dim += 1
    highest = 0
    for j in range(len(held)):
        i = ids[held[j]]
        if i >= n_units:
            part[j, : dim - 1] = 0
            part[j, dim - 1], part_noise[j] = -1.0, 0.0
            continue
        highest = max(highest, i)
        factor = 1.0 if signs[i] else slopes[layer]
        if i < stop:
            if factor == 0:
                return 0
            part_noise[j] = 0.0
            for k in range(dim):
                part[j, k] = coords[0, i - start, k]
                if (factor > 0) == turned[held[j]]:
                    part[j, k] *= -1
    now, on, slope = 0, ones[: stop - start], 1.0
    while first[layer + 1] <= highest:
        layer += 1
        start, stop = first[layer], first[layer + 1]
        before, before_errors, after, errors = (
            coords[now],
            coord_errors[now],
            coords[1 - now],
            coord_errors[1 - now],
        )
        _apply(
            weights[layer], biases[layer], on, slope, before, before_errors, after, errors, stop - start, dim
        )
        now, on, slope = 1 - now, signs[start:stop], slopes[layer]
        for j in range(len(held)):
            i = ids[held[j]] - start
            if 0 <= i < stop - start:
                length = 0.0
                for k in range(dim):
                    length += after[i, k] ** 2
                length = np.sqrt(length)
                part_noise[j] = 1.01 * errors[i] / length + 4 * _EPS
                for k in range(dim):
                    part[j, k] = after[i, k] / (-length if turned[held[j]] else length)
    return dim


@compiled(_hull, counted=False)
def _is_bounded(extra, space, bounding, signs, scratch):  # type: ignore[no-untyped-def]
    """Whether no half-line lies in a region: 2 where it is unclear."""
    vectors, held, _, _, noise, _, _, shares, gram, work, part, part_noise = scratch[:12]
    slopes = scratch[15]
    if not extra[3]:
        return 1
    m, dim = 0, slopes.shape[1]
    for i in range(len(signs)):
        if bounding[i]:
            length = 0.0
            for k in range(dim):
                length += space[2][i, k] ** 2
            length = np.sqrt(length)
            noise[m] = min(space[3][i] / length, 1.0)
            for k in range(dim):
                slopes[m, k] = space[2][i, k] / (-length if signs[i] else length)
            m += 1
    if m == 0:
        return 0
    answer, n_held = allowed(slopes[:m], noise[:m], vectors[0, :dim], held[0], shares, gram)
    if answer == YES:
        return 0
    if n_held == dim + 1:
        for j in range(n_held):
            _copy(slopes[held[0, j]], part[j])
            part_noise[j] = noise[held[0, j]]
        if surrounded(part[:n_held, :dim], part_noise, work):
            return 1
    return 2
