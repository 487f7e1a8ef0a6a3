"""Over which network the nodes reach the scheduler."""

from __future__ import annotations

import socket

from distributed.utils import get_ip_interface

from relusweep.cluster.errors import InvalidCluster, SlurmRefuses
from relusweep.cluster.slurm.commands import node_addresses
from relusweep.cluster.slurm.config import Slurm

__all__ = ["scheduler_host"]


def scheduler_host(config: Slurm) -> dict[str, str]:
    """Give the options that make the scheduler listen where the nodes reach it.

    Raises
    ------
    InvalidCluster
        This machine has no such interface, or none with an IPv4 address.
    SlurmRefuses
        No interface is named, and the address of no node can be found.
    """
    if config.interface is None:
        return {"host": _facing(node_addresses())}
    try:
        get_ip_interface(config.interface)
    except ValueError as error:
        raise InvalidCluster(
            f"interface = {config.interface!r}: this machine has no network interface of that name with an "
            f"IPv4 address; it has {_interfaces()}"
        ) from error
    return {"interface": config.interface}


def _interfaces() -> str:
    return ", ".join(name for _, name in socket.if_nameindex())


def _facing(nodes: list[str]) -> str:
    """Find our address on the way to the first node that can be found; nothing is sent."""
    for node in nodes:
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.connect((node, 9))
                return str(probe.getsockname()[0])
        except OSError:
            continue
    raise SlurmRefuses(
        f"no way to any of the {len(nodes)} nodes of Slurm can be found; name the network interface that "
        f"they share with this machine, interface: one of {_interfaces()}"
    )
