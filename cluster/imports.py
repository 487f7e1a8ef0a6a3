"""Where code of the user's own is found, when a specification names it."""

import sys

__all__ = ["import_from"]


def import_from(folder: str) -> None:
    """Let this process import from a folder too; what is installed is found first."""
    if folder not in sys.path:
        sys.path.append(folder)
