"""What every sweep and stage must keep, as checks that anybody's tests can run on theirs.

Examples
--------
With pytest::

    import pytest
    from relusweep.pipeline.planning.contract import CHECKS, Example

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_mine(check):
        check(Example(Mine(name="mine", trials=10), grown={"trials": 20}))
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from distributed.protocol.pickle import dumps, loads
from numpy.typing import NDArray

from relusweep.pipeline.common.usage import Span
from relusweep.pipeline.planning.plan import Plan, make_plan
from relusweep.pipeline.planning.split import SplitBlock, cut
from relusweep.pipeline.sweeps.base import Sweep
from relusweep.pipeline.sweeps.blocks import Block
from relusweep.pipeline.sweeps.overrides import changed
from relusweep.pipeline.sweeps.specification import joined
from relusweep.tasks.blocks import BlockResult

__all__ = ["CHECKS", "Example"]

_LARGEST_ARGUMENT = 2**20  # bytes of what travels to a worker


@dataclass(frozen=True)
class Example:
    """A small sweep to be checked.

    Attributes
    ----------
    sweep : Sweep
    grown : mapping of str to Any
        Other values of growable fields of its specification, with which its axes reach further.
    store : str
        Where its tasks find what it requires.
    blocks : int
        How many are computed, the cheapest.
    """

    sweep: Sweep
    grown: Mapping[str, Any] = field(default_factory=dict)
    store: str = ""
    blocks: int = 2

    @property
    def plan(self) -> Plan:
        """All of its blocks."""
        return make_plan(self.sweep, None)

    @property
    def cheapest(self) -> tuple[Block, ...]:
        """Its cheapest blocks."""
        return self.plan.blocks[-self.blocks :]

    def other(self) -> Sweep:
        """Give the sweep whose axes reach further."""
        return changed(self.sweep, self.grown.items())

    def compute(self, block: Block) -> BlockResult:
        """Compute a block as a worker does, after those that it follows."""
        task, argument = self.sweep.task(block, self.store)
        schedule = self.sweep.schedule
        before = schedule.predecessor(block)
        if before is not None and schedule.resume is not None:
            argument = schedule.resume(argument, self.compute(before))
        task, argument = loads(dumps((task, argument)))
        result: BlockResult = task(argument)
        return result


def axes_have_unique_labels(example: Example) -> None:
    """Labels of axes and of inner dimensions are arrays of one dimension, each label once."""
    sweep = example.sweep
    _require(bool(sweep.axes), "there is no axis")
    _require(not sweep.axes.keys() & sweep.inner.keys(), "a dimension is both an axis and an inner one")
    for dim, labels in {**sweep.axes, **sweep.inner}.items():
        _require(labels.ndim == 1, f"labels of {dim} have {labels.ndim} dimensions, not one")
        _require(len(set(labels.tolist())) == len(labels), f"labels of {dim} repeat: {labels.tolist()}")


def shape_counts_the_axes(example: Example) -> None:
    """Shapes, counted in whatever way, are those of the axes."""
    sizes = tuple(map(len, example.sweep.axes.values()))
    _require(example.sweep.shape == sizes, f"shape is {example.sweep.shape}, axes have {sizes} labels")


def variables_lie_on_axes_and_inner_dimensions(example: Example) -> None:
    """Dimensions of a variable are axes in their order, all where blocks are divisible, then inner ones."""
    sweep, axes = example.sweep, list(example.sweep.axes)
    for name, variable in sweep.variables.items():
        own = [dim for dim in variable.dims if dim in axes]
        expected = [dim for dim in axes if dim in own] + [dim for dim in variable.dims if dim in sweep.inner]
        _require(list(variable.dims) == expected, f"{name} has dimensions {variable.dims}")
        _require(own == axes or not sweep.schedule.divisible, f"{name} lacks axes, and blocks are divisible")
    for name in sweep.schedule.written_by_workers:
        _require(name in sweep.variables, f"workers are to write {name}, which is no variable")
        _require(set(axes) <= set(sweep.variables[name].dims), f"workers write {name}, which lacks axes")


def layout_holds_the_labels(example: Example) -> None:
    """Layouts can be made, and have the labels of all dimensions."""
    sweep = example.sweep
    layout = sweep.layout(example.store)
    for dim, labels in {**sweep.axes, **sweep.inner}.items():
        found = layout.coords[dim].values.tolist()
        _require(found == labels.tolist(), f"coordinate {dim} is {found}, labels are {labels.tolist()}")
    strangers = layout.chunks.keys() - {*sweep.axes, *sweep.inner}
    _require(not strangers, f"chunks are given along {sorted(strangers)}, which are no dimensions")
    json.dumps(dict(layout.attrs))


def blocks_cover_every_cell_once(example: Example) -> None:
    """All blocks together are all cells asked for, and lie where their labels are in the store."""
    plan = example.plan
    times = np.zeros(plan.stored.shape, int)
    for block in plan.blocks:
        for region, _ in plan.regions(block):
            times[tuple(region[dim] for dim in plan.stored.axes)] += 1
    wanted = True if plan.sweep.wanted is None else plan.sweep.wanted
    once = (times == 1) | ((times == 0) & ~np.asarray(wanted))
    _require(bool(once.all()), "blocks leave cells out, or have them twice")
    keys = [block.key for block in plan.blocks]
    _require(len(set(keys)) == len(keys), "different blocks have the same key")


def schedule_fits_the_axes(example: Example) -> None:
    """Blocks are of known axes, cost something, and follow one another without end or circle."""
    sweep, schedule, plan = example.sweep, example.sweep.schedule, example.plan
    between = list(sweep.axes)[1:-1]
    _require(schedule.block_shape.keys() == sweep.axes.keys(), "block_shape is not of the axes")
    _require(
        all(schedule.block_shape[dim] == 1 for dim in between), f"blocks are longer than 1 along {between}"
    )
    known = {block.key for block in plan.blocks}
    for block in plan.blocks:
        cost = schedule.cost(block)
        _require(math.isfinite(cost) and cost > 0, f"{block} costs {cost}")
        chain, at = set[str](), schedule.predecessor(block)
        while at is not None:
            _require(
                at.key in known and at.key not in chain, f"{block} follows {at}, which is no other block"
            )
            chain.add(at.key)
            at = schedule.predecessor(at)
    if schedule.written_by_workers:
        for dim, size in schedule.block_shape.items():
            whole = not size % schedule.chunks[dim] or size >= len(sweep.axes[dim])
            _require(whole, f"workers write blocks of {size} along {dim}: not whole chunks of the store")


def task_gives_the_variables(example: Example) -> None:
    """Tasks give exactly the variables, of their shapes and types; axes of one label may be left out."""
    sweep = example.sweep
    for block in example.cheapest:
        arrays = _whole(example, block).arrays
        _require(arrays.keys() == sweep.variables.keys(), f"a task gives {sorted(arrays)}")
        sizes = dict(zip(sweep.axes, block.shape, strict=True))
        sizes |= {dim: len(labels) for dim, labels in sweep.inner.items()}
        for name, variable in sweep.variables.items():
            shape, dtype = tuple(sizes[dim] for dim in variable.dims), np.dtype(variable.dtype)
            got = arrays[name]
            _require(got.shape == shape, f"{name} of a block has shape {got.shape}, not {shape}")
            _require(got.dtype == dtype, f"{name} of a block is {got.dtype}, not {dtype}")


def same_block_gives_the_same_bits(example: Example) -> None:
    """Blocks computed again have the same bits: a retry is safe."""
    for block in example.cheapest:
        _same(example.compute(block).arrays, example.compute(block).arrays, f"{block} computed twice")


def parts_give_the_bits_of_the_whole(example: Example) -> None:
    """Divisible blocks have the same bits when computed label by label."""
    if not example.sweep.schedule.divisible:
        return
    for block in example.cheapest:
        parts = cut(block, 2**30, lanes=1)
        _same(_whole(example, block).arrays, _whole(example, block, parts).arrays, f"{block} in {len(parts)}")


def bytes_are_those_stored(example: Example) -> None:
    """Bytes of a cell, times the cells, are those of all arrays of the group."""
    sweep = example.sweep
    arrays = sweep.layout(example.store).arrays().values()
    sizes = {dim: len(labels) for dim, labels in {**sweep.axes, **sweep.inner}.items()}
    stored = sum(np.dtype(a.dtype).itemsize * math.prod(sizes[dim] for dim in a.dims) for a in arrays)
    off = stored - sweep.bytes_per_cell * sweep.n_cells
    _require(0 <= off < sweep.n_cells, f"bytes of a cell are {sweep.bytes_per_cell}, {stored} in all")


def specification_survives_json(example: Example) -> None:
    """Specifications are the same after JSON, and what the store keeps of one joins with itself."""
    sweep = example.sweep
    again = type(sweep.spec).model_validate_json(sweep.spec.model_dump_json())
    _require(again == sweep.spec, f"after JSON the specification is {again!r}")
    _require(json.loads(json.dumps(sweep.identity())) == sweep.identity(), "its identity is no JSON")
    known = json.loads(sweep.specification)
    identity, extent = sweep.parted(known)
    lacking = {*sweep.identity(), *sweep.extent()} - {*identity, *extent}
    _require(not lacking, f"what the store keeps lacks {sorted(lacking)}")
    _require(joined(sweep.specification, sweep).spec == sweep.spec, "joined with itself it is another")


def fingerprint_stays_when_axes_grow(example: Example) -> None:
    """Further reaching axes leave the fingerprint, and hold the labels that were there."""
    sweep, other = example.sweep, example.other()
    _require(other.fingerprint == sweep.fingerprint, f"{dict(example.grown)} changes the fingerprint")
    _require(other.n_cells > sweep.n_cells or not example.grown, f"{dict(example.grown)} adds no cells")
    both = joined(sweep.specification, other)
    for dim, labels in sweep.axes.items():
        gone = set(labels.tolist()) - set(both.axes[dim].tolist())
        _require(not gone, f"with {dict(example.grown)} {dim} lacks {sorted(gone)}")


def sweep_and_tasks_travel(example: Example) -> None:
    """Sweeps are the same after pickling, also with what is cached; arguments of tasks are small."""
    sweep = example.sweep
    again = loads(dumps(sweep))
    _require(again.spec == sweep.spec, "after pickling the specification is another")
    _require(again.fingerprint == sweep.fingerprint, "after pickling the fingerprint is another")
    for block in example.cheapest:
        size = len(dumps(sweep.task(block, example.store)[1]))
        _require(size < _LARGEST_ARGUMENT, f"the argument of {block} takes {size:,} bytes")


CHECKS: Final[tuple[Callable[[Example], None], ...]] = (
    axes_have_unique_labels,
    shape_counts_the_axes,
    variables_lie_on_axes_and_inner_dimensions,
    layout_holds_the_labels,
    blocks_cover_every_cell_once,
    schedule_fits_the_axes,
    task_gives_the_variables,
    same_block_gives_the_same_bits,
    parts_give_the_bits_of_the_whole,
    bytes_are_those_stored,
    specification_survives_json,
    fingerprint_stays_when_axes_grow,
    sweep_and_tasks_travel,
)


def _whole(example: Example, block: Block, parts: list[Block] | None = None) -> BlockResult:
    """Compute a block in parts, by default in one, and put them together as dispatch does."""
    split = SplitBlock(block, parts or [block])
    for number, part in enumerate(split.pieces):
        split.add(number, example.compute(part), Span("here", 0.0, 0.0))
    return split.result(example.sweep)


def _same(one: Mapping[str, NDArray[Any]], other: Mapping[str, NDArray[Any]], what: str) -> None:
    differ = [name for name in one if one[name].tobytes() != other[name].tobytes()]
    _require(not differ, f"{what} gives other bits in {', '.join(differ)}")


def _require(true: bool, message: str) -> None:
    if not true:
        raise AssertionError(message)
