"""Commands typed where a Slurm is, and what they leave in a store."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

__all__ = ["cluster_file", "record", "relusweep", "until"]


def until(condition: Callable[[], object], seconds: float = 200) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def cluster_file(folder: Path, **fields: Any) -> Path:
    fields = {"kind": "slurm", "memory": "1 GB", "walltime": "10", "folder": str(folder / "shared")} | fields
    file = folder / "slurm.yaml"
    file.write_text(yaml.safe_dump(fields))
    return file


def relusweep(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    """Type a command; when this returns, its process is gone."""
    code = "from relusweep.pipeline.commands.app import main; main()"
    command = [sys.executable, "-P", "-c", code, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def record(store: Path) -> dict[str, Any]:
    """The newest record of a run, as anybody reads it who sees the store."""
    files = sorted((store / ".relusweep" / "runs").glob("*.json"))
    return json.loads(files[-1].read_text()) if files else {}
