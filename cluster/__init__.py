"""Where tasks run: one function that gives a Dask client."""

from cluster.config import (
    Address,
    ClusterConfig,
    Gateway,
    Kubernetes,
    Local,
    Ssh,
    one_worker,
    promised,
    read_config,
)
from cluster.connect import connect
from cluster.errors import (
    ClusterError,
    HostsNotReached,
    InvalidCluster,
    MissingExtra,
    NoWorkers,
    SchedulerNotFound,
    UnfitWorkers,
)
from cluster.place import Place, PlaceStatus

__all__ = [
    "Address",
    "ClusterConfig",
    "ClusterError",
    "Gateway",
    "HostsNotReached",
    "InvalidCluster",
    "Kubernetes",
    "Local",
    "MissingExtra",
    "NoWorkers",
    "Place",
    "PlaceStatus",
    "SchedulerNotFound",
    "Ssh",
    "UnfitWorkers",
    "connect",
    "one_worker",
    "promised",
    "read_config",
]
