"""Data sets of images: bundled, read from a folder, or fetched."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.images.errors import DataSetNotFound, MalformedDataSet
from relusweep.tasks.images.formats import read_folder
from relusweep.tasks.images.known import KNOWN, fetch
from relusweep.tasks.paths import expanded
from relusweep.tasks.streams import Stream

__all__ = ["ImageSet", "Part", "load_images"]

Part = Literal["train", "test"]

_ROWS = 1000  # images at a time, where a pass over all of them would need a second copy


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images and their classes, in a training and a test part.

    Pixels stay bytes, a quarter of what float32 takes, until some are asked for.

    Attributes
    ----------
    name : str
        What the set is called.
    train_pixels, test_pixels : ndarray of shape (n_images, n_channels, height, width), uint8
    train_labels, test_labels : ndarray of shape (n_images,), int64
        Places in `classes`.
    classes : tuple of str
        Names of the classes.
    white : int
        The pixel that means 1; 0 means 0.

    Raises
    ------
    MalformedDataSet
        If the arrays do not fit one another.
    """

    name: str
    train_pixels: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test_pixels: NDArray[np.uint8]
    test_labels: NDArray[np.int64]
    classes: tuple[str, ...]
    white: int = 255

    def __post_init__(self) -> None:
        for part, pixels, labels in self._parts():
            if pixels.ndim != 4 or pixels.dtype != np.uint8 or not pixels.size:
                raise MalformedDataSet(
                    f"{part} pixels of {self.name} are {pixels.dtype} of shape {pixels.shape}; allowed is "
                    "uint8 of shape (n_images >= 1, n_channels, height, width)"
                )
            if len(pixels) != len(labels):
                raise MalformedDataSet(
                    f"{self.name} has {len(pixels)} {part} images and {len(labels)} {part} labels; "
                    "they are as many"
                )
            if labels.min() < 0 or labels.max() >= len(self.classes):
                raise MalformedDataSet(
                    f"{part} labels of {self.name} go from {labels.min()} to {labels.max()}; "
                    f"allowed are 0 to {len(self.classes) - 1}, the classes of the training part"
                )
        if self.test_pixels.shape[1:] != self.shape:
            raise MalformedDataSet(
                f"{self.name} has test images of shape {self.test_pixels.shape[1:]} and training images of "
                f"shape {self.shape}; they are the same"
            )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        _, channels, height, width = self.train_pixels.shape
        return channels, height, width

    @cached_property
    def mean(self) -> NDArray[np.float64]:
        """Mean of the training pixels in [0, 1] of each channel: ndarray of shape (n_channels,)."""
        return self._moments[0]

    @cached_property
    def deviation(self) -> NDArray[np.float64]:
        """Standard deviation of each channel, shaped alike; 1 where a channel is constant."""
        return self._moments[1]

    @cached_property
    def data_hash(self) -> str:
        """A digest of all pixels, labels and the scale: what a fingerprint needs of the data."""
        digest = hashlib.blake2b(repr((self.white, len(self.classes))).encode(), digest_size=16)
        for _, pixels, labels in self._parts():
            digest.update(repr(pixels.shape).encode())
            digest.update(np.ascontiguousarray(pixels).data)
            digest.update(np.ascontiguousarray(labels, "<i8").data)
        return digest.hexdigest()

    def labels(self, part: Part) -> NDArray[np.int64]:
        """Give the classes of a part, as places in `classes`."""
        return self.train_labels if part == "train" else self.test_labels

    def images(self, part: Part, rows: slice | NDArray[np.intp] = slice(None)) -> NDArray[np.float32]:
        """Give images as networks take them: centred and scaled by the training part.

        Parameters
        ----------
        part : {'train', 'test'}
        rows : slice or ndarray of int
            Which images; by default all.

        Returns
        -------
        ndarray of shape (n_rows, n_channels, height, width), dtype float32
            ``(pixel / white - mean) / deviation`` of each channel, rounded once.
        """
        pixels = (self.train_pixels if part == "train" else self.test_pixels)[rows]
        scaled = np.empty(pixels.shape, np.float32)
        for channel, table in enumerate(self._tables):
            scaled[:, channel] = table[pixels[:, channel]]
        return scaled

    def at(self, samples: range) -> NDArray[np.float32]:
        """Give images by their numbers in both parts together, those of training first.

        Parameters
        ----------
        samples : range
            Consecutive numbers.

        Returns
        -------
        ndarray of shape (n_samples, n_channels, height, width), dtype float32
        """
        n_train = len(self.train_labels)
        train = slice(min(samples.start, n_train), min(samples.stop, n_train))
        test = slice(max(samples.start - n_train, 0), max(samples.stop - n_train, 0))
        return np.concatenate([self.images("train", train), self.images("test", test)])

    def drawn(self, part: Part, samples: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Give at most so many images of a part and their classes, drawn as :meth:`limited` draws them.

        Parameters
        ----------
        part : {'train', 'test'}
        samples : int

        Returns
        -------
        images : ndarray of shape (n_images, n_channels, height, width), dtype float32
            Centred and scaled by the whole training part.
        labels : ndarray of shape (n_images,), int64
        """
        labels = self.labels(part)
        rows = _drawn(part, len(labels), samples)
        return self.images(part, rows), labels[rows]

    def limited(self, samples: int) -> "ImageSet":
        """Give a set of at most so many images of each part, in their order.

        Parameters
        ----------
        samples : int
            At least 1. They are drawn without replacement by a stream that depends on the part and its number
            of images alone: those of fewer samples are among those of more.

        Raises
        ------
        MalformedDataSet
            If a class is left without training images.
        """
        drawn = {part: _drawn(part, len(labels), samples) for part, _, labels in self._parts()}
        train, test = drawn["train"], drawn["test"]
        if missing := np.setdiff1d(self.train_labels, self.train_labels[train]).tolist():
            names = ", ".join(self.classes[label] for label in missing)
            raise MalformedDataSet(
                f"samples = {samples} leaves no training images of {names} in {self.name}; take more"
            )
        return replace(
            self,
            train_pixels=self.train_pixels[train],
            train_labels=self.train_labels[train],
            test_pixels=self.test_pixels[test],
            test_labels=self.test_labels[test],
        )

    def _parts(self) -> Iterator[tuple[Part, NDArray[np.uint8], NDArray[np.int64]]]:
        yield "train", self.train_pixels, self.train_labels
        yield "test", self.test_pixels, self.test_labels

    @cached_property
    def _moments(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        levels = np.arange(256)
        counts = np.zeros((self.shape[0], 256), np.int64)
        for start in range(0, len(self.train_pixels), _ROWS):
            for channel, count in enumerate(counts):
                block = self.train_pixels[start : start + _ROWS, channel]
                count += np.bincount(block.ravel(), minlength=256)
        n = self.train_pixels[:, 0].size
        mean = counts @ levels / n
        variance = np.einsum("cl,cl->c", counts, (levels - mean[:, None]) ** 2) / n
        return mean / self.white, np.sqrt(np.where(variance == 0, self.white**2, variance)) / self.white

    @cached_property
    def _tables(self) -> NDArray[np.float32]:
        """What each of 256 pixels becomes in each channel."""
        levels = np.arange(256) / self.white
        return ((levels - self.mean[:, None]) / self.deviation[:, None]).astype(np.float32)


def load_images(
    name: str | None = None, path: str | Path | None = None, *, download: bool = False
) -> ImageSet:
    """Give a data set: one's own from a folder, the bundled digits, or a known one that is fetched.

    Parameters
    ----------
    name : str, optional
        With a path, what to call the set; by default as its folder. Without, ``digits``, the default, or a
        name of :data:`relusweep.tasks.images.known.KNOWN`.
    path : path-like, optional
        A folder in one of the forms of :func:`relusweep.tasks.images.formats.read_folder`.
    download : bool
        Whether a known set without a path may be fetched; one that was fetched before is read again.

    Returns
    -------
    ImageSet

    Raises
    ------
    DataSetNotFound
        If there is no such folder or name, a part is missing, or fetching was not asked for.
    MalformedDataSet
        If files are damaged or do not fit one another.
    FetchFailed
        If fetching fails.

    Examples
    --------
    >>> digits = load_images()
    >>> digits.images("train").shape, digits.images("test").shape
    ((1442, 1, 8, 8), (355, 1, 8, 8))
    """
    if path is not None:
        folder = expanded(path)
        return _from_folder(name or folder.resolve().name, folder)
    if name is None or name == "digits":
        return _digits()
    if name not in KNOWN:
        raise DataSetNotFound(
            f"there is no known data set {name!r}; known are digits, {', '.join(KNOWN)}; "
            "give a path for one of your own"
        )
    if not download:
        raise DataSetNotFound(f"{name} is not bundled; give the path of a copy, or ask for it to be fetched")
    return _from_folder(name, fetch(name))


def _from_folder(name: str, folder: Path) -> ImageSet:
    train, test, classes = read_folder(folder)
    try:
        return ImageSet(name, *train, *test, classes)
    except MalformedDataSet as error:
        raise MalformedDataSet(f"what {folder} holds does not fit together: {error}") from error


def _drawn(part: Part, n_images: int, samples: int) -> NDArray[np.intp]:
    words = Stream(("images", "samples", part)).words(range(1), n_images)[0]
    return np.sort(np.argsort(words, kind="stable")[:samples])


def _digits() -> ImageSet:
    """Give the 1 797 digits of scikit-learn; of each class, every fifth is a test image."""
    from sklearn.datasets import load_digits

    bundled = load_digits()
    pixels, labels = bundled.images[:, None].astype(np.uint8), bundled.target.astype(np.int64)
    test = np.zeros(len(labels), bool)
    for digit in range(10):
        test[np.flatnonzero(labels == digit)[4::5]] = True
    classes = tuple(str(digit) for digit in range(10))
    return ImageSet("digits", pixels[~test], labels[~test], pixels[test], labels[test], classes, white=16)
