"""The commands about versions, on small runs."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine

from relusweep.cluster import Address
from relusweep.pipeline.commands import app as cli
from relusweep.pipeline.common.run_facts import run_facts
from relusweep.pipeline.versions.compare import compare
from relusweep.storage import history
from tests.pipeline.report.pages import Page

PART = ("--set", "width=2,4", "--set", "depth=1", "--set", "epochs=60")
GROUP = "boolean/npn2"

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def filled(workers: Address, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four trials, tagged; ten trials, tagged; another seed, and the first again at another learning rate."""
    folder = tmp_path_factory.mktemp("versions")
    run = ("run", "npn2", *PART, "--scheduler", workers.address)
    ten = (*run, "--set", "trials=10")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for words in (
            (*run, "--set", "trials=4"),
            ("tag", "few"),
            ten,
            ("tag", "more", "--at", "newest"),
            (*ten, "--set", "seed=1", "--replace"),
            (*ten, "--set", "learning_rate=1e-6", "--replace"),
        ):
            patch.setattr(sys, "argv", ["relusweep", *words])
            with pytest.raises(SystemExit) as left:
                cli.main()
            assert not left.value.code
    return folder


@pytest.fixture
def four(filled: Path, relusweep: Command, tmp_path: Path) -> Command:
    """The command line, beside a copy of that store."""
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    return relusweep


def test_runs_are_listed_as_versions(four: Command) -> None:
    code, out, _ = four("log")
    assert code == 0
    rows = [line.split() for line in out.splitlines()[1:]]
    assert [row[3] for row in rows] == ["160", "160", "96", "64"]
    assert [row[-1] for row in rows][2:] == ["more", "few"]
    assert all(row[2] == GROUP for row in rows)
    assert history("results")[0].id[:8] in rows[0]
    code, out, _ = four("log", "npn2", "--limit", "1")
    assert "and 3 more: --limit 4" in out
    assert "few" not in out
    _, out, _ = four("log", "--all", "--limit", "99")
    assert len(out.splitlines()) - 1 == len(history("results"))
    assert "Repository initialized" in out
    code, _, err = four("log", "npn3")
    assert (code, err) == (2, "error: no run of 'npn3' in results; there are runs of boolean/npn2\n")


def test_the_newest_version_can_be_tagged(four: Command) -> None:
    code, out, _ = four("tag", "last", "--at", "newest")
    assert code == 0
    assert f"last is version {history('results')[0].id}" in out


def test_a_tag_that_cannot_be_is_refused_in_words(four: Command) -> None:
    for words, said in (
        (("few",), "'few' names version"),
        (("a b",), "letters, digits"),
        (("new", "--at", "gone"), "is no version of this store"),
    ):
        code, _, err = four("tag", *words)
        assert (code, err.count("\n")) == (2, 1)
        assert said in err


def test_any_version_is_shown_and_reported(four: Command, tmp_path: Path) -> None:
    _, now, _ = four("show", "npn2")
    code, few, _ = four("show", "npn2", "--at", "few")
    assert code == 0
    assert "as of few" in few
    assert few.splitlines()[1:] != now.splitlines()[1:]
    assert four("report", "npn2", "--at", "few")[0] == 0
    page = Page(tmp_path / "report" / "report.html")
    facts = run_facts("results", GROUP, "few")
    tagged = next(version for version in history("results") if version.tags == ("few",))
    assert facts["snapshot"] == tagged.id
    assert facts["networks"] == 64
    assert ["Version that this page is made from", tagged.id] in page.rows
    assert ["Networks trained by the last run", "64"] in page.rows
    assert ["Networks in the data", "64 of 64"] in page.rows
    assert f"version='{tagged.id}'" in page.text
    code, _, err = four("show", "npn2", "--at", "2020-01-01")
    assert code == 2
    assert "the store begins" in err


def test_versions_are_compared_by_tags_and_dates(four: Command, tmp_path: Path) -> None:
    code, out, _ = four("compare", "few", "more", "npn2")
    assert code == 0
    assert "All 64 cells that both have are the same, bit for bit; 96 were added, 0 removed." in out
    assert "trials" in out
    today = f"{history('results')[0].written_at + timedelta(days=1):%Y-%m-%d}"
    code, out, _ = four("compare", "more", today, "--folder", "page", "--level", "0.01")
    assert code == 0
    assert "optimizer.learning_rate" in out
    assert "McNemar" in out
    assert "at 0.01" in out
    page = Page(tmp_path / "page" / "comparison.html")
    assert ["specification", "protocol.optimizer.learning_rate", "0.025", "1e-06"] in page.rows
    code, _, err = four("compare", "few", "gone")
    assert code == 2
    assert "few" in err
    code, _, err = four("compare", "few", "more", "npn9")
    assert code == 2
    assert "npn2" in err


def test_another_seed_is_chance_and_another_learning_rate_is_not(four: Command) -> None:
    slow, seed = (version.id for version in history("results")[:2])
    chance = compare("results", "more", seed, GROUP)
    assert chance.attrs["n_changed_cells"] > 100
    assert chance.attrs["n_tested"] == 16
    assert chance.attrs["n_significant"] == chance.attrs["n_significant_sizes"] == 0
    for other in ("more", seed):  # paired, and independent
        assert compare("results", other, slow, GROUP).attrs["n_significant_sizes"] >= 2


def test_old_versions_expire_and_tagged_ones_stay(four: Command, workers: Address) -> None:
    learning = ("--set", "trials=12", "--set", "learning_rate=1e-6")
    assert four("run", "npn2", *PART, *learning, "--scheduler", workers.address)[0] == 0
    before = [version.id for version in history("results")]
    with time_machine.travel(history("results")[0].written_at + timedelta(days=99), tick=False):
        code, dry, _ = four("expire", "--keep-days", "30", "--dry-run")
        assert code == 0
        assert [version.id for version in history("results")] == before
        code, out, _ = four("expire", "--keep-days", "30")
    assert code == 0
    gone = set(before) - {version.id for version in history("results")}
    assert before[1] in gone
    plural = "s" if len(gone) > 1 else ""
    assert f"{len(gone)} version{plural} would be forgotten" in dry
    assert f"{len(gone)} version{plural} forgotten" in out
    assert "the newest, few, more" in out
    assert "freed" in out
    _, out, _ = four("compare", "few", "more", "npn2")
    assert "All 64 cells that both have are the same" in out
    code, _, err = four("expire", "--keep-days", "0")
    assert code == 2
    assert "at least one day" in err


def test_a_sweep_of_either_version_can_be_named(four: Command, workers: Address) -> None:
    few = ("--set", "trials=1", "--set", "problems=6", *PART)
    assert four("run", "npn3", *few, "--scheduler", workers.address)[0] == 0
    for pair in (("few", "newest"), ("newest", "few")):
        code, out, _ = four("compare", *pair, "npn3")
        assert code == 0
        assert "boolean/npn3 in" in out
    code, _, err = four("compare", "few", "newest")  # of which the newest has two
    assert code == 2
    assert "more than one sweep" in err


def test_help_teaches(relusweep: Command) -> None:
    for command, example in (
        ("log", "relusweep log npn4"),
        ("tag", "relusweep tag submitted"),
        ("compare", "relusweep compare 2026-11-20 newest npn4"),
        ("expire", "relusweep expire --keep-days 30 --dry-run"),
        ("show", "relusweep show npn4 --at 2026-11-20"),
    ):
        code, out, _ = relusweep(command, "--help")
        assert code == 0
        assert example in out
