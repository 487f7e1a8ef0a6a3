"""What stages have left, as users take it: linear coefficients in any form, and pruned networks."""

from __future__ import annotations

import json

import dask.array as da
import numpy as np
import xarray as xr
from dask.delayed import delayed
from numpy.typing import NDArray
from torch import nn

from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.sweeps.images.jacobians import GRADIENT
from relusweep.storage import open_dataset
from relusweep.tasks.images.architectures import build
from relusweep.tasks.images.channels import acting_channels, without_channels
from relusweep.tasks.images.networks import NetworkName
from relusweep.tasks.images.parameters import load_row
from relusweep.tasks.images.protocol import PruneMethod
from relusweep.tasks.images.pruning import last_step
from relusweep.tasks.jacobians.closed import ClosedForm

__all__ = ["open_jacobians", "open_pruned"]

_DIMS = ("network", "sample", "output", "coefficient")


def open_jacobians(store: str, group: str = "images/digits/jacobians") -> xr.Dataset:
    """Open the linear coefficients of networks of images.

    Parameters
    ----------
    store : str
        Path or ``s3://bucket/prefix``.
    group : str
        Of a stage `relusweep.pipeline.sweeps.images.jacobians.Jacobians`.

    Returns
    -------
    Dataset
        What is stored, and ``coefficients`` (network, sample, output, coefficient) also where patterns are
        stored in their place: the same bits, float32, computed of patterns and weights chunk by chunk when
        asked for. All of it lazy, in the chunks of the store. Samples not computed yet are NaN.

    Raises
    ------
    StoreNotFound
        No such store or group, or patterns without the weights of the stage ``training``.
    InvalidSweep
        The group is of another stage.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from relusweep.cluster import Local
    >>> from relusweep.pipeline.sweeps.images.jacobians import Jacobians
    >>> from relusweep.pipeline.execution.run import run
    >>> from relusweep.pipeline.sweeps.images.specification import ImageSpecification
    >>> asked = ImageSpecification(name="images", networks=("dense-sgd-0",), epochs=1, form="patterns")
    >>> with TemporaryDirectory() as store:
    ...     _ = run(Jacobians(asked), store, Local(workers=1))
    ...     digits = open_jacobians(store)
    ...     rows = digits["coefficients"].sel(network="dense-sgd-0", output=3)
    ...     rows[digits["part"] == "test"].mean("sample").shape
    (65,)
    """
    opened = open_dataset(store, group, mask_and_scale=False, chunks={"byte": -1})
    dataset = opened.assign_coords({name: labels.compute() for name, labels in opened.coords.items()})
    if "coefficients" in dataset:
        return dataset
    if "patterns" not in dataset:
        raise InvalidSweep(
            f"{group} has neither coefficients nor patterns; give a group that ends in /jacobians"
        )
    training = open_dataset(store, f"{group.rpartition('/')[0]}/training", chunks={})
    weights = training["parameters"].sel(network=dataset["network"].values).data
    patterns, outputs = dataset["patterns"], dataset["outputs"].chunk({"output": -1})  # NaN where not done
    shape = tuple(patterns.attrs["input_shape"])
    scaled = json.loads(dataset.attrs["specification"])["input"] == "scaled"
    n_outputs, n_columns = dataset.sizes["output"], int(np.prod(shape)) + 1
    rows = [
        da.map_blocks(
            _rows,
            patterns.data[number],
            outputs.data[number].rechunk({0: patterns.chunksizes["sample"]}),
            closed=delayed(_closed_form)(str(label), shape, scaled, n_outputs, weights[number]),
            drop_axis=1,
            new_axis=[1, 2],
            chunks=(patterns.chunksizes["sample"], (n_outputs,), (n_columns,)),
            dtype=np.float32,
            meta=np.empty((0, 0, 0), np.float32),
        )
        for number, label in enumerate(dataset["network"].values)
    ]
    places = xr.Variable("coefficient", np.arange(n_columns), {"long_name": "place in the flattened input"})
    return dataset.assign(
        coefficients=(_DIMS, da.stack(rows), {"long_name": GRADIENT, "units": "1"})
    ).assign_coords(coefficient=places)


def _closed_form(
    label: str, shape: tuple[int, int, int], scaled: bool, n_outputs: int, weights: NDArray[np.float32]
) -> ClosedForm:
    network = build(NetworkName.parse(label).architecture, shape, n_outputs, seed=0)  # type: ignore[arg-type]
    load_row(network, weights)
    closed = ClosedForm.of(network[1:] if scaled else network, shape)
    assert closed is not None  # or it would have no patterns
    return closed


def _rows(
    patterns: NDArray[np.uint8], outputs: NDArray[np.float32], closed: ClosedForm
) -> NDArray[np.float32]:
    return closed.from_patterns(np.ascontiguousarray(patterns[:, : closed.pattern_bytes]), outputs)


def open_pruned(
    store: str,
    network: str,
    method: PruneMethod = "structural",
    step: int | None = None,
    group: str = "images/prune_images/pruning",
) -> nn.Sequential:
    """Get back a pruned network as a module that has no more channels than act.

    Parameters
    ----------
    store : str
        Path or ``s3://bucket/prefix``.
    network : str
        Its label, as ``"complex-sgd-0"``.
    method : {'structural', 'magnitude'}
    step : int, optional
        Of its pruning, 0 being the trained network; by default the last that still reached the threshold.
    group : str
        Of a stage `relusweep.pipeline.sweeps.images.pruning.Pruning`.

    Returns
    -------
    Sequential
        Takes images as :meth:`relusweep.tasks.images.datasets.ImageSet.images` gives them. Its outputs are,
        up to rounding, those of the network whose removed channels or weights are 0. Its ``state_dict`` is
        loaded by every network that `without_channels` makes of as many channels.

    Raises
    ------
    StoreNotFound
        No such store or group.
    InvalidSweep
        The group is of another stage, or has no such network, method or step.

    Examples
    --------
    >>> import relusweep as rs
    >>> rs.images.open_pruned("results", "complex-sgd-0")  # doctest: +SKIP
    """
    pruning = open_dataset(store, group, mask_and_scale=False)
    if "outcome" not in pruning:
        raise InvalidSweep(f"{group} has no pruned networks; give a group that ends in /pruning")
    for dim, asked in (("network", network), ("pruning", method)):
        _refuse_other(group, dim, asked, pruning[dim].values.tolist())
    chosen = pruning.sel(network=network, pruning=method)
    outcomes = chosen["outcome"].values
    there = [number for number in pruning["step"].values.tolist() if chosen["weights"].values[number] >= 0]
    if step is None and (step := last_step(outcomes)) is None:
        raise InvalidSweep(
            f"{group}: {network} by {method} pruning has no step that reaches the threshold; give a step, of "
            f"{', '.join(map(str, there)) or 'which there are none'}"
        )
    _refuse_other(group, f"network of {network} by {method} pruning at step", step, there)
    module = build(
        NetworkName.parse(network).architecture,  # type: ignore[arg-type]
        tuple(pruning.attrs["image_shape"]),
        int(pruning.attrs["n_classes"]),
        seed=0,
    )
    load_row(module, chosen["parameters"].sel(step=step).values)
    return without_channels(module, acting_channels(module))


def _refuse_other(group: str, what: str, asked: object, known: list[object]) -> None:
    if asked not in known:
        names = ", ".join(map(str, known)) or "none"
        raise InvalidSweep(f"{group} has no {what} {asked}; there are: {names}")
