"""The power fails: what is on the disk by then is all that is left."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import icechunk
import pytest
import xarray as xr

from relusweep.storage import Committer, StoreWriteError, durable_commit, history
from relusweep.storage.repository import BRANCH, open_repository
from tests.storage.stores import layout, raw, write


@contextmanager
def mounted(image: Path, folder: Path) -> Iterator[Path]:
    """The file system in a file; of what is written there, the file has what has reached the disk."""
    folder.mkdir()
    if subprocess.run(["mount", "-o", "loop", image, folder], capture_output=True, check=False).returncode:
        pytest.skip("needs root and a loop device: it mounts disks")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    image = tmp_path / "disk"
    if shutil.which("mkfs.ext4") is None:
        pytest.skip("needs mkfs.ext4 (e2fsprogs)")
    with image.open("wb") as disk:
        disk.truncate(64 * 2**20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    return image


def test_a_commit_is_on_the_disk_when_it_returns(image: Path, tmp_path: Path) -> None:
    with mounted(image, tmp_path / "before") as disk, Committer(disk / "store", create=True) as committer:
        for fingerprint in (1, 2, 3):
            committer.prepare(layout(), replace=True)
            write(committer, layout(), fingerprint=fingerprint)
            version = committer.commit("all", {})
            left = shutil.copy(image, tmp_path / f"left-{fingerprint}")
            with mounted(left, tmp_path / f"after-{fingerprint}") as after:
                assert history(after / "store")[0].id == version
                xr.testing.assert_identical(raw(after / "store"), raw(disk / "store"))


def test_the_branch_moves_only_to_what_is_on_the_disk(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reset, left = icechunk.Repository.reset_branch, tmp_path / "left"

    def copy_first(repository: icechunk.Repository, *where: str, **options: str) -> None:
        shutil.copy(image, left)
        reset(repository, *where, **options)

    monkeypatch.setattr(icechunk.Repository, "reset_branch", copy_first)
    with mounted(image, tmp_path / "before") as disk, Committer(disk / "store", create=True) as committer:
        committer.prepare(layout())
        committer.commit("template", {})
        write(committer, layout())
        version = committer.commit("all", {})
        whole = raw(disk / "store")
    with mounted(left, tmp_path / "after") as after:
        assert history(after / "store")[0].message == "template"
        reset(open_repository(after / "store"), BRANCH, version)
        xr.testing.assert_identical(raw(after / "store"), whole)


@pytest.mark.parametrize("settled", [0, 1])
def test_a_disk_that_does_not_take_it_is_an_error_after_which_one_goes_on(
    settled: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = durable_commit._settle, []

    def broken(path: Path) -> None:
        calls.append(path)
        if len(calls) > settled:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(path)

    with Committer(tmp_path, create=True) as committer:
        committer.prepare(layout())
        committer.commit("template", {})
        write(committer, layout())
        with monkeypatch.context() as patch:
            patch.setattr(durable_commit, "_settle", broken)
            with pytest.raises(StoreWriteError, match="Input/output error"):
                committer.commit("lost", {})
        committer.reopen()
        assert raw(tmp_path)["done"].all() == bool(settled)
        committer.prepare(layout(), replace=True)
        write(committer, layout(), fingerprint=2)
        committer.commit("all", {})
    assert (raw(tmp_path)["fingerprint"] == 2).all()
