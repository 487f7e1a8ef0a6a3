"""Planes through three images: the nearest of a set by brute force, axes, windows, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from relusweep.tasks.images.datasets import ImageSet
from relusweep.tasks.images.networks import ImageSource
from relusweep.tasks.sections.grids import Grid
from relusweep.tasks.sections.planes import nearest_triple, plane_of, plane_through


def images_of(n: int, levels: int, seed: int = 0, n_classes: int = 2) -> ImageSet:
    """Give so many images of 2 × 2 pixels."""
    draw = np.random.default_rng(seed)
    pixels = draw.integers(levels, size=(n, 1, 2, 2)).astype(np.uint8)
    labels = np.arange(n) % n_classes
    names = tuple(str(label) for label in range(n_classes))
    return ImageSet("some", pixels, labels, pixels[:1], labels[:1], names, white=levels)


@pytest.mark.parametrize("levels", [3, 200])  # with few levels many are equal or on a line
def test_the_nearest_triple_is_that_of_all_triples(levels: int) -> None:
    data = images_of(24, levels)
    images = data.images("train").reshape(24, -1).astype(float)

    def length(triple: tuple[int, ...]) -> float:
        sides = [np.linalg.norm(images[i] - images[j]) for i, j in combinations(triple, 2)]
        flat = abs(2 * max(sides) - sum(sides)) < 1e-5 or not min(sides)
        return np.inf if flat else float(sum(sides))

    triples = [t for t in combinations(range(24), 3) if len({data.train_labels[i] for i in t}) == 1]
    assert length(nearest_triple(data)) == pytest.approx(min(map(length, triples)), rel=1e-6)


def test_sets_without_a_triangle_are_refused() -> None:
    data = images_of(12, 200)
    alike = replace(data, train_pixels=np.ones_like(data.train_pixels))
    few = images_of(4, 200)
    absent = replace(alike, train_labels=np.zeros_like(alike.train_labels))  # no image of the last class
    for none in (alike, few, absent):
        with pytest.raises(
            ValueError, match="no class of some has three training images that are on no line"
        ):
            nearest_triple(none)


def test_axes_are_at_right_angles_and_give_the_images_back() -> None:
    images = np.random.default_rng(0).normal(size=(3, 2, 3, 3)).astype(np.float32)
    plane = plane_through(images)
    axes = plane.axes.reshape(2, -1)
    np.testing.assert_allclose(axes @ axes.T, np.eye(2), atol=1e-15)
    np.testing.assert_allclose(plane.images(plane.corners), images, rtol=1e-6)
    assert plane.corners[2, 1] > 0


def test_windows_are_about_the_triangle_or_a() -> None:
    images = np.zeros((3, 1, 1, 2))
    images[1, 0, 0, 0], images[2] = 4.0, [[[-2.0, 3.0]]]  # A in the origin of the pixels
    plane = plane_through(images)
    assert plane.window("triangle").tolist() == [[0, 0], [4, 0], [-2, 3]]
    assert plane.window("box").tolist() == [[-2, 0], [4, 0], [4, 3], [-2, 3]]
    assert plane.window("square", 0.5).tolist() == [[-2, -2], [2, -2], [2, 2], [-2, 2]]
    np.testing.assert_allclose(plane.window("triangle", 0.5).mean(axis=0), plane.corners.mean(axis=0))


@pytest.mark.parametrize(
    ("third", "why"),
    [
        ([1.0, 2.0], "two of the three images are equal"),
        ([2.0, 4.0 + 1e-12], "the three images lie on a line"),
    ],
)
def test_images_that_make_no_plane_are_refused(third: list[float], why: str) -> None:
    with pytest.raises(ValueError, match=f"{why}, so there is no plane: take others"):
        plane_through(np.reshape([[0.0, 0.0], [1.0, 2.0], third], (3, 1, 1, 2)))


def test_windows_have_names() -> None:
    plane = plane_through(np.reshape([[0.0, 0.0], [1.0, 2.0], [0.0, 1.0]], (3, 1, 1, 2)))
    with pytest.raises(ValueError, match="a window is triangle, box, square; got 'circle'"):
        plane.window("circle")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="the three images are finite; got NaN"):
        plane_through(np.full((3, 1, 1, 2), np.nan))
    with pytest.raises(ValueError, match="at least 2 points along each axis, got 1"):
        Grid.over(plane.window("box"), 1)


def test_planes_are_named_by_numbers_of_images() -> None:
    samples, plane = plane_of(ImageSource(), "3-17-1500")  # the last is a test image
    assert samples == (3, 17, 1500)
    assert plane.origin.shape == (1, 8, 8)
    with pytest.raises(ValueError, match="there is no image 1797; digits has 1797, numbered from 0"):
        plane_of(ImageSource(), "0-1-1797")
    with pytest.raises(ValueError, match="shape \\(2, 1, 1, 2\\)"):
        plane_through(np.ones((2, 1, 1, 2)))
