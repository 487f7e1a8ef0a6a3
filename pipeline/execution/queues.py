"""Which blocks of a run may go out: what each needs has come from a worker, or is in the store."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count, product
from math import inf
from typing import Any, NamedTuple

from relusweep.pipeline.execution.worker_writes import Sink
from relusweep.pipeline.planning.plan import Plan
from relusweep.pipeline.planning.split import SubBlock, partition
from relusweep.pipeline.sweeps.base import Block
from relusweep.tasks.blocks import BlockResult

__all__ = ["PlanQueue", "Waiting", "make_queues"]


class Waiting(NamedTuple):
    """A sub-block that is to be computed.

    Attributes
    ----------
    queue : PlanQueue
        Of its plan.
    order : int
        The lower, the sooner it is begun.
    sub : SubBlock
    before : BlockResult, optional
        What came of its predecessor, where that is computed in the same run.
    deaths : int, optional
        Of workers while it was alone in flight; None before it is a suspect.
    """

    queue: PlanQueue
    order: int
    sub: SubBlock
    before: BlockResult | None = None
    deaths: int | None = None

    @property
    def key(self) -> str:
        """Name it for Dask, which gives for an old name the old value: so the name follows from the content.

        After a failure it is another one: the scheduler may not have forgotten the first yet.
        """
        key = f"{self.queue.plan.sweep.group}-{self.sub.block.key}"
        return key if self.deaths is None else f"{key}-alone-{self.deaths}"


class _Requirement:
    """What a plan waits for in another one: its blocks, counted by their labels along some dimensions.

    Attributes
    ----------
    uncommitted : set of tuple
        Labels of which all has come, and is not yet in the store.
    """

    def __init__(self, plan: Plan, dims: Iterable[str]) -> None:
        self.group = plan.sweep.group
        self._dims = [dim for dim in dims if dim in plan.sweep.axes]
        self._lacking = Counter(cell for block in plan.blocks for cell in self._cells(block))
        self.uncommitted: set[tuple[Any, ...]] = set()

    def _cells(self, block: Block) -> Iterator[tuple[Any, ...]]:
        return product(*(block[dim] for dim in self._dims))

    def arrive(self, block: Block) -> None:
        """Count a block of the other plan."""
        for cell in self._cells(block):
            self._lacking[cell] -= 1
            if not self._lacking[cell]:
                self.uncommitted.add(cell)

    def commit(self) -> bool:
        """Note that all that has come is in the store; true if that makes a difference."""
        changed = bool(self.uncommitted)
        self.uncommitted.clear()
        return changed

    def has_arrived(self, block: Block) -> bool:
        """Tell whether all has come that a block of the waiting plan needs."""
        return not any(self._lacking[cell] for cell in self._cells(block))

    def is_stored(self, block: Block) -> bool:
        """Tell whether it is in the store."""
        return self.has_arrived(block) and self.uncommitted.isdisjoint(self._cells(block))


class PlanQueue:
    """The sub-blocks of a plan that are not at the workers.

    Attributes
    ----------
    plan : Plan
    ready : deque of Waiting
        These may go out.
    flying, most : int
        How many are at the workers, and how many may be.
    begun : bool
        Whether one has gone out.
    sink : callable, optional
        Gives, for each block, what its worker does with arrays that are too large to travel.
    """

    def __init__(
        self, plan: Plan, orders: Iterator[int], sub_blocks: Iterable[SubBlock], required: Iterable[Plan]
    ) -> None:
        self.plan, self.begun, self.flying = plan, False, 0
        self.most: float = inf
        self.ready: deque[Waiting] = deque()
        self.sink: Callable[[Block], Sink] | None = None
        dims = [dim for dim in plan.sweep.schedule.independent_along if dim in plan.sweep.axes]
        self._requirements = [_Requirement(other, dims) for other in required if other.blocks]
        self._after: dict[str, Waiting] = {}  # by the key of the predecessor
        self._blocked: list[Waiting] = []  # by what is not in the store
        planned = {block.key for block in plan.blocks}
        for waiting in (Waiting(self, *numbered) for numbered in zip(orders, sub_blocks, strict=False)):
            before = plan.sweep.schedule.predecessor(waiting.sub.block)
            if before is not None and before.key in planned:
                self._after[before.key] = waiting
            else:
                self._admit(waiting)

    def _admit(self, waiting: Waiting) -> None:
        stored = all(required.is_stored(waiting.sub.block) for required in self._requirements)
        (self.ready if stored else self._blocked).append(waiting)

    def arrive(self, plan: Plan, block: Block, result: BlockResult) -> None:
        """Take note of a block, of this plan or another, that has come."""
        if plan is self.plan and (following := self._after.pop(block.key, None)):
            self._admit(following._replace(before=result))
        for required in self._requirements:
            if required.group == plan.sweep.group:
                required.arrive(block)

    def commit(self) -> None:
        """Take note that all that has come is in the store."""
        changed = [required.commit() for required in self._requirements]
        if any(changed):
            blocked, self._blocked = self._blocked, []
            for waiting in blocked:
                self._admit(waiting)

    @property
    def waits_for_commit(self) -> bool:
        """Whether a commit is all that a block lacks."""
        return any(required.uncommitted for required in self._requirements) and any(
            all(required.has_arrived(waiting.sub.block) for required in self._requirements)
            for waiting in self._blocked
        )


def make_queues(plans: Sequence[Plan], threads: int, sub_blocks_per_thread: float) -> list[PlanQueue]:
    """Queue the blocks of plans that may be computed side by side.

    Parameters
    ----------
    plans : sequence of Plan
        Each behind those that its sweep requires; what is required and not among them is in the store.
    threads : int
    sub_blocks_per_thread : float
    """
    by_group = {plan.sweep.group: plan for plan in plans}
    required: dict[str, set[str]] = {}  # of each group all groups, also those that the required ones require
    for group, plan in by_group.items():
        direct = {sweep.group for sweep in plan.sweep.requires} & required.keys()
        required[group] = direct.union(*(required[other] for other in direct))
    orders = count()
    return [
        PlanQueue(
            plan, orders, partition(plan, threads, sub_blocks_per_thread), map(by_group.__getitem__, others)
        )
        for plan, others in zip(plans, required.values(), strict=True)
        if plan.blocks
    ]
