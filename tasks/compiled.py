"""Numba's cache on disk, made to notice changes in every file that a function is compiled from."""

import fcntl
import hashlib
import logging
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, cached_property, update_wrapper
from pathlib import Path
from types import ModuleType
from typing import IO, Any

__all__ = ["LANES", "compiled"]

_log = logging.getLogger(__name__)

_LONGEST_WAIT = 120.0  # seconds that a process lets another one compile

LANES = 16
"""Numbers in a vector of `relusweep.tasks.training.simd`: networks that train side by side."""


def compiled(
    *imports: ModuleType, counted: bool = True, inlined: bool = False
) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function without the GIL, cached on disk for all processes.

    Numba's cache watches only the file that holds the function, although what the function calls is compiled
    into it; and it keeps one index file for each qualified name. So the name gets a digest of the modules
    that compiled code comes from.

    Parameters
    ----------
    *imports : module
        Modules, other than the function's own, whose compiled functions or constants it uses.
    counted : bool
        Whether arrays are counted by who refers to them. A function that neither makes nor returns arrays
        needs no counts, which cost atomic operations wherever it takes an array from a tuple.
    inlined : bool
        Whether it becomes a part of every compiled function that calls it.

    Returns
    -------
    callable
        A decorator. What is compiled lies beside the package, in the user's cache, or, where neither can be
        written, among the temporary files; the environment variable ``NUMBA_CACHE_DIR`` names another folder.
    """
    sources = b"".join(Path(str(module.__file__)).read_bytes() for module in imports)
    digest = hashlib.blake2b(sources, digest_size=8).hexdigest()

    def decorate(function: Callable[..., Any]) -> Any:
        function.__qualname__ += f"_{digest}"
        return _Compiled(function, counted, inlined)

    return decorate


class _Compiled:
    """A function that needs Numba from its first call on: processes that never call it do without."""

    def __init__(self, function: Callable[..., Any], counted: bool, inlined: bool) -> None:
        self._function, self._counted, self._inlined = function, counted, inlined
        update_wrapper(self, function)

    def __call__(self, *arguments: Any) -> Any:
        if not self.dispatcher.overloads and self._folder is not None:
            with _alone(self._lock_of(self._folder)):
                self.dispatcher.compile(tuple(map(self.dispatcher.typeof_pyval, arguments)))
        return self.dispatcher(*arguments)

    @property
    def compiled_elsewhere(self) -> bool:
        """Whether another process compiles it just now."""
        if self.dispatcher.overloads or self._folder is None:
            return False
        try:
            with self._lock_of(self._folder).open("w") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def _lock_of(self, folder: Path) -> Path:
        return folder / f"{self.dispatcher.py_func.__name__}.lock"

    @property
    def _folder(self) -> Path | None:
        """Where compiled code is kept, if it is."""
        path = getattr(self.dispatcher._cache, "cache_path", None)
        return None if path is None else Path(path)

    @property
    def _numba_type_(self) -> Any:  # what Numba asks of a value that compiled code refers to
        return self.dispatcher._numba_type_

    @cached_property
    def dispatcher(self) -> Any:
        """What Numba makes of the function: a `numba.core.dispatcher.Dispatcher`."""
        import numba

        options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": self._counted}
        options |= {"forceinline": self._inlined}
        if not (_numba_config().CACHE_DIR or _has_home()):  # or Numba would make a folder named ~
            _keep_among_temporary_files()
        for _ in range(2):
            try:
                return numba.njit(cache=True, **options)(self._function)
            except RuntimeError:  # there is no folder that can be written
                _keep_among_temporary_files()
        return numba.njit(**options)(self._function)


def _numba_config() -> Any:  # whose settings are made when it is imported: no type knows them
    import numba

    return numba.config


def _has_home() -> bool:
    try:
        return bool(Path.home())
    except RuntimeError:
        return False


@cache
def _keep_among_temporary_files() -> None:
    """Let Numba keep what it compiles in a folder of this user alone, or say once that it keeps nothing."""
    folder = Path(tempfile.gettempdir(), f"relusweep-{os.geteuid()}")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        known = folder.lstat()
        safe = stat.S_ISDIR(known.st_mode) and known.st_uid == os.geteuid() and not known.st_mode & 0o077
    except OSError:
        safe = False
    config = _numba_config()
    if safe and not config.CACHE_DIR:
        config.CACHE_DIR = str(folder)
    else:
        _log.warning(
            "what is compiled cannot be kept, and every process compiles anew, for seconds; set "
            "NUMBA_CACHE_DIR to a folder that can be written"
        )


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let one process of this machine compile while the others wait for what it keeps on disk."""
    try:
        file = path.open("w")
    except OSError:  # nothing can be kept there
        yield
        return
    with file:
        _lock(file)
        yield


def _lock(file: IO[str]) -> None:
    """Wait for a lock, for a while: the process that has it may be held up."""
    end = time.monotonic() + _LONGEST_WAIT
    while time.monotonic() < end:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.05)
        except OSError:  # a file system without locks
            return None
    return None
