"""Convex polygons cut where the largest of some affine functions changes.

Polygons are cut one by one, unlike the meshes of `relusweep.tasks.regions`, which hold every unit's value at
each of the vertices that polygons share: a layer of an image network has tens of thousands of units.
"""

import numpy as np

from relusweep.tasks.compiled import compiled

__all__ = ["OPEN", "held", "largest", "split"]

OPEN = 255
"""In the place of the largest candidate: not the same one everywhere in the polygon, or not known yet."""


@compiled()
def largest(corners, functions, slack, zero):  # type: ignore[no-untyped-def]
    """Find of each group the candidate that is the largest all over a polygon, or `OPEN`; see `split`."""
    codes = np.empty(len(functions), np.uint8)
    for group in range(len(functions)):
        codes[group] = _largest(corners, functions[group], slack[group], zero)
    return codes


@compiled()
def split(corners, codes, functions, slack, zero, most):  # type: ignore[no-untyped-def]
    """Cut a convex polygon into those in each of which one candidate of every group is the largest.

    Parameters
    ----------
    corners : ndarray of shape (n_corners, 2), float64
        Counter-clockwise.
    codes : ndarray of shape (n_groups,), uint8
        The largest candidate of groups where it is known: 0 for zero, i for function i - 1; `OPEN` elsewhere.
    functions : ndarray of shape (n_groups, n_functions, 3), float64
        Value at the origin, and slopes.
    slack : ndarray of shape (n_groups, n_functions), float64
        Values that differ by no more than the sum of their slacks are equal. Of equal ones the first counts.
    zero : bool
        Whether zero is a candidate too, before the others.
    most : int
        After so many polygons the rest is left as it is.

    Returns
    -------
    corners : ndarray of shape (n_corners, 2), float64
        Of all polygons, one after another.
    sizes : ndarray of shape (n_polygons,), int64
        How many of them each has.
    codes : ndarray of shape (n_polygons, n_groups), uint8
        Where some are `OPEN`, the polygon is of the rest.

    Notes
    -----
    A polygon is cut by one group, and each part then by those of the other groups that still change in it.
    """
    waiting = [(corners, codes)]
    found = [(corners, codes)]
    found.pop()
    settled = 0
    while waiting and settled < most:
        polygon, known = waiting.pop()
        known = known.copy()
        first, n_open = -1, 0
        for group in range(len(known)):
            if known[group] == OPEN:
                known[group] = _largest(polygon, functions[group], slack[group], zero)
                if known[group] == OPEN:
                    n_open += 1
                    if _chosen(group, n_open):
                        first = group
        if first < 0:
            settled += 1
            found.append((polygon, known))
            continue
        for candidate in range(0 if zero else 1, functions.shape[1] + 1):
            part = _where(polygon, candidate, functions[first], slack[first], zero)
            if len(part):
                of_part = known.copy()
                of_part[first] = candidate
                waiting.append((part, of_part))
    found.extend(waiting)
    sizes = np.empty(len(found), np.int64)
    all_codes = np.empty((len(found), len(codes)), np.uint8)
    for i in range(len(found)):
        sizes[i] = len(found[i][0])
        all_codes[i] = found[i][1]
    all_corners = np.empty((sizes.sum(), 2))
    start = 0
    for polygon, _ in found:
        all_corners[start : start + len(polygon)] = polygon
        start += len(polygon)
    return all_corners, sizes, all_codes


@compiled()
def _chosen(group, n_open):  # type: ignore[no-untyped-def]
    """Draw one of the groups as they come, each as likely: neighbours are alike, and cut badly one by one."""
    word = (np.uint64(group) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    word ^= word >> np.uint64(29)
    return word % np.uint64(n_open) == np.uint64(0)


@compiled()
def _difference(candidate, other, functions, x, y):  # type: ignore[no-untyped-def]
    """Give the value of a candidate less that of another at a point."""
    value = 0.0
    if candidate:
        at, along, up = functions[candidate - 1]
        value = at + along * x + up * y
    if other:
        at, along, up = functions[other - 1]
        value -= at + along * x + up * y
    return value


@compiled()
def _largest(polygon, functions, slack, zero):  # type: ignore[no-untyped-def]
    """Find the first candidate that is the largest everywhere in a polygon, or give `OPEN`."""
    low = 0 if zero else 1
    for candidate in range(low, len(functions) + 1):
        is_largest = True
        for other in range(low, len(functions) + 1):
            near = _near(candidate, other, slack)
            for corner in range(len(polygon)):
                x, y = polygon[corner]
                if _difference(candidate, other, functions, x, y) < -near:
                    is_largest = False
                    break
            if not is_largest:
                break
        if is_largest:
            return np.uint8(candidate)
    return np.uint8(OPEN)


@compiled()
def _near(candidate, other, slack):  # type: ignore[no-untyped-def]
    return (slack[candidate - 1] if candidate else 0.0) + (slack[other - 1] if other else 0.0)


@compiled()
def _where(polygon, candidate, functions, slack, zero):  # type: ignore[no-untyped-def]
    """Give the part of a polygon where a candidate is the largest, of no corners if there is none."""
    for other in range(0 if zero else 1, len(functions) + 1):
        if other == candidate:
            continue
        near = _near(candidate, other, slack)
        values = np.empty(len(polygon))
        for corner in range(len(polygon)):
            x, y = polygon[corner]
            value = _difference(candidate, other, functions, x, y)
            values[corner] = 0.0 if abs(value) <= near else value
        if values.max() <= 0.0:
            if values.min() < 0.0 or other < candidate:
                return polygon[:0].copy()
        elif values.min() < 0.0:
            polygon = _clip(polygon, values)
    return polygon


@compiled()
def _clip(polygon, values):  # type: ignore[no-untyped-def]
    """Keep of a polygon the part where values, given at the corners, are not below zero."""
    kept = np.empty((len(polygon) + 2, 2))
    n = 0
    for corner in range(len(polygon)):
        following = (corner + 1) % len(polygon)
        here, there = values[corner], values[following]
        if here >= 0.0:
            kept[n] = polygon[corner]
            n += 1
        if here * there < 0.0:
            share = here / (here - there)
            kept[n] = polygon[corner] + share * (polygon[following] - polygon[corner])
            n += 1
    return kept[:n].copy()


@compiled()
def held(corners, sizes, origin, steps, counts):  # type: ignore[no-untyped-def]
    """Count the points of a grid in each of some convex polygons, edges included.

    Parameters
    ----------
    corners : ndarray of shape (n_corners, 2), float64
        Counter-clockwise, polygon after polygon.
    sizes : ndarray of shape (n_polygons,), int64
    origin, steps : ndarray of shape (2,), float64
        First point of the grid, and the distances of its points along both axes.
    counts : tuple of int
        Points along both axes.

    Returns
    -------
    ndarray of shape (n_polygons,), int64
    """
    found = np.zeros(len(sizes), np.int64)
    start = 0
    for i in range(len(sizes)):
        polygon = corners[start : start + sizes[i]]
        start += sizes[i]
        left = max(0, int(np.ceil((polygon[:, 0].min() - origin[0]) / steps[0])))
        right = min(counts[0] - 1, int(np.floor((polygon[:, 0].max() - origin[0]) / steps[0])))
        low = max(0, int(np.ceil((polygon[:, 1].min() - origin[1]) / steps[1])))
        high = min(counts[1] - 1, int(np.floor((polygon[:, 1].max() - origin[1]) / steps[1])))
        for column in range(left, right + 1):
            for row in range(low, high + 1):
                found[i] += _inside(polygon, origin[0] + column * steps[0], origin[1] + row * steps[1])
    return found


@compiled()
def _inside(polygon, x, y):  # type: ignore[no-untyped-def]
    for corner in range(len(polygon)):
        x0, y0 = polygon[corner]
        x1, y1 = polygon[(corner + 1) % len(polygon)]
        if (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) < 0.0:
            return False
    return True
