# ruff: noqa: N818  (the names say what happened; the base class says that it is an error)
"""What can go wrong between a run and its workers."""

__all__ = [
    "ClusterError",
    "HostsNotReached",
    "InvalidCluster",
    "MissingExtra",
    "NoWorkers",
    "SchedulerNotFound",
    "UnfitWorkers",
]


class ClusterError(Exception):
    """Any failure to reach the place where tasks run."""


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
