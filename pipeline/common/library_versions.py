"""Versions of this program and of the libraries that its numbers and files depend on."""

from importlib.metadata import version

__all__ = ["library_versions"]

_LIBRARIES = ("relusweep", "dask", "distributed", "icechunk", "numba", "numpy", "torch", "xarray", "zarr")


def library_versions() -> dict[str, str]:
    """Give the version of each by name."""
    return {name: version(name) for name in _LIBRARIES}
