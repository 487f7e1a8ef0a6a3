"""Where results live: a versioned repository, its layout, its single writer, its xarray engine."""

from relusweep.storage.changes import ChangedChunks, changed_chunks
from relusweep.storage.committer import Committer
from relusweep.storage.engine import open_dataset, open_datatree
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
from relusweep.storage.fork import Fork, WriteReceipt
from relusweep.storage.layout import Layout, Variable
from relusweep.storage.records import Records
from relusweep.storage.temporary import temporary_store
from relusweep.storage.versions import Version, history, resolve

__all__ = [
    "BlockWrittenTwice",
    "ChangedChunks",
    "Committer",
    "ExpiryTooSoon",
    "Fork",
    "InvalidStoreUrl",
    "InvalidTag",
    "Layout",
    "LayoutMismatch",
    "Records",
    "StoreError",
    "StoreLocked",
    "StoreNotFound",
    "StoreReadError",
    "StoreWriteError",
    "UnknownVersion",
    "Variable",
    "Version",
    "WriteReceipt",
    "changed_chunks",
    "history",
    "open_dataset",
    "open_datatree",
    "resolve",
    "temporary_store",
]
