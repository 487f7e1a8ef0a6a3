"""Names that cannot be written are refused before there is anything to write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from relusweep.pipeline.common.errors import CannotExport
from relusweep.pipeline.common.files import check_name

Command = Callable[..., tuple[int, str, str]]


def test_a_name_that_is_taken_by_the_other_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.nc").mkdir()
    (tmp_path / "file.zarr").touch()
    with pytest.raises(CannotExport, match=r"folder\.nc is a folder, .*give another name"):
        check_name(tmp_path / "folder.nc")
    with pytest.raises(CannotExport, match=r"file\.zarr is a file, .*give another name"):
        check_name(tmp_path / "file.zarr")
    (tmp_path / "file.nc").touch()
    (tmp_path / "folder.zarr").mkdir()
    check_name(tmp_path / "file.nc")
    check_name(tmp_path / "folder.zarr")


@pytest.mark.parametrize(
    "command",
    [
        ("retrain", "--file", "taken/a.nc"),
        ("report", "--folder", "taken/a"),
        ("compare", "newest", "newest", "--folder", "taken/a"),
        ("reproduce", "compositional", "--folder", "taken/a"),
    ],
)
def test_a_folder_that_cannot_be_made_is_told_before_any_work(
    relusweep: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """There is no store: whatever looks at it first would say so."""
    monkeypatch.chdir(tmp_path)
    Path("taken").touch()
    code, _, errors = relusweep(*command)
    assert code == 2
    assert "cannot be written" in errors
    assert "give another name" in errors
    assert not Path("results").exists()
