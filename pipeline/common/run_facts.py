"""What the store knows of its runs: read from the commits that they made."""

from __future__ import annotations

from collections import Counter
from typing import Any

from relusweep.storage import history

__all__ = ["run_facts"]


def run_facts(store: str, group: str, at: str | None = None) -> dict[str, Any]:
    """Read the facts of the last run of a group, or of one under it; empty if there is none.

    ``stages`` are those of all such runs together: what was computed before is not computed again.

    Parameters
    ----------
    store, group : str
    at : str, optional
        A version as `relusweep.storage.resolve` takes it: what was known then.
    """
    runs: dict[str, dict[str, Any]] = {}  # by when they began, the last first: of each its last commit
    for version in history(store, at):
        facts = version.metadata.get("run", {})
        if f"{facts.get('group')}/".startswith(f"{group}/"):
            runs.setdefault(facts["started"], {**facts, "snapshot": version.id})
    if not runs:
        return {}
    stages: dict[str, Counter[str]] = {}
    for facts in reversed(runs.values()):
        for name, cost in facts.get("stages", {}).items():
            stages[name] = stages.get(name, Counter()) + Counter(cost)
    return {**next(iter(runs.values())), "stages": stages}
