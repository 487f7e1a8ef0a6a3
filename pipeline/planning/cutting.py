"""Cells that are to be computed, cut into blocks along a fixed grid."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relusweep.pipeline.common.asked import Box
from relusweep.pipeline.sweeps.base import Block, Sweep

__all__ = ["cut", "labels_of"]


def labels_of(sweep: Sweep) -> dict[str, list[Any]]:
    """Give the labels of the axes, one object a label in all blocks."""
    return {dim: axis.tolist() for dim, axis in sweep.axes.items()}


def cut(
    sweep: Sweep, labels: Mapping[str, list[Any]], missing: NDArray[np.bool_], box: Box | None = None
) -> Iterator[Block]:
    """Cut what is missing along a fixed grid into boxes, of which nothing else is computed but within spans.

    Rows lie along the first dimension, columns along the last, and a block has one label of each between.

    Parameters
    ----------
    sweep : Sweep
    labels : mapping of str to list
        Of its axes.
    missing : ndarray of bool
        Along the axes, or of a box of them.
    box : tuple of slice, optional
        Where `missing` lies.
    """
    first, last = next(iter(labels)), [*labels][-1]
    schedule, fingerprint = sweep.schedule, sweep.fingerprint
    silent = frozenset(dim for dim, axis in labels.items() if len(axis) == 1)
    origin = tuple(span.start for span in box) if box else (0,) * missing.ndim
    labels_of_columns: dict[tuple[Any, ...], tuple[Any, ...]] = {}  # which blocks share
    for part in _grid(missing.shape, [schedule.block_shape[dim] for dim in labels], origin):
        if not missing[part].any():
            continue
        inner = {
            dim: labels[dim][span.start + at : span.stop + at]
            for dim, span, at in zip(labels, part, origin, strict=True)
        }
        lacking = missing[part].reshape(len(inner[first]), -1)
        for columns, rows in (_spans if schedule.divisible or schedule.spans else _boxes)(lacking):
            chosen = tuple(map(inner[last].__getitem__, columns))
            chosen = labels_of_columns.setdefault(chosen, chosen)
            most = len(rows) if schedule.most_cells is None else max(1, schedule.most_cells // len(chosen))
            for some in _pieces(rows, most):
                # Of a single dimension the rows have one column: what counts is the choice of rows.
                of_block = inner | {last: chosen} | {first: [inner[first][row] for row in some]}
                cells = tuple((dim, tuple(its_labels)) for dim, its_labels in of_block.items())
                yield Block(sweep.name, fingerprint, cells, silent)


def _grid(shape: Iterable[int], steps: Iterable[int], origin: Iterable[int]) -> Iterator[Box]:
    """Cut an array into boxes, along the grid of what it is a part of."""
    yield from product(
        *(
            [slice(max(start, 0), min(start + step, size)) for start in range(-(begin % step), size, step)]
            for size, step, begin in zip(shape, steps, origin, strict=True)
        )
    )


def _spans(part: NDArray[np.bool_]) -> Iterator[tuple[Sequence[int], list[int]]]:
    """Group the rows of a part by the columns that they miss, from the first to the last."""
    rows = np.flatnonzero(part.any(1))
    starts, stops = part.argmax(1), part.shape[1] - part[:, ::-1].argmax(1)
    spans = starts * (part.shape[1] + 1) + stops  # one number a span: rows are many
    distinct, span_of_row = np.unique(spans[rows], return_inverse=True)
    for number, span in enumerate(distinct.tolist()):
        yield range(*divmod(span, part.shape[1] + 1)), rows[span_of_row == number].tolist()


def _boxes(part: NDArray[np.bool_]) -> Iterator[tuple[Sequence[int], list[int]]]:
    """Group the rows that miss the same columns, or the columns that miss the same rows: the fewer groups."""
    by_rows, by_columns = _alike(part), _alike(part.T)
    if len(by_rows) <= len(by_columns):
        yield from ((columns, rows) for rows, columns in by_rows)
    else:
        yield from by_columns


def _alike(part: NDArray[np.bool_]) -> list[tuple[list[int], list[int]]]:
    """Group the rows that are alike; give them, and what is true of them."""
    rows = np.flatnonzero(part.any(1))
    distinct, which = np.unique(part[rows], axis=0, return_inverse=True)
    return [
        (rows[which.ravel() == number].tolist(), np.flatnonzero(alike).tolist())
        for number, alike in enumerate(distinct)
    ]


def _pieces(rows: list[int], most: int) -> Iterator[list[int]]:
    """Cut rows into groups of about equal size."""
    size = -(-len(rows) // -(-len(rows) // most))
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
