"""What the page of a sweep over networks of images says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from relusweep.pipeline.common.wording import counted, plural
from relusweep.pipeline.report.content import Block, Content, Folded, KeyFigure, Section
from relusweep.pipeline.report.images import image_grids, line_plots, pruning, section_pictures
from relusweep.pipeline.report.images.findings import findings
from relusweep.pipeline.report.images.heat_maps import heat_map
from relusweep.pipeline.report.images.matrices import matrices
from relusweep.pipeline.report.images.sections import section_findings, section_tables
from relusweep.pipeline.report.images.stages import OPTIMIZERS, Stages, read
from relusweep.pipeline.report.images.tables import (
    accuracy_table,
    cka_table,
    compression_tables,
    inertia_table,
    matrix_table,
    sensitivity_table,
)
from relusweep.pipeline.report.text import accuracy, enumeration, points

__all__ = ["content"]

_ALIKE = (
    "Four measures of every pair of networks. The first three compare linear coefficients: at an image x a "
    "network is J x + y, and row j of J with y_j are the coefficients of output j. The last compares outputs."
)
_PLANES = (
    "Every network in planes through three images A, B and C. On each region the network is one affine map. "
    "Regions are found exactly. Beside them are counts by two methods that look at the points of a grid, and "
    "take neighbours for one region if their activation patterns, or their linear maps, are equal."
)
_NO_SHAPE = "Not shown as images: the height and width of the inputs are not known."
_NOT_RUN = "This has not run."


def content(tree: xr.DataTree) -> Content:
    """Give what the page of a sweep over networks of images says.

    Parameters
    ----------
    tree : xarray.DataTree
        Such as ``images/mnist``, with a group for each stage. What has not run, it says.

    Raises
    ------
    ValueError
        There is no stage in it.
    """
    stages = read(tree)
    sections = _sections(stages) if stages.groups else []
    return Content(
        subject=f"networks of {stages.data_set} images",
        heading="How alike are the linear maps of different networks?"
        if "jacobians" in stages.asked
        else "What is left of networks when they are pruned?",
        lead=_lead(stages),
        borrowed="Networks, linear coefficients, measures and ways of pruning"
        if "pruning" in stages.asked
        else "Networks, linear coefficients and measures",
        chapter="section 3.4.5 and chapters 5 to 7" if "pruning" in stages.asked else "chapters 5 to 7",
        key_figures=_key_figures(stages) if stages.groups else [],
        not_run=stages.missing,
        smaller=stages.smaller if stages.groups else [],
        sections=sections,
        questions=_questions(stages),
    )


def _lead(stages: Stages) -> str:
    """Say in a sentence or two what was trained on what."""
    if not stages.groups:
        return f"Nothing has run yet of networks of {stages.data_set} images."
    known, networks = stages.specification, stages.networks
    names = list(dict.fromkeys(map(str, networks["architecture"].values)))
    n = networks.sizes["network"]
    images = ""
    if "jacobians" in stages:
        parts = pd.Series(stages["jacobians"]["part"].values).value_counts()
        images = f" on {parts.get('train', 0):,} images, and tested on {parts.get('test', 0):,} others"
    epochs, used = known.get("epochs", 0), networks["optimizer"].values
    optimizers = " or ".join(words for name, words in OPTIMIZERS.items() if name in used)
    return (
        f"{n} {plural('network', n)} ({enumeration(names)}) of {stages.data_set} images, trained with "
        f"{optimizers} for {epochs} {plural('epoch', epochs)}{images}. {' '.join(_what(stages))}"
    )


def _what(stages: Stages) -> Iterator[str]:
    if "jacobians" in stages.asked:
        yield "For each network, the linear map at every image."
    if "pruning" in stages.asked:
        yield (
            "Each is pruned in two ways, with an epoch of training after every step: the channel whose "
            "removal costs the least loss is removed, or the smallest weights are."
        )


def _key_figures(stages: Stages) -> list[KeyFigure]:
    """Give how good the networks are, how few maps they need, and how alike they are."""
    tests = stages.accuracy["test"].dropna()
    figures = [KeyFigure("Networks", f"{stages.networks.sizes['network']}", "in these data")]
    if len(tests):
        note = f"test images right, {tests.idxmax()}"
        figures.append(KeyFigure("Best network", f"{accuracy(tests.max())} %", note))
    if "compression" in stages:
        drop = stages["compression"]["drop"].isel(clusters=-1)
        known = drop.to_series().dropna()
        k = int(drop["clusters"])
        if len(known):
            note = f"points of accuracy, in the median over networks, with {k} centres for each output"
            figures.append(KeyFigure("Lost by compression", points(known.median()), note))
    if "cka" in stages:
        mean = float(stages.cka.mean())
        linear = ", without linear ones" if "linear" in stages.networks["architecture"] else ""
        if not np.isnan(mean):
            figures.append(KeyFigure("CKA", f"{mean:.2f}", f"mean over pairs of different networks{linear}"))
    if "pruning" in stages:
        figures += pruning.key_figures(stages)
    return figures


def _sections(stages: Stages) -> list[Section]:
    said = findings(stages)
    sections = [
        *([Section("In short", said)] if said else []),
        Section("Training and accuracy", _on_training(stages)),
    ]
    if "jacobians" in stages.asked:
        sections += [
            Section("Compression by k-means", _on_compression(stages)),
            Section("How alike the networks are", _on_pairs(stages)),
            Section("Coefficients as images", _on_coefficients(stages)),
            Section("Sensitivity", _on_sensitivity(stages)),
        ]
    if "sections" in stages:
        sections.append(Section("Cross-sections", _on_sections(stages)))
    if "pruning" in stages.asked:
        sections.append(Section("Pruning", pruning.blocks(stages) if "pruning" in stages else [_NOT_RUN]))
    return sections


def _on_training(stages: Stages) -> list[Block]:
    curves = [line_plots.training(stages)] if "training" in stages else []
    return [accuracy_table(stages), *curves]


def _on_compression(stages: Stages) -> Sequence[Block]:
    if "compression" not in stages:
        return [_NOT_RUN]
    return [
        *compression_tables(stages),
        line_plots.drops(stages),
        Folded("What the centres leave of the spread of the coefficients", [inertia_table(stages)]),
    ]


def _on_pairs(stages: Stages) -> Sequence[Block]:
    blocks: list[Block] = []
    for matrix in matrices(stages):
        blocks.append(heat_map(matrix))
        if matrix.name == "affine":
            title = "Drop from the accuracy of the network of the column, in points"
            table = matrix_table(stages["affine"]["drop"], title, points)
            blocks.append(Folded("Drops from the accuracy of the network mapped to", [table]))
        if matrix.name == "cka":
            blocks += [
                _form(stages),
                Folded("All pairs, with intervals where there are any", [cka_table(stages)]),
            ]
    return [_ALIKE, *blocks] if blocks else [_NOT_RUN]


def _form(stages: Stages) -> str:
    """Say how CKA was computed; what it cost either way, the sums say."""
    form = stages["cka"]["cka_form"]
    names = str(form.attrs["flag_meanings"]).split()
    flags = zip(np.ravel(form.attrs["flag_values"]), names, strict=True)
    counts = {name: int((form == flag).sum()) for flag, name in flags}
    used = [f"{counted(count, 'pair')} over {name}" for name, count in counts.items() if count]
    said = stages["sums"].attrs.get("cka_form") if "sums" in stages else None
    return f"CKA was summed for {enumeration(used)}." + (f" In all: {said}." if said else "")


def _on_coefficients(stages: Stages) -> Sequence[Block]:
    shape, blocks = stages.image_shape, []
    if shape is None:
        return [_NO_SHAPE]
    if "sensitivity" in stages:
        blocks.append(image_grids.means(stages, shape))
    if "jacobians" in stages and (picture := image_grids.samples(stages, shape)):
        blocks.append(picture)
    return blocks or [_NOT_RUN]


def _on_sensitivity(stages: Stages) -> Sequence[Block]:
    if "sensitivity" not in stages:
        return [_NOT_RUN]
    shape, outputs = stages.image_shape, "jacobians" in stages
    return [
        sensitivity_table(stages, image_grids.straightness(stages) if outputs else None),
        line_plots.singular_values(stages),
        image_grids.directions(stages, shape) if shape else _NO_SHAPE,
        *([image_grids.along(stages)] if outputs else []),
    ]


def _on_sections(stages: Stages) -> Sequence[Block]:
    return [
        _PLANES,
        section_pictures.three_images(stages),
        *section_pictures.planes(stages),
        *section_findings(stages),
        *section_tables(stages),
    ]


def _questions(stages: Stages) -> list[str]:
    """Give lines that ask something of what has run."""
    asked = {
        "training": 'results["training"]["test_accuracy"].isel(epoch=-1).to_series()',
        "jacobians": 'results["jacobians"]["outputs"].sel(network="{label}")',
        "compression": 'results["compression"]["drop"].to_pandas()   # by network and number of centres',
        "cka": 'results["cka"]["cka"].to_pandas()   # from, to',
        "pruning": 'results["pruning"][["test_accuracy", "weights"]].sel(network="{label}").to_dataframe()',
        "sections": 'results["sections"]["n_regions"].to_pandas()   # by network and plane',
    }
    label = str(stages.networks["network"].values[0]) if stages.groups else ""
    return [line.replace("{label}", label) for stage, line in asked.items() if stage in stages]
