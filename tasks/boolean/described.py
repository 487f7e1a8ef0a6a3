"""What is known of Boolean functions beside their names: truth tables as text, and measures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.boolean.expressions import Table, written
from relusweep.tasks.boolean.functions import named_tables

__all__ = ["described_names", "described_tables"]

_MEASURED_AT_ONCE = 256


def described_names(names: list[str], n: int, seed: int) -> dict[str, NDArray[Any]]:
    """Describe named functions of `n` inputs; see `relusweep.tasks.boolean.functions`.

    Returns
    -------
    dict of ndarray of shape (n_functions,)
        ``truth_table``, and what `relusweep.tasks.boolean.measures.spectral_measures` gives.
    """
    from relusweep.tasks.boolean.measures import spectral_measures

    parts = []
    for start in range(0, len(names), _MEASURED_AT_ONCE):
        tables = named_tables(names[start : start + _MEASURED_AT_ONCE], n, seed)
        digits = (tables > 0).astype(np.uint8) + ord("0")
        texts = np.array([row.tobytes().decode() for row in digits], dtype=object)
        parts.append({"truth_table": texts, **spectral_measures(tables)})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def described_tables(tables: Sequence[Table]) -> dict[str, NDArray[Any]]:
    """Describe any functions in the same way.

    Measures are NaN where a function has several outputs, or rows that do not matter.
    """
    from relusweep.tasks.boolean.measures import spectral_measures

    plain = np.array([one.outputs.shape[1] == 1 and one.matters.all() for one in tables])
    signs = [2 * one.outputs[:, 0].astype(np.int8) - 1 for one in tables]
    measures = {name: np.where(plain, values, np.nan) for name, values in spectral_measures(signs).items()}
    return {"truth_table": np.array([*map(written, tables)], object), **measures}
