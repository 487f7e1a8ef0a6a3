"""One network of a sweep of balls and shells, described so that its samples can be drawn again."""

from __future__ import annotations

import xarray as xr

from relusweep.pipeline.report.scale import specification
from relusweep.pipeline.report.training.axes import one
from relusweep.tasks.hypersphere.problems import BallAndShell
from relusweep.tasks.hypersphere.training import SampleBlock
from relusweep.tasks.networks import Network
from relusweep.tasks.training.protocol import Protocol

__all__ = ["network_of"]

_MSE_TARGETS = {"0,1": (0.0, 1.0), "-1,1": (-1.0, 1.0)}
_NEEDED = ("n_inputs", "loss", "leak", "batch", "inputs", "trial", "rows")


def network_of(dataset: xr.Dataset) -> SampleBlock:
    """Describe one network of a group, so that its samples can be drawn again.

    Parameters
    ----------
    dataset : xarray.Dataset
        A part of a group ``hypersphere/...`` with one label along every dimension of the sweep.

    Returns
    -------
    SampleBlock
        Of one trial.

    Raises
    ------
    ValueError
        If there is more than one label along a dimension.
    """
    n, loss, leak, batch, inputs, trial, rows = known = [one(dataset, name) for name in _NEEDED]
    if None in known:
        raise ValueError(
            f"one network is asked for, with one label along each of {', '.join(_NEEDED)}; got "
            f"{dict(dataset.sizes)}; select one of each, as in isel(trial=0)"
        )
    targets = _MSE_TARGETS[one(dataset, "mse_targets") or "0,1"] if loss == "mse" else (-1.0, 1.0)
    network = Network(
        n_inputs=n,
        width=one(dataset, "width") or n + 1,
        depth=one(dataset, "depth") or 1,
        leak=leak,
        bias=one(dataset, "bias") or "uniform",
    )
    radii = {name: one(dataset, name) for name in ("ball", "shell_volume") if one(dataset, name)}
    return SampleBlock(
        problem=BallAndShell(n_inputs=n, n_samples=rows, inputs=inputs, **radii),
        protocol=Protocol(network=network, loss=loss, threshold=sum(targets) / 2, batch=batch or None),
        targets=targets,
        test_samples=one(dataset, "test_rows") or 0,
        seed=specification(dataset)["seed"],
        trial_start=trial,
        trial_stop=trial + 1,
        room=network.n_parameters,
    )
