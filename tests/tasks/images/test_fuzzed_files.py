"""Damaged data sets: whatever happens to their files, an error of ours names one, or they are read."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from relusweep.tasks.images.datasets import ImageSet, load_images
from relusweep.tasks.images.errors import DataSetError
from tests.tasks.images.test_datasets import cifar_files, draw, idx_files

Files = dict[str, bytes]
FORMATS = ("png", "jpeg", "bmp", "tiff", "webp", "ppm", "tga", "ico", "dds", "sgi", "pcx", "jpeg2000")


def gzipped() -> Files:
    return {f"{name}.gz": gzip.compress(data, mtime=0) for name, data in idx_files().items()}


def pictures(form: str) -> Files:
    """Four training pictures and two test pictures."""
    files = {}
    for number, name in enumerate(("train/ant/0", "train/ant/1", "train/bee/0", "train/bee/1", "test/ant/0")):
        held = BytesIO()
        Image.fromarray(draw(16, 16) + number).save(held, form)
        files[f"{name}.{form}"] = held.getvalue()
    return files


SETS: dict[str, Callable[[], Files]] = {
    "idx": idx_files,
    "gzipped": gzipped,
    "cifar": lambda: cifar_files(1) | {"batches.meta.txt": "\n".join("abcdefghij").encode()},
    **{form: lambda form=form: pictures(form) for form in FORMATS},
}


CHECKED = {
    "gzipped": b"".join(idx_files().values()),
    "png": b"".join((draw(16, 16) + number).tobytes() for number in range(5)),
}


HOW = ("cut", "flip", "write", "extend", "exchange", "double", "remove", "empty")


@st.composite
def damages(draw: st.DrawFn, files: Files) -> Files:
    """Cut, flip, write over, extend, exchange, double, take away or empty files, up to three times."""
    damaged = dict(files)
    for _ in range(draw(st.integers(1, 3))):
        how, name = draw(st.sampled_from(HOW)), draw(st.sampled_from(sorted(damaged)))
        data = damaged.pop(name)
        end = min(len(data), draw(st.sampled_from((16, 64, 10**9))))  # headers are at the beginning
        place, some = draw(st.integers(0, end)), draw(st.binary(min_size=1, max_size=8))
        if how == "cut":
            damaged[name] = data[:place]
        elif how == "flip":
            flipped = bytes(byte ^ 1 << some[0] % 8 for byte in data[place : place + 1])
            damaged[name] = data[:place] + flipped + data[place + 1 :]
        elif how == "write":
            damaged[name] = data[:place] + some + data[place + len(some) :]
        elif how == "extend":
            damaged[name] = data + some
        elif how == "exchange" and damaged:
            other = draw(st.sampled_from(sorted(damaged)))
            damaged[name], damaged[other] = damaged[other], data
        elif how == "double":
            damaged |= dict.fromkeys((name, name + draw(st.sampled_from((".gz", ".bak", "~")))), data)
        elif how == "empty" or not damaged:
            damaged[name] = b""
    return damaged


def read(files: Files) -> ImageSet | None:
    """Read what may be damaged; none where it is refused."""
    with TemporaryDirectory() as folder:
        for name, data in files.items():
            place = Path(folder, name)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        try:
            return load_images("mine", folder)
        except DataSetError as error:
            said = str(error)
        assert folder in said  # the name of what is wrong begins with it
        return None


def check(form: str, files: Files) -> None:
    data = read(files)
    if data is None:
        return
    assert np.isfinite(data.images("train")).all()
    for pixels in (data.train_pixels, data.test_pixels):
        if form == "idx":
            assert any(pixels.tobytes() in file for file in files.values())
        if form in CHECKED:  # no damage gets past their sums
            assert all(image.tobytes() in CHECKED[form] for image in pixels)


@pytest.mark.parametrize("form", SETS)
def test_what_is_not_damaged_is_read(form):
    assert read(SETS[form]()) is not None


@pytest.mark.parametrize("form", SETS)
@given(st.data())
def test_damaged_files_are_refused_or_read(form, data):
    check(form, data.draw(damages(SETS[form]())))


@pytest.mark.slow
@pytest.mark.parametrize("form", SETS)
@settings(max_examples=2000)
@given(st.data())
def test_at_length(form, data):
    check(form, data.draw(damages(SETS[form]())))
