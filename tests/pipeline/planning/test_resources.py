"""A plan that asks for what no worker has is refused before anything is submitted."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from distributed import Client, LocalCluster

import relusweep
from relusweep.cluster import Address, Local, Ssh, connect
from relusweep.pipeline.common.errors import InvalidSweep, ResourceMissing
from relusweep.pipeline.execution import run as running
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.planning.resources import check_promised
from relusweep.pipeline.sweeps.base import Sweep
from relusweep.pipeline.sweeps.blocks import Schedule
from relusweep.pipeline.sweeps.overrides import find_sweep, override
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.storage import open_dataset
from relusweep.tasks.training.device.machine import NoDeviceError
from relusweep.tasks.training_block import TrainingBlock, train_block
from tests.seams import computing


class OnGpu(TrainingSweep):
    """Networks whose blocks want a GPU, though they compute on the processor: there is no GPU here."""

    @property
    def schedule(self) -> Schedule:
        return replace(super().schedule, resources={"GPU": 1.0})


@pytest.fixture
def on_gpu(small: TrainingSweep) -> OnGpu:
    return OnGpu.model_validate(small.model_dump())


def _asked(stage: Sweep) -> dict[str, Mapping[str, float]]:
    before = {group: wanted for other in stage.requires for group, wanted in _asked(other).items()}
    return {**before, stage.group: stage.schedule.resources}


def test_networks_that_do_not_fit_into_memory_are_told_and_refused_here(tmp_path: Path) -> None:
    """Of 100 000 units in each of 100 layers a network has 10**12 parameters, which 16 lanes hold."""
    sweep = override(find_sweep("npn4"), ["width=100000", "depth=100", "trials=1", "problems=1785"])
    plan = relusweep.plan(sweep, tmp_path / "store")
    assert re.search(r"memory +about 2\d\d\.?\d* TiB in the largest task, more than the .* here", repr(plan))
    assert re.search(r"time +roughly [\d,.e+]+ years for the tasks alone", repr(plan))
    with pytest.raises(ResourceMissing, match=r"fills about .* TiB of memory, and this machine has .*; ask"):
        check_promised(plan.plans, Local())
    check_promised(plan.plans, Address(address="tcp://far:8786"))  # whose machines may be larger


def test_of_the_stages_on_cuda_the_training_asks_for_a_gpu() -> None:
    asked = _asked(override(find_sweep("images"), ["device=cuda", "networks=dense-sgd-0"]))
    assert len(asked) > 5
    assert {group: wanted for group, wanted in asked.items() if wanted} == {
        "images/digits/training": {"GPU": 1.0}
    }
    assert not any(_asked(override(find_sweep("images"), ["networks=dense-sgd-0"])).values())


def test_networks_trained_on_a_gpu_ask_for_a_part_of_one_and_are_those_of_the_lanes(tmp_path: Path) -> None:
    sweep = override(find_sweep("npn4"), ["engine=cuda", "trials=2"])
    lanes, reference = (override(sweep, [f"engine={engine}"]) for engine in ("lanes", "reference"))
    assert sweep.fingerprint == lanes.fingerprint != reference.fingerprint
    plan = relusweep.plan(sweep, tmp_path / "store")
    assert "trained on a GPU: a block fills at most" in repr(plan)
    assert "each block of boolean/npn4 needs a worker with 0.125 GPU" in repr(plan)
    with pytest.raises(ResourceMissing, match=r"asks for 0.125 GPU .*or compute .*: --engine lanes"):
        check_promised(plan.plans, Ssh(hosts=("far",)))
    large = override(sweep, ["width=100"])
    with pytest.raises(InvalidSweep, match=r"cuda does not have networks of .* parameters.*engine=lanes"):
        large.check()


def test_without_a_driver_nothing_is_started_and_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacking() -> None:
        raise NoDeviceError("no driver, and no relusweep[cuda]")

    monkeypatch.setattr("relusweep.tasks.training.device.cuda.device", lacking)
    plan = relusweep.plan(override(find_sweep("npn4"), ["engine=cuda", "trials=2"]), tmp_path / "store")
    with pytest.raises(ResourceMissing, match=r"no relusweep\[cuda\]; or train .*: --engine lanes"):
        check_promised(plan.plans, Local(gpus=1))


def test_a_cluster_that_will_never_have_it_is_not_started(
    on_gpu: OnGpu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "connect", None)
    with pytest.raises(ResourceMissing, match=r"npn2 asks for 1 GPU .*'local'.* have none.*--cluster"):
        run(on_gpu, str(tmp_path / "store"), Local(workers=1))


def test_workers_without_it_get_nothing(on_gpu: OnGpu, tmp_path: Path, workers: Address) -> None:
    with pytest.raises(ResourceMissing, match=r"the 2 workers of the scheduler have none"):
        run(on_gpu, str(tmp_path / "store"), workers)
    with connect(workers) as connection:
        assert not connection.client.who_has()
        assert sum(map(len, connection.client.processing().values())) == 0


def test_blocks_go_where_the_resource_is(
    on_gpu: OnGpu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = tmp_path / "seen"
    notes.mkdir()
    folder = str(notes)

    def task(block: TrainingBlock) -> object:  # a closure, so that it travels to the workers by value
        seen = {"gpu": os.environ.get("CUDA_VISIBLE_DEVICES"), "pid": os.getpid()}
        (Path(folder) / f"{os.getpid()}").write_text(json.dumps(seen))
        return train_block(block)

    monkeypatch.setattr(TrainingSweep, "task", computing(task))
    finished = run(on_gpu, str(tmp_path / "store"), Local(workers=1, gpus=(3, 5)))
    assert not finished.failed
    seen = [json.loads(note.read_text())["gpu"] for note in notes.iterdir()]
    assert sorted(seen) == ["3", "5"]  # both, and not the worker beside them
    assert open_dataset(str(tmp_path / "store"), on_gpu.group)["done"].all()


def test_a_strangers_worker_with_the_resource_is_taken(on_gpu: OnGpu, tmp_path: Path) -> None:
    with LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=":0", memory_limit=0, resources={"GPU": 1}
    ) as cluster:
        finished = run(on_gpu, str(tmp_path / "store"), Address(address=cluster.scheduler_address))
        assert not finished.failed
        with Client(cluster) as client:
            assert client.submit(sum, [1, 2]).result() == 3


def test_what_is_done_asks_for_nothing(
    on_gpu: OnGpu, small: TrainingSweep, tmp_path: Path, workers: Address
) -> None:
    run(small, str(tmp_path / "store"), workers)
    finished = run(on_gpu, str(tmp_path / "store"), Local())
    assert not finished.failed
