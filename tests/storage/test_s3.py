"""A store in an object store: a real server on localhost, spoken to over HTTP."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
import xarray as xr

from relusweep.storage import (
    Committer,
    InvalidStoreUrl,
    Records,
    StoreLocked,
    StoreNotFound,
    StoreReadError,
    history,
    open_dataset,
)
from tests.storage.stores import GROUP, layout, raw, store_with, write


def test_a_store_in_a_bucket_equals_one_on_disk(bucket: str, tmp_path) -> None:
    url = store_with(f"{bucket}/same/as/on/disk", layout())
    xr.testing.assert_identical(raw(url), raw(store_with(tmp_path, layout())))
    with Committer(url) as committer:
        committer.prepare(layout(width=(1, 2, 3)))
        committer.commit("larger", {})
        committer.tag("night-1")
    assert history(url)[0].tags == ("night-1",)
    lazy = open_dataset(url, GROUP, tag="night-1", chunks={})
    assert int(lazy["done"].sum()) == 60


def test_named_versions_in_a_bucket_can_be_computed_together(bucket: str) -> None:
    """By address alone they would share the names of their chunks: xarray knows no time of an address."""
    url = f"{bucket}/two/versions"
    with Committer(url, create=True) as committer:
        committer.prepare(layout())
        write(committer, layout(), {"width": slice(0, 1)})
        half = committer.commit("half", {})
        write(committer, layout(), {"width": slice(1, 2)})
        whole = committer.commit("whole", {})
    done = [open_dataset(url, GROUP, version=at, chunks={})["done"].sum() for at in (half, whole)]
    assert int(done[1] - done[0]) == 30


def test_old_versions_expire_in_a_bucket(bucket: str) -> None:
    url = store_with(f"{bucket}/old/versions", layout())
    with Committer(url) as committer:
        committer.tag("night-1")
        for fingerprint in (1, 2):
            committer.prepare(layout(), replace=True)
            write(committer, layout(), fingerprint=fingerprint)
            committer.commit(f"anew {fingerprint}", {})
    tagged, newest = raw(url, version="night-1"), raw(url)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=9), tick=False), Committer(url) as committer:
        assert len(committer.expire(timedelta(days=2))["expired"]) == 1
    assert [version.message for version in history(url)] == ["anew 2", "all", "Repository initialized"]
    xr.testing.assert_identical(raw(url, version="night-1"), tagged)
    xr.testing.assert_identical(raw(url), newest)


def test_of_two_writers_the_later_loses_nothing_of_the_first_and_is_told(bucket: str) -> None:
    url = f"{bucket}/two/writers"
    with Committer(url, create=True) as first:
        first.prepare(layout())
        first.commit("template", {})
        with Committer(url) as second:
            second.prepare(layout())
            write(second, layout(), fingerprint=2)
            write(first, layout(), {"width": slice(0, 1)}, fingerprint=1)
            assert first.commit("first", {})
            with pytest.raises(StoreLocked, match="another committer has committed"):
                second.commit("second", {})
        write(first, layout(), {"width": slice(1, 2)}, fingerprint=1)
        assert first.commit("rest", {})
    assert (raw(url)["fingerprint"] == 1).all()


def test_every_character_of_an_address_counts(bucket: str) -> None:
    """Behind ``#`` and ``?`` a URL would end."""
    urls = [f"{bucket}/typed/{name}" for name in ("a", "a#1", "a#2", "a?x=1", "a%23", "a b", "ä+=@:,;&*")]
    for number, url in enumerate(urls):
        store_with(url, layout(attrs={"number": number}))
        Records(url).put("runs/a", {"number": number})
    assert [raw(url).attrs["number"] for url in urls] == list(range(len(urls)))
    assert [Records(f"{url}/").get("runs/a") for url in urls] == [{"number": n} for n in range(len(urls))]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("s3://results:9000/a", "name of a bucket .* AWS_ENDPOINT_URL"),
        ("s3://localhost:9000/results/a", "name of a bucket"),
        ("s3://[::1]/a", "name of a bucket"),
        ("s3://[results/a", "name of a bucket"),
        ("s3://results#a/b", "name of a bucket"),
        ("s3:///a", "s3://bucket/prefix"),
        ("s3:/results/a", "lacks a slash.* ./s3:/results/a"),
        ("s3:results", "lacks a slash"),
        (Path("s3://results/a"), "not as a pathlib.Path"),
        ("file:/results/a", "lacks a slash"),
        ("file:///results/a", "s3://bucket/prefix, not file:///results/a"),
        *(
            (f"s3://results/{path}", "a prefix has no")
            for path in ("/a", "a//b", "a/../b", ".", "a\\b", "a\nb")
        ),
    ],
)
def test_an_address_that_means_nothing_or_two_things_is_refused(
    url: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    acts = (lambda: Committer(url, create=True), lambda: Records(url), lambda: open_dataset(url, GROUP))
    for act in acts:
        with pytest.raises(InvalidStoreUrl, match=says):
            act()
    assert not list(tmp_path.iterdir())


def test_what_is_not_there_is_said(bucket: str) -> None:
    with pytest.raises(StoreNotFound, match="no store at s3://results/nothing"):
        open_dataset(f"{bucket}/nothing", GROUP)
    with pytest.raises(StoreReadError, match="NoSuchBucket"):
        open_dataset("s3://elsewhere/nothing", GROUP)
