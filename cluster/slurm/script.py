"""The first lines of the scripts of all jobs."""

from __future__ import annotations

from collections.abc import Mapping
from shlex import quote

from relusweep.cluster.slurm.config import Slurm

__all__ = ["prologue"]


def prologue(config: Slurm, environment: Mapping[str, str]) -> list[str]:
    """Give the lines of bash before the command: the user's, which end the job if one fails, and ours."""
    failed = r"""trap 'echo "this line of the prologue failed: $BASH_COMMAND" >&2; exit 1' ERR"""
    exports = (f"export {name}={quote(value)}" for name, value in environment.items())
    return [failed, *config.prologue, "trap - ERR", *exports]
