"""One host over SSH: whether it can be used, its copy of the certificate, and the processes on it."""

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
from relusweep.cluster.environment import ENVIRONMENT, expanded

__all__ = ["Host", "RemoteScheduler", "RemoteWorkers", "connect_options", "inspect_host", "remote_python"]

_FOLDER = ".local/state/relusweep/ssh"  # relative to the user's home on the host, where processes start

_TIMEOUT = 10.0

_INSPECT = "import os, distributed, relusweep.cluster.threads; print(len(os.sched_getaffinity(0)))"


class Host(NamedTuple):
    """What is known about a host.

    Attributes
    ----------
    name : str
    processors : int
        That our processes may use; 0 if the host cannot be used.
    reason : str
        Why it cannot.
    """

    name: str
    processors: int
    reason: str = ""


def connect_options(config: Ssh) -> dict[str, Any]:
    """Give the options of asyncssh beyond ``~/.ssh/config``; a silent host is given up after 15 s."""
    given = {
        "username": config.username,
        "port": config.port,
        "client_keys": config.key and [str(expanded(config.key))],
        "known_hosts": config.known_hosts and str(expanded(config.known_hosts)),
    }
    return {
        **{name: value for name, value in given.items() if value is not None},
        "connect_timeout": _TIMEOUT,
        "login_timeout": _TIMEOUT,
        "keepalive_interval": 5,
        "keepalive_count_max": 3,
    }


def remote_python(config: Ssh, certificate: Path) -> str:
    """Write the shell command that starts Python on a host, where every connection must use TLS."""
    environment = {
        **environment_of(f"{_FOLDER}/{certificate.name}"),
        # Whatever is configured here: dask waits forever for a line of the log, from which it
        # knows that a scheduler or worker runs.
        "DASK_LOGGING__DISTRIBUTED": "info",
        "DASK_DISTRIBUTED__NANNY__PRE_SPAWN_ENVIRON": str(
            {**ENVIRONMENT, "DASK_LOGGING__DISTRIBUTED": "info"}
        ),
    }
    settings = [f"{name}={value}" for name, value in environment.items()]
    return shlex.join(["env", *settings, config.python or sys.executable, "-P"])


async def inspect_host(config: Ssh, name: str, certificate: Path) -> Host:
    """Log in, copy the certificate, and check that relusweep is installed.

    The certificate travels inside the encrypted connection, not as an argument that others could see.
    """
    new = f"{_FOLDER}/{certificate.name}"
    keep = f"umask 077 && mkdir -p {_FOLDER} && chmod 700 {_FOLDER} && cat > {new}.$$ && mv {new}.$$ {new}"
    keep += f" && find {_FOLDER} -type f -mtime +400 -delete"  # certificates are valid for a year
    command = f"{keep} && {remote_python(config, certificate)} -c {shlex.quote(_INSPECT)}"
    try:
        async with asyncssh.connect(name, **connect_options(config)) as connection:
            pem = await asyncio.to_thread(certificate.read_text)
            done = await connection.run(command, input=pem, timeout=6 * _TIMEOUT)
    except asyncssh.HostKeyNotVerifiable as error:
        return Host(name, 0, f"its key is not known here ({error}): log in once with: ssh {name}")
    except asyncssh.PermissionDenied as error:
        return Host(name, 0, f"it refuses the login ({error}): give a `key` that it accepts")
    except (asyncssh.Error, OSError, TimeoutError) as error:
        return Host(name, 0, f"it does not answer ({str(error) or 'no answer'}): is it up, and is sshd?")
    said = str(done.stdout).split()
    if done.exit_status != 0 or not said:
        last = (str(done.stderr).strip().splitlines() or ["no message"])[-1]
        python = config.python or sys.executable
        return Host(name, 0, f"{python} cannot run relusweep there ({last}): install it, or give `python`")
    return Host(name, int(said[-1]))


class RemoteScheduler(ssh.Scheduler):
    """A scheduler whose log is read until it ends."""

    async def start(self) -> None:
        """Start, and keep reading the log."""
        await super().start()
        self.reading = asyncio.ensure_future(_read_on(self.proc))


class RemoteWorkers(ssh.Worker):
    """A process on a host with nannies, each of which runs a worker.

    Attributes
    ----------
    ended : bool
        Whether the process, or the connection to it, is gone.
    """

    ended = False

    async def start(self) -> None:
        """Start, and keep reading the log."""
        await super().start()
        self.reading = asyncio.ensure_future(self._read_on())

    async def _read_on(self) -> None:
        await _read_on(self.proc)
        self.ended = True


async def _read_on(process: Any) -> None:
    """Read and discard the output of a process, which would block on a full pipe."""

    async def drop(stream: Any) -> None:
        with suppress(Exception):  # the connection is lost, which ends the process too
            while await stream.read(2**16):
                pass

    await asyncio.gather(drop(process.stdout), drop(process.stderr))
