"""Images for sweeps of the tests, and modules that those sweeps find by import path."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from torch import Tensor, nn
from torch.nn.functional import dropout

from relusweep.pipeline.sweeps.images.jacobians import Jacobians
from relusweep.pipeline.sweeps.images.specification import ImageSpecification
from relusweep.pipeline.sweeps.images.stage import ImageStage
from relusweep.storage import open_dataset

N_TRAIN, N_TEST = 21, 8


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_images(folder: Path, n_test: int = N_TEST) -> Path:
    """Write grey images of 4 × 4 pixels, as bright as their class of three."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    for part, n in (("train", N_TRAIN), ("t10k", n_test)):
        labels = (np.arange(n) % 3).astype(np.uint8)
        pixels = rng.integers(90, size=(n, 4, 4)) + 70 * labels[:, None, None]
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(pixels.astype(np.uint8)))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx(labels))
    return folder


def sweep_of(folder: Path, *networks: str, **fields: Any) -> Jacobians:
    """Give a small sweep over these images."""
    given = {"epochs": 2, "batch": 8, "networks": networks or ("linear-sgd-0",), **fields}
    return Jacobians(ImageSpecification(name="images", dataset="toy", path=str(folder), **given))


def trained_network(sweep: ImageStage, label: str, store: Path | str) -> nn.Module:
    return sweep.spec.image_networks.trained(label, sweep.reader(str(store)))


def stored(store: Path | str, sweep: Any) -> xr.Dataset:
    return open_dataset(store, sweep.group, mask_and_scale=False).load()


class Tiny(nn.Module):
    """What stands for a network that others have trained; each pass may leave a line in a folder."""

    def __init__(self, log: str | None = None) -> None:
        super().__init__()
        self.log = log
        self.convolution = nn.Conv2d(3, 4, 3, stride=4)
        self.head = nn.Linear(4, 1000)

    def forward(self, images: Tensor) -> Tensor:
        if self.log is not None:
            with Path(self.log, str(os.getpid())).open("a", encoding="ascii") as file:
                file.write(f"{len(images)}\n")
        return self.head(self.convolution(images).relu().mean((2, 3)))


def tiny() -> Tiny:
    return Tiny()


def watched(weights: str | None = None) -> Tiny:
    """`weights` names a folder."""
    if weights is not None and not Path(weights).is_dir():
        raise ValueError(f"no weights\n{weights}")
    return Tiny(weights)


class Pair(Tiny):
    """Gives its features too, as many published modules do."""

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return super().forward(images), images


class Mixing(Tiny):
    """Scales by what is in the batch, also in evaluation mode."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3, track_running_stats=False)

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(self.norm(images))


class Noisy(Tiny):
    """Never told the mode that its dropout is in."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(dropout(images))


class Early(Tiny):
    """Its last linear layer is not the last that is computed."""

    def __init__(self) -> None:
        super().__init__()
        self.aside = nn.Linear(7, 7)


def text() -> str:
    return "no module"


def lite0() -> nn.Module:
    from efficientnet_lite_pytorch import EfficientNet

    return EfficientNet.from_name("efficientnet-lite0")
