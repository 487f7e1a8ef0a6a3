"""Starts of one's own, from a file."""

import hashlib
from functools import lru_cache
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from relusweep.tasks.networks import Network, places_of
from relusweep.tasks.paths import expanded

__all__ = ["Starts", "digest", "given_parameters"]


class Starts(BaseModel):
    """A file of starts, and what it held when the specification was made.

    Parameters
    ----------
    path : str
        A file as :func:`given_parameters` reads it, where all workers find it; kept as an absolute path.
    digest : str
        Of its bytes, by default of those that it has now; see :func:`digest`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = Field(description="a file of numpy.save: row t is the start of trial t")
    digest: str = Field(description="of its bytes; by default of those that it has now")

    @model_validator(mode="before")
    @classmethod
    def _of_a_path(cls, fields: Any) -> Any:
        """Take a path alone, and note what the file holds."""
        fields = {"path": fields} if isinstance(fields, str | PathLike) else fields
        if not isinstance(fields, dict) or not isinstance(fields.get("path"), str | PathLike):
            return fields
        path = expanded(fields["path"]).absolute()
        if "digest" in fields:
            return {**fields, "path": str(path)}
        try:
            return {**fields, "path": str(path), "digest": digest(path)}
        except OSError as error:
            raise _unreadable(path, error) from None

    def rows(self, network: Network, trials: range) -> NDArray[np.float32]:
        """Read the starts of some trials; see :func:`given_parameters`.

        Raises
        ------
        ValueError
            If the file is gone or has changed, or its starts do not fit.
        """
        try:
            stat = Path(self.path).stat()
            now = _digest_then(self.path, stat.st_mtime_ns, stat.st_size)
        except OSError as error:
            raise _unreadable(self.path, error) from None
        if now != self.digest:
            raise ValueError(
                f"{self.path} has changed since the sweep was specified; bring back the file that it was, or "
                "specify the sweep anew, under another name where results of the other starts are kept"
            )
        return given_parameters(self.path, network, trials)


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


@lru_cache(maxsize=16)
def _digest_then(path: str, _changed: int, _size: int) -> str:
    return digest(path)


def _opened(path: str | PathLike[str]) -> NDArray[np.generic]:
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except ValueError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: str | PathLike[str], error: Exception) -> ValueError:
    return ValueError(f"{path} cannot be read ({error}); save the starts with numpy.save")


def _check(path: str | PathLike[str], network: Network, trials: range, rows: NDArray[np.float32]) -> None:
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        raise ValueError(
            f"{path} holds numbers that are not finite in float32 for {np.count_nonzero(~finite)} of "
            f"{len(rows)} trials, first for trial {trials[int(np.argmin(finite))]}; all must be finite"
        )
    wrong = np.count_nonzero(np.delete(rows, places_of(network), axis=1))
    if wrong:
        raise ValueError(
            f"{path} holds {wrong} numbers that are not 0 in units of zeros of widths {network.widths}; "
            "a removed unit has incoming weights, bias and outgoing weights 0"
        )
