"""The command that looks whether everything is fit to run: `doctor`."""

from __future__ import annotations

import platform
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import typer
from rich.markup import escape

from relusweep.pipeline.commands.options import Cluster, Scheduler, Store, Threads, Workers, say
from relusweep.pipeline.commands.sweeps import cluster_config
from relusweep.pipeline.common.checks import Check
from relusweep.pipeline.common.wording import bytes_in_words

__all__ = ["check_workers", "doctor", "environment", "tell"]

_ROOMS = ("tasks", "storage", "cluster", "pipeline")
_ENOUGH_DISK = 1024**3


def doctor(
    store: Store = "results",
    workers: Workers = None,
    threads_per_worker: Threads = None,
    scheduler: Scheduler = None,
    cluster: Cluster = None,
) -> None:
    """Check this machine, the workers and the store; exits with 1 if something must be mended."""
    from relusweep.cluster import connect

    config = cluster_config(workers, threads_per_worker, scheduler, cluster)
    checks = [*_check_here(), *_check_store(store)]
    with connect(config) as connection:
        checks += check_workers(connection.client.run(environment, on_error="return"))
    tell(checks)


def tell(checks: Iterable[Check]) -> None:
    """Print each as it comes, and exit with 1 if something must be mended."""
    wrong = False
    for check in checks:
        mark = "[green]ok[/]   " if check.remedy is None else "[red]wrong[/]"
        say(f"{mark} {check.what}: {escape(check.found)}")
        if check.remedy:
            say(f"      {escape(check.remedy)}")
            wrong = True
    if wrong:
        raise typer.Exit(1)


def environment() -> dict[str, Any]:
    """Describe the process that calls it: versions, where our modules come from, how it was started."""
    from importlib.util import find_spec

    from relusweep.pipeline.common.library_versions import library_versions

    specs = {room: find_spec(room) for room in _ROOMS}
    return {
        "versions": {"python": platform.python_version(), **library_versions()},
        "paths": {room: spec.origin for room, spec in specs.items() if spec},
        "safe_path": bool(sys.flags.safe_path),
    }


def _check_here() -> Iterator[Check]:
    from llvmlite import binding

    python = platform.python_version()
    yield Check(
        "Python", python, None if sys.version_info >= (3, 11) else "relusweep needs Python 3.11 or newer"
    )
    features = binding.get_host_cpu_features()
    width = next((bits for name, bits in _SIMD.items() if features.get(name)), 128)
    yield Check("processor", f"{binding.get_host_cpu_name()}, vectors of {width} bits")
    for name, version in environment()["versions"].items():
        yield Check(name, version)


_SIMD = {"avx512f": 512, "avx2": 256, "avx": 256}


def _check_store(store: str) -> Iterator[Check]:
    from relusweep.storage.repository import local_path

    path = local_path(store)
    if path is None:
        return
    place = next(folder for folder in (path, *path.parents) if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=place):
            yield Check("store", f"{path} can be written")
    except OSError as error:
        yield Check("store", f"{path}: {error.strerror}", "choose another --store, or mend its permissions")
    free = shutil.disk_usage(place).free
    remedy = None if free >= _ENOUGH_DISK else "free some space, or choose another --store"
    yield Check("free disk", bytes_in_words(free), remedy)


def check_workers(found: Mapping[str, Mapping[str, Any] | Exception]) -> Iterator[Check]:
    """Compare the `environment` of every worker, by address, with that of this process."""
    here = environment()
    yield Check("workers", f"{len(found)}")
    for address, there in found.items():
        if isinstance(there, Exception):
            yield Check(address, f"cannot import relusweep: {there!r}", "install the same version there")
            continue
        differ = [name for name, v in here["versions"].items() if there["versions"].get(name) != v]
        if differ:
            names = ", ".join(f"{name} {there['versions'].get(name)}" for name in differ)
            yield Check(address, f"has {names}", "install the same versions there as here")
        if there["paths"] != here["paths"]:
            yield Check(
                address, f"runs {there['paths']}", f"should run {here['paths']}: see PYTHONPATH there"
            )
        if not there["safe_path"]:
            yield Check(address, "has its working directory on the path", "start it with PYTHONSAFEPATH=1")
