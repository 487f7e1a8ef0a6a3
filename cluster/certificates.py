"""The certificate that schedulers, workers and clients of one user share, made once and kept."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from relusweep.cluster.environment import expanded
from relusweep.cluster.errors import InvalidCluster

if TYPE_CHECKING:
    from distributed.security import Security

__all__ = ["certificate", "certificate_folder", "environment_of", "secured", "security"]

_ROLES = ("client", "scheduler", "worker")


def security() -> Security:
    """Give the security settings with which this user's processes accept only one another.

    Returns
    -------
    distributed.security.Security
        It names a file, which must exist on every host of the cluster.
        Traffic is encrypted, and each end demands the certificate of the other.

    Raises
    ------
    InvalidCluster
        The certificate cannot be kept.
    """
    return secured(certificate())


def secured(path: Path | str) -> Security:
    """Give the security settings of a file that holds certificate and key, for every role."""
    from distributed.security import Security

    return Security(
        require_encryption=True,
        tls_ca_file=str(path),
        **{f"tls_{role}_{part}": str(path) for role in _ROLES for part in ("cert", "key")},
    )


def environment_of(path: str) -> dict[str, str]:
    """Give the environment variables that make a Dask process elsewhere use a file as `secured` does."""
    tls = "DASK_DISTRIBUTED__COMM__TLS__"
    return {
        "DASK_DISTRIBUTED__COMM__DEFAULT_SCHEME": "tls",
        "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "True",
        f"{tls}CA_FILE": path,
        **{f"{tls}{role.upper()}__{part}": path for role in _ROLES for part in ("CERT", "KEY")},
    }


def certificate_folder() -> Path:
    """Give the folder of the certificates, in ``$XDG_STATE_HOME`` or its default."""
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return expanded(state, "XDG_STATE_HOME").absolute() / "relusweep" / "tls"


def certificate(lasting: timedelta = timedelta(days=30)) -> Path:
    """Give the file of the certificate and its key; make one where there is none that is valid long enough.

    A file never changes: running clusters keep theirs when a newer one is made.

    Parameters
    ----------
    lasting : timedelta
        How long it must still be valid; clusters run for days, not for weeks.

    Returns
    -------
    Path
        PEM: a key, and the certificate of it, which is its own authority. Only the user can read it.
    """
    with _locked(certificate_folder()) as folder:
        until = datetime.now(UTC) + lasting
        kept = max(folder.glob("until-*.pem"), default=None)  # the names sort as the dates do
        if kept is None or _ends(kept) < until:
            kept = _make(folder)
        kept.chmod(0o600)
        for old in folder.glob("until-*.pem"):
            if _ends(old) < datetime.now(UTC):  # no cluster can use it any more
                old.unlink()
        return kept


@contextmanager
def _locked(folder: Path) -> Iterator[Path]:
    """Make the folder, which only the user can read, and lock it against other processes."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise InvalidCluster(
            f"no certificate can be kept in {folder}: {error.strerror}; set XDG_STATE_HOME to your own folder"
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(handle)


def _make(folder: Path) -> Path:
    from distributed.security import Security

    fresh = Security.temporary()  # made by `cryptography`; lasts a year
    new = folder / "new"
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(fresh.tls_client_key + fresh.tls_client_cert)
    return new.rename(folder / f"until-{_ends(new):%Y-%m-%dT%H%M%SZ}.pem")


def _ends(path: Path) -> datetime:
    from cryptography import x509

    return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
