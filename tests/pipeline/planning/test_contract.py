"""Every sweep and stage keeps the contract; one that breaks it is told in what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
import pytest

from relusweep.cluster import Address
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.planning import contract
from relusweep.pipeline.planning.contract import CHECKS, Example
from relusweep.pipeline.sweeps.base import SpecifiedSweep, Sweep
from relusweep.pipeline.sweeps.blocks import Block, Schedule, Task
from relusweep.pipeline.sweeps.images.stage import ImageStage
from relusweep.pipeline.sweeps.named import SWEEPS
from relusweep.pipeline.sweeps.overrides import find_sweep, override
from relusweep.storage.layout import Variable
from relusweep.tasks.blocks import BlockResult
from tests.faults.toys import toy
from tests.pipeline.sweeps.images.test_stages import Film, Laps, Large

_WAVES = ("target=cube", "points=20", "init=compositional", "where=none", "trials=3", "epochs=3")
SMALL: Mapping[str, tuple[tuple[str, ...], Mapping[str, Any]]] = {
    "npn2": (("trials=2", "width=2,4", "depth=1", "epochs=9"), {"trials": 3, "leak": "0,0.1,0.5"}),
    "npn3": (("trials=2", "width=2", "depth=1,2", "epochs=9"), {"depth": "1..3"}),
    "npn4": (("trials=17", "problems=1,6,1785", "width=2", "depth=1", "epochs=9"), {"problems": "all"}),
    "npn5": (("trials=1", "problems=1,7", "epochs=3"), {"problems": "0,1,7"}),
    "frontier3": (
        ("trials.most=20", "problems=1,6", "leak=0", "width=2", "depth=1", "where=none", "epochs=9"),
        {"width": "2,3"},
    ),
    "frontier4": (
        ("trials.most=3", "problems=1,1785", "leak=0", "width=2,3", "depth=1", "where=none", "epochs=3"),
        {"depth": "1,2"},
    ),
    "parity10": (("n_inputs=4", "random=1", "trials=2", "width=2", "depth=1", "epochs=2"), {"random": 3}),
    "boolean10": (
        ("n_inputs=4", "random=1", "classes=6", "trials=1", "width=2", "epochs=2"),
        {"classes": "6,1785"},
    ),
    "dimensions": (
        ("n_inputs=4,5", "random=1", "classes=none", "trials=1", "width=2", "epochs=2"),
        {"n_inputs": "4..6"},
    ),
    "annulus": (("trials=3", "samples=20", "batch=10", "leak=0", "epochs=2"), {"batch": "10,20"}),
    "hypersphere": (
        ("trials=2", "n_inputs=2,3", "samples=20", "test_samples=10", "batch=20", "epochs=2"),
        {"n_inputs": "2..4"},
    ),
    "plane_circle": (("trials=2", "samples=40", "epochs=2", "probes=parameters"), {"widths": "3,4-2,8-8-8"}),
    "plane_xor_circles": (("trials=2", "samples=40", "epochs=2", "probes=parameters"), {"corner": "0.5,0.6"}),
    "plane_xor": (("trials=2", "samples=40", "widths=3,4-2", "epochs=2"), {"widths": "3,4-2,4-4-4"}),
    "sine": (("trials=3", "width=1,2", "depth=1", "epochs=3", "restarts.most=2"), {"trials": 20}),
    "alignment": (
        (
            *("trials=2", "target=saddle", "width=4", "depth=1", "group=2", "pull=0,0.1"),
            *("orthogonality=0", "epochs=3"),
        ),
        {"target": "saddle,sine"},
    ),
    "one_neuron": (
        (
            *(
                "where=none",
                "trials=2",
                "target=kink",
                "activation=decomposed_relu",
                "leak=0",
                "kink_rate=0.1",
            ),
            *("epochs=3", "points=8"),
        ),
        {"learning_rate": "0.01,0.03,0.1"},
    ),
    "decomposed": (
        (
            *(
                "where=none",
                "trials=2",
                "target=saddle",
                "activation=decomposed_softplus",
                "leak=0",
                "width=2",
            ),
            *(
                "epochs=2",
                "points=8",
                "test_points=4",
                "optimizer=adam",
                "learning_rate=0.01",
                "scalars=rules",
            ),
        ),
        {"target": "saddle,norm3", "kink_rate": "0.1,0.2,0.3"},
    ),
    "compositional": ((*_WAVES, "depth=2"), {"trials": 20}),
    "compositional_depth": ((*_WAVES, "width=4,5", "depth=1"), {"depth": "1..2"}),
    "landscape2": (("problems=0,6", "width=1"), {"width": "1..2"}),
    "landscape3": (("problems=105", "width=1"), {"problems": "0,105"}),
    "growth": (
        (
            *("construction=points,square", "target=none,wave", "q=none,1", "d=none", "N=1..3", "L=1,2"),
            "points=9",
        ),
        {"N": "1..4", "most_units": 50_000},
    ),
    "xor_optima": (("trials=3", "init=he_normal", "bias=zero", "epochs=3"), {"trials": 20}),
    "prune_wide": (
        ("n_inputs=1,2", "width=2,3", "trials=3", "epochs=60", "probes.subsets.trajectories=2"),
        {"width": "2..4"},
    ),
    "prune_deep": (
        ("n_inputs=2,3", "width=2", "depth=2", "where=none", "trials=2", "epochs=60"),
        {"trials": 3},
    ),
    "prune_masks": (("n_inputs=2", "width=2,3", "trials=3", "epochs=60"), {"n_inputs": "2,3"}),
    "images": (
        (
            *(
                "networks=dense-sgd-0,linear-adamw-0",
                "epochs=2",
                "samples=200",
                "clusters=1,3",
                "centres=true",
                "stages=summary,activations,sections",
            ),
            *("components=3", "replicates=2", "section_limit=9", "section_grid=4"),
        ),
        {
            "networks": "dense-sgd-0,linear-adamw-0,simple-sgd-1",
            "clusters": "1,3,5",
            "planes": "nearest,0-1-2",
        },
    ),
    "prune_images": (
        (
            *("networks=simple-sgd-0", "epochs=1", "samples=100", "prune_threshold=0", "prune_steps=2"),
            *("prune_scored=20", "prune_compared=20"),
        ),
        {"networks": "simple-sgd-0,simple-sgd-1", "prune_steps": 3},
    ),
}
STAGES = 16


def _stages(sweep: Sweep) -> dict[str, Sweep]:
    found: dict[str, Sweep] = {}
    for required in sweep.requires:
        found |= _stages(required)
    return {**found, sweep.group: sweep}


def _named() -> dict[str, tuple[Sweep, Mapping[str, Any]]]:
    """Give every named sweep, small, and each stage, with what its axes may grow to."""
    found = {}
    for name, (settings, grown) in SMALL.items():
        for root in override(find_sweep(name), settings).roots:
            for group, stage in _stages(root).items():
                fields = {field: value for field, value in grown.items() if field in stage.extent()}
                found[group] = stage, fields
    return found


NAMED = _named()
TOYS = {
    "toy": Example(toy((2, 5), 6), {"trials": 9}),
    "laps": Example(Laps(name="a", runners=("bo", "al"), laps=2), {"runners": ("bo", "al", "zed")}),
    "film": Example(Film(name="a", runners=("bo",), laps=2), {"runners": ("bo", "al")}),
    "large": Example(Large(name="a", runners=("bo",), laps=2), {"runners": ("bo", "al")}),
}


@pytest.fixture(scope="module")
def store(workers: Address, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the stages require, and measures of functions of five inputs."""
    store = str(tmp_path_factory.mktemp("contract") / "store")
    for name in ("images", "prune_images", "npn5"):
        for root in override(find_sweep(name), SMALL[name][0]).roots:
            for sweep in root.requires:
                assert not run(sweep, store, workers).failed
    return store


def test_every_named_sweep_is_checked() -> None:
    assert SMALL.keys() == SWEEPS.keys()
    assert sum(isinstance(stage, ImageStage) for stage, _ in NAMED.values()) == STAGES


@pytest.mark.parametrize("group", NAMED)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_named_sweeps_and_stages(check: Callable[[Example], None], group: str, store: str) -> None:
    sweep, grown = NAMED[group]
    check(Example(sweep, grown, store))


@pytest.mark.parametrize("name", TOYS)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_toys(check: Callable[[Example], None], name: str) -> None:
    check(TOYS[name])


# What breaks it


class Bad(SpecifiedSweep):
    """Keeps the contract, until a test breaks it."""

    kind: ClassVar[str] = "bad"
    growable_fields: ClassVar[tuple[str, ...]] = ("rows",)
    rows: int = 3

    @property
    def axes(self) -> Mapping[str, np.ndarray]:
        return {"row": np.arange(self.rows), "column": np.arange(4)}

    @property
    def inner(self) -> Mapping[str, np.ndarray]:
        return {"digit": np.arange(2)}

    @property
    def variables(self) -> Mapping[str, Variable]:
        return {"value": Variable(("row", "column", "digit"), "float32", np.nan)}

    def task(self, block: Block, store: str) -> Task:
        return zeros, block.shape

    @property
    def schedule(self) -> Schedule:
        return Schedule(block_shape={"row": 1, "column": 2})


def zeros(shape: tuple[int, ...]) -> BlockResult:
    return BlockResult({"value": np.zeros((*shape, 2), np.float32)}, 0, 0.0, 0.0)


def _drawn(shape: tuple[int, ...]) -> BlockResult:
    return BlockResult({"value": np.random.default_rng().random((*shape, 2), "float32")}, 0, 0.0, 0.0)


def _short(shape: tuple[int, ...]) -> BlockResult:
    return BlockResult({"value": np.zeros((*shape, 1), np.float32)}, 0, 0.0, 0.0)


def _double(shape: tuple[int, ...]) -> BlockResult:
    return BlockResult({"value": np.zeros((*shape, 2))}, 0, 0.0, 0.0)


def test_a_sweep_of_a_users_own_keeps_it() -> None:
    for check in CHECKS:
        check(Example(Bad(name="mine"), {"rows": 5}))


@pytest.mark.parametrize(
    ("check", "changes", "says"),
    [
        ("axes_have_unique_labels", {"axes": {"row": np.zeros(3), "column": np.arange(4)}}, "row repeat"),
        ("axes_have_unique_labels", {"inner": {"row": np.arange(3)}}, "both an axis and an inner one"),
        ("shape_counts_the_axes", {"shape": (3, 5)}, r"\(3, 5\), axes have \(3, 4\)"),
        (
            "variables_lie_on_axes_and_inner_dimensions",
            {"variables": {"value": Variable(("digit", "row", "column"), "float32", np.nan)}},
            "value has dimensions",
        ),
        (
            "variables_lie_on_axes_and_inner_dimensions",
            {"variables": {"value": Variable(("row",), "float32", np.nan)}},
            "lacks axes, and blocks are divisible",
        ),
        (
            "layout_holds_the_labels",
            {"schedule": Schedule(block_shape={"row": 1, "column": 2}, chunks={"dgit": 1})},
            "dgit",
        ),
        (
            "schedule_fits_the_axes",
            {"schedule": Schedule(block_shape={"row": 1, "column": 2}, cost=lambda block: 0.0)},
            "costs 0",
        ),
        (
            "schedule_fits_the_axes",
            {"schedule": Schedule(block_shape={"row": 1, "column": 2}, predecessor=lambda block: block)},
            "is no other block",
        ),
        ("task_gives_the_variables", {"task": lambda *_: (_short, (1, 2))}, r"shape \(1, 2, 1\)"),
        ("task_gives_the_variables", {"task": lambda *_: (_double, (1, 2))}, "is float64, not float32"),
        ("same_block_gives_the_same_bits", {"task": lambda *_: (_drawn, (1, 2))}, "other bits in value"),
        ("bytes_are_those_stored", {"n_cells": 6}, "bytes of a cell"),
        ("fingerprint_stays_when_axes_grow", {"identity": lambda bad: bad.model_dump()}, "changes the fing"),
        ("sweep_and_tasks_travel", {"task": lambda *_: (zeros, bytes(2**20))}, "argument of .* takes"),
    ],
)
def test_what_breaks_it_is_told(
    check: str, changes: Mapping[str, Any], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in changes.items():
        monkeypatch.setattr(Bad, name, value)
    with pytest.raises(AssertionError, match=says):
        getattr(contract, check)(Example(Bad(name="mine"), {"rows": 5}))
