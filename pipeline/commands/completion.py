"""What a shell completes: names of sweeps, files that may be some, and what a store holds."""

from __future__ import annotations

from pathlib import Path

from typer import Context

__all__ = ["sources", "stored_sweeps", "sweeps"]


def sweeps(incomplete: str) -> list[str]:
    """Complete the name of a sweep, or of a YAML file."""
    from relusweep.pipeline.sweeps.named import SWEEPS

    folder = Path(incomplete).parent if "/" in incomplete else Path()
    files = [str(file) for file in sorted(folder.glob("*.y*ml")) if file.suffix in (".yaml", ".yml")]
    return [name for name in [*SWEEPS, *files] if name.startswith(incomplete)]


def sources(incomplete: str) -> list[str]:
    """Complete the name of a source."""
    from relusweep.pipeline.reproduction.plan import SOURCES

    return [name for name in SOURCES if name.startswith(incomplete)]


def stored_sweeps(ctx: Context, incomplete: str) -> list[str]:
    """Complete a sweep in a store, by its group or by its name alone; nothing where there is no store."""
    from relusweep.pipeline.report.stored import names_in
    from relusweep.storage import StoreError

    try:
        known, others = names_in(ctx.params.get("store") or "results", "newest")
    except (StoreError, ValueError):
        return []
    groups = [*known, *others]
    names = dict.fromkeys([*groups, *(group.rpartition("/")[2] for group in groups)])
    return [name for name in names if name.startswith(incomplete)]
