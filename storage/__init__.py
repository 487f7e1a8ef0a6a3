"""Where results live: a versioned repository, its layout, its single writer, its xarray engine."""

from relusweep.storage.changes import Changes, changes
from relusweep.storage.committer import Committer
from relusweep.storage.engine import open_dataset, open_datatree
from relusweep.storage.errors import (
    BlockWrittenTwice,
    ExpiryTooSoon,
    InvalidTag,
    LayoutMismatch,
    StoreError,
    StoreLocked,
    StoreNotFound,
    StoreReadError,
    StoreWriteError,
    UnknownPlace,
    UnknownVersion,
)
from relusweep.storage.fork import Fork, Written
from relusweep.storage.layout import Layout, Variable
from relusweep.storage.records import Records
from relusweep.storage.throwaway import throwaway_store
from relusweep.storage.versions import Version, history, resolve

__all__ = [
    "BlockWrittenTwice",
    "Changes",
    "Committer",
    "ExpiryTooSoon",
    "Fork",
    "InvalidTag",
    "Layout",
    "LayoutMismatch",
    "Records",
    "StoreError",
    "StoreLocked",
    "StoreNotFound",
    "StoreReadError",
    "StoreWriteError",
    "UnknownPlace",
    "UnknownVersion",
    "Variable",
    "Version",
    "Written",
    "changes",
    "history",
    "open_dataset",
    "open_datatree",
    "resolve",
    "throwaway_store",
]
