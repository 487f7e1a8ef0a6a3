"""Which blocks of a run may go out: what each needs has come from a worker, or is in the store."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, product
from math import inf
from typing import Any

from relusweep.pipeline.execution.worker_writes import Sink
from relusweep.pipeline.planning.plan import Plan
from relusweep.pipeline.planning.split import SubBlock, partition
from relusweep.pipeline.sweeps.blocks import Block
from relusweep.tasks.blocks import BlockResult

__all__ = ["PlanQueue", "Waiting", "make_queues"]


@dataclass(slots=True, eq=False)
class Waiting:
    """A sub-block that is to be computed.

    Attributes
    ----------
    queue : PlanQueue
        Of its plan.
    order : int
        The lower, the sooner it is begun.
    sub : SubBlock
    lacks : int
        How much of what it needs has not come.
    before : BlockResult, optional
        What came of its predecessor, where that is computed in the same run.
    deaths : int, optional
        Of workers while it was alone in flight; None before it is a suspect.
    """

    queue: PlanQueue
    order: int
    sub: SubBlock
    lacks: int
    before: BlockResult | None = None
    deaths: int | None = None

    @property
    def key(self) -> str:
        """Name it for Dask, which gives for an old name the old value: so the name follows from the content.

        After a failure it is another one: the scheduler may not have forgotten the first yet.
        """
        key = f"{self.queue.plan.sweep.group}-{self.sub.block.key}"
        return key if self.deaths is None else f"{key}-alone-{self.deaths}"


class PlanQueue:
    """The sub-blocks of a plan that are not at the workers.

    Attributes
    ----------
    plan : Plan
    ready : deque of Waiting
        These may go out.
    uncommitted : list of Waiting
        All that these need has come, and a commit is what they lack.
    flying, most : int
        How many are at the workers, and how many may be.
    begun : bool
        Whether one has gone out.
    sink : callable, optional
        Gives, for each block, what its worker does with arrays that are too large to travel.
    """

    def __init__(
        self, plan: Plan, orders: Iterator[int], sub_blocks: Iterable[SubBlock], required: Sequence[Plan]
    ) -> None:
        self.plan, self.begun, self.flying = plan, False, 0
        self.most: float = inf
        self.ready, self.uncommitted = deque[Waiting](), list[Waiting]()
        self.sink: Callable[[Block], Sink | None] | None = None
        schedule, axes = plan.sweep.schedule, plan.sweep.axes
        self._dims = {  # by required group: by the labels along which of them it is waited for
            other.sweep.group: [d for d in schedule.independent_along if d in axes and d in other.sweep.axes]
            for other in required
        }
        self._to_come = Counter(  # blocks of what is required, by group and these labels
            cell for other in required for block in other.blocks for cell in self._cells(other, block)
        )
        self._blocked = defaultdict[object, list[Waiting]](list)  # by what they lack: labels, a predecessor
        self._dirty = False  # whether something that is required has come since the last commit
        planned = {block.key for block in plan.blocks}
        for sub in sub_blocks:
            cells = {cell for other in required for cell in self._cells(other, sub.block)}
            needs: list[object] = [cell for cell in cells if cell in self._to_come]
            before = schedule.predecessor(sub.block)
            if before is not None and before.key in planned:
                needs.append(before.key)
            waiting = Waiting(self, next(orders), sub, len(needs))
            for need in needs:
                self._blocked[need].append(waiting)
            if not needs:
                self.ready.append(waiting)

    def _cells(self, required: Plan, block: Block) -> Iterator[tuple[Any, ...]]:
        """Name the labels of a block, its own or one of ours, by which a required plan is waited for."""
        group = required.sweep.group
        return product((group,), *(block[dim] for dim in self._dims[group]))

    def arrive(self, plan: Plan, block: Block, result: BlockResult) -> None:
        """Take note of a block, of this plan or another, that has come."""
        if plan is self.plan:
            for waiting in self._blocked.get(block.key, ()):
                waiting.before = result
            self._free(block.key)
        elif plan.sweep.group in self._dims:
            self._dirty = True
            for cell in self._cells(plan, block):
                self._to_come[cell] -= 1
                if not self._to_come[cell]:
                    self._free(cell)

    def _free(self, need: object) -> None:
        for waiting in self._blocked.pop(need, ()):
            waiting.lacks -= 1
            if not waiting.lacks:
                (self.uncommitted if self._dirty else self.ready).append(waiting)

    def commit(self) -> None:
        """Take note that all that has come is in the store."""
        self.ready.extend(self.uncommitted)
        self.uncommitted.clear()
        self._dirty = False


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
            plan,
            orders,
            partition(plan, threads, sub_blocks_per_thread),
            [by_group[other] for other in required[group]],
        )
        for group, plan in by_group.items()
        if plan.blocks
    ]
