"""How versions are named and found, and which of them expire."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import time_machine
import xarray as xr

from relusweep.storage import (
    Committer,
    ExpiryTooSoon,
    InvalidTag,
    Layout,
    StoreNotFound,
    UnknownVersion,
    Version,
    changed_chunks,
    history,
    open_dataset,
    open_datatree,
    resolve,
)
from relusweep.storage.repository import open_repository
from relusweep.storage.versions import find_version
from tests.storage.stores import GROUP, layout, raw, write

MONTH = timedelta(days=30)


def grid() -> Layout:
    """One whose chunks are files of their own: small ones Icechunk keeps in its manifests."""
    return layout(trial=range(3000), chunks={"width": 1, "trial": 500})


@pytest.fixture
def six(tmp_path: Path) -> str:
    """Six versions, of which the second and the fourth have tags."""
    with Committer(tmp_path / "store", create=True) as committer:
        committer.prepare(grid())
        for number in range(6):
            write(committer, grid(), {"trial": slice(500 * number, 500 * number + 500)})
            committer.commit(f"part {number}", {"number": number})
            if number in (1, 3):
                committer.tag(f"night-{number}")
    return str(tmp_path / "store")


def of(store: str, message: str) -> Version:
    return next(version for version in history(store) if version.message == message)


@pytest.mark.parametrize(
    ("at", "message"),
    [
        (lambda store: "night-1", "part 1"),
        (lambda store: "newest", "part 5"),
        (lambda store: of(store, "part 2").id, "part 2"),
        (lambda store: of(store, "part 2").id[:6].lower(), "part 2"),
        (lambda store: of(store, "part 0").written_at.isoformat(), "part 0"),
        (lambda store: of(store, "part 4").written_at.replace(tzinfo=None).isoformat(), "part 4"),
        (lambda store: of(store, "part 2").id.lower(), "part 2"),
        (lambda store: f"{of(store, 'part 5').written_at + timedelta(days=1):%Y-%m-%d}", "part 5"),
    ],
)
def test_a_version_has_many_names(six: str, at: Callable[[str], str], message: str) -> None:
    name, wanted = at(six), of(six, message)
    assert resolve(six, name) == wanted.id
    cells = 6 * 500 * (wanted.metadata["number"] + 1)
    assert int(open_dataset(six, GROUP, version=name)["done"].sum()) == cells
    opened = xr.open_dataset(six, engine="relusweep", group=GROUP, version=name)
    assert int(opened["done"].sum()) == cells
    assert int(open_datatree(six, version=name)[GROUP]["done"].sum()) == cells


def test_a_date_means_all_of_its_day(six: str) -> None:
    newest = history(six)[0]
    today = f"{newest.written_at:%Y-%m-%d}"
    if history(six)[-1].written_at.date() != newest.written_at.date():
        pytest.skip("midnight passed while the store was made")
    assert resolve(six, today) == newest.id
    assert int(open_dataset(six, GROUP, as_of=today)["done"].sum()) == 6 * 3000
    with pytest.raises(StoreNotFound, match="the store begins"):
        resolve(six, f"{newest.written_at - timedelta(days=1):%Y-%m-%d}")
    with pytest.raises(StoreNotFound, match="the store begins"):
        resolve(six, f"{today}T00:00")


def test_types_of_dates_are_moments(six: str) -> None:
    today = history(six)[0].written_at.date()
    with pytest.raises(UnknownVersion, match=r"as_of: '12\.11\.2026' is no moment; give a date"):
        open_dataset(six, GROUP, as_of="12.11.2026")
    for day in (today, np.datetime64(today), f"{today:%Y-%m}", np.datetime64(f"{today:%Y-%m}")):
        for name in ("as_of", "version"):
            assert (
                int(xr.open_dataset(six, engine="relusweep", group=GROUP, **{name: day})["done"].sum())
                == 18000
            )


def listing(ids: list[str], moments: list[str]) -> Any:
    """What stands for a repository of versions of these ids and moments, newest first, without tags."""
    infos = [
        SimpleNamespace(id=version, written_at=datetime.fromisoformat(moment))
        for version, moment in zip(ids, moments, strict=True)
    ]
    return SimpleNamespace(list_tags=set, ancestry=lambda branch: iter(infos))


@pytest.mark.parametrize(
    ("at", "place"),
    [
        ("2026-11-20T10:05", 1),  # as `log` shows it
        ("2026-11-20 10:05", 1),
        ("2026-11-20T11:05+01:00", 1),
        ("2026-11-20T10:05Z", 1),
        ("2026-11-20T10:05:58", 1),
        ("2026-11-20T10:05:57", 2),
        ("2026-11-20T10:05:58.5", 2),
        ("2026-11-20T10:04", 3),
        ("2026-11-20T10", 0),
        ("20261120T1005", 1),
        ("2026-11-20", 0),
        ("2026-11", 0),
        ("2026", 0),
        (date(2026, 11, 20), 0),
        (np.datetime64("2026-11-20"), 0),
        (np.datetime64("2026-11"), 0),
        (np.datetime64("2026-11-20T10:05"), 1),
        (np.datetime64("2026-11-20T10:05:58.500000000"), 2),
        (datetime(2026, 11, 20, 10, 5, 58), 2),
        (datetime(2026, 11, 20, 11, 5, 58, tzinfo=timezone(timedelta(hours=1))), 2),
        (pd.Timestamp("2026-11-20T10:05:58"), 2),
        (pd.Timestamp("2026-11-20T11:06", tz="Europe/Berlin"), 0),
    ],
)
def test_what_a_moment_leaves_out_is_meant_whole(at: str | date | np.datetime64, place: int) -> None:
    moments = ["10:06:00", "10:05:58.900", "10:05:00", "10:04:59.999999"]
    ids = ["D" * 20, "C" * 20, "B" * 20, "A" * 20]
    repository = listing(ids, [f"2026-11-20T{moment}+00:00" for moment in moments])
    assert find_version(repository, at) == ids[place]


def test_a_whole_id_is_found_without_a_look_at_the_others(six: str) -> None:
    wanted, repository = of(six, "part 2").id, open_repository(six)
    blind = SimpleNamespace(list_tags=repository.list_tags, lookup_snapshot=repository.lookup_snapshot)
    assert find_version(blind, wanted) == wanted


def test_of_many_tags_the_last_are_told(six: str) -> None:
    with Committer(six) as committer:
        for number in range(100, 120):
            committer.tag(f"night-{number}")
    with pytest.raises(UnknownVersion, match=r"night-111', .*'night-3'\] and 12 more"):
        resolve(six, "gone")
    with pytest.raises(StoreNotFound, match=r"its tags: .*'night-3'\] and 12 more"):
        open_dataset(six, GROUP, tag="gone")


@pytest.mark.parametrize("at", ["yesterday", "", "nat", "12345", "night-2", "ABCDEF0", "12.11.2026"])
def test_what_is_no_version_is_told_what_is(six: str, at: str) -> None:
    with pytest.raises(
        UnknownVersion, match=r"is no version .*newest.*night-1.*night-3.*relusweep log.*2026-"
    ):
        resolve(six, at)


def test_a_beginning_of_several_ids_is_refused() -> None:
    alike = [f"ABCDEF{number}0000000000000" for number in range(2)]
    repository = listing(alike, ["2026-11-20T10:06+00:00", "2026-11-20T10:05+00:00"])
    with pytest.raises(UnknownVersion, match=f"begins the ids of 2 versions: {alike[0]}, {alike[1]}"):
        find_version(repository, "abcdef")
    assert find_version(repository, "abcdef1") == alike[1]


@pytest.mark.parametrize(
    "given",
    [dict(pair) for pair in itertools.combinations({"tag": "a", "as_of": "b", "version": "c"}.items(), 2)],
)
def test_a_version_is_given_in_one_way(six: str, given: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="not both"):
        open_dataset(six, GROUP, **given)


def test_any_version_can_be_tagged_later(six: str) -> None:
    with Committer(six) as committer:
        assert committer.tag("first", of(six, "part 0").id[:8]) == of(six, "part 0").id
        assert committer.tag("same", "night-3") == of(six, "part 3").id
        assert committer.tag("last") == history(six)[0].id
        with pytest.raises(UnknownVersion, match="is no version"):
            committer.tag("none", "gone")
    assert of(six, "part 3").tags == ("night-3", "same")


@pytest.mark.parametrize("name", ["", "newest", "a b", "..", ".hidden", "a/b", "a\nb", "x" * 101, "é"])
def test_names_that_a_tag_cannot_have(six: str, name: str) -> None:
    with Committer(six) as committer, pytest.raises(InvalidTag, match="letters, digits"):
        committer.tag(name)
    assert open_repository(six).list_tags() == {"night-1", "night-3"}


def test_the_name_of_a_deleted_tag_does_not_come_back(six: str) -> None:
    with Committer(six) as committer:
        committer.delete_tag("night-1")
        with pytest.raises(InvalidTag, match="was deleted, and such a name cannot be used again"):
            committer.tag("night-1")


def test_a_version_whose_tag_is_deleted_expires_as_others_do(six: str) -> None:
    kept = raw(six, tag="night-3")
    with Committer(six) as committer:
        committer.delete_tag("night-1")
    assert [version.tags for version in history(six) if version.tags] == [("night-3",)]
    with at_the_age(of(six, "part 5"), 2 * MONTH), Committer(six) as committer:
        facts = committer.expire(MONTH)
    assert facts["kept_tags"] == ["night-3"]
    assert [version.message for version in history(six)][:-1] == ["part 5", "part 3"]
    xr.testing.assert_identical(raw(six, tag="night-3"), kept)


def test_a_tag_that_is_not_there_cannot_be_deleted(six: str) -> None:
    with Committer(six) as committer, pytest.raises(StoreNotFound, match=r"no tag 'gone'.*'night-1'"):
        committer.delete_tag("gone")
    assert open_repository(six).list_tags() == {"night-1", "night-3"}


def at_the_age(version: Version, age: timedelta) -> time_machine.travel:
    """Go to when a version has this age, to the microsecond: it is not older.

    Icechunk itself stays behind, in Rust: what it writes there is of today.
    """
    return time_machine.travel(version.written_at + age, tick=False)


def test_old_versions_expire_and_everything_kept_is_as_before(six: str) -> None:
    path = Path(six)
    (path / ".relusweep").mkdir()
    (path / ".relusweep" / "record").write_text("of a run")
    before = {version.message: raw(six, version=version.id) for version in history(six)[:-1]}
    with at_the_age(of(six, "part 4"), MONTH), Committer(six) as committer:
        facts = committer.expire(MONTH)
    assert facts["expired"] == [version for version in facts["expired"] if version not in str(history(six))]
    assert len(facts["expired"]) == 2  # parts 0 and 2: 1 and 3 have tags, 4 is not older, 5 is the newest
    assert facts["kept_tags"] == ["night-1", "night-3"]
    messages = [version.message for version in history(six)]
    assert messages == ["part 5", "part 4", "part 3", "part 1", "Repository initialized"]
    for message in messages[:-1]:
        xr.testing.assert_identical(raw(six, version=of(six, message).id), before[message])
    assert (path / ".relusweep" / "record").read_text() == "of a run"


def test_bytes_of_what_only_old_versions_held_are_freed(six: str) -> None:
    path = Path(six)
    with Committer(six) as committer:
        committer.prepare(grid(), replace=True)
        write(committer, grid())
        committer.commit("anew", {})
    newest, size = raw(six), sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    tagged = raw(six, tag="night-3")
    with at_the_age(of(six, "anew"), 2 * MONTH), Committer(six) as committer:
        facts = committer.expire(MONTH)
        assert committer.expire(MONTH)["bytes_freed"] == 0
    left = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    assert facts["bytes_freed"] > 10_000
    assert abs(size - left - facts["bytes_freed"]) < 2_000  # rewritten snapshots are of another size
    xr.testing.assert_identical(raw(six), newest)
    xr.testing.assert_identical(raw(six, tag="night-3"), tagged)


def test_a_dry_run_says_what_would_expire_and_changes_nothing(six: str) -> None:
    before, files = history(six), sorted(Path(six).rglob("*"))
    with at_the_age(of(six, "part 5"), 2 * MONTH), Committer(six) as committer:
        dry = committer.expire(MONTH, dry_run=True)
        assert (history(six), sorted(Path(six).rglob("*"))) == (before, files)
        assert committer.expire(MONTH)["expired"] == dry["expired"]
    assert len(dry["expired"]) == 3


def test_a_run_goes_on_after_an_expiry(six: str) -> None:
    with at_the_age(of(six, "part 5"), 2 * MONTH), Committer(six) as committer:
        committer.prepare(grid())
        committer.expire(MONTH)
        write(committer, grid(), {"trial": slice(0, 500)}, fingerprint=8)
        with pytest.raises(ExpiryTooSoon, match="commit first"):
            committer.expire(MONTH)
        committer.commit("again", {})
    fingerprints = raw(six)["fingerprint"]
    assert (fingerprints[:, :, :500] == 8).all()
    assert (fingerprints[:, :, 500:] == 7).all()


def test_less_than_a_day_is_refused_with_the_reason(six: str) -> None:
    with Committer(six) as committer, pytest.raises(ExpiryTooSoon, match=r"at least one day.*deleted chunks"):
        committer.expire(timedelta(hours=23))
    assert len(history(six)) == 7


def test_the_newest_stays_whatever_its_age(six: str) -> None:
    newest = raw(six)
    with at_the_age(of(six, "part 5"), 100 * MONTH), Committer(six) as committer:
        committer.expire(MONTH)
    xr.testing.assert_identical(raw(six), newest)


def test_a_history_can_begin_at_any_version(six: str) -> None:
    messages = [version.message for version in history(six, "night-1")]
    assert messages == ["part 1", "part 0", "Repository initialized"]
    assert history(six, "newest") == history(six)
    with pytest.raises(UnknownVersion):
        history(six, "gone")


def test_what_was_written_between_two_versions_is_known_either_way(six: str) -> None:
    between = changed_chunks(six, "night-1", "night-3")
    assert between == changed_chunks(six, "night-3", "night-1")
    written = {(0, width, part) for width in (0, 1) for part in (2, 3)}
    assert between.may_differ(f"{GROUP}/loss") == written
    assert between.may_differ(f"{GROUP}/width") == set()
    assert changed_chunks(six, "newest", "newest").may_differ(f"{GROUP}/loss") == set()


def test_of_a_group_started_anew_anything_may_differ(six: str) -> None:
    with Committer(six) as committer:
        committer.prepare(grid(), replace=True)
        committer.commit("anew", {})
    assert changed_chunks(six, "night-3", "newest").may_differ(f"{GROUP}/loss") is None


def test_what_an_expiry_has_cut_is_not_known(six: str) -> None:
    with at_the_age(of(six, "part 5"), 2 * MONTH), Committer(six) as committer:
        committer.expire(MONTH)
    assert changed_chunks(six, "night-1", "newest").may_differ(f"{GROUP}/loss") is None
