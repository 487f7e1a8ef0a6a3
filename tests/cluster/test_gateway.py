"""A cluster from a real Dask Gateway on this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from relusweep.cluster import Gateway, InvalidCluster, NoWorkers, SchedulerNotFound, connect
from tests.cluster import gateways
from tests.extras import needs

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    gateways.needed()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DASK_GATEWAY__AUTH__TYPE", "basic")
        patch.setenv("DASK_GATEWAY__AUTH__KWARGS", "{'username': 'test', 'password': 'of the tests'}")
        import dask

        dask.config.refresh()
        with gateways.gateway(tmp_path_factory.mktemp("gateway")) as address:
            yield address
    dask.config.refresh()


def test_a_gateway_lends_a_cluster(gateway: str, caplog: pytest.LogCaptureFixture) -> None:
    with connect(Gateway(address=gateway, timeout=60)) as connection:
        client = connection.client
        assert client.submit(sum, [1, 2]).result() == 3
        assert connection.backend.status().running == 1
        assert connection.backend.address.startswith("gateway://")
        assert connection.backend.security.get_connection_args("client")["require_encryption"]
    assert "is plain" not in caplog.text


def test_a_password_that_others_may_read_is_told(
    gateway: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(
        "relusweep.cluster.gateway.is_remote", lambda address: True
    )  # there is no other machine here
    with connect(Gateway(address=gateway, timeout=60)):
        pass
    assert caplog.text.count("ask the gateway's keeper for https://") == 1


def test_an_option_that_the_gateway_does_not_know_is_refused(gateway: str) -> None:
    with (
        pytest.raises(InvalidCluster, match="knows no immage"),
        connect(Gateway(address=gateway, options={"immage": "x"})),
    ):
        pass


def test_a_gateway_that_is_not_there_is_told() -> None:
    needs("dask_gateway", "gateway")
    with (
        pytest.raises(SchedulerNotFound, match="gives no cluster"),
        connect(Gateway(address="http://127.0.0.1:1")),
    ):
        pass


def test_a_worker_that_does_not_come_is_told(gateway: str) -> None:
    with pytest.raises(NoWorkers, match="no worker within"), connect(Gateway(address=gateway, timeout=0.01)):
        pass
