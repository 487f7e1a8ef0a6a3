"""Where tasks run: one function that gives a Dask client."""

from cluster.config import (
    Address,
    ClusterConfig,
    Gateway,
    Kubernetes,
    Local,
    Slurm,
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
    JobsFail,
    MissingExtra,
    NoWorkers,
    SchedulerNotFound,
    SlurmNotReached,
    SlurmRefuses,
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
    "JobsFail",
    "Kubernetes",
    "Local",
    "MissingExtra",
    "NoWorkers",
    "Place",
    "PlaceStatus",
    "SchedulerNotFound",
    "Slurm",
    "SlurmNotReached",
    "SlurmRefuses",
    "Ssh",
    "UnfitWorkers",
    "connect",
    "one_worker",
    "promised",
    "read_config",
]
