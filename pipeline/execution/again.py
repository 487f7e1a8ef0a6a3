"""Blocks of stored networks, trained again: in this process, or on workers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from relusweep.cluster import ClusterConfig
from relusweep.pipeline.common.usage import timed
from relusweep.pipeline.execution.dispatch import Arrival, compute
from relusweep.pipeline.execution.run import workers
from relusweep.pipeline.monitoring.events import BlockDone, Listener, PlanStarted
from relusweep.pipeline.planning.plan import Plan
from relusweep.pipeline.sweeps.base import Block, Sweep
from relusweep.tasks.blocks import BlockResult

__all__ = ["train_again"]


@dataclass(frozen=True)
class _Again(Plan):
    """Blocks whose results go to the caller."""

    @property
    def total(self) -> int:
        return self.cells

    @property
    def words(self) -> str:
        return f"{self.cells:,} {self.sweep.unit} to {self.sweep.verb} again"


def train_again(
    sweep: Sweep,
    blocks: Sequence[Block],
    cluster: ClusterConfig | None = None,
    listeners: Sequence[Listener] = (),
) -> Iterator[tuple[Block, BlockResult]]:
    """Compute blocks, the longest first.

    Parameters
    ----------
    sweep : Sweep
    blocks : sequence of Block
    cluster : ClusterConfig, optional
        By default this process computes.
    listeners : sequence of callable
        Told how far it is.

    Yields
    ------
    Block, BlockResult
        In the order in which they come.

    Raises
    ------
    Exception
        What a task raised.
    """
    plan = _Again(sweep, sweep, tuple(sorted(blocks, key=sweep.schedule.cost, reverse=True)))
    for listener in listeners:
        listener(PlanStarted(plan))
    with closing(_here(plan) if cluster is None else _on_workers(plan, cluster)) as arrivals:
        for arrival in arrivals:
            if arrival is None:
                continue
            if isinstance(arrival.outcome, Exception):
                raise arrival.outcome
            block, result = arrival.block, arrival.outcome
            for listener in listeners:
                listener(
                    BlockDone(sweep.group, block, result.successes, arrival.spans, result.not_finite)
                )
            yield block, result


def _here(plan: Plan) -> Iterator[Arrival | None]:
    for block in plan.blocks:
        result, span = timed(*plan.sweep.task(block, ""))
        yield Arrival(plan, block, result, (span,))


def _on_workers(plan: Plan, cluster: ClusterConfig) -> Iterator[Arrival | None]:
    if not plan.blocks:
        return
    with workers(cluster, [plan]) as connection, closing(compute(connection, plan, "")) as arrivals:
        yield from arrivals
