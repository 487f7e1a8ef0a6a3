"""The same networks twice: which differ, in what, and how that is said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from relusweep.pipeline.common.wording import label

__all__ = ["differing", "differing_in_words"]


def differing(
    one: xr.Dataset,
    other: xr.Dataset,
    names: Iterable[str],
    dims: tuple[str, ...],
    both: NDArray[np.bool_],
) -> dict[str, NDArray[np.bool_]]:
    """Tell which networks differ, bit by bit.

    Parameters
    ----------
    one, other : xarray.Dataset
        Of the same networks. Of inner dimensions the labels that both have are compared.
    names : iterable of str
        Of variables.
    dims : tuple of str
        Dimensions that networks lie along.
    both : ndarray of bool
        Which networks have run in both, in their order: no others are compared.

    Returns
    -------
    dict of ndarray of bool
        In the order of the networks, of the variables in which some differ.
    """
    found = {name: _differing(one[name], other[name], dims) & both for name in names}
    return {name: wrong for name, wrong in found.items() if wrong.any()}


def _differing(one: xr.DataArray, other: xr.DataArray, dims: tuple[str, ...]) -> NDArray[np.bool_]:
    inner = [dim for dim in other.dims if dim not in dims]
    for dim in inner:
        places = one.get_index(dim).get_indexer(other.get_index(dim))
        one, other = one.isel({dim: places[places >= 0]}), other.isel({dim: places >= 0})
    n_networks = prod(other.sizes[dim] for dim in dims)
    a, b = (of.transpose(*dims, *inner).values.reshape(n_networks, -1) for of in (one, other))
    same = (a == b) & (np.signbit(a) == np.signbit(b)) | np.isnan(a) & np.isnan(b)
    return np.asarray(~same.all(axis=1))


def differing_in_words(
    one: xr.Dataset,
    other: xr.Dataset,
    wrong: Mapping[str, NDArray[np.bool_]],
    labels: Mapping[str, NDArray[np.generic]],
    words: tuple[str, str],
) -> str:
    """Say of each variable in which networks differ, what it is of the first one.

    Parameters
    ----------
    one, other, wrong
        As for `differing`, and what that gives.
    labels : mapping of str to ndarray
        By what networks are called: one label each.
    words : pair of str
        What `one` and `other` are, as ``"in the store"``.
    """
    parts = []
    for name, of in wrong.items():
        at = int(np.flatnonzero(of)[0])
        called = ", ".join(f"{dim} {label(values[at])}" for dim, values in labels.items())
        a, b = (data[name].values.reshape(len(of), -1)[at] for data in (one, other))
        several = a.size > 1 or b.size > 1
        told = "" if several else f" is {_written(a[0])} {words[0]} and {_written(b[0])} {words[1]}"
        parts.append(f"{name}{f' of {called}' if called else ''}{told}")
    return "; ".join(parts)


def _written(value: np.generic) -> str:
    number = value.item()
    return label(number) if number == round(number) else str(value)
