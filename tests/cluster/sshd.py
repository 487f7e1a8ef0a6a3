"""A real sshd on this machine, that lets only one key in."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from relusweep.cluster import certificates
from tests.extras import needs

COPIES = Path.home() / ".local/state/relusweep/ssh"
SSHD = shutil.which("sshd") or "/usr/sbin/sshd"


class Sshd(NamedTuple):
    """What a client needs, as the fields of `relusweep.cluster.Ssh`, and the process."""

    fields: dict[str, object]
    process: subprocess.Popen[bytes]


def needed() -> None:
    """Skip where there is no sshd."""
    needs("asyncssh", "ssh")
    if not Path(SSHD).exists() or shutil.which("ssh-keygen") is None:
        pytest.skip("needs sshd and ssh-keygen: apt-get install openssh-server")


@contextmanager
def sshd(folder: Path) -> Iterator[Sshd]:
    """Start it on a free port; its users get the path to the code that is tested here."""
    for name in ("host", "user"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True, timeout=30
        )
    (folder / "authorized").write_text((folder / "user.pub").read_text())
    (folder / "authorized").chmod(0o600)
    port = _free_port()
    (folder / "known").write_text(f"[127.0.0.1]:{port} {(folder / 'host.pub').read_text()}")
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder / 'host'}\nPidFile none\nStrictModes no\n"
        f"AuthorizedKeysFile {folder / 'authorized'}\nPasswordAuthentication no\nUsePAM no\n"
        f"PermitRootLogin prohibit-password\nMaxStartups 100\nMaxSessions 100\n"
        f"SetEnv PYTHONPATH={Path(__file__).parents[2]} PYTHONWARNINGS=ignore\n"
    )
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where it locks itself in before a user is known
    fields = {"hosts": ["127.0.0.1"], "port": port, "key": str(folder / "user"), "python": sys.executable}
    fields |= {"known_hosts": str(folder / "known"), "username": getpass.getuser()}
    with subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "config"], stderr=subprocess.DEVNULL) as process:
        before = set(COPIES.glob("*"))
        try:
            _wait_until_open(port)
            yield Sshd(fields, process)
        finally:
            process.terminate()
            # This machine's home is the hosts', and other tests that go beside these have copies there too.
            own = {COPIES / made.name for made in certificates.certificate_folder().glob("until-*.pem")}
            for copy in own - before:
                copy.unlink(missing_ok=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_open(port: int) -> None:
    until = time.monotonic() + 20
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < until, "sshd did not start"
        time.sleep(0.05)
