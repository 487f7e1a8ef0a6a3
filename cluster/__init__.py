"""Where tasks run: one function that gives a Dask client."""

from relusweep.cluster.backend import Place, PlaceStatus
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
from relusweep.cluster.connect import connect
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
    "parse_config",
    "promised",
    "read_config",
]
