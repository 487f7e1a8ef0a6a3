"""The one way in: a configuration becomes a client."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from cluster.config import ClusterConfig, Local

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["connect"]


def connect(config: ClusterConfig) -> AbstractContextManager[Client]:
    """Open a client on the workers that `config` describes.

    Parameters
    ----------
    config : Local or Address
        Where tasks run.

    Returns
    -------
    context manager of distributed.Client
        On leaving, the client closes, and with it whatever `connect` started itself.

    Raises
    ------
    SchedulerNotFound
        If nothing answers at the address.
    NoWorkers
        If the scheduler has no worker within the timeout.
    """
    # distributed takes half a second to import: only those pay who connect.
    if isinstance(config, Local):
        from cluster.local import open_local

        return open_local(config)
    from cluster.address import open_address

    return open_address(config)
