"""Problems, one file each, found by their names, and what each must give."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, ClassVar, NamedTuple

from numpy.typing import NDArray
from pydantic import ConfigDict

from relusweep.tasks.axes import Setting, WithAxes, axes_of, label_array
from relusweep.tasks.declared import Coordinate

__all__ = ["Name", "Problem", "Trials"]

Name = tuple[str | int | float, ...]


class Trials(NamedTuple):
    """What the networks of some trials are trained on, and looked at with.

    Attributes
    ----------
    inputs : ndarray of shape (n_rows, n_inputs) or (n_networks, n_rows, n_inputs)
        The same for all networks, or each network's own; networks are labels × trials, trials fastest.
    targets : ndarray of shape (n_networks, n_rows) or (n_networks, n_rows, n_targets)
        Of several classes their numbers from 0, for cross-entropy.
    test : pair of ndarray, optional
        Inputs and targets, shaped alike, that no network is trained on.
    weights : ndarray of shape (n_rows,) or (n_networks, n_rows), optional
        Of the training rows, none below 0, with a mean of 1; by default all are 1. Rows of weight 0 do not
        matter: they count as right.
    """

    inputs: NDArray[Any]
    targets: NDArray[Any]
    test: tuple[NDArray[Any], NDArray[Any]] | None = None
    weights: NDArray[Any] | None = None


class Problem(WithAxes, ABC):
    """Where rows and targets come from. A problem is one file in `relusweep.tasks.problems`.

    The module is named like the kind of the problem, and defines one subclass of this class. Fields marked by
    `relusweep.tasks.axes.Axis` are axes.

    Attributes
    ----------
    kind : str
        What is learned: the name of the module.
    folder : str
        Where groups of its sweeps live in the store.
    title : str
        What its sweeps are, in words.
    rows_dtype : str
        What holds the number of its rows.
    extent : tuple of str
        Fields that are no axes and say how far the labels reach: they may grow.
    labels : str, optional
        The dimension whose labels are problems; blocks hold several of them.
    label_attrs : mapping
        Attributes of that dimension.
    pinned : tuple of str
        Coordinates that hold what code of the user's own gave: what gives something else is refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: ClassVar[str]
    title: ClassVar[str]
    rows_dtype: ClassVar[str] = "int32"
    extent: ClassVar[tuple[str, ...]] = ()
    labels: ClassVar[str | None] = None
    label_attrs: ClassVar[Mapping[str, Any]] = {}
    pinned: ClassVar[tuple[str, ...]] = ()

    kind: str

    @property
    def losses(self) -> tuple[str, ...]:
        """Losses that its targets allow."""
        return "bce", "mse", "huber", "hinge"

    @property
    def has_classes(self) -> bool:
        """Whether rows are of classes, so that an output is right or wrong."""
        return True

    @property
    def own_code(self) -> tuple[str, ...]:
        """Code of the user's own that it needs, as ``module:name``."""
        return ()

    def digest(self, setting: Setting, labels: tuple[Any, ...], seed: int) -> str | None:
        """Hash what code of the user's own gives, which workers must get too; None where there is none."""
        return None

    @property
    def rigid(self) -> tuple[str, ...]:
        """Axes that cannot grow: their label says what the others mean."""
        return ()

    @abstractmethod
    def n_inputs_of(self, setting: Setting) -> int:
        """Count the inputs of the networks of a setting."""

    def n_outputs_of(self, setting: Setting) -> int:
        """Count the outputs of the networks of a setting."""
        return 1

    @abstractmethod
    def n_rows_of(self, setting: Setting) -> int:
        """Count the training rows of a network of a setting."""

    @abstractmethod
    def draw(self, setting: Setting, labels: tuple[Any, ...], trials: range, seed: int) -> Trials:
        """Give rows and targets of some trials; `labels` are problems, or empty where there are none."""

    @abstractmethod
    def stream(self, setting: Setting, label: Any, seed: int) -> Name:
        """Name what the starts of a label's trials are drawn from, without anything of the protocol."""

    def start_name(self, setting: Setting, label: Any, seed: int) -> Name:
        """Name the stream of the starts; the network's shape is a part of it."""
        return (f"{self.folder} starts", *self.stream(setting, label, seed), *shape_name(setting))

    def order_name(self, setting: Setting, label: Any, seed: int) -> Name:
        """Name the stream of the orders of the rows."""
        return (f"{self.folder} orders", *self.stream(setting, label, seed))

    def identity(self, written: dict[str, Any]) -> dict[str, Any]:
        """Give what of it decides the networks, beside how far its axes reach; all of it as it is written."""
        return written

    def check(self, seed: int) -> None:
        """Raise ValueError where its rows cannot be given; asked before anything runs."""

    @property
    def notes(self) -> Sequence[str]:
        """What is to be known of its rows before a run, in sentences."""
        return ()

    @property
    def has_test(self) -> bool:
        """Whether networks are looked at with test rows."""
        return False

    def threshold(self, setting: Setting) -> float:
        """Give the output at which the two classes part."""
        return 0.0

    def own_width(self, setting: Setting) -> int | None:
        """Give the width that ``auto`` means; None where it means nothing."""
        return None

    def names(self) -> NDArray[Any]:
        """List the problems, where `labels` names a dimension."""
        raise NotImplementedError

    def count_names(self) -> int:
        """Count them, without listing them where that takes long."""
        return len(self.names())

    def _own(self) -> dict[str, tuple[Any, ...]]:
        labels = {name: getattr(self, name) for name in axes_of(self)}
        return {name: some for name, some in labels.items() if some is not None}

    @property
    def axes(self) -> dict[str, NDArray[Any]]:
        """Labels of its dimensions."""
        own = {name: label_array(labels) for name, labels in self._own().items()}
        return {self.labels: self.names(), **own} if self.labels else own

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of its dimensions."""
        own = tuple(map(len, self._own().values()))
        return (self.count_names(), *own) if self.labels else own

    def settings(self) -> Iterator[Setting]:
        """Give the combinations of the labels of its axes, but for problems."""
        own = self._own()
        for labels in product(*own.values()):
            yield dict(zip(own, labels, strict=True))

    def coordinates(self, seed: int) -> Mapping[str, Coordinate]:
        """Say what is known of the labels; the dimensions are its own."""
        return {}

    def block_shape(self) -> Mapping[str, int]:
        """Give the most labels and trials of a block: at most half a minute of work."""
        return {"trial": 32}

    def epochs_expected(self, setting: Setting, n_parameters: int, epochs: int) -> float:
        """Estimate the epochs that a network takes, to start the longest blocks first."""
        return float(epochs)


def shape_name(setting: Setting) -> Name:
    """Name what of a network decides its start, beside what `relusweep.tasks.networks` adds to the name."""
    return setting["width"], setting["depth"], float(setting["leak"]), setting["bias"]
