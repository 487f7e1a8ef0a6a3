"""Where results live: a versioned repository, its layout, its single writer, its xarray engine."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

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
from relusweep.storage.layout import Layout, Variable

if TYPE_CHECKING:
    from relusweep.storage.attributes import specification_of
    from relusweep.storage.changes import ChangedChunks, changed_chunks
    from relusweep.storage.committer import Committer
    from relusweep.storage.engine import open_dataset, open_datatree
    from relusweep.storage.fork import Fork, WriteReceipt
    from relusweep.storage.records import Records
    from relusweep.storage.stored import Contents, StoredGroup, contents, damage_of, stored_groups
    from relusweep.storage.temporary import temporary_store
    from relusweep.storage.versions import Version, history, resolve

__all__ = [
    "BlockWrittenTwice",
    "ChangedChunks",
    "Committer",
    "Contents",
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
    "StoredGroup",
    "UnknownVersion",
    "Variable",
    "Version",
    "WriteReceipt",
    "changed_chunks",
    "contents",
    "damage_of",
    "history",
    "open_dataset",
    "open_datatree",
    "resolve",
    "specification_of",
    "stored_groups",
    "temporary_store",
]

# Imported where first asked for: a specification needs none of them, and each loads Icechunk, Zarr or xarray.
_MODULES = {
    "ChangedChunks": "changes",
    "Committer": "committer",
    "Contents": "stored",
    "Fork": "fork",
    "Records": "records",
    "StoredGroup": "stored",
    "Version": "versions",
    "WriteReceipt": "fork",
    "changed_chunks": "changes",
    "contents": "stored",
    "damage_of": "stored",
    "history": "versions",
    "open_dataset": "engine",
    "open_datatree": "engine",
    "resolve": "versions",
    "specification_of": "attributes",
    "stored_groups": "stored",
    "temporary_store": "temporary",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
