from __future__ import annotations

from pathlib import Path

import pytest

from relusweep.storage import Committer, StoreNotFound, history, temporary_store
from tests.storage.stores import layout


def _fill(url: str) -> None:
    with Committer(url, create=True) as committer:
        committer.prepare(layout())
        committer.commit("trial", {})


def _fill_and_fail(url: str) -> None:
    _fill(url)
    history(f"{url}/elsewhere")


def test_a_trial_leaves_nothing_where_there_was_nothing(tmp_path: Path) -> None:
    with temporary_store(tmp_path / "not" / "yet") as trial:
        _fill(trial)
        assert history(trial)
    assert list(tmp_path.iterdir()) == []


def test_a_trial_leaves_a_store_as_it_was(tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    _fill(store)
    before = sorted(tmp_path.rglob("*")), history(store)[0].id
    with temporary_store(store) as trial:
        assert Path(trial).is_relative_to(store)
        _fill(trial)
    assert (sorted(tmp_path.rglob("*")), history(store)[0].id) == before


def test_what_others_keep_beside_a_trial_stays(tmp_path: Path) -> None:
    kept = tmp_path / ".relusweep" / "kept"
    kept.parent.mkdir()
    kept.write_text("mine")
    with temporary_store(tmp_path) as trial:
        _fill(trial)
    assert [path.name for path in kept.parent.iterdir()] == ["kept"]


def test_a_trial_that_fails_is_deleted_too(tmp_path: Path) -> None:
    with pytest.raises(StoreNotFound), temporary_store(tmp_path / "store") as trial:
        _fill_and_fail(trial)
    assert list(tmp_path.iterdir()) == []


def test_a_trial_in_a_bucket_leaves_nothing(bucket: str) -> None:
    with temporary_store(f"{bucket}/night") as trial:
        assert trial.startswith(f"{bucket}/night/.relusweep/")
        _fill(trial)
        assert history(trial)
    with pytest.raises(StoreNotFound):
        history(trial)


def test_a_trial_has_the_credentials_of_a_profile(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = tmp_path / "credentials"
    credentials.write_text("[lab]\naws_access_key_id = AKIALAB\naws_secret_access_key = secret-of-the-lab\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
    monkeypatch.setenv("AWS_PROFILE", "lab")
    with temporary_store(f"{bucket}/night") as trial:
        _fill(trial)
    with pytest.raises(StoreNotFound):
        history(trial)
