"""Does anybody have what a plan asks for: asked before a task that nobody can take waits without a word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from relusweep.cluster import ClusterConfig, promised
from relusweep.pipeline.common.errors import ResourceMissing
from relusweep.pipeline.common.wording import resources_in_words
from relusweep.pipeline.planning.plan import Plan

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["check_promised", "check_workers_have", "slots"]


def check_promised(plans: Iterable[Plan], config: ClusterConfig) -> None:
    """Refuse what the workers of a cluster will never have; to be asked before they start.

    Raises
    ------
    ResourceMissing
        A plan with blocks asks for it.
    """
    brought = promised(config)
    if brought is not None:
        _check(plans, brought, f"the workers of a cluster of kind {config.kind!r}, as it is configured,")


def check_workers_have(plans: Iterable[Plan], config: ClusterConfig, client: Client) -> None:
    """Refuse what no worker has, where only the workers know.

    Raises
    ------
    ResourceMissing
        A plan with blocks asks for it.
    """
    plans = [plan for plan in plans if plan.blocks and plan.sweep.schedule.resources]
    if plans and promised(config) is None:
        workers = _resources_of_workers(client)
        most = {name: max(has.get(name, 0.0) for has in workers) for name in set().union(*workers)}
        _check(plans, most, f"the {len(workers)} workers of the scheduler")


def slots(client: Client, wanted: Mapping[str, float]) -> int:
    """Count the tasks, each of which wants so much, that the workers can compute at a time."""
    return sum(
        min(int(has.get(name, 0.0) // amount) for name, amount in wanted.items())
        for has in _resources_of_workers(client)
    )


def _resources_of_workers(client: Client) -> list[Mapping[str, float]]:
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    return [worker["resources"] for worker in workers]


def _check(plans: Iterable[Plan], there: Mapping[str, float], who: str) -> None:
    for plan in plans:
        wanted = plan.sweep.schedule.resources if plan.blocks else {}  # what is done asks for nothing
        lacking = {name: amount for name, amount in wanted.items() if there.get(name, 0.0) < amount}
        if lacking:
            have = f"{resources_in_words(there)} each" if there else "none"
            raise ResourceMissing(
                f"{plan.sweep.group} asks for {resources_in_words(lacking)} a block, and {who} have {have}; "
                'give `gpus` in the file of the cluster (--cluster), start workers with --resources "GPU=1", '
                "or compute on the processor: --set device=cpu"
            )
