"""When a setting has enough trials: after its first success, or once its rate is known well enough."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from relusweep._yaml import number
from relusweep.pipeline.sweeps.fields import Trials

__all__ = ["TrialsOrUntil", "Until", "trials_of_chunks"]

_FIRST_ROUND = 16
_FEWEST_LABELS = 16
_ALLOWED = "a whole number of at least 1, or {most: 100000, until: first_success or {half_width: 0.01}}"


@dataclass(frozen=True)
class Until:
    """How many trials each setting has: as many rounds as it takes.

    A round ends at trial 16, 32, 64, … and at last at `most`. Settings of which the rule holds then have
    enough; the others go on with the next round.

    Attributes
    ----------
    most : int
        Trials of a setting, at most.
    half_width : float, optional
        Enough is half of the 95 % Wilson interval of the rate of success; None: one success is enough.
    reached : int
        How far the axis of trials reaches so far; not written.
    """

    most: int
    half_width: float | None = None
    reached: int = 0

    @classmethod
    def read(cls, fields: Mapping[str, Any]) -> Self:
        """Read ``{most: …, until: …}``.

        Raises
        ------
        ValueError
            Something else is there, or something is missing.
        """
        if strangers := [name for name in fields if name not in ("most", "until")]:
            raise ValueError(f"no field {strangers[0]!r}; write {_ALLOWED}")
        if lacking := [name for name in ("most", "until") if fields.get(name) is None]:
            raise ValueError(f"{lacking[0]} is missing; write {_ALLOWED}")
        most, rule = number(fields["most"]), fields["until"]
        if not isinstance(most, int | float) or not 1 <= most < inf or most != int(most):
            raise ValueError(f"most = {fields['most']!r}: must be a whole number of at least 1")
        return cls(int(most), _half_width(rule))

    @property
    def rule(self) -> str | dict[str, float]:
        """The rule, as a specification says it."""
        return "first_success" if self.half_width is None else {"half_width": self.half_width}

    @property
    def written(self) -> dict[str, Any]:
        """What `read` reads."""
        return {"most": self.most, "until": self.rule}

    def __str__(self) -> str:
        return f"{self.words}, at most {self.most:,}"

    @property
    def words(self) -> str:
        """The rule in words."""
        if self.half_width is None:
            return "until the first success"
        return f"until half of the 95 % interval of the rate is at most {self.half_width:g}"

    def reaching(self, trials: int) -> Until:
        """Say how far the axis reaches."""
        return replace(self, reached=trials)

    @property
    def ends(self) -> Iterator[int]:
        """Trials that a setting has after each round."""
        end = _FIRST_ROUND
        while end < self.most:
            yield end
            end *= 2
        yield self.most

    @property
    def trials(self) -> int:
        """Length of the axis of trials so far; before the first round is planned, that of the first round."""
        return self.reached or min(_FIRST_ROUND, self.most)

    def goes_on(self, succeeded: ArrayLike, trials: int) -> NDArray[np.bool_]:
        """Tell which settings need more, given how many of so many trials succeeded."""
        if self.half_width is None:
            return np.asarray(np.asarray(succeeded) == 0)
        from relusweep.tasks.statistics import wilson

        _, low, high = wilson(succeeded, np.full_like(succeeded, trials))
        return np.asarray((high - low) / 2 > self.half_width)


def trials_of_chunks(labels: int, trials: int) -> int:
    """Choose how many trials a chunk of the store has where each setting has a number of its own.

    Of many problems few go on after some rounds: a block holds more trials of fewer of them then, and chunks
    hold as many trials, so that there are not many with little in them.

    Parameters
    ----------
    labels, trials : int
        Of a block, where all problems go on.

    Returns
    -------
    int
        A power of two: rounds end where chunks end.
    """
    return 1 << (labels * trials // min(labels, _FEWEST_LABELS)).bit_length() - 1


def _half_width(rule: Any) -> float | None:
    if rule == "first_success":
        return None
    if not isinstance(rule, Mapping) or [*rule] != ["half_width"]:
        raise ValueError(f"until = {rule!r}: must be first_success or {{half_width: 0.01}}")
    half = number(rule["half_width"])
    if not isinstance(half, int | float) or not 1e-5 <= half < 0.5:
        raise ValueError(f"half_width = {rule['half_width']!r}: must be a number from 1e-5, below 0.5")
    return float(half)


class _Reader:
    """Reads a number of trials, or `Until`."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def read(value: Any, plain: core_schema.ValidatorFunctionWrapHandler) -> int | Until:
            if isinstance(value, Until):
                return value
            return Until.read(value) if isinstance(value, Mapping) else plain(value)

        def write(value: int | Until) -> Any:
            return value.written if isinstance(value, Until) else value

        return core_schema.no_info_wrap_validator_function(
            read,
            handler.generate_schema(Trials),
            serialization=core_schema.plain_serializer_function_ser_schema(write),
        )


TrialsOrUntil = Annotated[int | Until, _Reader(), Field(description=_ALLOWED)]
