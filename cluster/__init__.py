"""Where tasks run: one function that gives a Dask client."""

from cluster.config import Address, ClusterConfig, Local
from cluster.connect import connect
from cluster.errors import ClusterError, NoWorkers, SchedulerNotFound

__all__ = ["Address", "ClusterConfig", "ClusterError", "Local", "NoWorkers", "SchedulerNotFound", "connect"]
