"""Records lie beside a store, on disk and in a bucket alike."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from relusweep.storage import (
    Committer,
    InvalidStoreUrl,
    Records,
    StoreNotFound,
    StoreReadError,
    StoreWriteError,
    history,
)
from relusweep.storage.repository import open_repository
from tests.storage.stores import layout, store_with


@pytest.fixture(params=["disk", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "disk":
        return str(tmp_path / "store")
    return f"{request.getfixturevalue('bucket')}/{tmp_path.name}"


def test_what_is_put_is_got(place: str) -> None:
    Records(place).put("runs/a", {"state": "running", "groups": {"x": {"done": 1}}})
    Records(place).put("runs/b-1", {})
    Records(place).put("cancel/a", {})
    reader = Records(place)
    assert reader.get("runs/a") == {"state": "running", "groups": {"x": {"done": 1}}}
    assert reader.names("runs") == ["runs/a", "runs/b-1"]
    Records(place).put("runs/a", {"state": "finished"})
    assert reader.get("runs/a") == {"state": "finished"}
    reader.delete("runs/a")
    reader.delete("runs/a")
    assert reader.get("runs/a") is None
    assert reader.names("runs") == ["runs/b-1"]
    assert reader.names("nothing") == []


def test_reading_makes_nothing(place: str, tmp_path: Path) -> None:
    records = Records(place)
    assert records.get("runs/a") is None
    assert records.names("runs") == []
    records.delete("runs/a")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(StoreNotFound):
        open_repository(place)


def test_a_store_is_made_where_records_are(place: str) -> None:
    Records(place).put("runs/a", {"state": "submitted"})
    with Committer(place, create=True) as committer:
        committer.prepare(layout())
        committer.commit("template", {})
    assert len(history(place)) == 2
    assert Records(place).get("runs/a") == {"state": "submitted"}


def test_collecting_garbage_leaves_records(place: str) -> None:
    store_with(place, layout())
    Records(place).put("runs/a", {"state": "finished"})
    repository = open_repository(place)
    repository.expire_snapshots(datetime.now(UTC))
    repository.garbage_collect(datetime.now(UTC))
    assert Records(place).names("runs") == ["runs/a"]


@pytest.mark.parametrize("name", ["../a", "/a", "a//b", ".hidden", "a/../b", "a b", "", "a/", "ä"])
def test_a_name_stays_inside(name: str, tmp_path: Path) -> None:
    for act in (lambda: Records(tmp_path).put(name, {}), lambda: Records(tmp_path).get(name)):
        with pytest.raises(ValueError, match="record's name"):
            act()
    assert list(tmp_path.iterdir()) == []


def test_only_numbers_that_json_knows(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        Records(tmp_path).put("runs/a", {"rate": float("nan")})


def test_a_damaged_record_is_told(tmp_path: Path) -> None:
    Records(tmp_path).put("runs/a", {})
    file = tmp_path / ".relusweep" / "runs" / "a.json"
    for text in ("{", json.dumps([1])):
        file.write_text(text)
        with pytest.raises(StoreReadError, match="runs/a"):
            Records(tmp_path).get("runs/a")


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / ".relusweep").write_text("a file in the way")
    with pytest.raises(StoreWriteError, match="cannot write record runs/a of"):
        Records(tmp_path).put("runs/a", {})


def test_a_bucket_that_is_not_there(bucket: str) -> None:
    with pytest.raises(StoreReadError, match="cannot list record runs of s3://elsewhere"):
        Records("s3://elsewhere/nothing").names("runs")
    with pytest.raises(StoreWriteError, match="cannot write record runs/a of s3://elsewhere") as caught:
        Records("s3://elsewhere/nothing").put("runs/a", {})
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in str(caught.value)


@pytest.fixture
def profile(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A place to which a profile has the credentials, and the environment none."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    credentials = tmp_path / "credentials"
    credentials.write_text("[lab]\naws_access_key_id = AKIALAB\naws_secret_access_key = secret-of-the-lab\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
    monkeypatch.setenv("AWS_PROFILE", "lab")
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1")  # no machine's role is asked for
    return f"{bucket}/{tmp_path.name}"


def test_records_go_where_results_go_with_a_profile(profile: str) -> None:
    store_with(profile, layout())
    Records(profile).put("runs/a", {"state": "running"})
    assert Records(profile).get("runs/a") == {"state": "running"}


def test_without_boto3_the_error_says_what_a_profile_needs(
    profile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "obstore.auth.boto3", None)
    with pytest.raises(StoreReadError, match=r"No AWS_ACCESS_KEY_ID .* pip install 'relusweep\[aws\]'"):
        Records(profile).names("runs")


def test_a_profile_that_is_not_there_is_told(profile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mistyped")
    with pytest.raises(StoreReadError, match="name a profile"):
        Records(profile).names("runs")


@pytest.mark.parametrize("url", ["s3://name:word@results/a", "ftp://name:word@host/a"])
def test_an_address_with_a_password_is_refused_and_not_repeated(url: str) -> None:
    for act in (lambda: Records(url), lambda: history(url), lambda: Committer(url, create=True)):
        with pytest.raises(InvalidStoreUrl, match="without user or password") as caught:
            act()
        assert "word@" not in str(caught.value)
        assert caught.value.__cause__ is None
