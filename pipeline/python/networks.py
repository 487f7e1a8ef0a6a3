"""Stored networks from Python: their outputs, and modules of PyTorch."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cached_property, partial
from math import prod
from typing import TYPE_CHECKING, get_args
from uuid import uuid4

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from relusweep.pipeline.common.boxes import boxes, lengths
from relusweep.pipeline.common.wording import counted
from relusweep.pipeline.sweeps.training.selection import selection
from relusweep.tasks.blocks import not_finite
from relusweep.tasks.networks import Network
from relusweep.tasks.outputs import OutputsBy, in_lanes, in_words, outputs

if TYPE_CHECKING:
    from torch.nn import Module

    from relusweep.tasks.modules import Stacked

__all__ = ["Networks", "networks"]

_NUMBERS = 2**25  # in a chunk, of parameters or of outputs


def networks(results: xr.Dataset, *, imports: Collection[str] = ()) -> Networks:
    """Take stored networks out of their sweep, to apply them or to have them as modules of PyTorch.

    Parameters
    ----------
    results : xarray.Dataset
        Of a training sweep whose probe `parameters` kept the weights, or any part of it: after ``sel``,
        ``isel``, ``stack`` or ``where``. Weights are read when they are needed, chunk by chunk.
    imports : collection of str
        Code of your own that the networks need, as ``"module:name"``: what only a store names is not imported
        unasked.

    Returns
    -------
    Networks

    Raises
    ------
    ValueError
        The weights were not kept: `relusweep.retrain` computes them again. Or the dataset is of no training
        sweep, or lacks a coordinate that says which networks these are.

    Examples
    --------
    >>> import relusweep as rs
    >>> results = rs.open("results", "npn2")  # doctest: +SKIP
    >>> some = rs.networks(results.sel(width=2, depth=1))  # doctest: +SKIP
    >>> some([[-1, -1], [1, -1], [-1, 1], [1, 1]])  # doctest: +SKIP
    """
    if "parameters" not in results:
        raise ValueError(
            f"no parameters here, only {', '.join(map(str, results.data_vars))}; where the sweep kept none, "
            'rs.retrain(results, keep="parameters") computes them again'
        )
    return Networks(results, imports)


class Networks:
    """Networks of a selection, in its dimensions; `networks` makes them.

    Attributes
    ----------
    results : xarray.Dataset
        What they were taken from.
    sizes : dict of str to int
        Their dimensions, and how long these are.
    shapes : list of Network
        Every shape that there is, with its activation.
    """

    def __init__(self, results: xr.Dataset, imports: Collection[str]) -> None:
        self._chosen = chosen = selection(results, "parameters", imports)
        every = [_of_forward(network) for network in chosen.networks()]
        self.results, self.sizes = results, chosen.sizes
        self.shapes = list(dict.fromkeys(every))
        self._imports, self._room = imports, results.sizes["parameter"]
        shapes = np.array([self.shapes.index(network) for network in every])
        self._shape_of = chosen.setting.copy(data=shapes[chosen.setting.values])
        if self._room < (least := max(network.n_parameters for network in self.shapes)):
            raise ValueError(
                f"networks here have up to {least} parameters, and the dataset has {self._room} of them: "
                "select no part of the dimension parameter"
            )

    @cached_property
    def labels(self) -> xr.Dataset:
        """What is known of each network: the coordinates of the selection."""
        inner = [name for name, of in self.results.coords.items() if not {*of.dims} <= {*self.sizes}]
        return self.results.drop_vars([*self.results.data_vars, *inner])

    def __len__(self) -> int:
        """Count them, also those that have not run."""
        return prod(self.sizes.values())

    def __repr__(self) -> str:
        sizes = ", ".join(f"{dim}: {size}" for dim, size in self.sizes.items())
        shapes = "".join(f"\n  {in_words(shape)}" for shape in self.shapes[:5])
        more = f"\n  and {len(self.shapes) - 5} more shapes" if len(self.shapes) > 5 else ""
        return f"<{counted(len(self), 'network')} ({sizes})>{shapes}{more}"

    def __call__(self, x: ArrayLike | xr.DataArray, *, engine: OutputsBy = "auto") -> xr.DataArray:
        """Give outputs, as `forward` does."""
        return self.forward(x, engine=engine)

    def forward(self, x: ArrayLike | xr.DataArray, *, engine: OutputsBy = "auto") -> xr.DataArray:
        """Give the outputs of all networks at once.

        Parameters
        ----------
        x : array_like of shape (n_rows, n_inputs)
            The same for all networks; or an ``xarray.DataArray`` with dimensions ``row`` and ``input``, and
            dimensions of the selection where networks have inputs of their own.
        engine : {'auto', 'lanes', 'torch'}
            Outputs of `lanes` have the bits that they have in training by it; those of `torch` differ by
            rounding. `auto` is `lanes` where that has the network, and `torch` where not.

        Returns
        -------
        xarray.DataArray
            float32, over the dimensions of the selection, ``row``, and ``output`` where there are several.
            NaN where a network has not run, or did not stay finite. Lazy where the selection was opened with
            ``chunks``; otherwise computed here, chunk by chunk.

        Raises
        ------
        ValueError
            Inputs are not finite, or not as many as all networks have; or `lanes` does not have a network.
        """
        rows = self._inputs(x)
        self._check_engine(engine)
        n_outputs = max(network.n_outputs for network in self.shapes)
        parameters = self._parameters
        if not (lazy := bool(parameters.chunks)):
            stored = parameters.encoding.get("preferred_chunks", {})
            most = _NUMBERS // max(1, self._room, rows.sizes["row"] * n_outputs)
            if (parts := lengths(self.sizes, max(1, most), stored)) != self.sizes:
                parameters = parameters.chunk(parts, token=uuid4().hex)  # or Dask would hash all of them
        found: xr.DataArray = xr.apply_ufunc(
            partial(outputs, networks=self.shapes, engine=engine),
            parameters.chunk(parameter=-1) if lazy else parameters,
            self._which,
            rows,
            input_core_dims=[["parameter"], [], ["row", "input"]],
            output_core_dims=[["row", "output"]],
            dask="parallelized",
            output_dtypes=[np.float32],
            dask_gufunc_kwargs={"output_sizes": {"output": n_outputs}},
        )
        found = found.transpose(*self.sizes, "row", "output").rename("outputs")
        found = found.isel(output=0) if n_outputs == 1 else found
        found.attrs = {"long_name": "outputs", "units": "1"}
        return found if lazy else found.compute()

    def modules(self) -> Iterator[Module | None]:
        """Make a module of each network, in the order of the selection, the last dimension fastest.

        Yields
        ------
        torch.nn.Module or None
            An ``nn.Sequential`` of ``nn.Linear`` and activations, without units of zeros; see
            `relusweep.tasks.modules.module_of`. None where a network has not run, or did not stay finite.
        """
        from relusweep.tasks.modules import module_of

        for box in boxes(self.sizes, _NUMBERS // self._room):
            rows = self._parameters.isel(box).values.reshape(-1, self._room)
            which = self._chosen.everywhere(self._which).isel(box).values.reshape(-1)
            for shape, row in zip(which.tolist(), rows, strict=True):
                own = row[: self.shapes[shape].n_parameters]
                yield module_of(self.shapes[shape], own) if shape >= 0 and np.isfinite(own).all() else None

    def stacked(self) -> Stacked:
        """Make one module of networks of one shape, in the order of the selection.

        Returns
        -------
        relusweep.tasks.modules.Stacked
            Its outputs have shape (n_networks, n_rows), with n_outputs behind where there are several. They
            are NaN where a network has not run, or did not stay finite.

        Raises
        ------
        ValueError
            There are several shapes: take `by_shape`.
        """
        from relusweep.tasks.modules import Stacked

        if len(self.shapes) > 1:
            raise ValueError(
                f"networks of one shape are stacked, and these have {len(self.shapes)}, as "
                f"{in_words(self.shapes[0])} and {in_words(self.shapes[1])}; take "
                "[part.stacked() for part in networks.by_shape()]"
            )
        network = self.shapes[0]
        own = self._parameters.isel(parameter=slice(network.n_parameters)).where(self._which >= 0)
        rows = own.transpose(*self.sizes, "parameter").values.reshape(-1, network.n_parameters)
        rows[~np.isfinite(rows).all(axis=1)] = np.nan
        return Stacked(network, rows)

    def by_shape(self) -> list[Networks]:
        """Part them by their shapes: each part lies along one dimension, ``network``, with its labels."""
        shape_of, parts = np.atleast_1d(self._chosen.everywhere(self._shape_of).values), []
        for shape in range(len(self.shapes)):
            places = np.nonzero(shape_of == shape)
            at = {dim: ("network", place) for dim, place in zip(self.sizes, places, strict=False)}
            part = self.results.isel(at) if at else self.results.expand_dims("network")
            parts.append(Networks(part, self._imports))
        return parts

    @cached_property
    def _parameters(self) -> xr.DataArray:
        return (
            self.results["parameters"]
            .transpose(*self.sizes, "parameter")
            .drop_vars("parameter", errors="ignore")
        )

    @cached_property
    def _which(self) -> xr.DataArray:
        """Which shape each network has, over some of the dimensions; -1 where it did not stay finite."""
        lost = not_finite(self.results)
        return self._shape_of if lost is None else self._shape_of.where(~lost, -1)

    def _inputs(self, x: ArrayLike | xr.DataArray) -> xr.DataArray:
        given = x if isinstance(x, xr.DataArray) else _rows_of(x)
        if not {"row", "input"} <= {*given.dims} <= {"row", "input", *self.sizes}:
            raise ValueError(
                f"inputs have dimensions {given.dims}; allowed are row and input, and beside them those of "
                f"the networks: {', '.join(self.sizes) or 'none'}"
            )
        if counts := {network.n_inputs for network in self.shapes} - {given.sizes["input"]}:
            some = ", ".join(map(str, sorted(counts)))
            raise ValueError(
                f"inputs have {given.sizes['input']} columns, and there are networks of {some} inputs; give "
                "as many columns, and select networks of one number of inputs"
            )
        if not given.sizes["row"]:
            raise ValueError("inputs have no rows; give at least one")
        with np.errstate(over="ignore"):  # reported below
            found = given.astype(np.float32)
        if not np.isfinite(found).all():
            raise ValueError("some inputs are not finite in float32; all must be")
        return found

    def _check_engine(self, engine: OutputsBy) -> None:
        if engine not in get_args(OutputsBy):
            raise ValueError(f"unknown engine {engine!r}; allowed are {', '.join(get_args(OutputsBy))}")
        lacking = [network for network in self.shapes if not in_lanes(network)]
        if engine == "lanes" and lacking:
            raise ValueError(
                f"the engine lanes does not have {in_words(lacking[0])}; use engine='auto' or 'torch'"
            )


def _rows_of(x: ArrayLike) -> xr.DataArray:
    array = np.asarray(x)
    if array.ndim != 2:
        raise ValueError(f"inputs have shape {array.shape}; allowed is (n_rows, n_inputs)")
    return xr.DataArray(array, dims=("row", "input"))


def _of_forward(network: Network) -> Network:
    """Forget how a network started."""
    usual = {name: Network.model_fields[name].default for name in ("init", "bias")}
    return network.model_copy(update=usual)
