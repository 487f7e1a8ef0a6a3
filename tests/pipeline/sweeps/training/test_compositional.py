"""Sweeps of composed waves: what is refused, which networks start alike, what is kept, in any partition."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.planning.plan import make_plan
from relusweep.pipeline.sweeps.named import SWEEPS
from relusweep.pipeline.sweeps.overrides import override
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.tasks.pretraining.ends import PretrainingEnd
from relusweep.tasks.training.protocol import StopReason
from relusweep.tasks.training_block import TrainingBlock, train_block
from tests.tasks.blocks import equal

SMALL = ("points=40", "depth=3", "learning_rate=0.001", "epochs=20", "pretraining_epochs=50", "trials=6")


def specified(*settings: str) -> TrainingSweep:
    sweep = override(SWEEPS["compositional"], [*SMALL, *settings])
    assert isinstance(sweep, TrainingSweep)
    return sweep


def blocks(*settings: str) -> dict[tuple[Any, ...], TrainingBlock]:
    """Give the blocks of cubes by initialisation and pretraining."""
    sweep = specified("target=cube", *settings)
    found = {}
    for block in make_plan(sweep, None).blocks:
        of = sweep.block(block)
        found[of.setting["init"], of.setting["pretraining"]] = of
    return found


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (
            ["where=none"],
            "pretraining = peaks is of init = compositional, not of pytorch; give that alone, or wh",
        ),
        (["depth=0"], "depth = 0: give the number of hidden layers, at least 1"),
        (
            ["width=3"],
            "init = compositional: networks that compose waves have 1 input and hidden layers of one w",
        ),
        (["width=3,4"], "at least 4; got n_inputs = 1, width = 3"),
        (["leak=0.1", "probes=parameters"], "relu units without leak; got activation = relu, leak = 0.1"),
        (
            ["activation=silu", "engine=reference", "probes=parameters"],
            "relu units without leak; got activation = silu",
        ),
        (["bias=zero"], "bias = zero: init = [a-z]+ draws biases itself; leave bias out"),
        (
            ["target=sine"],
            "init = compositional, target = sine, points = 40: waves make convex or concave functions",
        ),
        (["target=kink"], "got inputs from -1 to 1"),
        (["target=franke", "points=25", "probes=parameters"], "1 input .* got n_inputs = 2"),
        (["target=franke", "points=25"], "waves are of functions of one input, and networks have 2; leave"),
        (["leak=0.1"], "waves are of networks of relu units without leak; set leak=0"),
        (
            ["restarts.bar=0.1", "restarts.most=1", "restarts.further_epochs=1"],
            "pretraining is of one start; leave",
        ),
        (
            ["pretraining=peaks", "pretraining_budget=in_all", "epochs=40"],
            "pretraining takes 50 of 40 epochs in all",
        ),
        (
            [
                "pretraining_rate=0.01,0.1",
                "where=init == 'compositional' or pretraining == 'none'",
                "init=compositional",
            ],
            None,
        ),
        (
            ["init=compositional", "where=none", "pretraining_rate=0.01,0.1"],
            "pretraining_rate has several labels, and pretraining = none does not use it",
        ),
        (["pretraining=weights"], "pretraining.kind = weights: must be 'none', 'scales' or 'peaks'"),
        (["pretraining_epochs=-1"], "pretraining.epochs = -1"),
    ],
)
def test_what_cannot_be_together_is_refused_before_a_run(settings: list[str], says: str | None) -> None:
    def check() -> None:
        specified(*settings).check()

    if says is None:
        check()
        return
    with pytest.raises(InvalidSweep, match=says):
        check()


def test_conditions_leave_out_what_waves_cannot_be() -> None:
    ways = "(init == 'compositional' or pretraining == 'none')"
    specified("width=3,4", f"where={ways} and (width > 3 or init != 'compositional')").check()
    specified("target=cube,sine", f"where={ways} and (target == 'cube' or init == 'raai')").check()
    with pytest.raises(InvalidSweep, match="target = sine"):
        specified("target=cube,sine", f"where={ways}").check()


def test_sweeps_without_pretraining_say_nothing_of_it() -> None:
    for name in ("sine", "npn2"):
        assert "pretraining" not in SWEEPS[name].specification
        assert not any("pretraining" in dim for dim in SWEEPS[name].axes)


def test_ways_of_waves_start_alike() -> None:
    """Pretraining of no epochs gives the networks that start without it, to rounding."""
    found = blocks("pretraining_epochs=0")
    assert specified().attrs["paired_along"] == ["pretraining"]
    snapshots = {}
    for (init, kind), block in found.items():
        arrays = train_block(block).arrays
        snapshots[init, kind] = arrays["snapshots"][:, 0]
    plain = snapshots["compositional", "none"]
    for kind in ("scales", "peaks"):
        np.testing.assert_allclose(snapshots["compositional", kind], plain, rtol=2e-5, atol=1e-6)


def test_any_partition_gives_the_same_bits_and_what_is_kept_is_right() -> None:
    for (init, kind), block in blocks().items():
        whole = train_block(block).arrays
        parts = [train_block(replace(block, trials=some)).arrays for some in (range(2), range(2, 6))]
        assert equal(whole, {name: np.concatenate([part[name] for part in parts]) for name in whole})
        composed = init == "compositional"
        assert (whole["wave_pieces"][:, 0] == 8).all() == composed
        assert ((whole["switches"][:, 0] == [1, 2, 4]).all()) == composed
        assert (whole["pretraining_end"] == (-1 if kind == "none" else PretrainingEnd.EPOCHS)).all()
        assert np.isnan(whole["pretraining_loss"]).all() == (kind == "none")
        if kind != "none":
            start = train_block(
                replace(block, protocol=block.protocol.model_copy(update={"epochs": 0}))
            ).arrays
            np.testing.assert_allclose(start["final_loss"], whole["pretraining_loss"], rtol=1e-3)


def test_epochs_of_pretraining_may_be_taken_from_those_of_all_weights() -> None:
    in_all = blocks("pretraining_budget=in_all", "pretraining_epochs=15")
    epochs = {way: block.protocol.epochs for way, block in in_all.items()}
    assert epochs == {way: 5 if way[1] != "none" else 20 for way in epochs}
    assert {block.protocol.epochs for block in blocks().values()} == {20}


def test_a_peak_at_an_end_is_a_stored_code() -> None:
    block = blocks("pretraining_rate=100")["compositional", "peaks"]
    found = train_block(block).arrays
    assert (found["pretraining_end"] == PretrainingEnd.PEAK_AT_END).all()
    assert (found["stop_reason"] == StopReason.NOT_FINITE).all()
    assert np.isnan(found["final_loss"]).all()
    assert (found["wave_pieces"] == -1).all()
    assert (found["switches"] == -1).all()
    assert np.isnan(found["spread"]).all()
