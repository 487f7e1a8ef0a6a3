"""What a group looks like: coordinates, pre-sized arrays, and over which dimensions progress is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from relusweep.storage.errors import LayoutMismatch

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Layout", "Variable", "holds"]


@dataclass(frozen=True)
class Variable:
    """One array of a group.

    Parameters
    ----------
    dims
        Names of its dimensions, slowest first.
    dtype
        NumPy type.
    fill
        What a cell not yet computed holds. For integers it becomes CF's ``_FillValue``: xarray masks it.
    attrs
        CF attributes: ``long_name``, ``units``, ``flag_values``, …
    compressed
        False where that would cost time and gain little, as for float data whose last bits are noise.
    """

    dims: tuple[str, ...]
    dtype: np.dtype[Any] | str
    fill: float
    attrs: Mapping[str, Any] = field(default_factory=dict)
    compressed: bool = True


@dataclass(frozen=True)
class Layout:
    """One group: coordinates, pre-sized arrays, and over which dimensions progress is kept.

    Parameters
    ----------
    group
        Path in the store, as ``"boolean/npn4"``.
    coords
        Dimension coordinates (unique labels) and auxiliary ones, in memory. They say the order of the axes.
    variables
        The arrays; ``done`` (bool) and ``fingerprint`` (uint64) over `progress_dims` are added to them.
    chunks
        Chunk length per dimension; a dimension not named is one chunk.
    attrs
        Attributes of the group, JSON-able.
    progress_dims
        Dimensions of ``done`` and ``fingerprint``.

    Raises
    ------
    LayoutMismatch
        A dimension without a coordinate, repeated labels, a fill that its dtype cannot hold, a reserved name.
    """

    group: str
    coords: xr.Dataset
    variables: Mapping[str, Variable]
    chunks: Mapping[str, int]
    attrs: Mapping[str, Any]
    progress_dims: tuple[str, ...]

    def __post_init__(self) -> None:
        for name, variable in self.arrays().items():
            for dim in variable.dims:
                if dim not in self.coords.indexes:
                    raise LayoutMismatch(f"{self.group}: dimension {dim!r} of {name} has no coordinate")
            if not holds(np.dtype(variable.dtype), variable.fill):
                raise LayoutMismatch(f"{self.group}: {name} is {variable.dtype}, cannot hold {variable.fill}")
        for dim, index in self.coords.indexes.items():
            if not index.is_unique:
                repeated = index[index.duplicated()].unique().tolist()
                raise LayoutMismatch(f"{self.group}: labels of {dim} must be unique, not {repeated[:5]}")
        if dims := set(self.coords.variables) & set(self.variables):
            named = ", ".join(map(str, dims))
            raise LayoutMismatch(f"{self.group}: {named} name both coordinates and variables")
        if reserved := {"done", "fingerprint"} & set(self.variables):
            raise LayoutMismatch(f"{self.group}: names {sorted(reserved)} are the store's own; choose others")

    def arrays(self) -> dict[str, Variable]:
        """All arrays: `variables`, then ``done`` and ``fingerprint``."""
        return {
            **self.variables,
            "done": Variable(self.progress_dims, "bool", False, {"long_name": "computed and stored"}),
            "fingerprint": Variable(
                self.progress_dims,
                "uint64",
                0,
                {"long_name": "fingerprint of the specification", "comment": "0 where not done"},
            ),
        }

    def shape(self, dims: tuple[str, ...]) -> tuple[int, ...]:
        """Sizes of dimensions."""
        return tuple(self.coords.sizes[dim] for dim in dims)


def holds(dtype: np.dtype[Any], fill: float) -> bool:
    """Tell whether a type has a value."""
    try:
        held = dtype.type(fill)
    except (OverflowError, ValueError):
        return False
    return bool(held == fill or (held != held and fill != fill))
