"""`relusweep nightly …`: what is refused, what is told, what is printed."""

from __future__ import annotations

import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from relusweep.cluster import Address
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.nightly.ledger import Ledger
from relusweep.pipeline.sweeps.overrides import find_sweep, override
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep

SMALL = ("trials=4", "width=2,4", "depth=1", "epochs=60")
PART = [word for setting in SMALL for word in ("--set", setting)]
ADD = ("nightly", "add", "mine", "--sweep", "npn2", *PART, "--at", "0 2 * * *")
EXTEND = (*ADD, "--mode", "extend", "--by", "2")
NAME = "odd_One-" + "x" * 34  # as long as a name may be

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _of_this_user_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("RELUSWEEP_WEBHOOK", raising=False)


def test_help_teaches(relusweep: Command) -> None:
    assert "relusweep nightly add mine --sweep npn3" in relusweep("nightly", "--help")[1]
    assert "--mode extend --by 10" in relusweep("nightly", "add", "--help")[1]


def test_looking_imports_nothing_heavy(tmp_path: Path) -> None:
    words = ["relusweep", "nightly", "tick", "--ledger", str(tmp_path / "nights.sqlite")]
    code = f"""
import sys
sys.argv = {words!r}
from relusweep.pipeline.commands.app import main
try:
    main()
except SystemExit:
    print({{'torch', 'numba', 'distributed', 'xarray', 'numpy', 'pandas'}} & set(sys.modules))
"""
    fresh = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert fresh.stdout == "Nothing is due\nset()\n"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--at", "0 25 * * *"), "Bad hour"),
        (("--zone", "Europe/Berln"), "did you mean 'Europe/Berlin'"),
        (("--sweep", "npn9"), "no sweep 'npn9'"),
        (("--sweep", "gone.yaml"), "cannot read the sweep"),
        (("--set", "trails=4"), "no field 'trails'; did you mean 'trials'"),
        (("--cluster", "gone.yaml"), "gone.yaml"),
        (("--mode", "verify"), "--by: not used in --mode verify; leave out"),
        (("--mode", "refresh", "--share", "0.5"), "--by, --share: not used in --mode refresh"),
        (("--by", "0"), "--by: Input should be greater than 0"),
        (("--keep-days", "0"), "--keep-days: Input should be greater than or equal to 1"),
        (("--keep-days", "9999999"), "--keep-days: Input should be less than or equal to 36500"),
        (("--keep-nights", "1"), "--keep-nights: Input should be greater than or equal to 2"),
        (("--share", "nan", "--mode", "verify"), "--share: Input should be less than or equal to 1"),
        (("--store", ""), "not an empty text"),
        (("--store", "state/relusweep/.."), "lies in the store"),
        (("--store", "/proc/results"), "cannot write to the store"),
        (("--store", "gs://bucket/x"), "a store is a path or s3://bucket/prefix"),
        (("--folder", "results/pages"), "lies in the store"),
        (("--webhook", "ftp://T0P.example/x"), "give http://host/path"),
        (("--webhook", "https:///T0P"), "give http://host/path"),
        (("--webhook", "https://me:T0P@example/x"), "holds user:password@"),
    ],
)
def test_what_could_not_run_at_night_is_refused_by_day(
    relusweep: Command, words: tuple[str, ...], reason: str, tmp_path: Path
) -> None:
    code, out, err = relusweep(*EXTEND, *words)
    assert code == (1 if reason.startswith("cannot write") else 2), out + err
    assert reason in err
    assert "T0P" not in out + err
    assert relusweep("nightly", "list")[1].count("mine") == 0


@pytest.mark.parametrize("name", ["", "1", "a b", "a/b", "a.b", "nächte", "a" * 43, "a\n"])
def test_a_name_that_no_tag_or_cron_job_can_have_is_refused(relusweep: Command, name: str) -> None:
    code, _, err = relusweep("nightly", "add", name, *EXTEND[3:])
    assert code == 2
    assert "error: NAME: allowed are at most 42 letters from A to Z, digits, _ and -, a letter first" in err


def test_extending_a_sweep_without_trials_is_refused(relusweep: Command) -> None:
    code, _, err = relusweep(*EXTEND[:4], "images", "--at", "0 2 * * *", "--mode", "extend", "--by", "1")
    assert code == 2
    assert "images has none: its axes grow by pretrained, networks" in err


def test_verifying_a_store_that_is_not_there_is_refused(relusweep: Command) -> None:
    code, _, err = relusweep(*ADD)
    assert code == 2
    assert "no store at" in err


def test_another_specification_in_the_store_is_seen_when_it_is_added(
    relusweep: Command, small: TrainingSweep, workers: Address
) -> None:
    run(override(small, ["seed=1"]), "results", workers)
    code, _, err = relusweep(*ADD)
    assert code == 2
    assert "seed: 1 in the store, 0 asked" in err


def test_from_add_to_remove(
    relusweep: Command, small: TrainingSweep, workers: Address, tmp_path: Path
) -> None:
    run(small, "results", workers)
    Path("cluster.yaml").write_text(
        yaml.safe_dump(workers.model_dump(mode="json", exclude_none=True)), encoding="utf-8"
    )
    secret = (
        "--webhook",
        "https://hooks.example/T0P",
        "--cluster",
        "cluster.yaml",
        "--zone",
        "Europe/Berlin",
    )
    code, out, err = relusweep(*ADD, *secret)
    assert (code, err) == (0, "")
    assert "Added mine: verify npn2, next " in out
    assert "02:00 CE" in out
    code, again, _ = relusweep(*ADD, *secret)
    assert code == 0
    assert "This very schedule is there already: mine" in again
    code, _, err = relusweep(*ADD)
    assert code == 2
    assert "relusweep nightly remove mine" in err

    _, listed, _ = relusweep("nightly", "list")
    assert "hooks.example" in listed
    assert "none" in listed
    assert relusweep("nightly", "tick")[:2] == (0, "Nothing is due\n")
    assert relusweep("nightly", "log", "mine")[1] == "No night yet\n"

    ledger = Ledger(tmp_path / "state" / "relusweep" / "nights.sqlite")
    with sqlite3.connect(ledger.path) as database:
        database.execute("UPDATE schedule SET added = '2026-11-19T00:00:00.000+00:00'")
    database.close()
    code, ticked, _ = relusweep("nightly", "tick", "mine")
    assert code == 0
    assert "missed and skipped before it" in ticked
    assert ": well: " in ticked
    _, logged, _ = relusweep("nightly", "log", "mine")
    (night,) = ledger.runs("mine")
    assert f"nightly.mine.{night.label}" in logged
    page = tmp_path / "state" / "relusweep" / "nights" / "mine" / night.label / "summary.html"
    assert str(page) in logged
    assert page.is_file()
    _, listed, _ = relusweep("nightly", "list")
    assert "well" in listed

    code, removed, _ = relusweep("nightly", "remove", "mine")
    assert (code, "(1 night)" in removed) == (0, True)
    code, _, err = relusweep("nightly", "log", "mine")
    assert code == 2
    assert "no schedule 'mine'" in err
    assert page.is_file()
    for text in (out, again, listed, ticked, logged, removed, page.read_text()):
        assert "T0P" not in text


def test_a_failed_night_is_exit_code_1(relusweep: Command) -> None:
    assert relusweep(*EXTEND, "--cluster", _unreachable())[0] == 0
    with sqlite3.connect("state/relusweep/nights.sqlite") as database:
        database.execute("UPDATE schedule SET added = '2026-11-19T00:00:00.000+00:00'")
    database.close()
    code, out, _ = relusweep("nightly", "tick")
    assert code == 1
    assert "failed: SchedulerNotFound" in out


def _unreachable() -> str:
    Path("cluster.yaml").write_text(
        "kind: address\naddress: tcp://127.0.0.1:9\ntimeout: 1\n", encoding="utf-8"
    )
    return "cluster.yaml"


@pytest.fixture
def printed(relusweep: Command, tmp_path: Path) -> Callable[[str], str]:
    """A schedule with all that could go wrong in a manifest, printed for someone."""
    folder = tmp_path / "a b%c$d"
    folder.mkdir()
    sweep = folder / "cluster.yaml"
    sweep.write_text("base: npn2\nname: odd\ntrials: 4\nwidth: 2\n", encoding="utf-8")
    words = ("nightly", "add", NAME, "--sweep", str(sweep), "--at", "0 2 * * *", "--mode", "extend")
    ledger = ("--ledger", str(folder / "nights.sqlite"))
    options = ("--by", "2", "--webhook", "https://hooks.example/T0P", "--cluster", _unreachable())
    keeps = ("--keep-days", "30", "--keep-nights", "7")
    code, _, err = relusweep(*words, *options, *keeps, *ledger)
    assert code == 0, err

    def of(form: str) -> str:
        code, out, _ = relusweep("nightly", "print", NAME, "--as", form, *ledger)
        assert code == 0
        assert "T0P" not in out
        return out

    return of


def test_the_crontab_line_runs(printed: Callable[[str], str], tmp_path: Path) -> None:
    line = printed("crontab").rstrip("\n")
    assert "\n" not in line
    *times, command = line.split(" ", 5)
    assert times == ["*/10", "*", "*", "*", "*"]
    assert "%" not in command.replace(r"\%", "")
    command = command.replace(r"\%", "%")  # as cron does, which then gives it to a shell
    program = shlex.split(command)[0]
    assert Path(program).name == "relusweep"
    here = shlex.join([sys.executable, "-m", "relusweep"])
    subprocess.run(["/bin/sh", "-c", command.replace(shlex.quote(program), here, 1)], check=True)
    assert (tmp_path / "a b%c$d" / f"{NAME}.log").read_text() == "Nothing is due\n"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_the_systemd_units_are_valid(printed: Callable[[str], str], tmp_path: Path) -> None:
    units = _units(printed("systemd"))
    assert set(units) == {f"relusweep-{NAME}.service", f"relusweep-{NAME}.timer"}
    for name, text in units.items():
        # The command of this environment need not be installed where the test runs.
        (tmp_path / name).write_text(text.replace('ExecStart="', 'ExecStart="/bin/echo" "'), encoding="utf-8")
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / name) for name in units)],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in checked.stderr.splitlines() if "relusweep" in line]
    assert ours == []
    assert '"nights.sqlite"' not in checked.stderr
    assert "a b%%c$$d/nights.sqlite" in units[f"relusweep-{NAME}.service"]
    when = units[f"relusweep-{NAME}.timer"].split("OnCalendar=")[1].splitlines()[0]
    subprocess.run(["systemd-analyze", "calendar", when], check=True, capture_output=True)


def _units(text: str) -> dict[str, str]:
    """Cut what is printed into the files that it names."""
    units: dict[str, str] = {}
    for line in text.splitlines(keepends=True):
        if line.startswith("# ~/"):
            name = line.rpartition("/")[2].strip()
            units[name] = ""
        else:
            units[name] += line
    return units


def test_the_cron_job_brings_all_it_needs(
    printed: Callable[[str], str], relusweep: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim, files, job = yaml.safe_load_all(printed("kubernetes"))
    assert [part["kind"] for part in (claim, files, job)] == ["PersistentVolumeClaim", "ConfigMap", "CronJob"]
    (named,) = {part["metadata"]["name"] for part in (claim, files, job)}
    assert re.fullmatch("[a-z0-9]([a-z0-9-]*[a-z0-9])?", named)
    assert len(named) == 52  # what Kubernetes allows: it adds eleven letters for each job
    assert f"secret {named}:" in printed("kubernetes")
    assert set(files["data"]) == {"cluster.yaml", "sweep.yaml"}
    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (adding,), (ticking,) = pod["initContainers"], pod["containers"]
    mounted: dict[str, Any] = {mount["name"]: mount["mountPath"] for mount in ticking["volumeMounts"]}
    assert set(mounted) == {volume["name"] for volume in pod["volumes"]} == {"state", "files"}

    # What the pod would do, with its two volumes here.
    (tmp_path / "pod-files").mkdir()
    (tmp_path / "pod-state").mkdir()
    (volume,) = (volume["configMap"] for volume in pod["volumes"] if volume["name"] == "files")
    for item in volume["items"]:
        file = tmp_path / "pod-files" / item["path"]
        file.parent.mkdir(exist_ok=True)
        file.write_text(files["data"][item["key"]], encoding="utf-8")
    places = {mounted["files"]: str(tmp_path / "pod-files"), mounted["state"]: str(tmp_path / "pod-state")}
    monkeypatch.setenv("RELUSWEEP_WEBHOOK", "https://hooks.example/T0P")
    for container, said in ((adding, f"Added {NAME}"), (adding, "already"), (ticking, "Nothing is due")):
        words = container["command"][1:]
        for there, here in places.items():
            words = [word.replace(there, here) for word in words]
        code, out, err = relusweep(*words)
        assert code == 0, err
        assert said in out
    there = Ledger(tmp_path / "pod-state" / "nights.sqlite").schedule(NAME)
    here = Ledger(tmp_path / "a b%c$d" / "nights.sqlite").schedule(NAME)
    assert there.specification() == here.specification() == find_sweep(here.sweep)
    places = {"store", "folder", "sweep", "cluster"}
    assert there.model_dump(exclude=places) == here.model_dump(exclude=places)


def test_a_file_that_has_gone_cannot_be_brought_along(relusweep: Command) -> None:
    Path("gone.yaml").write_text("base: npn2\n", encoding="utf-8")
    assert relusweep(*EXTEND, "--sweep", "gone.yaml")[0] == 0
    Path("gone.yaml").unlink()
    code, _, err = relusweep("nightly", "print", "mine", "--as", "kubernetes")
    assert code == 2
    assert "gone.yaml, which the ConfigMap is to hold, cannot be read: " in err
