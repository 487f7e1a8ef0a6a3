"""What can go wrong, each also the builtin error that it specialises.

>>> import relusweep as rs
>>> try:
...     rs.sweep("npn4", trials=0)
... except rs.errors.SweepError as error:
...     print(error)
trials = 0: must be greater than 0 (allowed: a whole number of at least 1)
"""

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
from relusweep.pipeline.common.errors import (
    BlocksFailed,
    CannotDraw,
    HomeUnknown,
    IncomparableVersions,
    IncompleteRun,
    InvalidRun,
    InvalidSchedule,
    InvalidSweep,
    LedgerError,
    ResourceMissing,
    SchedulerLost,
    SpecificationChanged,
    SweepError,
    UnknownRun,
    UnknownSchedule,
    UnknownSource,
    UnknownSweep,
    WorkersLost,
)
from relusweep.storage.errors import (
    BlockWrittenTwice,
    ExpiryTooSoon,
    InvalidStoreUrl,
    InvalidTag,
    LayoutMismatch,
    StoreError,
    StoreLocked,
    StoreNotFound,
    StoreReadError,
    StoreWriteError,
    UnknownVersion,
)
from relusweep.tasks.images.errors import (
    ChannelsDoNotFit,
    DataSetError,
    DataSetNotFound,
    FetchFailed,
    MalformedDataSet,
)

__all__ = [
    "BlockWrittenTwice",
    "BlocksFailed",
    "CannotDraw",
    "ChannelsDoNotFit",
    "ClusterError",
    "DataSetError",
    "DataSetNotFound",
    "ExpiryTooSoon",
    "FetchFailed",
    "HomeUnknown",
    "HostsNotReached",
    "IncomparableVersions",
    "IncompleteRun",
    "InvalidCluster",
    "InvalidRun",
    "InvalidSchedule",
    "InvalidStoreUrl",
    "InvalidSweep",
    "InvalidTag",
    "JobsFail",
    "LayoutMismatch",
    "LedgerError",
    "MalformedDataSet",
    "MissingExtra",
    "NoWorkers",
    "ResourceMissing",
    "SchedulerLost",
    "SchedulerNotFound",
    "SlurmNotReached",
    "SlurmRefuses",
    "SpecificationChanged",
    "StoreError",
    "StoreLocked",
    "StoreNotFound",
    "StoreReadError",
    "StoreWriteError",
    "SweepError",
    "UnfitWorkers",
    "UnknownRun",
    "UnknownSchedule",
    "UnknownSource",
    "UnknownSweep",
    "UnknownVersion",
    "WorkersLost",
]
