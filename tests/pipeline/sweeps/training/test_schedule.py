"""How training sweeps are cut into blocks, and in which order these are computed."""

from relusweep.pipeline.planning.plan import make_plan
from relusweep.pipeline.sweeps.named import SWEEPS


def test_every_block_of_the_ball_is_one_setting_of_full_lanes() -> None:
    plan = make_plan(SWEEPS["hypersphere"], None)
    assert sum(block.cells for block in plan.blocks) == plan.cells == 1400
    assert {block.cells for block in plan.blocks} == {32, 4}
    assert plan.nbytes == 1400 * (4 + 4 + 4 + 1 + 4 + 4 + 1 + 2 + 2 + 4 + 4 * 91 + 9)
    work = [plan.sweep.schedule.cost(block) for block in plan.blocks]
    assert max(work) == work[0]


def test_blocks_of_names_are_whole_chunks() -> None:
    sweep = SWEEPS["parity10"]
    chunks = sweep.layout("").chunks
    blocks = make_plan(sweep, None).blocks
    assert len(blocks) == 45 * 2 * 5
    assert {len(block["problem"]) for block in blocks} == {8, 3}
    assert all(block["trial"][0] % chunks["trial"] == 0 for block in blocks)


def test_work_grows_with_the_tries_that_narrow_deep_networks_need() -> None:
    sweep = SWEEPS["sine"]
    work = {
        block["width"] + block["depth"]: sweep.schedule.cost(block) for block in make_plan(sweep, None).blocks
    }
    assert max(work, key=work.__getitem__) == (1, 10)
    assert work[1, 10] > 50 * work[1, 1]
    assert work[10, 10] > work[10, 9] > work[9, 9]
