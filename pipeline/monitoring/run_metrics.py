"""What a run costs and where it ran: measured as it goes, kept with every commit, read by reports."""

from __future__ import annotations

import platform
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relusweep.pipeline.common.library_versions import library_versions
from relusweep.pipeline.common.usage import Usage, usage
from relusweep.pipeline.monitoring.events import BlockFailed
from relusweep.pipeline.monitoring.idleness import Shift
from relusweep.pipeline.planning.plan import Plan
from relusweep.tasks.blocks import BlockResult

if TYPE_CHECKING:
    from distributed import Client

    from relusweep.cluster import Connection

__all__ = ["RunMetrics", "failures"]

_TOLD_FAILURES = 10  # with every commit
_TOLD_LENGTH = 500


def failures(failed: Sequence[BlockFailed], most: int = _TOLD_FAILURES) -> dict[str, Any]:
    """Tell which blocks failed, JSON-able and bounded however many they are.

    Returns
    -------
    dict
        ``n_failed``, and of the first of them ``failed``: a list of ``group``, ``block`` in words, ``key``,
        ``error``, and the labels of its first and last ``corners``, by which to see in the store whether it
        has come since.
    """
    told = [
        {
            "group": failure.group,
            "block": str(failure.block),
            "key": failure.block.key,
            "error": failure.error[:_TOLD_LENGTH],
            "corners": [{dim: labels[end] for dim, labels in failure.block.labels} for end in (0, -1)],
        }
        for failure in failed[:most]
    ]
    return {"n_failed": len(failed), "failed": told}


@dataclass
class RunMetrics:
    """Counts one run.

    Attributes
    ----------
    plan : Plan
        Of the sweep asked for.
    network_epochs : int
        Trained by this run.
    compile_seconds : float
        Compiling for the sweep asked for, summed over the workers.
    stages : dict of dict
        For every group in which blocks came: how many ``cells``, ``seconds`` of the clock from its first
        block to its last, and ``kernel_seconds`` summed over the workers.
    workers : dict
        What describes the workers, once they are known.
    shift : Shift
        When they computed.
    """

    plan: Plan
    store: str
    command: str | None = None
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    network_epochs: int = 0
    compile_seconds: float = 0.0
    workers: dict[str, Any] = field(default_factory=dict)
    stages: dict[str, dict[str, float]] = field(default_factory=dict)
    id: str | None = None
    failed: list[BlockFailed] = field(default_factory=list)
    _clock: float = field(default_factory=time.perf_counter)
    _own: Usage = field(default_factory=usage)
    _before: Mapping[str, Usage] = field(default_factory=dict)
    shift: Shift = field(default_factory=Shift)
    _began: dict[str, float] = field(default_factory=dict)

    def connect(self, connection: Connection) -> None:
        """Note the workers; of those that lived before this run, what they had used by now."""
        self.update(connection.client.nthreads())
        if not connection.owned:
            self._before = connection.client.run(usage, on_error="ignore")

    def update(self, threads: Mapping[str, int]) -> None:
        """Note how many there are, by their addresses: those that wait in a queue come later."""
        self.workers["workers"] = max(self.workers.get("workers", 0), len(threads))
        self.workers["threads"] = max(self.workers.get("threads", 0), sum(threads.values()))

    def begin(self, group: str) -> None:
        """Note that blocks of a group come from now on; perhaps once more, after the store was waited for."""
        stage = self.stages.setdefault(group, {"cells": 0, "seconds": 0.0, "kernel_seconds": 0.0})
        self._began[group] = time.perf_counter() - stage["seconds"]

    def count(self, group: str, cells: int, result: BlockResult) -> None:
        """Count a block."""
        stage = self.stages[group]
        stage["cells"] += cells
        stage["seconds"] = time.perf_counter() - self._began[group]
        stage["kernel_seconds"] += result.kernel_seconds
        self.network_epochs += result.network_epochs
        if group == self.plan.sweep.group:
            self.compile_seconds += result.compile_seconds

    def ask_workers(self, client: Client) -> None:
        """Ask the workers what they have used; of one that died, nobody knows."""
        self.update(client.nthreads())
        used: Mapping[str, Usage] = client.run(usage, on_error="ignore")
        nothing = Usage(0.0, 0)
        spent = [now.cpu_seconds - self._before.get(name, nothing).cpu_seconds for name, now in used.items()]
        peaks = [now.peak_bytes for now in used.values()]
        self.workers |= {
            "worker_cpu_seconds": sum(spent),
            "peak_bytes": usage().peak_bytes + sum(peaks),
            "worker_peak_bytes": max(peaks, default=0),
        }

    def as_dict(self) -> dict[str, Any]:
        """Give everything known so far, JSON-able.

        Beside what `relusweep.pipeline.report.facts.RunFacts` names: ``client_cpu_seconds`` of this process
        since the run began; ``client_peak_bytes``, and ``worker_peak_bytes`` of the worker that held most;
        ``idle_share`` and ``idle_at_end_share``, of what has come: see
        `relusweep.pipeline.monitoring.idleness.Shift.idle_shares`.
        """
        own, group = usage(), self.plan.sweep.group
        kernels = {name: stage["kernel_seconds"] for name, stage in self.stages.items()}
        training = kernels.pop(group, 0.0)
        return {
            "id": self.id,
            "sweep": self.plan.sweep.name,
            "group": group,
            "store": self.store,
            "command": self.command,
            "started": self.started.isoformat(timespec="seconds"),
            "seconds": time.perf_counter() - self._clock,
            "networks": self.stages.get(group, {}).get("cells", 0),
            "network_epochs": self.network_epochs,
            "kernel_seconds": training,
            "compile_seconds": self.compile_seconds,
            "measuring_seconds": sum(kernels.values(), 0.0),
            "stages": self.stages,
            "client_cpu_seconds": own.cpu_seconds - self._own.cpu_seconds,
            "client_peak_bytes": own.peak_bytes,
            **self.workers,
            **self.shift.idle_shares(self.workers.get("threads", 0)),
            **failures(self.failed),
            "host": socket.gethostname(),
            "machine": _processor(),
            "versions": {"python": platform.python_version(), **library_versions()},
        }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
