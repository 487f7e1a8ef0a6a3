"""Who knocks at the door of a scheduler or worker and is not to get in."""

from __future__ import annotations

import asyncio
import ssl

import pytest
from distributed.core import rpc
from distributed.security import Security

from relusweep.cluster import certificates


def _strangers() -> dict[str, dict[str, object]]:
    """What those bring who are not to get in; one of them even knows whom to believe."""
    bare = ssl.create_default_context(cafile=str(certificates.certificate()))
    bare.check_hostname = False
    bare.verify_flags &= ~ssl.VERIFY_X509_STRICT  # as distributed does
    return {
        "plain": Security().get_connection_args("client"),
        "without certificate": {"ssl_context": bare, "require_encryption": True, "extra_conn_args": {}},
        "foreign certificate": Security.temporary().get_connection_args("client"),
    }


async def _knock(address: str, arguments: dict[str, object]) -> object:
    async with asyncio.timeout(10), rpc(address, connection_args=arguments, timeout=5) as scheduler:
        return await scheduler.identity()


def check_that_strangers_stay_out(address: str, known: Security) -> None:
    """Knock at a scheduler or worker: who is known gets in, who is not does not."""
    assert asyncio.run(_knock(address, known.get_connection_args("client")))  # or nobody would get in
    plainly = address.replace("tls://", "tcp://")
    for who, brought in _strangers().items():
        for door in (plainly,) if who == "plain" else (address, plainly):
            with pytest.raises((OSError, RuntimeError)) as caught:
                asyncio.run(_knock(door, brought))
            assert caught.value, who
