"""Paths that users write."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["expanded_or"]


def expanded_or(unknown: type[Exception], path: str | os.PathLike[str], *variables: str) -> Path:
    """Put the home folder in the place of ``~``.

    Parameters
    ----------
    unknown : type of exception
        What is raised where nobody says where it is: HOME is not set and the user has no name, or there is no
        such user.
    path
    *variables : str
        Of the environment, beside HOME: those that give the path by themselves.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        ways = " or ".join(("HOME", *variables))
        raise unknown(f"{path}: it is not known where ~ is; set {ways}, or write it in full") from error
