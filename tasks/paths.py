"""Places of files as users write them."""

from os import PathLike
from pathlib import Path

__all__ = ["expanded"]


def expanded(path: str | PathLike[str]) -> Path:
    """Put a home in the place of ``~`` at the beginning of a path; where there is none, leave it as it is."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)
