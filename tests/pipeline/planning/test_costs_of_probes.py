"""What probes take counts in a plan: its order, its time, its memory, and how large blocks are."""

from __future__ import annotations

import re
from pathlib import Path

from relusweep.pipeline.planning.plan import make_plan
from relusweep.pipeline.planning.run_plan import RunPlan
from relusweep.pipeline.sweeps.overrides import find_sweep, override
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep


def small(*settings: str) -> TrainingSweep:
    sweep = override(find_sweep("prune_wide"), ["n_inputs=5", "width=8,14", "trials=30", *settings])
    assert isinstance(sweep, TrainingSweep)
    return sweep


def test_subsets_count_beside_training() -> None:
    pruned, alone = make_plan(small(), None), make_plan(small("probes=none"), None)
    first, last = pruned.blocks[0], pruned.blocks[-1]
    assert (first["width"], last["width"]) == ((14,), (8,))  # C(14, i) are more than C(8, i)
    assert pruned.cost > 100 * alone.cost
    schedule = pruned.sweep.schedule
    assert schedule.seconds is not None
    assert schedule.memory is not None
    assert 1 < schedule.seconds(first) < 100
    one = make_plan(small("probes=none", "trials=4"), None).blocks[0]
    plain = alone.sweep.schedule.memory
    assert plain is not None
    assert schedule.memory(first) > plain(one) + 4 * 4096 * (
        14 * 7 + 1
    )  # starts of as many as train at a time


def test_blocks_are_as_small_as_the_slowest_probe_asks() -> None:
    assert max(len(block["trial"]) for block in make_plan(small(), None).blocks) == 4
    both = small("probes=subsets,removals")
    assert max(len(block["trial"]) for block in make_plan(both, None).blocks) == 1
    assert max(len(block["trial"]) for block in make_plan(small("probes=none"), None).blocks) == 20


def test_trials_are_not_told_one_by_one(tmp_path: Path) -> None:
    sweep = override(find_sweep("prune_deep"), ["trials=5"])
    text = str(RunPlan(str(tmp_path / "store"), (make_plan(sweep, None),)))
    assert re.search(r"^ *n_inputs +2 +5 ", text, re.MULTILINE)  # networks that the label adds
    assert not re.search(r"^ *trial +0 +5 ", text, re.MULTILINE)
