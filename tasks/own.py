"""Code of the user's own, by the name that they wrote into a specification of theirs: ``module:name``."""

from __future__ import annotations

import re
import sys
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["OwnCodeError", "call", "edited", "is_path", "load", "shaped"]

_PATH = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")

_imported: dict[Path, int] = {}  # files of modules, and when each was last written before it was imported


class OwnCodeError(ValueError):
    """Code of the user's own cannot be imported, or raised an exception."""


def is_path(text: str) -> bool:
    """Tell whether a text has the form ``module:name``."""
    return _PATH.fullmatch(text) is not None


@cache
def load(path: str) -> Any:
    """Import what a path names; modules of the current directory are found too.

    Only for a path that the user wrote into a file or a command of their own, never for what a store says.

    Parameters
    ----------
    path : str
        As ``module:name`` or ``package.module:name``.

    Raises
    ------
    OwnCodeError
        There is no such module, it has no such name, or importing it failed.
    """
    module, _, name = path.partition(":")
    if module == "__main__":
        raise OwnCodeError(
            f"{path}: workers cannot import what a script or a notebook defines itself; put {name} into a "
            f"file of its own, as mymodule.py, and write mymodule:{name}"
        )
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found = import_module(module)
        if file := getattr(found, "__file__", None):  # one that is built in has none
            _imported.setdefault(Path(file), Path(file).stat().st_mtime_ns)
        return getattr(found, name)
    except ModuleNotFoundError as error:
        if error.name and not module.startswith(error.name):
            raise OwnCodeError(f"{path}: {module} needs {error.name}, which is not installed") from error
        raise OwnCodeError(
            f"{path}: there is no module {module} in {here} or on Python's path; start where it lies, or "
            "install it, on all workers"
        ) from error
    except AttributeError as error:
        if not hasattr(sys.modules.get(module), "__name__"):
            raise OwnCodeError(f"{path}: importing {module} failed: {error}") from error
        near = get_close_matches(name, dir(sys.modules[module]), n=1)
        meant = f"; did you mean {near[0]}?" if near else "."
        raise OwnCodeError(
            f"{path}: {module} has no {name}{meant} If you have just written it: Python imports a module "
            "once, so start it, or the kernel of the notebook, anew"
        ) from error
    except (Exception, SystemExit) as error:
        raise OwnCodeError(f"{path}: importing {module} failed: {type(error).__name__}: {error}") from error


def edited() -> list[str]:
    """Name the files of modules that `load` has imported here, and that were edited since.

    Python imports a module once: this process goes on with what they were.
    """
    return [
        str(file) for file, then in _imported.items() if file.exists() and file.stat().st_mtime_ns != then
    ]


def call(path: str, *arguments: Any) -> Any:
    """Call what a path names; what it raises names the path and the shapes of its arguments.

    Raises
    ------
    OwnCodeError
        It cannot be imported, or it raised an exception.
    """
    function = load(path)
    try:
        return function(*arguments)
    except (Exception, SystemExit) as error:
        shapes = ", ".join(str(tuple(getattr(one, "shape", ()))) for one in arguments)
        raise OwnCodeError(
            f"{path} of an argument of shape {shapes} raised {type(error).__name__}: {error}"
        ) from error


def shaped(path: str, found: Any, of: tuple[int, ...], n_outputs: int) -> NDArray[Any]:
    """Check what a function gave for an array of a shape: numbers, one for each row and output.

    Parameters
    ----------
    path : str
    found : object
    of : tuple of int
        Shape of the argument, rows first.
    n_outputs : int

    Returns
    -------
    ndarray of shape (n_rows,) or (n_rows, n_outputs)
        The first of one output.

    Raises
    ------
    OwnCodeError
        It gave something else.
    """
    shape = (of[0],) if n_outputs == 1 else (of[0], n_outputs)
    try:
        values = np.asarray(found)
    except Exception as error:  # of whatever it gave
        raise OwnCodeError(f"{path} gave a {type(found).__name__}, which is no array: {error}") from error
    if values.shape != shape or values.dtype.kind not in "biuf":
        more = "" if n_outputs > 1 else "; of several outputs, say how many as n_outputs"
        raise OwnCodeError(
            f"{path} of an array of shape {of} gave {values.dtype} of shape {values.shape}; allowed are "
            f"numbers of shape {shape}{more}"
        )
    return values
