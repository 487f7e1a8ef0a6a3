"""Does anybody have what a plan asks for: asked before a task that nobody can take waits without a word."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from relusweep.cluster import ClusterConfig, Local, UnfitWorkers, promised
from relusweep.pipeline.common.errors import ResourceMissing
from relusweep.pipeline.common.wording import bytes_in_words, resources_in_words
from relusweep.pipeline.planning.plan import Plan
from relusweep.tasks.own import edited

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["check_promised", "check_workers_have", "code_folder", "slots"]


def check_promised(plans: Iterable[Plan], config: ClusterConfig) -> None:
    """Refuse what the workers of a cluster will never have; to be asked before they start.

    Raises
    ------
    ResourceMissing
        A plan with blocks asks for it, or, where it runs here, a task for more memory than this machine has,
        or for a GPU that cannot be used.
    """
    plans = list(plans)
    if isinstance(config, Local):
        _check_memory(plans)
        _check_gpu(plans)
    brought = promised(config)
    if brought is not None:
        _check(plans, brought, f"the workers of a cluster of kind {config.kind!r}, as it is configured,")


def check_workers_have(plans: Iterable[Plan], config: ClusterConfig, client: Client) -> None:
    """Refuse what no worker has, where only the workers know.

    Raises
    ------
    ResourceMissing
        A plan with blocks asks for it.
    relusweep.cluster.UnfitWorkers
        A plan names code of the user's own, and a worker has imported it as it was before an edit.
    """
    plans = list(plans)
    if code_folder(plans):
        _check_code(client)
    plans = [plan for plan in plans if plan.blocks and plan.sweep.schedule.resources]
    if plans and promised(config) is None:
        workers = _resources_of_workers(client)
        most = {name: max(has.get(name, 0.0) for has in workers) for name in set().union(*workers)}
        _check(plans, most, f"the {len(workers)} workers of the scheduler")


def _check_code(client: Client) -> None:
    for worker, files in client.run(edited).items():
        if files:
            raise UnfitWorkers(
                f"the worker {worker} has imported {files[0]} as it was before it was edited, and Python "
                "imports a module once: restart the workers of this scheduler"
            )


def most_memory(plan: Plan) -> float:
    """Give the bytes that the largest task of a plan fills, about; 0 where nobody can tell."""
    estimate = plan.sweep.schedule.memory
    return max(map(estimate, plan.blocks), default=0.0) if estimate else 0.0


def memory_here() -> float:
    """Give the bytes of memory of this machine."""
    return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))


def threads_here() -> int:
    """Count the processors that this process may use."""
    from dask.system import CPU_COUNT

    return int(CPU_COUNT)


def _check_memory(plans: Iterable[Plan]) -> None:
    there = memory_here()
    for plan in plans:
        if (needed := most_memory(plan)) > there:
            raise ResourceMissing(
                f"the largest task of {plan.sweep.group} fills about {bytes_in_words(needed)} of memory, and "
                f"this machine has {bytes_in_words(there)}; ask for smaller networks or fewer trials, or "
                "give a --cluster whose machines are larger"
            )


def _check_gpu(plans: Iterable[Plan]) -> None:
    if not any(plan.blocks and _trains_on_gpu(plan) for plan in plans):
        return
    from relusweep.tasks.training.device.cuda import device
    from relusweep.tasks.training.device.machine import NoDeviceError

    try:
        device()
    except NoDeviceError as error:
        raise ResourceMissing(f"{error}; or train on the processor: --engine lanes") from None


def code_folder(plans: Iterable[Plan]) -> str | None:
    """Name the folder that workers import code of the user's own from; none where no plan names any."""
    return str(Path.cwd()) if any(plan.sweep.names_code for plan in plans) else None


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
                f"or compute on the processor: {_instead(plan)}"
            )


def _instead(plan: Plan) -> str:
    return "--engine lanes" if _trains_on_gpu(plan) else "--set device=cpu"


def _trains_on_gpu(plan: Plan) -> bool:
    return getattr(plan.sweep.spec, "engine", None) == "cuda"
