"""What a scheduler says of itself and of its workers."""

from __future__ import annotations

import asyncio
from typing import Any

from distributed.core import rpc
from distributed.security import Security

__all__ = ["identity"]


def identity(address: str, security: Security | None, timeout: float) -> dict[str, Any]:
    """Ask the scheduler at an address who it is.

    A Client that fails to connect stays half open and complains when it is collected: this leaves nothing.

    Parameters
    ----------
    timeout : float
        Seconds to wait for the answer.

    Raises
    ------
    OSError, ValueError, RuntimeError
        Nothing answers, nobody could at such an address, or it does not let us in.
    """

    async def ask() -> dict[str, Any]:
        arguments = (security or Security()).get_connection_args("client")
        async with asyncio.timeout(timeout), rpc(address, connection_args=arguments) as scheduler:
            answer: dict[str, Any] = await scheduler.identity()
            return answer

    return asyncio.run(ask())
