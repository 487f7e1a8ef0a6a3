"""Where results live: a versioned repository, its layout, its single writer, its xarray engine."""

from storage.committer import Committer
from storage.engine import open_dataset, open_datatree
from storage.errors import (
    BlockWrittenTwice,
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
from storage.repository import Version, history
from storage.throwaway import throwaway_store

__all__ = [
    "BlockWrittenTwice",
    "Committer",
    "Fork",
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
    "history",
    "open_dataset",
    "open_datatree",
    "throwaway_store",
]
