"""Forms in which data sets of images lie in a folder: IDX, CIFAR-10's binary form, and folders of classes."""

import gzip
import math
import warnings
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.images.errors import DataSetError, DataSetNotFound, MalformedDataSet

__all__ = ["Labelled", "read_folder", "read_idx"]

_UINT8 = 0x08  # the code of unsigned bytes in the magic number of an IDX file
_CIFAR_SHAPE = (3, 32, 32)
_CIFAR_FOLDER = "cifar-10-batches-bin"  # in the published archive
_CIFAR_FILES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")


class Labelled(NamedTuple):
    """One part of a data set.

    Attributes
    ----------
    pixels : ndarray of shape (n_images, n_channels, height, width), uint8
    labels : ndarray of shape (n_images,), int64
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]


# Training part, test part, names of the classes.
_Parts = tuple[Labelled, Labelled, tuple[str, ...]]


def read_folder(path: Path) -> _Parts:
    """Read a data set in whichever of three forms it lies in a folder.

    Parameters
    ----------
    path : Path
        A folder that holds either four IDX files, gzipped or not, named as those of MNIST
        (``train-images-idx3-ubyte``, ``t10k-labels.idx1-ubyte.gz``, …), each by itself or in a folder of its
        name; or the files ``data_batch_1.bin`` to ``data_batch_5.bin`` and ``test_batch.bin`` of CIFAR-10; or
        folders ``train`` and ``test``, with a folder of image files for each class. Files and folders whose
        names begin with a dot are left out.

    Returns
    -------
    train, test : Labelled
    classes : tuple of str
        Names of the classes, in the order of the labels.

    Raises
    ------
    DataSetNotFound
        If there is no such folder, or a part of the data is not in it or cannot be read.
    MalformedDataSet
        If a file is cut off, is not of its form, or does not fit the others.
    """
    try:
        return _read_whichever(path)
    except DataSetError:
        raise
    except OSError as error:
        raise DataSetNotFound(f"{error.filename or path} cannot be read: {error.strerror}") from error


def _read_whichever(path: Path) -> _Parts:
    if not path.is_dir():
        raise DataSetNotFound(f"there is no folder {path}")
    if any(path.glob("[!.]*idx3-ubyte*")):
        return _read_idx_files(path)
    for folder in (path, path / _CIFAR_FOLDER):
        if any(folder.glob("data_batch_*.bin")):
            return _read_cifar(folder)
    if (path / "train").is_dir():
        return _read_class_folders(path)
    raise DataSetNotFound(
        f"{path} holds no data set; allowed are IDX files (train-images-idx3-ubyte, gzipped or not, …), "
        "CIFAR-10's data_batch_1.bin, …, or a folder train/ of class folders"
    )


# IDX


def _read_idx_files(folder: Path) -> _Parts:
    train, test = (_read_idx_part(folder, words) for words in (("train",), ("t10k", "test")))
    classes = np.unique(train.labels)  # those of EMNIST's letters begin at 1
    if strange := sorted({*test.labels.tolist()} - {*classes.tolist()}):
        raise MalformedDataSet(
            f"the test labels in {folder} have {', '.join(map(str, strange))}, which the training labels "
            f"have not; those are {', '.join(map(str, classes))}"
        )
    train, test = (part._replace(labels=np.searchsorted(classes, part.labels)) for part in (train, test))
    return train, test, tuple(map(str, classes))


def _read_idx_part(folder: Path, words: tuple[str, ...]) -> Labelled:
    images, labels = (_idx_file(folder, words, *what) for what in (("images", 3), ("labels", 1)))
    pixels, classes = read_idx(images, n_dims=3), read_idx(labels, n_dims=1)
    if len(pixels) != len(classes):
        raise MalformedDataSet(
            f"{images} has {len(pixels)} images and {labels} {len(classes)} labels; they are as many"
        )
    return Labelled(pixels[:, None], classes.astype(np.int64))


def _idx_file(folder: Path, words: tuple[str, ...], what: str, n_dims: int) -> Path:
    """Find a file, by itself or in a folder of its name; of several that are of one name the first."""
    kind = f"{what}[-.]idx{n_dims}-ubyte"
    found: dict[str, Path] = {}
    for pattern in (f"*{kind}", f"*{kind}/*{kind}", f"*{kind}.gz", f"*{kind}*/*{kind}.gz"):
        for file in sorted(folder.glob(pattern)):
            name = file.name.removesuffix(".gz").replace(".idx", "-idx")
            if file.is_file() and not name.startswith(".") and any(word in name for word in words):
                found.setdefault(name, file)
    if len(found) == 1:
        return next(iter(found.values()))
    wanted = " or ".join(f"*{word}-{what}-idx{n_dims}-ubyte[.gz]" for word in words)
    if found:
        raise MalformedDataSet(f"{folder} holds {', '.join(sorted(found))}; allowed is one file {wanted}")
    raise DataSetNotFound(f"{folder} lacks a file {wanted}")


def read_idx(file: Path, n_dims: int) -> NDArray[np.uint8]:
    """Read an array of bytes from an IDX file, gzipped or not.

    Parameters
    ----------
    file : Path
    n_dims : int
        How many dimensions it must have.

    Returns
    -------
    ndarray of `n_dims` dimensions, uint8

    Raises
    ------
    MalformedDataSet
        If its magic number is another, or it is shorter or longer than its header says.

    Notes
    -----
    Y. LeCun, C. Cortes, C. Burges, *The MNIST database*: two zero bytes, the type, the number of dimensions,
    their sizes as big-endian 32-bit numbers, then the values with the last dimension fastest.
    """
    data = _unzipped(file)
    header = 4 + 4 * n_dims
    expected = bytes([0, 0, _UINT8, n_dims])
    if data[:4] != expected:
        raise MalformedDataSet(
            f"{file} begins with {data[:4].hex()}; an IDX file of bytes in {n_dims} dimension(s) begins with "
            f"{expected.hex()}"
        )
    shape = np.frombuffer(data[4:header], ">u4").tolist() if len(data) >= header else []
    if len(shape) != n_dims or len(data) - header != math.prod(shape):
        raise MalformedDataSet(
            f"{file} is {len(data)} bytes long; with sizes {shape} it has {header + math.prod(shape)}: "
            "it was cut off or changed, take another copy"
        )
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)


def _unzipped(file: Path) -> bytes:
    data = file.read_bytes()
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise MalformedDataSet(f"{file} cannot be unzipped ({error}); take another copy") from error


# CIFAR-10


def _read_cifar(folder: Path) -> _Parts:
    files = [folder / f"{name}.bin" for name in _CIFAR_FILES]
    if lacking := [file.name for file in files if not file.exists()]:
        raise DataSetNotFound(
            f"{folder} lacks {', '.join(lacking)}; allowed are all of {files[0].name} to {files[-2].name}, "
            f"and {files[-1].name}"
        )
    classes = _cifar_classes(folder / "batches.meta.txt")
    *batches, test = (_cifar_batch(file, len(classes)) for file in files)
    train = Labelled(*(np.concatenate(arrays) for arrays in zip(*batches, strict=True)))
    return train, test, classes


def _cifar_classes(file: Path) -> tuple[str, ...]:
    if not file.exists():
        return tuple(map(str, range(10)))
    try:
        return tuple(file.read_text(encoding="utf-8").split())
    except UnicodeDecodeError as error:
        raise MalformedDataSet(f"{file} is not text: {error}; take another copy, or remove it") from error


def _cifar_batch(file: Path, n_classes: int) -> Labelled:
    data, size = np.fromfile(file, np.uint8), 1 + math.prod(_CIFAR_SHAPE)
    if not data.size or data.size % size:
        raise MalformedDataSet(
            f"{file} is {data.size} bytes long; allowed are multiples of {size}, a label and an image each: "
            "it was cut off or is of another form, take another copy"
        )
    rows = data.reshape(-1, size)
    if (largest := rows[:, 0].max()) >= n_classes:
        raise MalformedDataSet(
            f"{file} has the label {largest}; with {n_classes} classes allowed are 0 to {n_classes - 1}: "
            "it was changed or is of another form, take another copy"
        )
    return Labelled(rows[:, 1:].reshape(-1, *_CIFAR_SHAPE), rows[:, 0].astype(np.int64))


# Folders of classes


def _read_class_folders(path: Path) -> _Parts:
    if not (path / "test").is_dir():
        raise DataSetNotFound(f"{path} has a folder train/ but no folder test/")
    classes = _class_names(path / "train")
    if strange := sorted({*_class_names(path / "test")} - {*classes}):
        raise MalformedDataSet(
            f"{path / 'test'} has classes {', '.join(strange)} that {path / 'train'} has not"
        )
    train, test = (_read_classes(path / part, classes) for part in ("train", "test"))
    if empty := [name for label, name in enumerate(classes) if label not in train.labels]:
        raise MalformedDataSet(
            f"{path / 'train'} holds no images in {', '.join(empty)}, and a class without images cannot be "
            "learnt: put some there, or remove the folder"
        )
    return train, test, classes


def _class_names(folder: Path) -> tuple[str, ...]:
    return tuple(inner.name for inner in sorted(folder.glob("[!.]*")) if inner.is_dir())


def _read_classes(folder: Path, classes: tuple[str, ...]) -> Labelled:
    pixels: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        for file in sorted((folder / name).glob("[!.]*")):
            pixels.append(_read_image(file))
            labels.append(label)
            if pixels[-1].shape != pixels[0].shape:
                raise MalformedDataSet(
                    f"{file} has channels, height and width {pixels[-1].shape}; "
                    f"the images before it have {pixels[0].shape}, and all are the same"
                )
    if not pixels:
        raise DataSetNotFound(f"{folder} holds no images in folders of classes")
    return Labelled(np.stack(pixels), np.array(labels, np.int64))


def _read_image(file: Path) -> NDArray[np.uint8]:
    from PIL import Image

    try:
        refused = Image.DecompressionBombWarning
        with warnings.catch_warnings(action="error", category=refused), Image.open(file) as image:
            mode, pixels = image.mode, np.asarray(image)
    except Exception as error:  # Pillow may raise anything of a damaged file
        raise MalformedDataSet(
            f"{file} cannot be read as an image ({error}); take another copy, or remove it"
        ) from error
    if mode == "L":
        return pixels[None]
    if mode == "RGB":
        return np.ascontiguousarray(pixels.transpose(2, 0, 1))
    raise MalformedDataSet(
        f"{file} is of Pillow's mode {mode}; allowed are L and RGB: grey and colour, 8 bits"
    )
