"""Things of one kind, one file each, found by the names of the files: no list has to be edited."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TypeVar

__all__ = ["load", "names"]

T = TypeVar("T")


def names(package: str) -> tuple[str, ...]:
    """Name the modules of a package without importing them; those that begin with ``_`` are not named.

    Parameters
    ----------
    package : str
        Its full name. A folder that is added to its ``__path__`` is searched too.

    Returns
    -------
    tuple of str, ascending
    """
    found = iter_modules(import_module(package).__path__)
    return tuple(sorted(module.name for module in found if not module.name.startswith("_")))


def load(package: str, name: str, kind: type[T]) -> T:
    """Give what a module of a package defines, under the name of its class in capitals.

    Parameters
    ----------
    package : str
    name : str
        One of `names`.
    kind : type
        The class: of ``Activation``, a module defines one instance, ``ACTIVATION``.

    Raises
    ------
    ValueError
        If there is no such module.
    TypeError
        If it does not define what it should.
    """
    found = _defined(package, name, kind.__name__)
    if not isinstance(found, kind):
        raise TypeError(
            f"{package}.{name} defines {kind.__name__.upper()} = {found!r}; let it define an instance of "
            f"{kind.__name__}"
        )
    return found


@cache
def _defined(package: str, name: str, what: str) -> object:
    known = names(package)
    if name not in known:
        raise ValueError(f"unknown {what.lower()} {name!r}; allowed are {', '.join(known)}")
    return getattr(import_module(f"{package}.{name}"), what.upper(), None)
