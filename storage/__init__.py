"""Where results live: a versioned repository, its layout, its single writer, its xarray engine."""

from storage.changes import Changes, changes
from storage.committer import Committer
from storage.engine import open_dataset, open_datatree
from storage.errors import (
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
from storage.fork import Fork, Written
from storage.layout import Layout, Variable
from storage.records import Records
from storage.throwaway import throwaway_store
from storage.versions import Version, history, resolve

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
