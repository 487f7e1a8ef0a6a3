"""Commands about the versions of a store: `log`, `tag`, `compare`, `expire`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from rich.markup import escape
from typer import Argument, Option

from relusweep.pipeline.commands.options import At, Store, StoredSweep, print_blocks, print_table, say
from relusweep.pipeline.common.errors import UnknownSweep
from relusweep.pipeline.common.wording import bytes_in_words, counted, duration

if TYPE_CHECKING:
    from relusweep.storage import Version

__all__ = ["compare", "expire", "log", "tag"]

_SHOWN = 8  # characters of an id, of which six name a version

Limit = Annotated[int, Option("--limit", min=1, metavar="N", help="Rows to show, the newest first.")]
All = Annotated[bool, Option("--all", help="Every commit, not only the last of each run.")]
KeepDays = Annotated[
    int,
    Option(
        "--keep-days", max=36_500, metavar="N", help="Days for which one without a tag stays; at least 1."
    ),
]
DryRun = Annotated[bool, Option("--dry-run", help="Only say what would be forgotten.")]
Folder = Annotated[
    Path | None,
    Option("--folder", metavar="PATH", file_okay=False, help="Write a page with pictures there, too."),
]
Level = Annotated[
    float, Option("--level", min=0, max=1, help="Of significance, after correction for many tests.")
]


def log(sweep: StoredSweep = None, store: Store = "results", limit: Limit = 20, every: All = False) -> None:
    """List the runs of a store as versions: what each did, when and where, and how it is called.

    relusweep log npn4

    relusweep log --all --limit 100           (the commits within runs, too)
    """
    from relusweep.storage import history

    versions = history(store)
    rows = [version for version in versions if sweep is None or _is_of(version, sweep)]
    if sweep is not None and not rows:
        runs = (version.metadata.get("run", {}).get("group") for version in versions)
        there = ", ".join(sorted({group for group in runs if group})) or "none"
        raise UnknownSweep(f"no run of {sweep!r} in {store}; there are runs of {there}")
    if not every:
        rows = list(_runs(rows))
    if not rows:
        say(f"no run in {escape(store)}; `relusweep status` lists what it holds")
        return
    print_table(
        ("written (UTC)", "sweep", "did", "took", "on", "version", "tags"), map(_log_row, rows[:limit])
    )
    if (more := len(rows) - limit) > 0:
        say(f"… and {more} more: --limit {len(rows)}")


def tag(
    name: Annotated[str, Argument(help="Letters, digits, '.', '_' and '-'.")],
    store: Store = "results",
    at: At = None,
) -> None:
    """Name a version, the newest by default, for good: it never moves, and is kept by `expire`.

    relusweep tag submitted

    relusweep tag before-the-update --at 2026-11-20
    """
    from relusweep.storage import Committer

    with Committer(store) as committer:
        version = committer.tag(name, at)
    say(f"{escape(name)} is version {version} of {escape(store)}")


def compare(
    a: Annotated[str, Argument(help="A tag, a date, an id of `relusweep log`, or newest.")],
    b: Annotated[str, Argument(help="The same.")],
    sweep: StoredSweep = None,
    store: Store = "results",
    folder: Folder = None,
    level: Level = 0.05,
) -> None:
    """Say what differs between two versions: bits cell by cell, and rates by tests.

    relusweep compare 2026-11-20 newest npn4

    relusweep compare night-11 night-12 --folder comparison
    """
    from relusweep.pipeline.common.files import check_writable
    from relusweep.pipeline.common.paths import expanded
    from relusweep.pipeline.versions.compare import compare as compare_versions
    from relusweep.pipeline.versions.compare import group_of
    from relusweep.pipeline.versions.page import overview, write_versions_page

    if folder is not None:
        check_writable(expanded(folder) / "any")
    compared = compare_versions(store, a, b, group_of(store, a, b, sweep), level=level)
    print_blocks(overview(compared))
    if folder is not None:
        page = write_versions_page(compared, folder)
        say(f"\nThe page is at {escape(str(page.absolute()))}")


def expire(keep_days: KeepDays, store: Store = "results", dry_run: DryRun = False) -> None:
    """Forget versions that are older and have no tag, and free what only they filled.

    The newest version stays, and every one with a tag. While this goes, no run can write.

    relusweep expire --keep-days 30 --dry-run
    """
    from relusweep.storage import Committer

    with Committer(store) as committer:
        facts = committer.expire(timedelta(days=keep_days), dry_run=dry_run)
    forgotten = counted(len(facts["expired"]), "version")
    say(f"{forgotten} {'would be ' * dry_run}forgotten: those before {facts['before']} without a tag")
    say(f"  kept are {', '.join(['the newest', *map(escape, facts['kept_tags'])])}")
    unknown = "how much that frees is known when it is done"
    say(f"  {unknown if dry_run else bytes_in_words(facts['bytes_freed']) + ' freed'}")


def _log_row(version: Version) -> tuple[str, ...]:
    facts = version.metadata.get("run", {})
    took = duration(facts["seconds"]) if "seconds" in facts else ""
    cells = (facts.get("group", ""), _did(version), took, facts.get("host", ""), version.id[:_SHOWN])
    return (f"{version.written_at:%Y-%m-%d %H:%M}", *cells, ", ".join(version.tags))


def _is_of(version: Version, sweep: str) -> bool:
    group = str(version.metadata.get("run", {}).get("group", ""))
    return sweep in (group, *group.split("/"))


def _runs(versions: list[Version]) -> Iterator[Version]:
    """Choose the last commit of every run, and whatever has a tag."""
    seen = set()
    for version in versions:
        facts: dict[str, Any] = version.metadata.get("run", {})
        run = facts.get("id") or facts.get("started")
        if version.tags or (run is not None and run not in seen):
            yield version
        seen.add(run)


def _did(version: Version) -> str:
    """Say what a run had done by this commit; what is no run has a message."""
    facts: dict[str, Any] = version.metadata.get("run", {})
    if not facts:
        return version.message
    did = version.message.partition(": ")[2] or version.message
    if (stages := len(facts.get("stages", {}))) > 1:
        did += f", the last of {stages} stages"
    return did + (f", {len(failed)} blocks failed" if (failed := facts.get("failed")) else "")
