"""Boolean functions: NPN classes by their ids, or functions by name, of which many inputs have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from operator import index
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, model_validator

from relusweep._yaml import Whole
from relusweep.tasks import networks, own
from relusweep.tasks.axes import LATER, Axis, Setting, listed
from relusweep.tasks.boolean.described import described_names, described_tables
from relusweep.tasks.boolean.expressions import Table, checked, matters_partly, n_outputs, table
from relusweep.tasks.boolean.functions import (
    CLASS_INPUTS,
    MOST_RANDOM,
    PARITY,
    class_name,
    family,
    named_tables,
    random_name,
)
from relusweep.tasks.boolean.ids import Ids, class_ids, classes_of
from relusweep.tasks.boolean.npn import N_CLASSES
from relusweep.tasks.boolean.truth_tables import inputs, truth_table
from relusweep.tasks.declared import Coordinate
from relusweep.tasks.networks import Network
from relusweep.tasks.problems import Name, Problem, Trials, shape_name
from relusweep.tasks.streams import Stream

__all__ = ["MEASURES", "Boolean", "initial_parameters"]

_CLASSES_PER_BLOCK = 4096
_FASTLY_MEASURED = 4  # inputs

MEASURES: dict[str, dict[str, str]] = {
    "swaps": {"long_name": "swaps", "units": "1"},
    "degree": {"long_name": "degree of the Fourier expansion", "units": "1"},
    "influence": {"long_name": "total influence", "units": "1"},
    "entropy": {"long_name": "spectral entropy", "units": "bit"},
}
_TABLE = {"long_name": "outputs, all inputs -1 first, 1 for +1"}


def _texts(value: object) -> object:
    return None if value in ("none", None) else listed(value)


class Boolean(Problem):
    """Functions of −1 and +1, learned from all of their rows.

    Attributes
    ----------
    n_inputs : tuple of int
        Inputs of the functions, 1 to 12: of `problems` one number, up to 5; of `classes` at least 4.
    problems : tuple of int or 'all'
        NPN classes of so many inputs, named by their smallest ids: problems have numbers.
    random : int
        Random functions of each number of inputs, numbered from 0: problems have names.
    classes : tuple of int or 'all'
        NPN classes of four inputs: these functions of the first four inputs, XOR the parity of all inputs.
        Parity itself is a problem too where problems have names, unless `functions` are given.
    functions : tuple of str, optional
        Your own: expressions as ``(a & b) ^ c``, truth tables as ``01-1``, ``a & b; a ^ b`` of two outputs,
        ``a ^ b where a | b`` of the rows that matter, or import paths as ``mymodule:f``; see
        `relusweep.tasks.boolean.expressions`.
    n_outputs : int, optional
        Outputs of functions by import path; by default one.
    """

    folder: ClassVar[str] = "boolean"
    pinned: ClassVar[tuple[str, ...]] = ("truth_table",)
    title: ClassVar[str] = "Boolean sweep"
    labels: ClassVar[str] = "problem"
    rows_dtype: ClassVar[str] = "int16"

    kind: Literal["boolean"] = "boolean"
    n_inputs: Annotated[
        tuple[Annotated[int, Field(ge=1, le=12)], ...],
        Axis("inputs of the function"),
        Field(description="whole numbers from 1 to 12, as 10 or 5..10"),
    ]
    problems: Ids = ()
    random: Annotated[
        Whole, Field(ge=0, le=MOST_RANDOM, description=f"a whole number from 0 to {MOST_RANDOM}")
    ] = 0
    classes: Ids = ()
    functions: Annotated[
        tuple[str, ...] | None,
        BeforeValidator(_texts),
        LATER,
        Field(description="none, or your own, as (a & b) ^ c or 01-1 or a & b; a ^ b or mymodule:f"),
    ] = None
    n_outputs: Annotated[
        Annotated[Whole, Field(ge=1, le=1000)] | None,
        LATER,
        Field(description="none, which is 1, or 1 to 1000"),
    ] = None

    @model_validator(mode="after")
    def _names_functions(self) -> Boolean:
        n, ids, others = self.n_inputs, self.problems, self.classes
        if ids and (self.random or others):
            raise ValueError(
                "problems are numbered (problems=…) or named (random=…, classes=…), not both; give one"
            )
        if ids and (len(n) > 1 or n[0] not in N_CLASSES):
            raise ValueError(
                f"n_inputs = {','.join(map(str, n))}: NPN classes of one number of inputs, 1 to 5, are "
                "listed at a time"
            )
        if others and n[0] < CLASS_INPUTS:
            raise ValueError(
                f"classes has functions of {CLASS_INPUTS} inputs or more, and n_inputs holds {n[0]}; "
                "leave it out, or set classes=none"
            )
        if self.functions is not None:
            self._check_own(self.functions)
        elif self.n_outputs is not None:
            raise ValueError("n_outputs is of functions by import path; give some, or leave it out")
        if isinstance(ids, tuple) and ids:
            self.__dict__["problems"] = class_ids(ids, n[0])
        if isinstance(others, tuple) and others:
            self.__dict__["classes"] = class_ids(others, CLASS_INPUTS)
        return self

    def _check_own(self, functions: tuple[str, ...]) -> None:
        if self.problems or not functions:
            raise ValueError(
                "functions are your own, beside which problems have names (random=…, classes=…), not "
                "numbers (problems=…)"
                if functions
                else "functions holds none; give one, or leave it out"
            )
        texts = sorted({checked(text, n) for text in functions for n in self.n_inputs})
        if self.n_outputs is not None and not any(map(own.is_path, texts)):
            raise ValueError("n_outputs is of functions by import path, and there is none; leave it out")
        counts = {text: n_outputs(text) or self.n_outputs or 1 for text in texts}
        if len(found := {1 for _ in range(self.random or bool(self.classes))} | {*counts.values()}) > 1:
            raise ValueError(
                f"functions of {' and '.join(map(str, sorted(found)))} outputs cannot be in one sweep, whose "
                "networks are of one shape; give them sweeps of their own"
            )
        self.__dict__["functions"] = tuple(texts)

    @property
    def extent(self) -> tuple[str, ...]:  # type: ignore[override]
        """Fields that list functions."""
        return ("problems", "random", "classes", *(("functions",) if self.functions is not None else ()))

    @property
    def own_code(self) -> tuple[str, ...]:
        """Import paths among the functions."""
        return tuple(filter(own.is_path, self.functions or ()))

    def check(self, seed: int) -> None:
        """Evaluate code of the user's own, and again, to refuse what is not the same function every time."""
        for setting in self.settings():
            self.digest(setting, self.own_code, seed)
            for path in self.own_code:
                of = path, self.n_inputs_of(setting), self.n_outputs or 1
                if (table(*of).outputs != table.__wrapped__(*of).outputs).any():
                    raise ValueError(
                        f"{path} gives other values when it is called again; let it give the same bits at "
                        "every call"
                    )

    def digest(self, setting: Setting, labels: tuple[Any, ...], seed: int) -> str | None:
        """Hash the truth tables of code of the user's own among the functions."""
        of_code = [label for label in labels if label in self.own_code]
        if not of_code:
            return None
        tables = self._tables(of_code, self.n_inputs_of(setting), seed)
        return blake2b(b"".join(one.outputs.tobytes() for one in tables), digest_size=8).hexdigest()

    @property
    def numbered(self) -> bool:
        """Whether its problems are NPN classes by number."""
        return bool(self.problems)

    @property
    def rigid(self) -> tuple[str, ...]:
        """Numbers name classes of so many inputs."""
        return ("n_inputs",) if self.numbered else ()

    @property
    def label_attrs(self) -> Mapping[str, Any]:  # type: ignore[override]
        """What the labels are."""
        return {"long_name": "id of the NPN class" if self.numbered else "name of the function"}

    def names(self) -> NDArray[Any]:
        """Ids, ascending; or names, ascending as text."""
        if self.numbered:
            every = self.problems == "all"
            return (
                classes_of(self.n_inputs[0]).representative if every else np.array(self.problems, np.uint64)
            )
        every = self.classes == "all"
        ids = classes_of(CLASS_INPUTS).representative.tolist() if every else self.classes
        others = (PARITY,) if self.functions is None else self.functions
        names = [*map(class_name, ids), *others, *map(random_name, range(self.random))]
        return np.array(names if self.functions is None else sorted(names), dtype=object)

    def count_names(self) -> int:
        """Count them without enumerating them."""
        if self.numbered:
            return N_CLASSES[self.n_inputs[0]] if self.problems == "all" else len(self.problems)
        others = self.classes
        own_or_parity = 1 if self.functions is None else len(self.functions)
        return (N_CLASSES[CLASS_INPUTS] if others == "all" else len(others)) + own_or_parity + self.random

    def n_inputs_of(self, setting: Setting) -> int:
        """Count those of the function."""
        return int(setting["n_inputs"])

    def n_outputs_of(self, setting: Setting) -> int:
        """Count those of all functions alike."""
        return 1 if self.functions is None else n_outputs(self.functions[0]) or self.n_outputs or 1

    def n_rows_of(self, setting: Setting) -> int:
        """Count those of the truth table."""
        return 1 << int(setting["n_inputs"])

    def draw(self, setting: Setting, labels: tuple[Any, ...], trials: range, seed: int) -> Trials:
        """Give all rows, and the truth tables, the same for all trials."""
        n = self.n_inputs_of(setting)
        if self.functions is not None:
            return self._own_trials(self._tables(labels, n, seed), n, len(trials))
        names = [label for label in labels if isinstance(label, str)]
        tables = named_tables(names, n, seed) if names else truth_table(np.array(labels, np.uint64), n)
        return Trials(inputs(n), np.repeat(tables, len(trials), axis=0))

    def _own_trials(self, tables: list[Table], n: int, n_trials: int) -> Trials:
        """Give rows of weight 0 where a function has rows that do not matter, and so to all functions."""
        targets = np.stack([2 * one.outputs.astype(np.int8) - 1 for one in tables])
        matters, weights = np.stack([one.matters for one in tables]), None
        if any(map(matters_partly, self.functions or ())):
            each = matters * (matters.shape[1] / matters.sum(axis=1, keepdims=True))
            weights = np.repeat(each, n_trials, axis=0)
        targets = targets[..., 0] if targets.shape[-1] == 1 else targets
        return Trials(inputs(n), np.repeat(targets, n_trials, axis=0), weights=weights)

    def _tables(self, labels: Iterable[str], n: int, seed: int) -> list[Table]:
        return [
            table(label, n, self.n_outputs or 1)
            if label in (self.functions or ())
            else Table(named_tables([label], n, seed).T > 0, np.ones(2**n, bool))
            for label in labels
        ]

    def stream(self, setting: Setting, label: Any, seed: int) -> Name:
        """Name one for each function."""
        return seed, label, int(setting["n_inputs"])

    @property
    def measures_first(self) -> bool:
        """Whether swaps and the like take so long that a sweep of their own finds them."""
        return self.numbered and self.n_inputs[0] > _FASTLY_MEASURED

    def coordinates(self, seed: int) -> Mapping[str, Coordinate]:
        """Give truth tables, measures, sizes of classes or families of functions."""
        rows = np.array([1 << n for n in self.n_inputs])
        known: dict[str, Coordinate] = {"rows": (("n_inputs",), rows, {"long_name": "rows", "units": "1"})}
        return known | (self._of_classes() if self.numbered else self._of_names(seed))

    def _of_classes(self) -> dict[str, Coordinate]:
        from relusweep.tasks.boolean.measures import measure

        n, ids = self.n_inputs[0], self.names()
        every = classes_of(n)
        texts = np.array([f"{i:0{2**n}b}" for i in ids.tolist()], dtype=object)
        size = every.size[np.searchsorted(every.representative, ids)]
        found = {} if self.measures_first else measure(ids, n)
        return {
            "truth_table": ("problem", texts, _TABLE),
            **{name: ("problem", values, MEASURES[name]) for name, values in found.items()},
            "class_size": ("problem", size, {"long_name": "functions in the NPN class", "units": "1"}),
        }

    def _of_names(self, seed: int) -> dict[str, Coordinate]:
        names = self.names().tolist()
        if self.functions is None:
            known = [described_names(names, n, seed) for n in self.n_inputs]
        else:
            known = [described_tables(self._tables(names, n, seed)) for n in self.n_inputs]
        of_own = set(self.functions or ())
        families = np.array(["own" if name in of_own else family(name) for name in names], dtype=object)
        found: dict[str, Coordinate] = {"family": ("problem", families, {"long_name": "kind of function"})}
        for name in known[0]:
            values = np.stack([of[name] for of in known], axis=1)
            found[name] = (("problem", "n_inputs"), values, MEASURES.get(name, _TABLE))
        return found

    def block_shape(self) -> Mapping[str, int]:
        """Many small networks, or some large ones."""
        if self.numbered:  # chunks outlive the first run, so whatever the reach of the axis
            return {"problem": min(N_CLASSES[self.n_inputs[0]], _CLASSES_PER_BLOCK), "trial": 100}
        return {"problem": 8, "trial": 20}

    def epochs_expected(self, setting: Setting, n_parameters: int, epochs: int) -> float:
        """Estimate how many fail: those that succeed stop early, the others go on to the last epoch.

        Rules of thumb from ten trials of `npn4`: half as many with each further unit, and with a leak fewer
        the deeper; and of `dimensions`: networks of half as many parameters as a function has rows fail,
        those of as many as it has rows succeed.
        """
        n, width, depth = (int(setting[dim]) for dim in ("n_inputs", "width", "depth"))
        if not self.numbered:
            failing = min(1.0, ((1 << n) / (2 * n_parameters)) ** 3)
        elif setting["leak"]:
            failing = min(1.0, 2.0 ** -(width - n + 2)) ** depth / depth
        else:
            failing = min(1.0, 2.0 ** -(width - n + 1))
        return min(50, epochs) + failing * epochs


def initial_parameters(
    network: Network, seed: int, function: int | str, trials: range
) -> NDArray[np.float32]:
    """Draw the initial parameters of a function's trials, as sweeps of Boolean functions do.

    Parameters
    ----------
    network : Network
    seed : int
    function : int or str
        Id or name of the function.
    trials : range
        Consecutive trial numbers.

    Returns
    -------
    ndarray of shape (len(trials), network.n_parameters), dtype float32

    Raises
    ------
    ValueError
        There is no such function of so many inputs, or another argument is not what it should be.
    """
    if not isinstance(trials, range):
        raise ValueError(f"trials is a range of trial numbers, as range(10), got {trials!r}")
    seed, n = _index("seed", seed), network.n_inputs
    if isinstance(function, str):
        _check_name(function, n, seed)
    elif not 0 <= (function := _index("function", function)) < 2**2**n:
        raise ValueError(f"{function} is no function of {n} inputs: ids end at {2**2**n - 1}")
    name = (f"{Boolean.folder} starts", seed, function, n, *shape_name(network.model_dump()))
    return networks.initial_parameters(network, Stream(name), trials)


def _check_name(function: str, n: int, seed: int) -> None:
    try:
        named_tables([function], n, seed)  # raises where there is none
    except ValueError:
        try:
            checked(function, n)
        except ValueError:
            pass
        else:
            return
        raise


def _index(what: str, value: Any) -> int:
    """Give Python's own integer: streams are named by how it is written."""
    if isinstance(value, bool | np.bool_) or not hasattr(value, "__index__"):
        raise ValueError(f"{what} is a whole number, got {value!r}")
    return int(index(value))
