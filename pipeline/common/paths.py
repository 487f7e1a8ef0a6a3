"""Paths that a user writes."""

from __future__ import annotations

import os
from pathlib import Path

from relusweep.pipeline.common.errors import HomeUnknown

__all__ = ["expanded"]


def expanded(path: str | os.PathLike[str], *variables: str) -> Path:
    """Put the home folder in the place of ``~``.

    Parameters
    ----------
    path
    *variables : str
        Of the environment, beside HOME: those that give the path by themselves.

    Raises
    ------
    HomeUnknown
        Nobody says where it is: HOME is not set and the user has no name, or there is no such user.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        ways = " or ".join(("HOME", *variables))
        raise HomeUnknown(f"{path}: it is not known where ~ is; set {ways}, or write it in full") from error
