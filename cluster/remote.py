"""One host over SSH: whether it can be used, the certificate it gets, the processes it runs for us."""

from __future__ import annotations

import asyncio
import shlex
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import asyncssh
from distributed.deploy import ssh

from relusweep.cluster.certificates import environment_of
from relusweep.cluster.config import Ssh
from relusweep.cluster.environment import ENVIRONMENT

__all__ = ["Host", "RemoteScheduler", "RemoteWorkers", "connect_options", "look", "python_there"]

_FOLDER = ".local/state/relusweep/ssh"  # from the user's home there, where processes start

_PATIENCE = 10.0

_LOOK = "import os, distributed, relusweep.cluster.threads; print(len(os.sched_getaffinity(0)))"


class Host(NamedTuple):
    """What a look at a host has found.

    Attributes
    ----------
    name : str
    processors : int
        That our processes may use there; 0 where the host cannot be used.
    reason : str
        Why it cannot.
    """

    name: str
    processors: int
    reason: str = ""


def connect_options(config: Ssh) -> dict[str, Any]:
    """Give what asyncssh is to know beyond ``~/.ssh/config``; a silent host is given up after 15 s."""
    given = {
        "username": config.username,
        "port": config.port,
        "client_keys": config.key and [str(Path(config.key).expanduser())],
        "known_hosts": config.known_hosts and str(Path(config.known_hosts).expanduser()),
    }
    return {
        **{name: value for name, value in given.items() if value is not None},
        "connect_timeout": _PATIENCE,
        "login_timeout": _PATIENCE,
        "keepalive_interval": 5,
        "keepalive_count_max": 3,
    }


def python_there(config: Ssh, certificate: Path) -> str:
    """Write how Python is started on a host, for its shell: with TLS as the only way in and out."""
    environment = {
        **environment_of(f"{_FOLDER}/{certificate.name}"),
        # Not silent, whatever is configured here: dask waits, for ever, for a line of the log
        # to know that a scheduler or worker runs.
        "DASK_LOGGING__DISTRIBUTED": "info",
        "DASK_DISTRIBUTED__NANNY__PRE_SPAWN_ENVIRON": str(
            {**ENVIRONMENT, "DASK_LOGGING__DISTRIBUTED": "info"}
        ),
    }
    settings = [f"{name}={value}" for name, value in environment.items()]
    return shlex.join(["env", *settings, config.python or sys.executable, "-P"])


async def look(config: Ssh, name: str, certificate: Path) -> Host:
    """Log in, leave the certificate, and ask whether relusweep is there.

    The certificate travels inside the encrypted connection, not as an argument that others could see.
    """
    new = f"{_FOLDER}/{certificate.name}"
    keep = f"umask 077 && mkdir -p {_FOLDER} && chmod 700 {_FOLDER} && cat > {new}.$$ && mv {new}.$$ {new}"
    keep += f" && find {_FOLDER} -type f -mtime +400 -delete"  # those end a year after they came
    command = f"{keep} && {python_there(config, certificate)} -c {shlex.quote(_LOOK)}"
    try:
        async with asyncssh.connect(name, **connect_options(config)) as connection:
            pem = await asyncio.to_thread(certificate.read_text)
            done = await connection.run(command, input=pem, timeout=6 * _PATIENCE)
    except asyncssh.HostKeyNotVerifiable as error:
        return Host(name, 0, f"its key is not known here ({error}): log in once with ssh {name}")
    except asyncssh.PermissionDenied as error:
        return Host(name, 0, f"it does not let us in ({error}): give a `key` that it knows")
    except (asyncssh.Error, OSError, TimeoutError) as error:
        return Host(name, 0, f"it does not answer ({str(error) or 'no answer'}): is it up, and is sshd?")
    said = str(done.stdout).split()
    if done.exit_status != 0 or not said:
        last = (str(done.stderr).strip().splitlines() or ["no word"])[-1]
        python = config.python or sys.executable
        return Host(name, 0, f"{python} there cannot run relusweep ({last}): install it, or give `python`")
    return Host(name, int(said[-1]))


class RemoteScheduler(ssh.Scheduler):
    """A scheduler whose log is read to the end."""

    async def start(self) -> None:
        """Start, and go on reading."""
        await super().start()
        self.reading = asyncio.ensure_future(_read_on(self.proc))


class RemoteWorkers(ssh.Worker):
    """Nannies in one process on a host, each with its worker.

    Attributes
    ----------
    ended : bool
        Whether the process, or the connection to it, is gone.
    """

    ended = False

    async def start(self) -> None:
        """Start, and go on reading."""
        await super().start()
        self.reading = asyncio.ensure_future(self._read_on())

    async def _read_on(self) -> None:
        await _read_on(self.proc)
        self.ended = True


async def _read_on(process: Any) -> None:
    """Read what a process says, and drop it: when nobody reads, it stops at a full pipe."""

    async def drop(stream: Any) -> None:
        with suppress(Exception):  # the connection is gone, which is what the end says as well
            while await stream.read(2**16):
                pass

    await asyncio.gather(drop(process.stdout), drop(process.stderr))
