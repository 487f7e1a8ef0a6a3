"""The linear coefficients of a network at some images."""

import time
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from relusweep.tasks.blocks import BlockResult
from relusweep.tasks.images.reader import Reader
from relusweep.tasks.jacobians.closed import ClosedForm
from relusweep.tasks.jacobians.coefficients import differentiate
from relusweep.tasks.jacobians.maps import LinearMaps
from relusweep.tasks.jacobians.rounding import round_bits, to_float16

__all__ = ["MapBlock", "map_samples"]


@dataclass(frozen=True)
class MapBlock:
    """What to map.

    Attributes
    ----------
    maps : LinearMaps
    label : str
        Of the network.
    samples : range
        Consecutive images, training images first.
    precision : {'float32', 'float16'} or int
        Of rows: a type, or how many bits of float32's mantissa are kept.
    pattern_bytes : int
        Length of a pattern: those of the largest network.
    reader : Reader
        Gives the network's parameters after its training.
    at_once : int
        Images whose rows are computed at a time.
    """

    maps: LinearMaps
    label: str
    samples: range
    precision: Literal["float32", "float16"] | int
    pattern_bytes: int
    reader: Reader
    at_once: int = 256


def map_samples(block: MapBlock) -> BlockResult:
    """Compute the coefficients of a network at some images, and its outputs.

    Returns
    -------
    BlockResult
        Of ``outputs``, float32 of shape (1, n_samples, n_outputs); ``n_ties``, int32 of shape (1, n_samples),
        -1 where there is no closed form or an output is not finite; and either ``patterns``, uint8 of shape
        (1, n_samples, pattern_bytes), or ``coefficients`` of shape (1, n_samples, n_outputs, n_columns) and,
        where these are rounded, ``rounding_error``, float32 of shape (1, n_samples).
    """
    torch.set_num_threads(1)
    started = time.process_time()
    maps, samples = block.maps, block.samples
    network = maps.mapped(maps.networks.trained(block.label, block.reader).eval())
    closed = ClosedForm.of(network, maps.input_shape)
    arrays = _empty(block)
    for start in range(0, len(samples), block.at_once):
        x = maps.inputs(samples[start : start + block.at_once])
        here = slice(start, start + len(x))
        if closed is None:
            arrays["outputs"][0, here], rows = differentiate(network, x)
            _keep(block, arrays, here, rows.astype(np.float32, copy=False))
            continue
        passed = closed.pass_on(x)
        arrays["outputs"][0, here] = passed.outputs
        arrays["n_ties"][0, here] = np.where(np.isfinite(passed.outputs).all(axis=1), passed.ties, -1)
        if maps.form == "patterns":
            arrays["patterns"][0, here, : closed.pattern_bytes] = closed.packed(passed)
        else:
            _keep(block, arrays, here, closed.rows_of(passed))
    return BlockResult(arrays, 0, time.process_time() - started, 0.0)


def _keep(block: MapBlock, arrays: dict[str, NDArray[Any]], here: slice, rows: NDArray[np.float32]) -> None:
    """Put the rows of some samples in their place, in as many bits as are asked for."""
    arrays["coefficients"][0, here] = kept = _rounded(rows, block.precision)
    if block.precision != "float32":
        arrays["rounding_error"][0, here] = _relative(rows, kept)


def _empty(block: MapBlock) -> dict[str, NDArray[Any]]:
    maps, n_samples = block.maps, len(block.samples)
    found: dict[str, NDArray[Any]] = {
        "outputs": np.zeros((1, n_samples, maps.n_outputs), np.float32),
        "n_ties": np.full((1, n_samples), -1, np.int32),
    }
    if maps.form == "patterns":
        return found | {"patterns": np.zeros((1, n_samples, block.pattern_bytes), np.uint8)}
    dtype = np.float16 if block.precision == "float16" else np.float32
    found["coefficients"] = np.zeros((1, n_samples, maps.n_outputs, maps.n_columns), dtype)
    if block.precision != "float32":
        found["rounding_error"] = np.zeros((1, n_samples), np.float32)
    return found


def _rounded(rows: NDArray[np.float32], precision: str | int) -> NDArray[Any]:
    if isinstance(precision, int):
        return round_bits(rows, precision)[0]
    return rows if precision == "float32" else to_float16(rows)[0]


def _relative(rows: NDArray[np.float32], kept: NDArray[Any]) -> NDArray[np.float64]:
    """Error of the kept numbers of each sample, against their size."""
    error, size = (np.linalg.norm(a.reshape(len(a), -1), axis=1) for a in (rows - kept, rows))
    return np.asarray(np.divide(error, size, out=np.zeros_like(error), where=size != 0))
