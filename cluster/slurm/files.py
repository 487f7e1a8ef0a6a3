"""Files that this machine and the nodes share: the certificate and the logs of jobs."""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path

from relusweep.cluster.certificates import certificate, certificate_folder
from relusweep.cluster.environment import expanded
from relusweep.cluster.errors import InvalidCluster
from relusweep.cluster.slurm.config import Slurm

__all__ = ["certificate_in", "log_of", "shared_folder", "tail"]

_TAIL_LINES = 15
_TAIL_BYTES = 8192


def shared_folder(config: Slurm) -> Path:
    """Make the folder that the nodes share, which only the user can read.

    Raises
    ------
    InvalidCluster
        It cannot be made or written, or its path cannot be written in scripts of jobs.
    """
    chosen = expanded(config.folder).absolute() if config.folder else certificate_folder().parent / "slurm"
    if not re.fullmatch(r"[\w./+,:@=-]+", str(chosen)):
        raise InvalidCluster(
            f"folder = {str(chosen)!r} has a space or another character that is special to bash or Slurm; "
            "give a folder: of letters, digits and any of . _ / + , : @ = -"
        )
    try:
        chosen.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=chosen):
            return chosen
    except OSError as error:
        raise InvalidCluster(
            f"folder = {str(chosen)!r} cannot be written: {error.strerror}; give a folder: that this machine "
            "and the nodes can write, for certificates and the logs of jobs"
        ) from error


def certificate_in(folder: Path) -> Path:
    """Copy the certificate to where the nodes can read it; a file never changes."""
    kept = certificate()
    private = folder / "tls"
    private.mkdir(mode=0o700, exist_ok=True)
    private.chmod(0o700)
    copy = private / kept.name
    new = private / f"new-{os.getpid()}"
    with suppress(FileNotFoundError):
        new.unlink()
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(kept.read_bytes())
    return new.replace(copy)


def log_of(folder: Path, job: str) -> Path:
    """Give the path of a job's log; `job` is its id, or ``%j``."""
    return folder / f"job-{job}.log"


def tail(log: Path) -> str:
    """Give the last lines of a log, or the reason why there are none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return (
            f"  (there is none: perhaps the nodes do not share {log.parent}; "
            "set folder: in the file of the cluster to one that they share with this machine)"
        )
    except OSError as error:
        return f"  (it cannot be read: {error.strerror})"
    return "\n".join(f"  {line}" for line in lines[-_TAIL_LINES:]) or "  (it is empty)"
