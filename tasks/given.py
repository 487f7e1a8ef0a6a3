"""Starts of one's own, from a file."""

import hashlib
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.networks import Network, layer_views

__all__ = ["digest", "given_parameters"]


def given_parameters(path: str | PathLike[str], network: Network, trials: range) -> NDArray[np.float32]:
    """Read the starts of some trials: row t of the file is the start of trial t.

    Parameters
    ----------
    path : path
        A file of :func:`numpy.save` with floats of shape (n_starts, network.n_parameters), finite in float32,
        in the order of :class:`relusweep.tasks.networks.Network`.
    network : Network
        Where it has widths, its units of zeros are zeros in the file.
    trials : range
        Trial numbers below n_starts. Only their rows are read.

    Returns
    -------
    ndarray of shape (len(trials), network.n_parameters), dtype float32

    Raises
    ------
    ValueError
        If the file is none of NumPy's, its array has another shape or dtype or too few rows, a row is not
        finite, or a unit of zeros is not zero.
    """
    starts = _opened(path)
    if starts.ndim != 2 or starts.shape[1] != network.n_parameters or starts.dtype.kind != "f":
        raise ValueError(
            f"{path} holds {starts.dtype} of shape {starts.shape}; allowed are floats of shape "
            f"(n_starts, n_parameters = {network.n_parameters}), for {network!r}"
        )
    if trials and not 0 <= min(trials) <= max(trials) < len(starts):
        raise ValueError(
            f"{path} holds {len(starts)} starts, trials {min(trials)} to {max(trials)} are asked for; "
            f"ask for at most {len(starts)} trials, or save more starts"
        )
    with np.errstate(over="ignore"):  # reported below
        rows = starts[trials.start : trials.stop : trials.step].astype(np.float32)
    _check(path, network, trials, rows)
    return rows


def digest(path: str | PathLike[str]) -> str:
    """Give a hash of a file's bytes, by which a specification knows whether the file has changed.

    Parameters
    ----------
    path : path

    Returns
    -------
    str
        BLAKE2b of 16 bytes, in hexadecimal.
    """
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _opened(path: str | PathLike[str]) -> NDArray[np.generic]:
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except ValueError as error:
        raise ValueError(f"{path} cannot be read ({error}); save the starts with numpy.save") from error


def _check(path: str | PathLike[str], network: Network, trials: range, rows: NDArray[np.float32]) -> None:
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        raise ValueError(
            f"{path} holds numbers that are not finite in float32 for {np.count_nonzero(~finite)} of "
            f"{len(rows)} trials, first for trial {trials[int(np.argmin(finite))]}; all must be finite"
        )
    removed = np.ones((1, network.n_parameters), np.bool_)
    for layer in layer_views(network, removed):
        layer.weights[:] = layer.biases[:] = False
    wrong = np.count_nonzero(rows[:, removed[0]])
    if wrong:
        raise ValueError(
            f"{path} holds {wrong} numbers that are not 0 in units of zeros of widths {network.widths}; "
            "a removed unit has incoming weights, bias and outgoing weights 0"
        )
