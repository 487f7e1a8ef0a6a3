"""How a task reads what earlier stages of its sweep have left, wherever that lies."""

from typing import Any, Protocol

from numpy.typing import NDArray

__all__ = ["Label", "Reader"]

Label = str | int | slice | list[str] | list[int]


class Reader(Protocol):
    """Reads arrays by stage and variable: those of a store, or some in memory."""

    def __hash__(self) -> int: ...  # what was read is kept for readers that are equal

    def read(self, stage: str, variable: str, **at: Label) -> NDArray[Any]:
        """Read part of a variable, as it is stored.

        Parameters
        ----------
        stage : str
            As ``"training"``.
        variable : str
        **at : str, int, list of them, or slice
            By dimension: a label, which leaves the dimension out; labels; or a slice of places.

        Returns
        -------
        ndarray
            Of the dimensions of the variable that are left, in its order.
        """
        ...
