"""The xarray engine "relusweep": stores as datasets and trees, lazily, at any version."""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

import icechunk
import xarray as xr
from xarray.backends import BackendEntrypoint, StoreBackendEntrypoint, ZarrStore
from xarray.backends.zarr import ZarrArrayWrapper
from xarray.core.indexing import ExplicitIndexer, LazilyIndexedArray
from zarr.errors import ContainsArrayError

from relusweep.storage.errors import StoreNotFound, StoreReadError
from relusweep.storage.repository import Url, reason
from relusweep.storage.stored import stored_groups
from relusweep.storage.versions import read_session

if TYPE_CHECKING:
    from relusweep.storage.versions import Moment

__all__ = ["CheckedArray", "CheckedStore", "RelusweepBackend", "open_dataset", "open_datatree"]


def open_dataset(url: Url, group: str, **options: Any) -> xr.Dataset:
    """Open one group: ``xarray.open_dataset(url, engine="relusweep", group=group)``.

    Parameters
    ----------
    url, group
        The store and the group's path in it.
    **options
        ``tag``, ``as_of``, ``version`` (see `relusweep.storage.versions.read_session`), and those of
        `xarray.open_dataset`.

    Raises
    ------
    StoreNotFound
        No such store, group, tag or version.
    StoreReadError
        On reading values: stored bytes are missing, truncated or changed.
    """
    return xr.open_dataset(os.fspath(url), engine=RelusweepBackend, group=group, **options)


def open_datatree(url: Url, **options: Any) -> xr.DataTree:
    """Open all groups: ``xarray.open_datatree(url, engine="relusweep")``; see `open_dataset`."""
    return xr.open_datatree(os.fspath(url), engine=RelusweepBackend, **options)


class CheckedArray(ZarrArrayWrapper):
    """An array that says what is broken when it cannot be read."""

    __slots__ = ()

    def __getitem__(self, key: ExplicitIndexer) -> Any:
        try:
            return super().__getitem__(key)  # type: ignore[no-untyped-call]  # untyped in xarray
        except IndexError:
            raise
        except Exception as error:  # checksums, codecs and stores each raise their own
            raise StoreReadError(
                f"array {self._array.path} cannot be read: {reason(error)}. Its stored bytes are missing or "
                f"damaged: open an earlier version (tag=, as_of=, version=), or restore the store from a copy"
            ) from error


class CheckedStore(ZarrStore):
    """xarray's Zarr store, of such arrays."""

    __slots__ = ()
    array_type: ClassVar[type[ZarrArrayWrapper]] = CheckedArray

    def array_keys(self) -> tuple[str, ...]:
        """List the arrays by name: Icechunk lists them in no order."""
        return tuple(sorted(super().array_keys()))

    def open_store_variable(self, name: str) -> xr.Variable:
        """Open an array, without reading it."""
        variable = super().open_store_variable(name)  # type: ignore[no-untyped-call]  # untyped in xarray
        data = LazilyIndexedArray(self.array_type(self.members[name]))
        return xr.Variable(variable.dims, data, variable.attrs, variable.encoding)


class RelusweepBackend(BackendEntrypoint):
    """Opens stores for xarray."""

    store_type: ClassVar[type[CheckedStore]] = CheckedStore
    description = "Open versioned stores of relusweep"
    supports_groups = True
    open_dataset_parameters = (
        "filename_or_obj",
        "drop_variables",
        "group",
        "tag",
        "as_of",
        "version",
        "mask_and_scale",
        "decode_times",
        "concat_characters",
        "decode_coords",
        "use_cftime",
        "decode_timedelta",
    )

    def open_dataset(  # type: ignore[override]  # xarray lets every engine choose its options
        self,
        filename_or_obj: Url,
        *,
        drop_variables: str | Iterable[str] | None = None,
        group: str | None = None,
        tag: str | None = None,
        as_of: "Moment | None" = None,
        version: "Moment | None" = None,
        **decoders: Any,
    ) -> xr.Dataset:
        """Open one group."""
        session = read_session(filename_or_obj, tag=tag, as_of=as_of, version=version)
        try:
            store = self.store_type.open_group(session.store, group=group, consolidated=False)
        except (FileNotFoundError, ContainsArrayError) as error:
            raise _no_group(group, filename_or_obj, session) from error
        if not any(store.array_keys()):
            raise _no_group(group, filename_or_obj, session)
        return _decode(store, drop_variables, decoders)

    def open_groups_as_dict(  # type: ignore[override]  # as above
        self,
        filename_or_obj: Url,
        *,
        drop_variables: str | Iterable[str] | None = None,
        group: str | None = None,
        tag: str | None = None,
        as_of: "Moment | None" = None,
        version: "Moment | None" = None,
        **decoders: Any,
    ) -> dict[str, xr.Dataset]:
        """Open all groups, or those under one."""
        session = read_session(filename_or_obj, tag=tag, as_of=as_of, version=version)
        root = "/" + (group or "").strip("/")
        try:
            stores = self.store_type.open_store(session.store, group=root, consolidated=False)
        except (FileNotFoundError, ContainsArrayError) as error:
            raise _no_group(group, filename_or_obj, session) from error
        return {
            "/" + path.removeprefix(root).lstrip("/"): _decode(store, drop_variables, decoders)
            for path, store in stores.items()
        }

    def open_datatree(self, filename_or_obj: Url, **options: Any) -> xr.DataTree:  # type: ignore[override]
        """Open all groups, or those under one, as a tree."""
        return xr.DataTree.from_dict(self.open_groups_as_dict(filename_or_obj, **options))


def _no_group(group: str | None, url: Url, session: icechunk.Session) -> StoreNotFound:
    there = ", ".join(stored_groups(url, session.snapshot_id))
    if not there:
        return StoreNotFound(f"the store at {url} holds no results yet: no run has committed to it")
    what = f"no group {group!r} with results in {url}" if group else f"no group of {url} is given"
    return StoreNotFound(f"{what}; give group= one of {there}, or open all with xarray.open_datatree")


def _decode(
    store: ZarrStore, drop_variables: str | Iterable[str] | None, decoders: dict[str, Any]
) -> xr.Dataset:
    return StoreBackendEntrypoint().open_dataset(store, drop_variables=drop_variables, **decoders)
