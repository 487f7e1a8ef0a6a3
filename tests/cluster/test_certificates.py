"""Certificates are kept for their owner alone, and let nobody else in."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from distributed import LocalCluster
from distributed.security import Security

from relusweep.cluster import Address, SchedulerNotFound, Ssh, certificates, connect
from tests.cluster import sshd
from tests.cluster.strangers import check_that_strangers_stay_out


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_certificate_is_made_once_for_its_owner_alone(state: Path) -> None:
    before = os.umask(0)
    try:
        made = certificates.certificate()
    finally:
        os.umask(before)
    assert made.is_relative_to(state)
    assert _mode(made) == 0o600
    assert _mode(made.parent) == 0o700
    content = made.read_bytes()
    assert certificates.certificate() == made
    assert made.read_bytes() == content


def test_what_others_could_read_is_closed_again(state: Path) -> None:
    made = certificates.certificate()
    made.chmod(0o644)
    made.parent.chmod(0o755)
    certificates.certificate()
    assert (_mode(made), _mode(made.parent)) == (0o600, 0o700)


def test_a_certificate_is_renewed_before_it_ends(state: Path) -> None:
    made = certificates.certificate()
    first = made.rename(made.with_name("until-2000-01-01T000000Z.pem"))
    content = first.read_bytes()
    assert certificates.certificate() == first  # what counts is the certificate, not the name
    second = certificates.certificate(timedelta(days=400))  # longer than a new one is valid
    assert second.read_bytes() != content
    assert first.read_bytes() == content  # what runs goes on with it


def _expired() -> bytes:
    """Make a certificate that was valid for a day, years ago."""
    name, day = x509.Name([]), datetime(2001, 1, 1, tzinfo=UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    unsigned = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    signed = (
        unsigned.not_valid_before(day).not_valid_after(day + timedelta(days=1)).sign(key, hashes.SHA256())
    )
    return signed.public_bytes(serialization.Encoding.PEM)


def test_an_expired_certificate_is_deleted(state: Path) -> None:
    kept = certificates.certificate()
    expired = kept.with_name("until-2001-01-02T000000Z.pem")
    expired.write_bytes(_expired())
    assert certificates.certificate() == kept
    assert not expired.exists()


def test_processes_that_start_together_make_one(state: Path) -> None:
    code = "from relusweep.cluster.certificates import certificate; print(certificate())"
    environment = {**os.environ, "XDG_STATE_HOME": str(state)}

    def ask(_: int) -> str:
        command = [sys.executable, "-c", code]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(ask, range(4)))) == 1


@pytest.fixture
def secure(state: Path) -> Iterator[LocalCluster]:
    with LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        dashboard_address=":0",
        memory_limit=0,
        protocol="tls",
        security=certificates.security(),
    ) as cluster:
        yield cluster


def test_the_kept_certificate_opens_a_scheduler_with_tls(secure: LocalCluster) -> None:
    assert secure.scheduler_address.startswith("tls://")
    with connect(Address(address=secure.scheduler_address)) as connection:
        client = connection.client
        assert client.submit(sum, [1, 2]).result() == 3
    check_that_strangers_stay_out(secure.scheduler_address, certificates.security())


def test_named_files_open_it_too_and_wrong_ones_do_not(secure: LocalCluster, tmp_path: Path) -> None:
    kept = certificates.certificate()
    files = {"tls_ca_file": str(kept), "tls_cert": str(kept)}
    with connect(Address(address=secure.scheduler_address, **files)) as connection:
        client = connection.client
        assert client.submit(sum, [1, 2]).result() == 3
    foreign = Security.temporary()
    own = tmp_path / "foreign.pem"
    own.write_text(foreign.tls_client_key + foreign.tls_client_cert)
    wrong = {"tls_ca_file": str(own), "tls_cert": str(own)}
    for fields in (wrong, {"tls_ca_file": str(tmp_path / "no"), "tls_cert": str(tmp_path / "no")}):
        with (
            pytest.raises(SchedulerNotFound, match="relusweep cluster certificate"),
            connect(Address(address=secure.scheduler_address, timeout=3, **fields)),
        ):
            pass


@pytest.mark.cluster
def test_nobody_gets_into_a_cluster_that_connect_started(state: Path, tmp_path: Path) -> None:
    sshd.needed()
    with sshd.sshd(tmp_path) as server, connect(Ssh(**server.fields, workers_per_host=1)) as connection:
        client = connection.client
        assert client.scheduler.address.startswith("tls://")
        check_that_strangers_stay_out(client.scheduler.address, certificates.security())
        (worker,) = client.nthreads()
        check_that_strangers_stay_out(worker, certificates.security())
