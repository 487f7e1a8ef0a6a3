"""`relusweep cluster check` says what is wrong with a cluster, and how to mend it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from relusweep.cluster import Address, Connection, Local, connect
from relusweep.pipeline.execution import preflight as trial
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.storage import Fork, StoreWriteError, WriteReceipt
from relusweep.tasks.blocks import BlockResult
from relusweep.tasks.training_block import TrainingBlock, train_block
from tests.seams import computing

RELUSWEEP = Path(sys.executable).with_name("relusweep")


def relusweep(*words: str, cwd: Path) -> tuple[int, str]:
    """Exit code and everything that the command says."""
    environment = {**os.environ, "COLUMNS": "300", "XDG_STATE_HOME": str(cwd / "state")}
    run = subprocess.run(
        [RELUSWEEP, *words],
        cwd=cwd,
        env=environment,
        text=True,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return run.returncode, run.stdout


@pytest.mark.cluster
def test_a_cluster_that_is_well(tmp_path: Path) -> None:
    (tmp_path / "here.yaml").write_text("kind: local\nworkers: 5\n")
    code, said = relusweep("cluster", "check", "here.yaml", cwd=tmp_path)
    assert code == 0, said
    assert "workers: 1" in said  # one is enough
    assert "1 in each of" in said
    assert "torch between operations" in said
    assert "16 networks trained there, with the same bits as here" in said
    assert "what it wrote can be read here" in said
    assert [path.name for path in tmp_path.iterdir()] == ["here.yaml"]


@pytest.mark.cluster
def test_a_gpu_that_is_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "gpus.yaml").write_text("kind: local\ngpus: [7]\n")
    code, said = relusweep("cluster", "check", "gpus.yaml", cwd=tmp_path)
    assert code == 1
    assert "cannot be used: PyTorch" in said
    assert "CUDA_VISIBLE_DEVICES=7" in said
    assert "nvidia-smi" in said
    assert "16 networks trained there" in said  # the rest is looked at all the same


@pytest.mark.cluster
def test_a_store_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "here.yaml").write_text("kind: local\n")
    (tmp_path / "file").write_text("not a folder")
    code, said = relusweep("cluster", "check", "here.yaml", "--store", "file/store", cwd=tmp_path)
    assert code == 1
    assert "wrong store: file/store" in said
    assert "choose another --store" in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: locl", "did you mean 'local'"),
        ("kind: address\naddress: tcp://127.0.0.1:1\ntimeout: 1", "no scheduler answers at"),
    ],
)
def test_what_cannot_even_start_is_told(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    code, said = relusweep("cluster", "check", "bad.yaml", cwd=tmp_path)
    assert code == 2
    assert words in said
    assert "Traceback" not in said


@pytest.mark.cluster
def test_the_other_commands_take_the_file(tmp_path: Path, workers: Address) -> None:
    (tmp_path / "running.yaml").write_text(f"kind: address\naddress: {workers.address}\n")
    small = ("--set", "trials=2", "--set", "width=2", "--set", "depth=1", "--set", "epochs=20")
    code, said = relusweep("run", "npn2", *small, "--cluster", "running.yaml", cwd=tmp_path)
    assert code == 0, said
    assert "16 of 16 networks" in said
    code, said = relusweep("doctor", "--cluster", "running.yaml", cwd=tmp_path)
    assert code == 0, said
    assert "workers: 2" in said


@pytest.mark.parametrize("command", [("run", "npn2"), ("doctor",)])
def test_a_file_and_options_together_are_refused(tmp_path: Path, command: tuple[str, ...]) -> None:
    code, said = relusweep(*command, "--cluster", "x.yaml", "--workers", "2", cwd=tmp_path)
    assert code == 2
    assert "a --cluster file says it all" in said


@pytest.mark.cluster
def test_a_plan_says_what_it_asks_for(tmp_path: Path) -> None:
    code, said = relusweep("plan", "images", "--set", "device=cuda", cwd=tmp_path)
    assert code == 0
    assert "each block of images/digits/training needs a worker with 1 GPU" in said
    (tmp_path / "here.yaml").write_text("kind: local\n")
    code, said = relusweep("run", "images", "--set", "device=cuda", "--cluster", "here.yaml", cwd=tmp_path)
    assert code == 2
    assert "images/digits/training asks for 1 GPU a block" in said
    assert "Traceback" not in said


def test_the_certificate_is_named(tmp_path: Path) -> None:
    code, said = relusweep("cluster", "certificate", cwd=tmp_path)
    assert code == 0
    assert Path(said.strip()).is_relative_to(tmp_path / "state")
    assert Path(said.strip()).is_file()


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    with connect(Local(workers=2)) as connection:
        yield connection


def test_workers_that_write_elsewhere_are_found(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, write = str(tmp_path), trial._write

    def lose(fork: Fork, place: int) -> WriteReceipt:  # a closure, so that it travels by value
        before = set(Path(folder).rglob("chunks/*"))
        written = write(fork, place)
        for chunk in set(Path(folder).rglob("chunks/*")) - before:
            chunk.unlink()  # as where the folder is another one
        return written

    monkeypatch.setattr(trial, "_write", lose)
    checks = list(trial.check_writing(connection.client, str(tmp_path / "store")))
    assert len(checks) == 2
    for check in checks:
        assert "cannot be read here" in check.found
        assert "file system that all machines share" in str(check.remedy)


def test_workers_that_may_not_write_are_told(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(fork: Fork, place: int) -> WriteReceipt:
        raise StoreWriteError("Permission denied")

    monkeypatch.setattr(trial, "_write", refuse)
    for check in trial.check_writing(connection.client, str(tmp_path / "store")):
        assert "cannot write" in check.found
        assert "Permission denied" in check.found
        assert "right to write" in str(check.remedy)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.cluster
def test_all_is_well_in_a_bucket(connection: Connection, bucket: str) -> None:
    connection.client.run(
        os.environ.update, {name: value for name, value in os.environ.items() if name[:4] == "AWS_"}
    )
    assert [check.remedy for check in trial.check_writing(connection.client, f"{bucket}/night")] == [
        None,
        None,
    ]


def test_a_block_with_other_bits_is_found(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    here = os.getpid()

    def task(block: TrainingBlock) -> BlockResult:
        result = train_block(block)
        if os.getpid() != here:
            result.arrays["final_loss"][0, 0] += 1e-6
        return result

    monkeypatch.setattr(TrainingSweep, "task", computing(task))
    (check,) = trial.check_block(connection, "results")
    assert "other bits in final_loss" in check.found
    assert check.remedy


def test_a_block_that_fails_is_told(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    def task(block: TrainingBlock) -> BlockResult:
        raise ZeroDivisionError("of the test")

    monkeypatch.setattr(TrainingSweep, "task", computing(task))
    (check,) = trial.check_block(connection, "results")
    assert "ZeroDivisionError" in check.found
