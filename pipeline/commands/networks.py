"""Commands about single networks of what has been computed: `export`, `retrain`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from rich.markup import escape
from typer import BadParameter, Option

from relusweep.pipeline.commands.options import (
    At,
    Cluster,
    Labels,
    Scheduler,
    Store,
    StoredSweep,
    Workers,
    output,
    say,
)
from relusweep.pipeline.commands.results import Import

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Labels", "export", "retrain"]

Table = Annotated[
    Path, Option("--file", metavar="PATH", dir_okay=False, help="What to write: a name in .csv or .parquet.")
]
Inner = Annotated[
    list[str] | None,
    Option(
        "--inner",
        metavar="VARIABLE",
        help="Write one with dimensions of its own too, a column for each entry: parameters. Repeatable.",
    ),
]
Missing = Annotated[bool, Option("--missing", help="Rows of networks that have not run, too.")]
Keep = Annotated[
    list[str],
    Option("--keep", metavar="PROBES", help="What to keep: parameters, 'curve: {every: 10}'. Repeatable."),
]
Results = Annotated[
    Path, Option("--file", metavar="PATH", help="What to write: a name in .zarr or .nc, which xarray opens.")
]
AllowDifferent = Annotated[
    bool,
    Option("--allow-different", help="Write what differs from the store, and say of which networks it does."),
]


def export(
    sweep: StoredSweep = None,
    store: Store = "results",
    labels: Labels = None,
    file: Table = Path("networks.csv"),
    inner: Inner = None,
    missing: Missing = False,
    at: At = None,
) -> None:
    """Write a table of one row a network: its labels, how it ended, and what else is known of it.

    relusweep export npn4 --file npn4.parquet

    relusweep export npn4 --label width=2,3 --label leak=0.1 --inner parameters
    """
    from relusweep.pipeline.common.frames import export as write
    from relusweep.pipeline.common.paths import expanded

    path = expanded(file)
    rows = write(_opened(store, sweep, at, labels), path, inner=inner or (), missing=missing)
    say(f"{rows:,} networks are in {escape(str(path.absolute()))}")


def retrain(
    sweep: StoredSweep = None,
    store: Store = "results",
    labels: Labels = None,
    keep: Keep = ["parameters"],  # noqa: B006  (read by typer, never changed)
    file: Results = Path("retrained.zarr"),
    workers: Workers = None,
    scheduler: Scheduler = None,
    cluster: Cluster = None,
    imports: Import = None,
    allow_different: AllowDifferent = False,
    at: At = None,
) -> None:
    """Train stored networks again, from their labels, and keep what the sweep has not kept, as weights.

    How each one ends is checked against the store, bit by bit.

    relusweep retrain npn4 --label width=3 --label trial=0,7

    relusweep retrain npn4 --label width=3 --keep 'curve: {every: 10}' --file curves.nc --workers 2
    """
    from relusweep.pipeline.commands.sweeps import cluster_config
    from relusweep.pipeline.common.files import check_name, write_results
    from relusweep.pipeline.common.paths import expanded
    from relusweep.pipeline.common.wording import counted
    from relusweep.pipeline.execution.again import retrained
    from relusweep.pipeline.monitoring.progress import progress

    path = expanded(file)
    here = workers is None and scheduler is None and cluster is None
    config = None if here else cluster_config(workers, None, scheduler, cluster)
    check_name(path)
    results = _opened(store, sweep, at, labels)
    with progress(output) as told:
        found = retrained(
            results, [*_probes(keep)], imports or (), config, [told], allow_different=allow_different
        )
    write_results(found, path)
    count = counted(int(found["success_epoch"].notnull().sum()), "network")
    different = int(found["different"].sum()) if allow_different else 0
    said = (
        f"{different:,} of which end otherwise than in the store"
        if different
        else "which end as in the store"
    )
    say(f"{count}, {said}, are in {escape(str(path.absolute()))}")


def _opened(store: str, sweep: str | None, at: str | None, labels: list[str] | None) -> xr.Dataset:
    import xarray as xr

    from relusweep.pipeline.common.errors import UnknownSweep
    from relusweep.pipeline.common.labels import selected
    from relusweep.pipeline.report.stored import open_sweep

    name, data = open_sweep(store, sweep, at)
    if not isinstance(data, xr.Dataset):
        raise UnknownSweep(f"{name} has stages, and no rows of networks; name one of its groups")
    return selected(data, labels or ())


def _probes(written: list[str]) -> Iterator[Any]:
    from relusweep._yaml import read_yaml

    for text in written:
        try:
            read = read_yaml(text)
        except ValueError as error:
            raise BadParameter(f"--keep {text}{error}") from None
        if isinstance(read, str):
            yield from (part.strip() for part in read.split(","))
        elif isinstance(read, list):
            yield from read
        else:
            yield read
