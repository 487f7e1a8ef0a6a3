"""Networks in planes: through a store, by the task alone, and what is refused before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from relusweep.cluster import Address
from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.planning.plan import make_plan
from relusweep.pipeline.sweeps.blocks import Block
from relusweep.pipeline.sweeps.images.sections import Sections
from relusweep.pipeline.sweeps.images.specification import ImageSpecification
from relusweep.pipeline.sweeps.images.summary import Summary
from relusweep.tasks.images.parameters import row_of
from relusweep.tasks.images.training import trained_parameters
from relusweep.tasks.sections.block import SectionBlock, section
from relusweep.tasks.sections.exact import cut_plane
from relusweep.tasks.sections.planes import plane_of
from relusweep.tasks.sections.settings import SectionCode
from tests.pipeline.sweeps.images.pictures import stored, sweep_of, trained_network, write_images
from tests.tasks.array_reader import ArrayReader


def arrays_of(label: str, parameters: NDArray[np.float32] | None = None, **fields: Any) -> dict[str, Any]:
    """Compute a block of an untrained network of digits, or of one of these parameters."""
    stage = Sections(ImageSpecification(name="images", networks=(label,), section_grid=9, **fields))
    networks = stage.spec.image_networks
    weights = trained_parameters(networks.build(label)).values()
    row = row_of((p.detach().numpy() for p in weights), stage.spec.most_parameters)
    rows = (("network", "parameter"), (row if parameters is None else parameters)[None])
    reader = ArrayReader({"training": {"parameters": rows}}, {"network": (label,)})
    task, block = stage.task(Block("", 0, (("network", (label,)), ("plane", ("nearest",)))), "")
    assert isinstance(block, SectionBlock)
    computed = section(SectionBlock(block.networks, label, block.plane, block.settings, reader)).arrays
    assert task is section
    assert computed.keys() == stage.variables.keys()
    return {
        name: array[0, 0] if stage.variables[name].dims[0] == "network" else array[0]
        for name, array in computed.items()
    }


def test_they_are_stored_for_every_network_and_plane(workers: Address, tmp_path: Path) -> None:
    images, settings = write_images(tmp_path / "toy"), {"epochs": 1, "section_grid": 9, "section_limit": 60}
    planes = "nearest", "0-3-22"
    stage = Sections(sweep_of(images, "dense-sgd-0", "linear-sgd-0", planes=planes, **settings).spec)
    run(stage, str(tmp_path / "store"), workers)
    found = stored(tmp_path / "store", stage)
    assert dict(found["n_regions"].sizes) == {"network": 2, "plane": 2}
    assert found["sample"].sel(plane="0-3-22").values.tolist() == [0, 3, 22]
    for label in found["network"].values:
        network = trained_network(stage, label, tmp_path / "store")
        for name in found["plane"].values:
            one = found.sel(network=label, plane=name)
            _, plane = plane_of(stage.spec.image_networks.source, name)
            expected = cut_plane(network.eval(), plane, plane.window("triangle", float(one["scale"])), 60)
            assert one["n_regions"] == expected.n_regions
            n = len(expected.corners)
            np.testing.assert_array_equal(one["x"][:n], expected.corners[:, 0])
            np.testing.assert_array_equal(one["region"][:n], np.repeat(expected.region, expected.sizes))
            np.testing.assert_array_equal(one["largest"][:n], np.repeat(expected.label, expected.sizes))
            assert (one["region"][n:] == -1).all()
            assert one["code"] == (SectionCode.WHOLE if one["scale"] == 1 else SectionCode.REDUCED)
            images_of_plane = found["image"].sel(plane=name).values.reshape(3, 1, 4, 4)
            np.testing.assert_allclose(plane.images(plane.corners), images_of_plane)
    assert (found["n_regions"].sel(network="dense-sgd-0") > 1).all()
    assert (found["n_regions"].sel(network="linear-sgd-0") == 1).all()


def test_a_part_of_the_window_stays_within_the_limit() -> None:
    found = arrays_of("simple-sgd-0", section_limit=20, section_window="square")
    assert found["code"] == SectionCode.REDUCED
    n_polygons = len(set(zip(found["region"].tolist(), found["largest"].tolist(), strict=True))) - 1
    assert n_polygons <= 20
    assert (found["pieces"] == -1).all()  # more than the limit
    assert found["by_maps"] <= found["by_patterns"]
    assert 0 <= found["missed"] < found["n_regions"]
    assert found["area"][0] <= found["area"][3] <= found["area"][-1] <= 1


def test_with_a_limit_that_no_part_meets_it_ends_with_what_it_has() -> None:
    """A lies on kinks at any scale: its background is constant."""
    found = arrays_of("simple-sgd-0", section_limit=1, section_window="square")
    assert found["code"] == SectionCode.LIMIT
    assert found["n_regions"] == 2
    assert found["scale"] < 1e-8


def test_linear_and_diverged_networks_and_the_grid_alone() -> None:
    linear = arrays_of("linear-sgd-0")
    assert [int(linear[name]) for name in ("code", "n_regions", "by_patterns", "by_maps", "missed")] == [
        0,
        1,
        1,
        1,
        0,
    ]
    assert linear["pieces"].tolist() == [1, 1, 1]
    alone = arrays_of("dense-sgd-0", section_method="grid")
    assert (alone["code"], alone["n_regions"]) == (SectionCode.GRID, -1)
    assert alone["by_patterns"] >= 1
    lost = arrays_of("linear-sgd-0", np.full(65 * 10 * 48, np.inf, np.float32))
    assert lost["code"] == SectionCode.NOT_FINITE
    assert (lost["n_regions"], lost["by_patterns"]) == (-1, -1)
    assert np.isfinite(lost["image"]).all()


def test_what_has_no_plane_or_no_pieces_is_refused(tmp_path: Path) -> None:
    images = write_images(tmp_path / "toy")

    def plan(*networks: str, **fields: Any) -> None:
        make_plan(Sections(sweep_of(images, *networks, **fields).spec), None)

    with pytest.raises(InvalidSweep, match="planes = 3-3-7: two of the three images are equal"):
        plan("dense-sgd-0", planes=("nearest", "3-3-7"))
    with pytest.raises(
        InvalidSweep, match="planes = 1-2-29: there is no image 29; toy has 29, numbered from 0"
    ):
        plan("dense-sgd-0", planes=("1-2-29",))
    tiny = {"pretrained": {"tiny": {"factory": "tests.pipeline.sweeps.images.pictures:tiny"}}}
    with pytest.raises(InvalidSweep, match=r"tiny may not be piecewise linear.*section_method=grid"):
        plan("tiny-sgd-0", "dense-sgd-0", **tiny)
    plan("tiny-sgd-0", section_method="grid", **tiny)
    with pytest.raises(ValueError, match="planes"):
        ImageSpecification(name="images", planes=("1-2",))


def test_they_change_no_other_stage() -> None:
    asked = ImageSpecification(name="images")
    other = asked.model_copy(update={"planes": ("0-1-2",), "section_limit": 7})
    assert Summary(asked).fingerprint == Summary(other).fingerprint
    assert Sections(asked).fingerprint != Sections(other).fingerprint
    assert (
        Sections(asked).fingerprint == Sections(asked.model_copy(update={"planes": ("0-1-2",)})).fingerprint
    )
