# ruff: noqa: N818  (the names say what happened; the base class says that it is an error)
"""What can go wrong between a run and its workers."""

__all__ = ["ClusterError", "NoWorkers", "SchedulerNotFound"]


class ClusterError(Exception):
    """Any failure to reach the place where tasks run."""


class SchedulerNotFound(ClusterError, ConnectionError):
    """No scheduler answers at the address."""


class NoWorkers(ClusterError, RuntimeError):
    """The scheduler answers but nobody works for it."""
