# ruff: noqa: N818  (the names say what happened; the base class says that it is an error)
"""Errors of reaching, starting and keeping workers."""

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
    """Any failure to reach or start workers."""

    exit_code = 2  # of a command that ends with it


class InvalidCluster(ClusterError, ValueError):
    """The file that describes a cluster cannot be read, or holds something that is not allowed."""


class MissingExtra(ClusterError, ImportError):
    """A library that this kind of cluster needs is not installed."""


class SchedulerNotFound(ClusterError, ConnectionError):
    """No scheduler answers at the address."""


class HostsNotReached(ClusterError, ConnectionError):
    """No worker can be started on any of the hosts."""


class NoWorkers(ClusterError, RuntimeError):
    """The scheduler answers, but has no workers."""


class UnfitWorkers(ClusterError, RuntimeError):
    """A worker is there, but cannot be set up."""


class SlurmNotReached(ClusterError, ConnectionError):
    """There is no Slurm here, or its controller does not answer."""


class SlurmRefuses(ClusterError, ValueError):
    """Slurm refuses a job as it is described."""


class JobsFail(ClusterError, RuntimeError):
    """Jobs end, one after another, before their workers have computed anything."""
