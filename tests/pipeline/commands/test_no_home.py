"""A user without home or name, as the random ids of OpenShift: what can, works; the rest says what to do."""

from __future__ import annotations

import pwd
from collections.abc import Callable
from pathlib import Path

import pytest

from relusweep.tasks.boolean._cache import cached

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget who this is, once pytest has its folder, which it names after the user."""

    def unknown(who: object) -> None:
        raise KeyError(who)

    for name in ("HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.setattr(pwd, "getpwnam", unknown)


@pytest.mark.usefixtures("nobody")
@pytest.mark.parametrize(
    ("words", "variables"),
    [
        (("nightly", "list"), "HOME or XDG_STATE_HOME"),
        (("nightly", "list", "--ledger", "~/nights.sqlite"), "HOME"),
        (("cluster", "certificate"), "HOME or XDG_STATE_HOME"),
        (("status", "--store", "~/r"), "HOME"),
        (("show", "--store", "~nobody/r"), "HOME"),
        (("run", "npn2", "--store", "~/r"), "HOME"),
    ],
)
def test_what_needs_a_home_says_which_variable_to_set(
    relusweep: Command, words: tuple[str, ...], variables: str, tmp_path: Path
) -> None:
    code, _, err = relusweep(*words)
    assert code == 2
    assert err.startswith("error: ~")
    assert f"it is not known where ~ is; set {variables}, or write it in full" in err
    assert len(err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("nobody")
def test_what_needs_none_works(
    relusweep: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert relusweep("plan", "npn2")[0] == 0
    assert relusweep("nightly", "list", "--ledger", "nights.sqlite")[0] == 0
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert relusweep("nightly", "list")[0] == 0
    assert not list(tmp_path.iterdir())  # looking makes nothing
    assert relusweep("cluster", "certificate")[0] == 0
    assert cached("numbers", lambda: {"n": [1]}, lambda _: True) == {"n": [1]}  # type: ignore[dict-item]
    assert not caplog.text


def test_a_state_that_cannot_be_written_is_told_in_a_line(
    relusweep: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of the id that OpenShift gives, whose home is ``/``."""
    monkeypatch.setenv("XDG_STATE_HOME", "/dev/null")
    code, _, err = relusweep("cluster", "certificate")
    assert (code, len(err.splitlines())) == (2, 1)
    assert "no certificate can be kept in /dev/null/relusweep/tls" in err
    assert "set XDG_STATE_HOME" in err
