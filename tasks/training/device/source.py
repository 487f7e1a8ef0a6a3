"""The C text of the engine `cuda`."""

from importlib.resources import files


def text(*names: str) -> str:
    """Give files of this folder behind one another."""
    return "".join((files(__package__) / f"{name}.h").read_text() for name in names)
