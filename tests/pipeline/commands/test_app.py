from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import relusweep as rs
from relusweep.cluster import Address
from relusweep.pipeline.commands import sweeps
from relusweep.pipeline.commands.doctor import check_workers, versions
from relusweep.pipeline.monitoring.events import RunFinished
from relusweep.pipeline.sweeps.fields_table import field_rows
from relusweep.pipeline.sweeps.named import SWEEPS
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.storage import Committer, Layout, Variable, history, open_dataset
from tests.seams import computing

PART = ("--set", "trials=4", "--set", "width=2,4", "--set", "depth=1", "--set", "epochs=60")

GOLDEN = Path(__file__).parents[2] / "golden" / "npn2-2026-11"

Command = Callable[..., tuple[int, str, str]]


def test_help_teaches(relusweep: Command) -> None:
    code, out, _ = relusweep("--help")
    assert code == 0
    assert "relusweep run npn3 --set trials=10" in out
    _, out, _ = relusweep("run", "--help")
    assert "relusweep run npn4 --set trials=200" in out


def test_a_log_on_standard_error_is_all_that_is_there(relusweep: Command, workers: Address) -> None:
    run = ("run", "npn2", *PART, "--scheduler", workers.address)
    code, out, err = relusweep(*run, "--log", "-")
    assert code == 0
    events = [json.loads(line)["event"] for line in err.splitlines()]
    assert events[-1] == "run finished"
    assert "All of boolean/npn2 is in results" in out


def test_runs_need_no_shared_memory_and_doctor_names_it(tmp_path: Path) -> None:
    mounted = 'mount -t tmpfs -o ro tmpfs /dev/shm && exec "$@"'
    inside = ["unshare", "--mount", "sh", "-c", mounted, "sh"]
    if not shutil.which("unshare") or subprocess.run([*inside, "true"], check=False).returncode:
        pytest.skip("nothing can be mounted here")

    def relusweep(*words: str) -> str:
        command = [*inside, sys.executable, "-m", "relusweep", *words, "--workers", "1"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    part = ("--set", "trials=1", "--set", "width=2", "--set", "depth=1", "--set", "epochs=20")
    assert "Error" not in relusweep("run", "npn2", *part)
    assert "shared memory: /dev/shm cannot be written: Read-only file system" in relusweep("doctor")


def test_words_that_cannot_be_encoded_are_printed_with_question_marks() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    words = [sys.executable, "-m", "relusweep", "sweeps", "größer"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "error: no sweep 'gr??er'" in done.stderr


def test_sweeps_lists_them(relusweep: Command) -> None:
    code, out, _ = relusweep("sweeps")
    assert code == 0
    assert "1,998,000" in out


@pytest.mark.parametrize("name", SWEEPS)
def test_every_field_of_every_sweep_is_explained(relusweep: Command, name: str) -> None:
    """Its path, its value, what it means and what it allows."""
    for row in field_rows(SWEEPS[name].spec):
        assert row.meaning, row
        assert row.allowed, row
        assert len(row.value) < 50, row
    code, out, _ = relusweep("sweeps", name)
    assert code == 0
    assert all(row.path in out for row in field_rows(SWEEPS[name].spec))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("relusweep plan npn", ["npn2", "npn3", "npn4", "npn5"]),
        ("relusweep run min", ["mine.yaml"]),
        ("relusweep sweeps im", ["images"]),
        (f"relusweep show --store {GOLDEN} ", ["boolean/npn2", "npn2"]),
        (f"relusweep report --store {GOLDEN} boo", ["boolean/npn2"]),
        ("relusweep show --store gone ", [""]),
    ],
)
def test_a_shell_completes_names(
    relusweep: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: str, said: list[str]
) -> None:
    (tmp_path / "mine.yaml").write_text("base: npn2\n")
    monkeypatch.setenv("_RELUSWEEP_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
    assert relusweep()[1].strip("\n").split("\n") == said


def test_plan_and_dry_run_touch_nothing(relusweep: Command, tmp_path: Path) -> None:
    for words in (("plan", "npn4"), ("run", "npn4", "--dry-run")):
        code, out, _ = relusweep(*words, "--set", "trials=10")
        assert code == 0
        assert out == f"{rs.plan(rs.sweep('npn4', trials=10), 'results')}\n"
        assert "asked for     199,800 networks" in out
        assert "90 blocks" in out
    assert list(tmp_path.iterdir()) == []


def test_from_run_to_report(relusweep: Command, workers: Address, tmp_path: Path) -> None:
    code, out, _ = relusweep("run", "npn2", *PART, "--scheduler", workers.address)
    assert code == 0
    assert "64 networks to train, 0 in the store" in out
    assert "64 of 64 networks" in out
    assert "relusweep show npn2 --store results" in out

    code, out, _ = relusweep("run", "npn2", *PART)
    assert code == 0
    assert "0 networks to train, 64 in the store" in out

    code, out, _ = relusweep("plan", "npn2", *PART, "--set", "trials=6")
    assert code == 0
    assert "to train      32, in 4 blocks" in out
    assert "time          about" in out

    code, out, _ = relusweep("status")
    assert code == 0
    assert "boolean/npn2" in out
    assert "none" in out
    assert history(tmp_path / "results")[0].id in out

    assert relusweep("run", "npn2", *PART, "--set", "width=3", "--scheduler", workers.address)[0] == 0
    code, out, _ = relusweep("status")
    assert "Missing" not in out
    assert "96" in out

    assert open_dataset("results", "boolean/npn2").attrs["kind"] == "training"
    code, out, _ = relusweep("show")
    assert code == 0
    assert "leak 0.1" in out
    assert "0110" in out
    assert "least width" in out
    assert "Learned by swaps" in out
    assert "Classes of most swaps, 2: 6" in out

    code, out, _ = relusweep("report", "npn2")
    assert code == 0
    assert (tmp_path / "report" / "report.html").stat().st_size > 1000
    assert str(tmp_path / "report") in out


def test_networks_that_did_not_stay_finite_are_told(
    relusweep: Command, workers: Address, tmp_path: Path
) -> None:
    rates = ("--set", "learning_rate=0.025,1e30", "--set", "leak=0.1")
    code, out, _ = relusweep("run", "npn2", *PART, *rates, "--scheduler", workers.address)
    assert code == 0
    assert re.search(r"\d+ not finite · no failures", out)
    counted = rs.open("results", "npn2").sweep.diverged()["count"].sum()
    told = f"{counted} of 64 networks did not stay finite"
    assert told in out
    for words in (("show", "npn2"), ("run", "npn2", *PART, *rates)):
        shown = " ".join(relusweep(*words)[1].split())
        assert told in shown
        assert "all at learning_rate 1e+30. Rates of success count them as failures." in shown
    assert relusweep("report", "npn2")[0] == 0
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert told in page
    assert "What did not stay finite" in page


@pytest.fixture
def knots() -> None:
    """A store of a kind that has labels of text, and no report; of "mse" nothing has run."""
    dims = ("loss", "trial")
    layout = Layout(
        group="knots/mine",
        coords=xr.Dataset(coords={"loss": np.array(["bce", "mse"], object), "trial": range(3)}),
        variables={"success_epoch": Variable(dims, "int32", -2)},
        chunks={"loss": 1},
        attrs={"specification": '{"name": "mine"}', "kind": "knots"},
        progress_dims=dims,
    )
    with Committer("results", create=True) as committer:
        committer.prepare(layout)
        block = {"success_epoch": np.array([[4, -1, 7]], "int32")}
        committer.write(layout.group, {"loss": slice(0, 1)}, block, 7)
        committer.commit("some", {})


def test_any_kind_has_a_status(relusweep: Command, knots: None) -> None:
    code, out, _ = relusweep("status")
    assert code == 0
    assert "Missing in knots/mine" in out
    assert re.search(r"mse +3 *\n", out)


def test_doctor_finds_the_workers_well(relusweep: Command, workers: Address) -> None:
    code, out, _ = relusweep("doctor", "--scheduler", workers.address)
    assert code == 0
    assert "workers: 2" in out
    assert "vectors of" in out
    assert "wrong" not in out


def test_doctor_sees_a_place_that_cannot_be_written(relusweep: Command, workers: Address) -> None:
    code, out, _ = relusweep("doctor", "--store", "/proc/results", "--scheduler", workers.address)
    assert code == 1
    assert "wrong store: /proc/results" in out
    assert "another --store" in out


def test_doctor_sees_workers_that_differ() -> None:
    broken = ModuleNotFoundError("No module named 'relusweep'")
    other = {**versions(), "numpy": "0.1", "relusweep": "0.2"}
    workers = {"tcp://near:1": versions(), "tcp://far:2": other, "tcp://old:3": broken}
    number, *wrong = check_workers(workers)
    assert (number.found, number.remedy) == ("3", None)
    assert "cannot import relusweep" in wrong.pop().found
    (differs,) = wrong
    assert (differs.what, differs.found) == ("tcp://far:2", "has relusweep 0.2, numpy 0.1")
    assert differs.remedy


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (["run", "npn6"], "did you mean 'npn"),
        (["run", "npn4", "--set", "widht=3"], "did you mean 'width'"),
        (["plan", "NPN4"], "did you mean 'npn4'"),
        (["plan", "npn4", "--set", "width=two"], "2..10"),
        (["plan", "mine.yaml"], "No such file"),
        (["plan", "npn4", "--set", "trials=1000000000"], "too many"),
        (["plan", "npn4", "--set", "protocol=none", "--set", "protocol.loss=mse"], "give one"),
        (["plan", "npn4", "--set", "loss=mse", "--set", "protocol=none"], "give one"),
        (["plan", "npn4", "--store", ""], "empty text"),
        (["plan", "images", "--set", "dataset=mine"], "known are digits"),
        (["run", "images", "--set", "path=nowhere"], "nowhere"),
        (["plan", "images", "--set", "networks=deep-sgd-0"], "known are linear, dense"),
        (
            ["plan", "images", "--set", "pretrained.a.factory=no:m", "--set", "networks=a-sgd-0"],
            "cannot import",
        ),
        (["status"], "relusweep run"),
        (["show", "--store", "gone"], "gone"),
        (["report", "npn4", "--store", "gone"], "gone"),
        (["run", "npn2", *PART, "--scheduler", "tcp://127.0.0.1:1"], "dask scheduler"),
        (["run", "npn2", "--store", "ftp://host/results"], "s3://bucket/prefix"),
    ],
)
def test_errors_name_the_remedy_in_one_line(relusweep: Command, words: list[str], remedy: str) -> None:
    code, _, err = relusweep(*words)
    assert code == 2
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert remedy in err


@pytest.mark.parametrize(
    "words",
    [
        ["run", "npn2", "--workers", "0"],
        ["run", "npn2", "--threads-per-worker", "-1"],
        ["run", "npn2", "--engine", "steam"],
        ["run", "npn2", "--scheduler", "tcp://h:1", "--workers", "2"],
        ["run"],
        ["frobnicate"],
    ],
)
def test_wrong_usage_exits_with_2(relusweep: Command, words: list[str]) -> None:
    code, _, err = relusweep(*words)
    assert code == 2
    assert "Usage" in err


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["plan", "npn4", "trials=10"], "--set trials=10"),
        (["run", "npn4", "--width", "3"], "--set width=…"),
        (["submit", "npn4", "--learning-rate=0.1"], "--set learning_rate=…"),
        (["nightly", "add", "x", "--trials", "3"], "--set trials=…"),
    ],
)
def test_fields_without_set_are_told_how_they_are_set(
    relusweep: Command, words: list[str], hint: str
) -> None:
    code, _, err = relusweep(*words)
    assert code == 2
    assert hint in err


@pytest.mark.parametrize(
    ("sweep", "shown", "named"),
    [("npn2", "boolean/npn2", "npn2"), ("images", "images/digits", "images/digits")],
)
def test_a_run_ends_with_a_name_that_is_the_sweeps_alone(
    capsys: pytest.CaptureFixture[str], sweep: str, shown: str, named: str
) -> None:
    facts = {"sweep": sweep, "group": shown, "stages": {}}
    finished = RunFinished(facts, (), interrupted=False)
    sweeps._print_end(finished, "results", shown)
    assert capsys.readouterr().out.endswith(f"  relusweep show {named} --store results\n")


def test_a_changed_specification_is_refused(relusweep: Command, workers: Address) -> None:
    run = ("run", "npn2", *PART, "--scheduler", workers.address)
    assert relusweep(*run)[0] == 0
    code, _, err = relusweep(*run, "--set", "seed=1")
    assert code == 2
    assert "seed: 0 in the store, 1 asked" in err
    assert "--replace" in err
    assert relusweep(*run, "--engine", "auto")[0] == 0  # auto is what ran
    code, _, err = relusweep(*run, "--engine", "reference")
    assert code == 2
    assert "engine: 'lanes' in the store, 'reference' asked" in err
    assert relusweep(*run, "--set", "seed=1", "--replace")[0] == 0


def test_a_store_in_use_names_who_uses_it(relusweep: Command) -> None:
    with Committer("results", create=True):
        code, _, err = relusweep("run", "npn2", *PART)
    assert code == 2
    assert str(os.getpid()) in err


def test_failed_blocks_make_the_run_fail(
    relusweep: Command, workers: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    def task(block: object) -> None:  # a closure, so that it travels to the workers by value
        raise ValueError("not to its liking")

    monkeypatch.setattr(TrainingSweep, "task", computing(task))
    code, out, _ = relusweep("run", "npn2", *PART, "--scheduler", workers.address)
    assert code == 1
    assert out.count("ValueError: not to its liking") == 4
    assert "4 blocks failed" in out


# Minutes of work: nobody learns at this rate, so every network goes on to the last epoch.
ENDLESS = ("run", "npn2", "--set", "width=2", "--set", "depth=1", "--set", "trials=20000")
ENDLESS = (*ENDLESS, "--set", "epochs=100000", "--set", "optimizer.learning_rate=1e-9")


def _begin(store: Path) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-c",
        "from relusweep.pipeline.commands.app import main; main()",
        *ENDLESS,
        "--store",
        str(store),
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.cluster)])
def test_an_interrupted_run_keeps_what_has_come_and_says_how_to_go_on(
    number: signal.Signals, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    with _begin(store) as process:
        assert process.stdout is not None
        assert "networks to train" in process.stdout.readline()
        assert "of 160,000 networks" in process.stdout.readline()  # the first commit
        refused = subprocess.run(process.args, capture_output=True, text=True, check=False)
        assert refused.returncode == 2
        assert str(process.pid) in refused.stderr
        asked = time.monotonic()
        os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
        rest = process.stdout.read()
    assert process.returncode == 130
    assert "Go on with:\n  relusweep run npn2 " in rest
    assert time.monotonic() - asked < 60
    done = open_dataset(store, "boolean/npn2")["done"]
    assert 0 < int(done.sum()) < done.size
    with Committer(store):
        pass  # nothing is locked


def test_interrupted_before_the_workers_are_there(tmp_path: Path) -> None:
    with _begin(tmp_path / "store") as process:
        assert process.stdout is not None
        process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)
        rest = process.stdout.read()
    assert process.returncode == 130
    assert "Go on with:" in rest
