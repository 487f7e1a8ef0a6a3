"""Blocks of stored networks, trained again: in this process, or on workers."""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import xarray as xr

from relusweep.cluster import ClusterConfig
from relusweep.pipeline.common.usage import timed
from relusweep.pipeline.execution.dispatch import Arrival, compute
from relusweep.pipeline.execution.run import workers
from relusweep.pipeline.monitoring.events import BlockDone, Listener, PlanStarted
from relusweep.pipeline.planning.plan import Plan
from relusweep.pipeline.sweeps.training.retraining import retraining

__all__ = ["retrained"]


@dataclass(frozen=True)
class _Again(Plan):
    """Blocks whose results go to the caller."""

    @property
    def total(self) -> int:
        return self.cells

    @property
    def words(self) -> str:
        return f"{self.cells:,} {self.sweep.unit} to {self.sweep.verb} again"


def retrained(
    results: xr.Dataset,
    keep: Any,
    imports: Collection[str] = (),
    cluster: ClusterConfig | None = None,
    listeners: Sequence[Listener] = (),
    *,
    allow_different: bool = False,
) -> xr.Dataset:
    """Train stored networks again, the longest blocks first, and check how they end.

    Parameters
    ----------
    results : xarray.Dataset
        A part of a group of a training sweep, with ``success_epoch``.
    keep : Any
        Probes, as ``probes`` of a sweep takes them.
    imports : collection of str
        Code of the user's own that the networks need, and that may be imported.
    cluster : ClusterConfig, optional
        By default this process computes.
    listeners : sequence of callable
        Told how far it is.
    allow_different : bool
        Say which networks differ, in a variable ``different``, where that would be an error.

    Raises
    ------
    relusweep.errors.ResultsDiffer
        A network does not end as it is stored.
    Exception
        What a task raised.
    """
    asked = retraining(results, keep, imports)
    blocks = sorted(asked.parts, key=asked.sweep.schedule.cost, reverse=True)
    plan = _Again(asked.sweep, asked.sweep, tuple(blocks))
    _tell(listeners, PlanStarted(plan))
    arrays = asked.room()
    with closing(_here(plan) if cluster is None else _on_workers(plan, cluster)) as arrivals:
        for arrival in arrivals:
            if arrival is None:
                continue
            if isinstance(arrival.outcome, Exception):
                raise arrival.outcome
            block, result = arrival.block, arrival.outcome
            asked.put(arrays, block, result)
            told = plan.sweep.group, block, result.successes, arrival.spans, result.not_finite
            _tell(listeners, BlockDone(*told))
    return asked.checked(asked.dataset(arrays), allow_different=allow_different)


def _tell(listeners: Sequence[Listener], event: PlanStarted | BlockDone) -> None:
    for listener in listeners:
        listener(event)


def _here(plan: Plan) -> Generator[Arrival | None]:
    for block in plan.blocks:
        result, span = timed(*plan.sweep.task(block, ""))
        yield Arrival(plan, block, result, (span,))


def _on_workers(plan: Plan, cluster: ClusterConfig) -> Generator[Arrival | None]:
    if not plan.blocks:
        return
    with workers(cluster, [plan]) as connection, closing(compute(connection, plan, "")) as arrivals:
        yield from arrivals
