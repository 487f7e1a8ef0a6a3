# ruff: noqa: N818  (the names say what happened; the base class says that it is an error)
"""What the pipeline can tell a user, in one tree; each error is also the builtin that it specialises.

A command exits with the `exit_code` of its error: 2 where the request cannot be met as it is, 1 where
something failed on the way. Errors of the other rooms have one, too; any other exception is a fault of ours.
"""

__all__ = [
    "BlocksFailed",
    "CannotDraw",
    "CannotExport",
    "CannotJoin",
    "HomeUnknown",
    "IncomparableVersions",
    "IncompleteRun",
    "InvalidRun",
    "InvalidSchedule",
    "InvalidSweep",
    "LedgerError",
    "ResourceMissing",
    "ResultsDiffer",
    "SchedulerLost",
    "SpecificationChanged",
    "SweepError",
    "UnknownLabel",
    "UnknownRun",
    "UnknownSchedule",
    "UnknownSource",
    "UnknownSweep",
    "WorkersLost",
]


class SweepError(Exception):
    """Something about a sweep; the base of all below."""

    exit_code = 2


class HomeUnknown(SweepError, OSError):
    """A path begins with ``~``, and it is not known where that is."""


class UnknownSweep(SweepError, LookupError):
    """No sweep of that name, and no such file."""


class UnknownSource(SweepError, LookupError):
    """No source of that name."""


class IncomparableVersions(SweepError, ValueError):
    """Two versions of a group that have no axes in common, or no group of that name."""


class CannotDraw(SweepError, ValueError):
    """The training of a network cannot be drawn as it is asked."""


class CannotExport(SweepError, ValueError):
    """Results cannot be written as it is asked, or where."""


class CannotJoin(SweepError, ValueError):
    """Results are not of networks that could stand in one sweep."""


class UnknownLabel(SweepError, LookupError):
    """A sweep has no such axis, or an axis no such label."""


class UnknownRun(SweepError, LookupError):
    """No such run, or none that goes."""


class InvalidSweep(SweepError, ValueError):
    """A field, or a value of a field, that the specification does not allow."""


class InvalidRun(SweepError, ValueError):
    """What was given as the name of a run is none."""


class SpecificationChanged(SweepError, ValueError):
    """The store holds results of another specification under the same name."""


class ResourceMissing(SweepError, ValueError):
    """Blocks ask for a resource, such as a GPU, that no worker has or will have."""


class IncompleteRun(SweepError, RuntimeError):
    """A run that ended well has left blocks out: a fault of the program."""

    exit_code = 1


class BlocksFailed(SweepError, RuntimeError):
    """Some blocks of a run failed; the others are stored."""

    exit_code = 1


class SchedulerLost(SweepError, ConnectionError):
    """The scheduler died in mid-run, and with it every result not yet fetched."""

    exit_code = 1


class WorkersLost(SweepError, ConnectionError):
    """The scheduler has had no worker for a while, and blocks wait for one."""

    exit_code = 1


class ResultsDiffer(SweepError, ValueError):
    """Networks that are trained again, or stand in two stores, do not have the same results."""

    exit_code = 1


class InvalidSchedule(SweepError, ValueError):
    """What is to run every night cannot run as it is given."""


class UnknownSchedule(SweepError, LookupError):
    """No schedule of that name in the ledger."""


class LedgerError(SweepError, OSError):
    """The ledger of nights cannot be read or written."""
