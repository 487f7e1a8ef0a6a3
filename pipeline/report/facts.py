"""What the report says of the run itself: its scale, time and speed, and how to open the data."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

import numpy as np
import pandas as pd
import xarray as xr

from relusweep.pipeline.common.wording import bytes_in_words, duration
from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.coverage import coverage
from relusweep.pipeline.report.scale import beside_named, named, scale
from relusweep.pipeline.report.text import NOTHING

__all__ = ["RunFacts", "facts_rows", "how_to_open", "known_rows", "speeds", "stages_table"]


class RunFacts(TypedDict, total=False):
    """What the report may be told of a run beside its data; every key may be left out.

    Attributes
    ----------
    sweep : str
        Name of the sweep.
    specification : Mapping or str
        The specification, or its JSON text; by default the attribute ``specification`` of the data.
    versions : Mapping
        Version of every library; by default the attribute ``versions`` of the data.
    store, group : str
        Where the data are, as the user would write it.
    snapshot : str
        Version of the store that the last run made.
    read, version : str
        Version of the store that the page is made from; and the same where it is not the newest, to open it.
    command : str
        Command that makes these data.
    started : str
        When the run began, in ISO 8601.
    seconds : float
        Wall-clock time of the run.
    networks : int
        Networks that this run trained (fewer than the data hold, after a resume).
    network_epochs : int
        Epochs trained, summed over the networks of this run.
    kernel_seconds, compile_seconds : float
        Time inside the training kernels, and spent compiling them, summed over workers.
    measuring_seconds : float
        Time that measuring the functions took before the training, summed over workers; 0 where they were
        measured before or in a moment.
    worker_cpu_seconds : float
        Processor time of all workers.
    stages : Mapping
        Of a sweep with stages, by group: ``cells`` computed, ``seconds`` of the clock, and ``kernel_seconds``
        summed over the workers, of all runs together.
    peak_bytes : int
        Most memory that the processes of the run have held, summed over them.
    store_bytes : int
        What the store fills on disk, with all its groups and versions.
    idle_share, idle_at_end_share : float
        Shares of the run in which the worker threads had no block, all of them together, and in which the
        first to be without one waited for the last; see `relusweep.pipeline.monitoring.idleness`.
    workers, threads : int
        Worker processes, and their threads altogether.
    machine, host : str
        The processor, in words, and the name of the machine.
    """

    sweep: str
    specification: Mapping[str, Any] | str
    versions: Mapping[str, str]
    store: str
    group: str
    snapshot: str
    read: str
    version: str
    command: str
    started: str
    seconds: float
    networks: int
    network_epochs: int
    kernel_seconds: float
    compile_seconds: float
    measuring_seconds: float
    worker_cpu_seconds: float
    stages: Mapping[str, Mapping[str, float]]
    peak_bytes: int
    store_bytes: int
    idle_share: float
    idle_at_end_share: float
    workers: int
    threads: int
    machine: str
    host: str


def facts_rows(
    dataset: xr.Dataset, facts: Mapping[str, Any], nouns: Mapping[str, str]
) -> list[tuple[str, str]]:
    """List the facts of the run as (what, value) in words, those that are known."""
    ran, share = coverage(dataset), beside_named(dataset, nouns)
    rows = [
        ("Scale", scale(dataset, nouns)),
        *([("Of the named sweep", share)] if share else []),
        ("Networks in the data", f"{ran.networks:,} of {ran.planned:,}"),
    ]
    return rows + known_rows({**facts, **speeds(facts)})


def known_rows(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """List the facts of a run that are known as (what, value) in words."""
    return [(what, write(facts[key])) for key, what, write in _ROWS if facts.get(key) is not None]


def stages_table(tree: xr.DataTree, facts: Mapping[str, Any]) -> Table:
    """Make the table of the stages of a sweep: what is done, and what it cost where that is known."""
    costs = {group.rpartition("/")[2]: cost for group, cost in facts.get("stages", {}).items()}
    rows = []
    for name, stage in tree.children.items():
        done, cost = stage["done"], costs.get(name, {})
        rows.append(
            {
                "Stage": name,
                "Cells": f"{int(done.sum()):,} of {done.size:,}",
                "Time": _known(duration, cost.get("seconds")),
                "Processors": _known(duration, cost.get("kernel_seconds")),
                "Before compression": bytes_in_words(_stored_bytes(stage.dataset)),
            }
        )
    return Table("Stages: what is done, time of the clock and of the workers, and size", pd.DataFrame(rows))


def _known(write: Callable[[Any], str], value: float | None) -> str:
    return NOTHING if value is None else write(value)


def _stored_bytes(stage: xr.Dataset) -> int:
    """Count the bytes of the arrays as they are stored: reading masks some, and makes them larger."""
    return sum(
        array.size * np.dtype(array.encoding.get("dtype", array.dtype)).itemsize
        for array in stage.data_vars.values()
    )


def speeds(facts: Mapping[str, Any]) -> dict[str, float]:
    """Networks and network-epochs per second of wall-clock time, where they are known."""
    if not facts.get("seconds"):
        return {}
    counted = ("networks", "network_epochs")
    return {f"{key}_per_second": facts[key] / facts["seconds"] for key in counted if facts.get(key)}


_COUNT = "{:,.0f}".format
_ROWS: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("networks", "Networks trained by the last run", _COUNT),
    ("seconds", "Wall-clock time", duration),
    ("networks_per_second", "Networks per second", _COUNT),
    ("network_epochs_per_second", "Network-epochs per second", _COUNT),
    ("worker_cpu_seconds", "Processor time of the workers", duration),
    ("kernel_seconds", "Time in training kernels, all workers", duration),
    ("compile_seconds", "Time compiling, all workers", duration),
    ("measuring_seconds", "Time measuring functions, all workers", duration),
    ("peak_bytes", "Peak memory, all processes", lambda size: f"{size / 2**20:,.0f} MiB"),
    ("store_bytes", "Store on disk, all groups and versions", bytes_in_words),
    ("idle_share", "Workers idle", "{:.1%} of the run".format),
    ("idle_at_end_share", "Longest idle at its end", "{:.1%} of the run".format),
    ("workers", "Worker processes", str),
    ("threads", "Worker threads", str),
    ("machine", "Processor", str),
    ("host", "Machine", str),
    ("started", "Started", str),
    ("sweep", "Sweep", str),
    ("store", "Store", str),
    ("group", "Group", str),
    ("snapshot", "Version that the last run made", str),
    ("read", "Version that this page is made from", str),
)


def how_to_open(data: xr.Dataset | xr.DataTree, facts: Mapping[str, Any], questions: Sequence[str]) -> str:
    """Return Python source that opens the data in xarray and asks the first questions."""
    sweep, opener = named(data), "open_datatree" if isinstance(data, xr.DataTree) else "open_dataset"
    group = facts.get("group", sweep.group if sweep else "…")
    store = facts.get("store", "results")
    version = f", version={facts['version']!r}" if facts.get("version") else ""
    lines = (
        "import xarray as xr\n",
        f'results = xr.{opener}({store!r}, engine="relusweep", group={group!r}{version})',
        *questions,
    )
    return "\n".join(lines)
