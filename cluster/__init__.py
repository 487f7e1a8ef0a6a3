"""Where tasks run: one function that gives a Dask client."""

from relusweep.cluster.backend import Backend, BackendStatus
from relusweep.cluster.config import (
    Address,
    ClusterConfig,
    Gateway,
    Kubernetes,
    Local,
    Slurm,
    Ssh,
    one_worker,
    parse_config,
    promised,
    read_config,
)
from relusweep.cluster.connect import Connection, connect
from relusweep.cluster.errors import (
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

__all__ = [
    "Address",
    "Backend",
    "BackendStatus",
    "ClusterConfig",
    "ClusterError",
    "Connection",
    "Gateway",
    "HostsNotReached",
    "InvalidCluster",
    "JobsFail",
    "Kubernetes",
    "Local",
    "MissingExtra",
    "NoWorkers",
    "SchedulerNotFound",
    "Slurm",
    "SlurmNotReached",
    "SlurmRefuses",
    "Ssh",
    "UnfitWorkers",
    "connect",
    "one_worker",
    "parse_config",
    "promised",
    "read_config",
]
