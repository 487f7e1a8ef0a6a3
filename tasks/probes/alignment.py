"""How the boundaries of units in the plane bend, and how many dimensions their activations fill."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.declared import Declared, numbers
from relusweep.tasks.probes import Extent, Trained, domain_of, needs_linear_pieces
from relusweep.tasks.probes._epochs import ProbeOfEpochs
from relusweep.tasks.problems import Problem

if TYPE_CHECKING:
    from relusweep.tasks.networks import Network
    from relusweep.tasks.regions import Regions

__all__ = ["Alignment"]

_EPOCH = ("alignment_epoch",)
_LAYER = (*_EPOCH, "layer")
_STRAIGHT = 1e-6
"""Edges shorter than this share of the domain are not looked at; directions that differ by less are one."""
_REGIONS = 100
"""So many, spread evenly through all, are looked at for dimensions."""
_RANK = 1e-9
"""Singular values below this share of the largest are rounding."""


class Alignment(ProbeOfEpochs):
    """Of networks of two inputs, in the domain of the problem; missing of others, and where not finite.

    A boundary is where a unit of a layer behind the first one bends the function. It is looked at wherever it
    goes on straight or bends: at vertices of regions from which two of its edges lead.
    """

    wants_parameters: ClassVar[bool] = False
    kind: Literal["alignment"] = "alignment"

    def check(self, problem: Problem, settings: Mapping[str, tuple[Any, ...]]) -> None:
        """Refuse problems none of which has two inputs, and units that are not piecewise linear."""
        inputs = {problem.n_inputs_of(setting) for setting in problem.settings()}
        if 2 not in inputs:
            words = " or ".join(map(str, sorted(inputs)))
            raise ValueError(f"alignment looks at the plane, and networks have {words} inputs; leave it out")
        needs_linear_pieces(self.kind, problem, settings)

    def variables(self, extent: Extent) -> Mapping[str, Declared]:
        """Give counts of crossings and bends, and ranks."""
        return {
            "crossings": numbers("int32", "crossings of boundaries with those of earlier layers", _EPOCH),
            "bent_crossings": numbers("int32", "crossings at which the later boundary bends", _EPOCH),
            "bends_elsewhere": numbers("int32", "bends away from earlier boundaries", _EPOCH),
            "activation_rank": numbers(
                "int32", "largest dimension of the image of a region under the first so many layers", _LAYER
            ),
            "activation_span": numbers(
                "int32", "dimension of the affine hull of all activations of a layer", _LAYER
            ),
        }

    def inner(self, extent: Extent) -> Mapping[str, tuple[NDArray[Any], Mapping[str, Any]]]:
        """Give epochs and layers."""
        return {
            "alignment_epoch": self.labelled_epochs(extent),
            "layer": (np.arange(1, extent.most_depth + 1), {"long_name": "hidden layers", "units": "1"}),
        }

    def measure(self, trained: Trained, extent: Extent) -> dict[str, NDArray[np.generic]]:
        """Cut the domain by every network that is finite, after every epoch."""
        from relusweep.tasks.regions import can_be_cut, each_linear_regions

        snapshots, network = trained.snapshots(self.epochs(extent)), trained.protocol.network
        found = self.missing(extent, len(snapshots))
        if network.n_inputs != 2:
            return found
        low, high = (np.full(2, end) for end in domain_of(trained))
        some = can_be_cut(network, snapshots.reshape(-1, snapshots.shape[2]), low, high)
        some = some.reshape(snapshots.shape[:2])
        each = each_linear_regions(network, snapshots[some], low, high)
        for at, regions in zip(map(tuple, np.argwhere(some)), each, strict=True):
            if regions.complete:
                names = ("crossings", "bent_crossings", "bends_elsewhere")
                for name, count in zip(names, _bends(regions), strict=True):
                    found[name][at] = count
                ranks = np.array(_ranks(network, regions))
                for name, of_layers in zip(("activation_rank", "activation_span"), ranks.T, strict=True):
                    found[name][(*at, slice(len(of_layers)))] = of_layers
        return found


def _bends(regions: Regions) -> tuple[int, int, int]:
    """Count crossings with earlier layers, those at which the later boundary bends, and other bends."""
    mesh, size = regions.mesh, float(np.ptp(regions.box, axis=0).max())
    used = np.unique(mesh.sides)  # edges inside of maxima's cells bound nothing
    ends, labels = mesh.edges[used], mesh.labels[used]
    units = regions.layers.facets(labels)
    steps = mesh.vertices[ends[:, 1]] - mesh.vertices[ends[:, 0]]
    earliest = np.full(len(mesh.vertices), len(regions.layers.shapes))
    for end in ends.T:
        np.minimum.at(earliest, end[units[:, 0] >= 0], units[units[:, 0] >= 0, 0])
    at = np.concatenate([ends[:, 0], ends[:, 1]])
    away = np.concatenate([steps, -steps])
    layer, unit = np.tile(units, (2, 1)).T
    long = (np.linalg.norm(away, axis=1) > _STRAIGHT * size) & (layer > 0)
    order = np.flatnonzero(long)[np.lexsort((unit[long], layer[long], at[long]))]
    same = (at[order[1:]] == at[order[:-1]]) & (layer[order[1:]] == layer[order[:-1]])
    same &= unit[order[1:]] == unit[order[:-1]]
    alone = ~np.append(same[1:], False) & ~np.insert(same[:-1], 0, False)  # exactly two edges
    one, other = order[:-1][same & alone], order[1:][same & alone]
    a, b = away[one], away[other]
    turns = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
    bent = turns > _STRAIGHT * np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    crossed = earliest[at[one]] < layer[one]
    return int(crossed.sum()), int((crossed & bent).sum()), int((~crossed & bent).sum())


def _ranks(network: Network, regions: Regions) -> list[tuple[int, int]]:
    """Give of each layer the largest dimension of the image of a region, and that of the hull of all."""
    from relusweep.tasks.regions.maps import passed_at

    some = np.unique(np.linspace(0, len(regions) - 1, _REGIONS).astype(int))
    sizes, found = np.diff(regions.offsets)[some], []
    corners = [regions.offsets[some[sizes == size]][:, None] + np.arange(size) for size in np.unique(sizes)]
    for layer in passed_at(network, regions.parameters, regions.vertices):
        images = [layer.outputs[regions.corners[places]] for places in corners]
        scale = float(np.abs(layer.outputs).max(initial=0.0))
        most = max(_rank(image - image[:, :1], scale) for image in images)
        points = np.concatenate([image.reshape(-1, image.shape[2]) for image in images])
        found.append((most, _rank((points - points.mean(axis=0))[None], scale)))
    return found


def _rank(rows: NDArray[np.float64], scale: float) -> int:
    values = np.linalg.svd(rows, compute_uv=False)
    return int((values > _RANK * max(scale, 1e-300)).sum(axis=1).max())
