"""What the report says of the run itself: specification, versions, time, speed, how to go on."""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypedDict

from pipeline.report.summary import Summary
from pipeline.report.theme import NOTHING, leak_name, percent
from pipeline.words import duration

__all__ = [
    "RunFacts",
    "facts_rows",
    "how_to_open",
    "key_figures",
    "specification_text",
    "versions",
]


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
        Version of the store that was read.
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
    peak_bytes : int
        Most memory that the processes of the run have held, summed over them.
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
    command: str
    started: str
    seconds: float
    networks: int
    network_epochs: int
    kernel_seconds: float
    compile_seconds: float
    measuring_seconds: float
    worker_cpu_seconds: float
    peak_bytes: int
    workers: int
    threads: int
    machine: str
    host: str


def key_figures(summary: Summary, facts: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """List the figures at the head of the page as (what, value, what it means)."""
    share = (
        "all that these data hold"
        if summary.networks == summary.planned
        else f"of {summary.planned:,} in these data"
    )
    figures = [("Networks trained", f"{summary.networks:,}", share)]
    for column, leak in enumerate(summary.leaks):
        rate, low, high = (float(summary.by_leak[name][column]) for name in ("rate", "low", "high"))
        note = f"over all classes and sizes; 95 %: {100 * low:.2f} to {100 * high:.2f}"
        figures.append(
            (f"Learned with {leak_name(leak)}", f"{percent(rate)} %", note) if rate >= 0 else _nothing(leak)
        )
    if speed := _speeds(facts).get("networks_per_second"):
        figures.append(("Networks per second", f"{speed:,.0f}", "from start to end of the run"))
    return figures


def _nothing(leak: float) -> tuple[str, str, str]:
    return f"Learned with {leak_name(leak)}", NOTHING, "no network has run"


def facts_rows(summary: Summary, facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """List the facts of the run as (what, value) in words, those that are known."""
    rows = [
        ("Scale", _scale(summary)),
        ("Networks in the data", f"{summary.networks:,} of {summary.planned:,}"),
    ]
    known = {**facts, **_speeds(facts)}
    return rows + [(what, write(known[key])) for key, what, write in _ROWS if known.get(key) is not None]


def _scale(summary: Summary) -> str:
    """Say the size of the sweep axis by axis."""
    size = summary.data.sizes
    axes = (f"{size[dim]:,} {_plural(word, size[dim])}" for dim, word in _AXES.items())
    return " \N{MULTIPLICATION SIGN} ".join(axes)


_AXES = {"problem": "class", "leak": "leak", "width": "width", "depth": "depth", "trial": "trial"}


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}es" if word.endswith("s") else f"{word}s"


def _speeds(facts: Mapping[str, Any]) -> dict[str, float]:
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
    ("workers", "Worker processes", str),
    ("threads", "Worker threads", str),
    ("machine", "Processor", str),
    ("host", "Machine", str),
    ("started", "Started", str),
    ("sweep", "Sweep", str),
    ("store", "Store", str),
    ("group", "Group", str),
    ("snapshot", "Version of the store", str),
)


def specification_text(summary: Summary, facts: Mapping[str, Any]) -> str:
    """Return the specification as indented JSON; empty if neither the facts nor the data have it."""
    known = facts.get("specification", summary.data.attrs.get("specification"))
    return _json(known)


def versions(summary: Summary, facts: Mapping[str, Any]) -> dict[str, str]:
    """Return the version of every library, by name."""
    known = facts.get("versions", summary.data.attrs.get("versions", {}))
    return dict(sorted((json.loads(known) if isinstance(known, str) else known).items()))


def _json(known: object) -> str:
    if known is None:
        return ""
    return json.dumps(json.loads(known) if isinstance(known, str) else known, indent=2, ensure_ascii=False)


def how_to_open(summary: Summary, facts: Mapping[str, Any]) -> str:
    """Return Python source that opens the data in xarray and asks the first questions."""
    store, group = facts.get("store", "results"), facts.get("group", f"boolean/npn{summary.n_inputs}")
    return f"""\
import xarray as xr

results = xr.open_dataset({store!r}, engine="relusweep", group={group!r})
results.sweep.success_rate("trial")   # rate, low, high per class and size (95 % Wilson)
results.sweep.hardest(10)             # the tables of this page, as pandas
results.sweep.missing()               # what has not run"""
