# ruff: noqa: N818  (the names say what happened; the base class says that it is an error)
"""What can go wrong between a run and its workers."""

__all__ = [
    "ClusterError",
    "HostsNotReached",
    "InvalidCluster",
    "JobsFail",
    "MissingExtra",
    "NoWorkers",
    "SchedulerNotFound",
    "SlurmNotReached",
    "SlurmRefuses",
    "UnfitWorkers",
]


class ClusterError(Exception):
    """Any failure to reach the place where tasks run."""

    exit_code = 2  # of a command that ends with it


class InvalidCluster(ClusterError, ValueError):
    """The file that describes a cluster cannot be read, or says what is not allowed."""


class MissingExtra(ClusterError, ImportError):
    """A library that the place needs is not installed."""


class SchedulerNotFound(ClusterError, ConnectionError):
    """No scheduler answers at the address."""


class HostsNotReached(ClusterError, ConnectionError):
    """No worker can be started on any of the hosts."""


class NoWorkers(ClusterError, RuntimeError):
    """The scheduler answers but nobody works for it."""


class UnfitWorkers(ClusterError, RuntimeError):
    """Workers are there but cannot be made ready for the work."""


class SlurmNotReached(ClusterError, ConnectionError):
    """There is no Slurm here, or its controller does not answer."""


class SlurmRefuses(ClusterError, ValueError):
    """Slurm does not take a job as it is described."""


class JobsFail(ClusterError, RuntimeError):
    """Job after job ends before a worker in it has worked."""
