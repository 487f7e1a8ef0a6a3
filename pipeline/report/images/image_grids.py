"""Many small images in rows and columns: a row for each network, a column for each output."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize, to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from relusweep.pipeline.report.drawing import turn_long_labels
from relusweep.pipeline.report.images.stages import Stages
from relusweep.pipeline.report.text import accuracy, significant
from relusweep.pipeline.report.theme import Picture, Theme, figure

__all__ = ["along", "directions", "means", "samples", "straightness"]

_SIDE = 0.72  # inches of a tile
_BINS = 32
# Red and blue are told apart by every common kind of colour vision; zero is white in both themes.
_DIVERGING: Colormap = mpl.colormaps["RdBu_r"]
Shape = tuple[int, int, int]

_OVER_CHANNELS = " Channels are summed: what a change of the pixel's brightness does."
_RED = "Red: the output grows with the pixel; blue: it shrinks."


def means(stages: Stages, shape: Shape) -> Picture:
    """Make the picture of the mean coefficients of every output of every network."""
    group = stages["sensitivity"]
    values = group["mean"].isel(coefficient=slice(-1)).transpose("network", "output", "coefficient").values
    return _signed(
        "coefficients",
        "Mean coefficients of each output",
        "Mean of the coefficients over the training images, as images: a row for each network, a column for "
        f"each output. {_RED} The offset is left out.",
        values,
        _names(group),
        _classes(group),
        shape,
    )


def directions(stages: Stages, shape: Shape) -> Picture:
    """Make the picture of the first direction of every output of every network."""
    group = stages["sensitivity"]
    values = group["direction"].isel(component=0).transpose("network", "output", "input").values
    return _signed(
        "directions",
        "First direction of each output",
        "The direction of the image in which each output changes most, a unit vector, as an image. Its sign "
        "is arbitrary: here the entry of largest size is positive.",
        values,
        _names(group),
        _classes(group),
        shape,
    )


def samples(stages: Stages, shape: Shape) -> Picture | None:
    """Make the picture of coefficients at the first test image of each class; None where rows are not stored.

    Of the coefficients only these rows are read.
    """
    group = stages["jacobians"]
    if "coefficients" not in group:
        return None
    classes = stages.test_classes
    chosen = [
        (output, int(classes["sample"][np.flatnonzero(classes.values == output)[0]]))
        for output in range(group.sizes["output"])
        if (classes.values == output).any()
    ]
    outputs, images = (xr.DataArray(list(part), dims="tile") for part in zip(*chosen, strict=True))
    rows = group["coefficients"].isel(coefficient=slice(-1))
    names = _names(group)
    values = np.empty((len(names), len(chosen), rows.sizes["coefficient"]))
    for place, (output, image) in enumerate(chosen):
        values[:, place] = (
            rows.isel(output=output).sel(sample=image).transpose("network", "coefficient").values
        )
    numbers = ", ".join(str(image) for image in images.values)
    return _signed(
        "samples",
        "Coefficients at a test image of each class",
        "Coefficients of the output of its own class at the first test image of each class "
        f"(samples {numbers}). {_RED} The offset is left out.",
        values,
        names,
        [_classes(group)[output] for output in outputs.values],
        shape,
    )


def _signed(
    name: str,
    what: str,
    caption: str,
    values: NDArray[Any],
    networks: Sequence[str],
    columns: Sequence[str],
    shape: Shape,
) -> Picture:
    """Make a picture of numbers around zero, of shape (n_networks, n_columns, channels × height × width)."""
    images = values.astype(float).reshape(*values.shape[:2], *shape).sum(2)
    largest = np.nanmax(np.abs(images), axis=(1, 2, 3), initial=0)
    of = [significant(float(size)) for size in largest]
    return Picture(
        name=name,
        alt=f"{what} as images, for {len(networks)} networks. Largest sizes: "
        + ", ".join(f"{network} {size}" for network, size in zip(networks, of, strict=True))
        + ".",
        caption=caption
        + (_OVER_CHANNELS if shape[0] > 1 else "")
        + " Each network has a scale of its own, the same for all its images, given beside its name.",
        draw=partial(
            _draw_signed,
            images / np.where(largest > 0, largest, 1)[:, None, None, None],
            [f"{network}\n±{size}" for network, size in zip(networks, of, strict=True)],
            columns,
        ),
    )


def _draw_signed(
    images: NDArray[Any], networks: Sequence[str], columns: Sequence[str], theme: Theme
) -> Figure:
    norm = Normalize(-1, 1)
    drawing = _draw_tiles(_DIVERGING(norm(np.nan_to_num(images))), networks, columns, theme)
    bar = drawing.colorbar(
        ScalarMappable(norm, _DIVERGING), ax=drawing.axes[0], aspect=20, fraction=0.03, pad=0.02, shrink=0.5
    )
    bar.set_ticks([-1, 0, 1], labels=["\N{MINUS SIGN}largest", "0", "largest"])
    bar.outline.set_visible(False)
    return drawing


def along(stages: Stages) -> Picture:
    """Make the picture of every output against the place of test images along its first direction."""
    group = stages["sensitivity"]
    x, y = _along_and_outputs(stages)
    straight = straightness(stages).mean("output").to_series().dropna()
    lines = (
        " In the mean over the outputs of a network, a straight line explains "
        f"{accuracy(straight.min())} to {accuracy(straight.max())} % of the variance."
        if len(straight)
        else ""
    )
    networks = [str(label) for label in x["network"].values]
    return Picture(
        name="along",
        alt=f"Outputs of the networks along their first directions.{lines}",
        caption="Outputs for the test images (upwards) against the place of the image along the output's "
        "first direction (to the right). Darker: more images, logarithmic; each panel spans "
        "its own images. A thin curve means that the output depends on little else than this direction; its "
        f"sign is arbitrary.{lines}",
        draw=partial(_draw_densities, x.values, y.values, networks, _classes(group)),
    )


def straightness(stages: Stages) -> xr.DataArray:
    """Give the share of each output's variance that a line along its first direction explains.

    Over (network, output); NaN where an output does not vary.
    """
    x, y = _along_and_outputs(stages)
    correlation: xr.DataArray = xr.corr(x, y, "test_sample")
    return correlation**2


def _along_and_outputs(stages: Stages) -> tuple[xr.DataArray, xr.DataArray]:
    """Give places and outputs of the test images, float64 over (network, output, test_sample)."""
    x = stages["sensitivity"]["along"].load().astype(float)
    y = stages.test_outputs.drop_vars("sample").rename(sample="test_sample").astype(float)
    x, y = xr.align(x.drop_vars("test_sample"), y, join="inner")
    order = ("network", "output", "test_sample")
    return x.transpose(*order), y.transpose(*order)


def _draw_densities(
    x: NDArray[Any], y: NDArray[Any], networks: Sequence[str], columns: Sequence[str], theme: Theme
) -> Figure:
    colours = LinearSegmentedColormap.from_list("density", [theme.tint, theme.series[0], theme.ink])
    counts = np.array(
        [[_counts(*pair) for pair in zip(*rows, strict=True)] for rows in zip(x, y, strict=True)]
    )
    most = counts.max(axis=(2, 3), keepdims=True)
    shades = np.log1p(counts) / np.log1p(np.where(most > 0, most, 1))
    return _draw_tiles(colours(shades), networks, columns, theme)


def _counts(x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float64]:
    """Count the images in the cells of a grid, y upwards."""
    known = np.isfinite(x) & np.isfinite(y)
    if not known.any():
        return np.zeros((_BINS, _BINS))
    counts, _, _ = np.histogram2d(y[known], x[known], bins=_BINS)
    return np.asarray(counts[::-1])


def _draw_tiles(tiles: NDArray[Any], networks: Sequence[str], columns: Sequence[str], theme: Theme) -> Figure:
    """Draw tiles of shape (n_networks, n_columns, height, width, 4), as colours, on one axis."""
    n_rows, n_columns, height, width, _ = tiles.shape
    gap = max(1, round(width / 14))
    sheet = np.empty((n_rows * (height + gap) - gap, n_columns * (width + gap) - gap, 3))
    sheet[:] = to_rgb(theme.paper)
    for (row, column), _ in np.ndenumerate(np.empty((n_rows, n_columns))):
        top, left = row * (height + gap), column * (width + gap)
        sheet[top : top + height, left : left + width] = tiles[row, column, ..., :3]
    drawing = figure(n_columns * _SIDE + 2.6, n_rows * _SIDE * height / width + 0.6)
    drawing.set_layout_engine("compressed")  # knows that pixels stay squares
    axis = drawing.subplots()
    axis.imshow(sheet, interpolation="none")
    axis.set_xticks(np.arange(n_columns) * (width + gap) + (width - 1) / 2, labels=columns)
    turn_long_labels(axis, _SIDE)
    axis.set_yticks(np.arange(n_rows) * (height + gap) + (height - 1) / 2, labels=networks)
    axis.xaxis.tick_top()
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    return drawing


def _names(group: xr.Dataset) -> list[str]:
    return [str(label) for label in group["network"].values]


def _classes(group: xr.Dataset) -> list[str]:
    return [str(name) for name in group["class"].values]
