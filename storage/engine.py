"""The xarray engine "relusweep": stores as datasets and trees, lazily, at any version."""

import logging
import os
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import icechunk
import xarray as xr
import zarr
from xarray.backends import BackendEntrypoint, StoreBackendEntrypoint, ZarrStore
from xarray.backends.zarr import ZarrArrayWrapper
from xarray.conventions import decode_cf_variables
from xarray.core.indexing import ExplicitIndexer, LazilyIndexedArray
from zarr.errors import ContainsArrayError

from relusweep.storage.attributes import attributes_of
from relusweep.storage.errors import StoreNotFound, StoreReadError
from relusweep.storage.members import holds_results, members_of, walk
from relusweep.storage.repository import Url, reason
from relusweep.storage.stored import stored_groups
from relusweep.storage.versions import read_session

if TYPE_CHECKING:
    from relusweep.storage.versions import Moment

__all__ = ["CheckedArray", "CheckedStore", "RelusweepBackend", "open_dataset", "open_datatree", "read_group"]

_log = logging.getLogger(__name__)


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


def read_group(store: icechunk.IcechunkStore, group: str) -> xr.Dataset:
    """Open a group of a session's store."""
    return _indexed(_decode(CheckedStore.of(store, group), None, {}))


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
    """xarray's Zarr store, of such arrays, and of those alone that can be opened together."""

    __slots__ = ("_found", "_url")
    _found: dict[str, Any]
    _url: Url | None
    array_type: ClassVar[type[ZarrArrayWrapper]] = CheckedArray

    @classmethod
    def of(
        cls,
        store: icechunk.IcechunkStore,
        group: str | None,
        url: Url | None = None,
        mode: Literal["r", "a"] = "r",
    ) -> Self:
        """Open a group.

        With the address of the store, attributes that were overwritten are found again, and what is left out
        is logged.
        """
        opened: Self = cls.open_group(store, mode, group, consolidated=False, cache_members=False)
        opened._url = url
        return opened

    def get_attrs(self) -> dict[Any, Any]:
        """Give the attributes of the group."""
        attrs: dict[Any, Any] = super().get_attrs()  # type: ignore[no-untyped-call]  # untyped in xarray
        if self._url is None or not holds_results(self.members):
            return attrs
        return attributes_of(self._url, self.zarr_group.store.session, self.zarr_group.path, attrs)

    @property
    def members(self) -> dict[str, Any]:
        """The arrays by name, in order: Icechunk lists them in none."""
        if not hasattr(self, "_found"):
            found = members_of(self.zarr_group)
            self._found = dict(found.arrays)
            self._tell(found.left_out)
        return self._found

    def leave_out(self, why: Mapping[str, str]) -> None:
        """Open the group without some arrays from now on."""
        self._found = {name: array for name, array in self.members.items() if name not in why}
        self._tell(why)

    def undecodable(self, decoders: Mapping[str, Any]) -> dict[str, str]:
        """Find the arrays that xarray cannot open, with the reason."""
        why = {}
        for name in self.members:
            try:
                decode_cf_variables({name: self.open_store_variable(name)}, {}, **decoders)
            except Exception as error:  # each attribute has errors of its own
                why[name] = f"cannot be opened by xarray: {reason(error)}"
        return why

    def _tell(self, left_out: Mapping[str, str]) -> None:
        for name, why in left_out.items() if self._url else ():
            _log.warning("%s/%s is left out: it %s", self.zarr_group.path, name, why)

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
            store = self.store_type.of(session.store, group, filename_or_obj)
        except (FileNotFoundError, ContainsArrayError) as error:
            raise _no_group(group, filename_or_obj, session) from error
        if not store.members and not members_of(store.zarr_group).left_out:
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
        root = (group or "").strip("/")
        try:
            top = zarr.open_group(session.store, path=root, mode="r")
        except (FileNotFoundError, ContainsArrayError) as error:
            raise _no_group(group, filename_or_obj, session) from error
        stores = {
            path: self.store_type.of(session.store, found.path, filename_or_obj)
            for path, found, _ in walk(top)
        }
        return {f"/{path}": _decode(store, drop_variables, decoders) for path, store in stores.items()}

    def open_datatree(self, filename_or_obj: Url, **options: Any) -> xr.DataTree:  # type: ignore[override]
        """Open all groups, or those under one, as a tree."""
        opened = self.open_groups_as_dict(filename_or_obj, **options)
        groups = {path: _indexed(group) for path, group in opened.items()}
        try:
            return xr.DataTree.from_dict(groups)
        except ValueError:  # labels of a group differ from those of one above it
            return xr.DataTree.from_dict(_aligned(groups))


def _no_group(group: str | None, url: Url, session: icechunk.Session) -> StoreNotFound:
    there = ", ".join(stored_groups(url, session.snapshot_id))
    if not there:
        return StoreNotFound(f"the store at {url} holds no results yet: no run has committed to it")
    what = f"no group {group!r} with results in {url}" if group else f"no group of {url} is given"
    return StoreNotFound(f"{what}; give group= one of {there}, or open all with xarray.open_datatree")


def _indexed(opened: xr.Dataset) -> xr.Dataset:
    """Give axes their indexes, as xarray does with what a backend has opened."""
    return opened.assign_coords({dim: opened[dim].variable for dim in opened.dims if dim in opened.coords})


def _aligned(groups: Mapping[str, xr.Dataset]) -> dict[str, xr.Dataset]:
    """Leave out the groups that cannot be in one tree; those of results come first."""
    kept: dict[str, xr.Dataset] = {}
    for path in sorted(groups, key=lambda path: ("done" not in groups[path], path)):
        try:
            xr.DataTree.from_dict({**kept, path: groups[path]})
        except ValueError as error:
            _log.warning("%s is left out of the tree: %s", path, str(error).split("\n")[0])
        else:
            kept[path] = groups[path]
    return kept


def _decode(
    store: CheckedStore, drop_variables: str | Iterable[str] | None, decoders: dict[str, Any]
) -> xr.Dataset:
    opened = partial(StoreBackendEntrypoint().open_dataset, store, drop_variables=drop_variables, **decoders)
    try:
        return opened()
    except Exception:  # attributes of some arrays make no sense
        if not (why := store.undecodable(decoders)):
            raise
        store.leave_out(why)
        return opened()
