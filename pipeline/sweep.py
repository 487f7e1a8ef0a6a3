"""What a Boolean training sweep is: its axes, its protocol, its seed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from hashlib import blake2b
from math import prod
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    ValidationInfo,
    field_validator,
)

from pipeline.errors import SpecificationChanged
from tasks.boolean.npn import canonical, npn_classes
from tasks.networks import Network
from tasks.training import Adam, Protocol

__all__ = ["BooleanSweep", "Difference", "difference", "joined"]

RESULT_SCHEMA = 1
"""Part of every fingerprint: raised when the same specification comes to mean other numbers."""

_EXTENTS = ("problems", "leak", "width", "depth", "trials")


def _listed(value: object) -> object:
    """Read ``2,3`` and ``2..10``; whether the items are numbers is for the field to check."""
    if not isinstance(value, str):
        return value if isinstance(value, list | tuple) else [value]
    items: list[object] = []
    for part in value.split(","):
        span = re.fullmatch(r"\s*(\d+)\s*\.\.\s*(\d+)\s*", part)
        items.extend(range(int(span[1]), int(span[2]) + 1) if span else [part.strip()])
    return items


def _chosen(engine: object) -> object:
    return "lanes" if engine == "auto" else engine


_Axis = BeforeValidator(_listed)
_Sizes = Annotated[
    tuple[PositiveInt, ...],
    _Axis,
    Field(min_length=1, description="whole numbers of at least 1, as 5 or 2,3 or 2..10"),
]


class BooleanSweep(BaseModel):
    """Networks trained on Boolean functions: every problem × leak × width × depth × trial.

    The axes (`problems`, `leak`, `width`, `depth`, `trials`) may grow later without touching a finished
    network; any change of another field makes other networks. Axes are kept ascending, without repetition.

    Attributes
    ----------
    name : str
        Its results live in the group ``boolean/<name>``.
    n_inputs : int
        Inputs of the functions, 1 to 4.
    problems : tuple of int
        NPN classes, named by their smallest ids; ``"all"`` means every class.
    leak, width, depth : tuple of numbers
        Slopes below zero, units per hidden layer, hidden layers.
    trials : int
        Networks for each combination, numbered from 0.
    seed : int
        Root of all random streams.
    bias, loss, optimizer, epochs, stop
        The protocol; see `tasks.training.Protocol`.
    engine : {'lanes', 'reference'}
        Who trains; ``"auto"`` is `lanes`, as in `tasks.training.train`. The two agree up to rounding, not bit
        for bit, so results of both under one name would be of two kinds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[A-Za-z][\w-]*$", description="letters, digits, _ and -")]
    n_inputs: Annotated[int, Field(ge=1, le=4, description="1 to 4")]
    problems: Annotated[
        tuple[NonNegativeInt, ...], _Axis, Field(min_length=1, description="ids of NPN classes, or all")
    ]
    leak: Annotated[
        tuple[Annotated[float, Field(ge=0, le=1)], ...],
        _Axis,
        Field(min_length=1, description="numbers from 0 to 1, as 0,0.1"),
    ]
    width: _Sizes
    depth: _Sizes
    trials: Annotated[PositiveInt, Field(description="a whole number of at least 1")]
    seed: Annotated[NonNegativeInt, Field(description="a whole number of at least 0")] = 0
    bias: Literal["uniform", "zero"] = "uniform"
    loss: Literal["bce"] = "bce"
    optimizer: Adam = Adam()
    epochs: Annotated[int, Field(ge=1, le=10_000_000, description="1 to 10 000 000")] = 4000
    stop: Literal["first_success"] = "first_success"
    engine: Annotated[Literal["lanes", "reference"], BeforeValidator(_chosen)] = "lanes"

    @field_validator("problems", mode="before")
    @classmethod
    def _every_class(cls, value: object, info: ValidationInfo) -> object:
        if value in ("all", ["all"]) and "n_inputs" in info.data:
            return npn_classes(info.data["n_inputs"]).representative.tolist()
        return value

    @field_validator("problems")
    @classmethod
    def _are_classes(cls, problems: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
        n = info.data.get("n_inputs")
        if n is None:  # wrong itself, and reported so
            return problems
        if beyond := [problem for problem in problems if problem >= 2**2**n]:
            raise ValueError(f"{beyond[0]} is no function of {n} inputs: ids end at {2**2**n - 1}")
        for problem, smallest in zip(problems, canonical(problems, n).tolist(), strict=True):
            if problem != smallest:
                raise ValueError(f"{problem} does not name an NPN class; its own is named {smallest}")
        return problems

    @field_validator("problems", "leak", "width", "depth")
    @classmethod
    def _ascending(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(sorted({value + 0 for value in values}))  # -0.0 is 0.0

    @property
    def group(self) -> str:
        """Where its results live in the store."""
        return f"boolean/{self.name}"

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        """Sizes of the axes: problems, leaks, widths, depths, trials."""
        return len(self.problems), len(self.leak), len(self.width), len(self.depth), self.trials

    @property
    def n_networks(self) -> int:
        """Networks in all."""
        return prod(self.shape)

    def protocol(self, leak: float, width: int, depth: int) -> Protocol:
        """Give the training protocol of one size."""
        network = Network(n_inputs=self.n_inputs, width=width, depth=depth, leak=leak, bias=self.bias)
        return Protocol(
            network=network, loss=self.loss, optimizer=self.optimizer, epochs=self.epochs, stop=self.stop
        )

    def identity(self) -> dict[str, Any]:
        """Everything that decides a network's numbers besides its place on the axes, JSON-able."""
        return self.model_dump(mode="json", exclude=set(_EXTENTS))

    @property
    def fingerprint(self) -> int:
        """64 bits of the identity and of the schema of results: the same however far the axes extend."""
        text = json.dumps([RESULT_SCHEMA, self.identity()], sort_keys=True)
        return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())


class Difference(NamedTuple):
    """A field in which two specifications differ; None where one lacks it."""

    field: str
    stored: Any
    asked: Any

    def __str__(self) -> str:
        return f"{self.field}: {self.stored!r} in the store, {self.asked!r} asked"


def difference(stored: Mapping[str, Any], asked: Mapping[str, Any]) -> list[Difference]:
    """Compare two specifications, as JSON objects, apart from how far their axes extend.

    Raw JSON, so that a specification written by an older version, with other fields, can be compared too.
    """
    old, new = _flat(stored), _flat(asked)
    keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    return [Difference(key, old.get(key), new.get(key)) for key in keys]


def joined(stored: str, asked: BooleanSweep) -> BooleanSweep:
    """Extend the axes of a sweep to hold also what the store already has.

    Parameters
    ----------
    stored : str
        The specification kept in the store, JSON.
    asked : BooleanSweep
        What is to be run now.

    Raises
    ------
    SpecificationChanged
        They differ in more than their axes; the message shows in what.
    """
    old = json.loads(stored)
    if changes := difference(old, asked.model_dump(mode="json")):
        raise SpecificationChanged(
            f"{asked.group} holds results of another specification ({'; '.join(map(str, changes))}). "
            "Ask for the stored one, or give yours a name of its own in a YAML file, "
            "or start the group anew with --replace (earlier versions stay readable)"
        )
    axes = {name: (*old[name], *getattr(asked, name)) for name in _EXTENTS[:-1]}
    return BooleanSweep.model_validate(
        {**asked.model_dump(), **axes, "trials": max(old["trials"], asked.trials)}
    )


def _flat(fields: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in fields.items():
        if prefix or key not in _EXTENTS:
            flat.update(_flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value})
    return flat
