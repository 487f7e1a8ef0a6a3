"""A kind of sweep that a user has written: every command that looks says what it can."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import relusweep as rs
from relusweep.pipeline.report.stored import choose
from relusweep.storage import Committer, Layout, Variable

Command = Callable[..., tuple[int, str, str]]
GROUP = "knots/of-a-rather-long-name-that-no-table-may-break"


def layout(group: str, **specification: str) -> Layout:
    crossings = ("crossings", np.arange(3, 7), {"long_name": "crossings"})
    variables = {
        "energy": Variable(("crossings", "hand"), "float64", np.nan, {"long_name": "energy", "units": "J"}),
        "colours": Variable(("crossings",), "int8", -1),
    }
    return Layout(
        group,
        xr.Dataset(coords={"crossings": crossings, "hand": ["left", "right"]}),
        variables,
        {},
        {"kind": "knots", "specification": json.dumps({"name": "mine", **specification}), "versions": "{}"},
        ("crossings", "hand"),
    )


@pytest.fixture
def store(tmp_path: Path) -> str:
    """Two versions of a group, and two groups that are stages."""
    with Committer(tmp_path / "results", create=True) as committer:
        for group in (GROUP, "links/mine/first", "links/mine/second"):
            committer.prepare(layout(group, **({"stage": group[-5:]} if "links" in group else {})))
            arrays = {"energy": np.ones((2, 2)), "colours": np.zeros(2, "int8")}
            committer.write(group, {"crossings": slice(0, 2)}, arrays, 7)
        facts = {"run": {"group": GROUP, "started": "2026-11-20T10:00:00", "seconds": 3.0}}
        committer.commit("half", facts)
        committer.tag("half-of-it")
        committer.write(GROUP, {"crossings": slice(2, 4)}, arrays, 7)
        committer.commit("whole", facts)
    return str(tmp_path / "results")


@pytest.mark.parametrize("sweep", [GROUP, "links/mine"])
def test_what_is_stored_is_shown_and_compared(relusweep: Command, store: str, sweep: str) -> None:
    code, out, _ = relusweep("show", sweep)
    assert code == 0
    assert "No report is of sweeps of the kind 'knots'" in out
    assert "energy    crossings, hand  float64  J     energy" in out
    assert ("Cells computed: 8 of 8" in out) == (sweep == GROUP)
    assert ("Cells computed of first: 4 of 8" in out) == (sweep != GROUP)
    code, _, _ = relusweep("report", sweep)
    page = Path("report/report.html").read_text()
    assert (code, "energy" in page, "float64" in page) == (0, True, True)
    code, out, _ = relusweep("compare", "half-of-it", "newest", sweep, "--folder", "comparison")
    assert code == 0
    assert ("4 were added" in out) == (sweep == GROUP)
    assert set(rs.groups(store)) == {GROUP, "links/mine/first", "links/mine/second"}


def test_a_name_that_is_not_there_is_an_error_of_every_command(relusweep: Command, store: str) -> None:
    for words in (
        ("show", "npn9"),
        ("report", "npn9"),
        ("log", "npn9"),
        ("compare", "newest", "newest", "npn9"),
    ):
        code, _, err = relusweep(*words)
        assert (code, GROUP in err, "'npn9'" in err) == (2, True, True), words


def test_names_stay_whole_on_a_narrow_terminal(
    relusweep: Command, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for command in ("log", "status"):
        code, out, _ = relusweep(command)
        assert (code, GROUP in out, "half-of-it" in out) == (0, True, True)


def test_what_has_a_report_of_its_own_is_meant_first() -> None:
    assert choose("r", None, ["boolean/npn5"], ["boolean/measures5"]) == "boolean/npn5"
    assert choose("r", "measures5", ["boolean/npn5"], ["boolean/measures5"]) == "boolean/measures5"
    assert choose("r", None, [], ["knots/mine"]) == "knots/mine"
    with pytest.raises(rs.errors.UnknownSweep, match=r"more than one sweep in r; .*: knots/a, knots/b"):
        choose("r", None, [], ["knots/a", "knots/b"])
