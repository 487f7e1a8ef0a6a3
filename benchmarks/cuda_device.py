"""What the engine `cuda` gives, and how fast, on a machine with one GPU and no network.

    python benchmarks/cuda_device.py [--device cuda] [--seconds 3] [--few] [--out cuda_device.md]

Bits of all kinds of networks, rates beside stacked torch and JAX on the same device, whole sweeps. It needs
relusweep[cuda], pytest and, for the others, jax[cuda13] and a torch for CUDA: bring the wheels along
(docs/gpu.md). Made to take less than five minutes, it writes a table, section by section; a section that
fails says why, and the others are there. With ``--device opencl`` the same text is compiled for the
processor, and what needs a GPU is left out: rates mean nothing then.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import TypeVar

CORES = os.sched_getaffinity(0)
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # JAX takes three quarters of the memory else
T = TypeVar("T")
ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import numpy as np
import training as cases

os.sched_setaffinity(0, CORES)  # `training` measures on one core

from relusweep.tasks.streams import Stream
from relusweep.tasks.training import train
from relusweep.tasks.training.device import training as device_training
from relusweep.tasks.training.device.cuda import device
from relusweep.tasks.training.device.opencl import OpenCl
from tests.tasks.blocks import digest
from tests.tasks.training.examples import GENERAL, balls, boolean, equal_bits, general
from tests.tasks.training.test_bits import BATCHES, FROZEN, UNIT_BATCHES

NETWORKS = {"2, 2": 2**20, "5, 3": 2**19, "10, 5": 2**17, "ten-bit": 2**14, "ball": 2**12}
EPOCHS = {"2, 2": 1000, "5, 3": 200, "10, 5": 100, "ten-bit": 5, "ball": 2}
STACKED = {"2, 2": 2**16, "5, 3": 2**15, "10, 5": 2**14, "ten-bit": 2**10, "ball": 2**9}


def bits() -> Iterator[tuple[str, Callable[[], bool]]]:
    """Give of each case what tells whether it has the frozen bits, or those of the lanes."""
    for setting in FROZEN:
        yield f"frozen: {setting}", partial(_as_frozen, setting)
    for name in GENERAL:
        yield name, partial(_as_lanes, **general(name, n_networks=300, epochs=30))
    for width, depth in ((2, 2), (5, 3), (8, 4), (10, 5), (20, 2), (33, 1)):
        protocol, x, y, initial = boolean(4, width, depth, 300, epochs=200)
        of = {"protocol": protocol, "inputs": x, "targets": y, "initial": initial}
        yield f"parity, width {width}, depth {depth}", partial(_as_lanes, **of)


def _as_frozen(setting: str) -> bool:
    found = train(**balls(30, **(BATCHES | UNIT_BATCHES)[setting]), engine="cuda", keep_parameters=True)
    return digest(array for array in found if array is not None) == FROZEN[setting]


def _as_lanes(**arguments: object) -> bool:
    options = {"keep_parameters": True, "snapshots": (0, 3)}
    found, expected = (train(**arguments, engine=engine, **options) for engine in ("cuda", "lanes"))
    return equal_bits(found, expected)


def rates(text: str, seconds: float, small: bool) -> dict[str, float | str]:
    """Network-epochs a second of a case, of the engine and of others on the same device."""
    case = cases.case(text)
    found: dict[str, float | str] = {"case": case.name}
    contenders = {"cuda": partial(_engine, case, small)}
    if not small:
        contenders |= {"stacked torch": partial(_torch, case), "JAX": partial(_jax, case)}
    for name, make in contenders.items():
        found[name] = attempted(partial(_rate, make, seconds))
    return found


def _rate(make: Callable[[], Callable[[], int]], seconds: float) -> float:
    run = make()
    run()
    return cases.rate(run, seconds)


def attempted(part: Callable[[], T]) -> T | str:
    """Give what a part gives or, so that the others are measured whatever it does, why it failed."""
    try:
        return part()
    except Exception as error:  # of JAX, PyTorch, the driver: the table says it
        return f"failed: {type(error).__name__} {error}".splitlines()[0].replace("|", "/")[:300]


def _engine(case: cases.Case, small: bool) -> Callable[[], int]:
    n = 64 if small else NETWORKS[case.name]
    protocol = case.protocol(min(EPOCHS[case.name], 5) if small else EPOCHS[case.name])
    protocol = protocol.model_copy(update={"stop": "last_epoch"})
    x, y = case.rows(n)
    of = {"initial": case.initial_parameters(n), "orders": Stream(("benchmark orders",)).keys(range(n))}
    return lambda: int(train(protocol, x, y, **of, engine="cuda").epochs.sum(dtype=np.int64))


def _torch(case: cases.Case) -> Callable[[], int]:
    import torch

    run = cases.stacked_torch(case, STACKED[case.name], "cuda")

    def until_done() -> int:
        count = run()
        torch.cuda.synchronize()
        return count

    return until_done


def _jax(case: cases.Case) -> Callable[[], int]:
    import jax

    if jax.default_backend() != "gpu":
        raise RuntimeError(f"JAX runs on {jax.default_backend()}")
    return cases.jax_scan(case, STACKED[case.name])


def sweep(name: str, settings: list[str], folder: Path, engine: str) -> tuple[float, Path]:
    """Give the seconds of a run from start to end, and its store."""
    store, start = folder / f"{name}-{engine}", perf_counter()
    command = [sys.executable, "-m", "relusweep", "run", name, "--engine", engine, "--store", str(store)]
    command += [word for setting in settings for word in ("--set", setting)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=240)
    return perf_counter() - start, store


def same(group: str, one: Path, other: Path) -> bool:
    """Tell whether two stores have the same bits in all variables of a group."""
    import xarray as xr

    stored = [xr.open_dataset(str(at), engine="relusweep", group=group).load() for at in (one, other)]
    return all(stored[0][name].values.tobytes() == stored[1][name].values.tobytes() for name in stored[0])


def _equal(group: str, runs: Mapping[str, tuple[float, Path] | str]) -> str:
    stores = [run[1] for run in runs.values() if not isinstance(run, str)]
    if len(stores) < 2:
        return "not compared"
    found = attempted(partial(same, group, *stores))
    return found if isinstance(found, str) else "equal" if found else "NOT EQUAL"


def sections(arguments: argparse.Namespace) -> Iterator[str]:
    """Write the table, section by section."""
    small = arguments.device == "opencl"
    yield f"# The engine cuda on {'the processor, by OpenCL' if small else device().name}\n"
    found = {name: attempted(equal) for name, equal in islice(bits(), 1 if arguments.few else None)}
    wrong = {name: equal for name, equal in found.items() if equal is not True}
    but = "".join(f"; not {name}{f' ({why})' if why else ''}" for name, why in wrong.items())
    yield f"Bits: {len(found) - len(wrong)} of {len(found)} cases are equal{but}.\n"
    yield "| case | cuda | stacked torch | JAX |\n| --- | ---: | ---: | ---: |"
    for text in ("2,2",) if arguments.few else ("2,2", "5,3", "10,5", "ten-bit", "ball"):
        of = rates(text, 0.0 if small else arguments.seconds, small)
        cells = [of.get(name, "not run") for name in ("cuda", "stacked torch", "JAX")]
        shown = [cell if isinstance(cell, str) else f"{cell:.3g}" for cell in cells]
        yield f"| {of['case']} | {' | '.join(shown)} |"
    if small:
        yield "\nWhole sweeps: not run, they need a GPU."
        return
    folder = Path(tempfile.mkdtemp(prefix="cuda-device-"))
    try:
        for name, group, settings in (
            ("npn4", "boolean/npn4", ["trials=100"]),
            ("hypersphere", "hypersphere/hypersphere", ["n_inputs=2,4", "trials=100"]),
        ):
            runs: dict[str, tuple[float, Path] | str] = {}
            for engine in ("cuda", "lanes"):
                runs[engine] = attempted(partial(sweep, name, settings, folder, engine))
                told = run if isinstance(run := runs[engine], str) else f"{run[0]:.1f} s"
                yield f"\n{name} by {engine}, on a machine of {len(CORES)} cores: {told}"
            yield f"\n{name}: bits {_equal(group, runs)}"
    finally:
        shutil.rmtree(folder)


def main() -> None:
    """Print the table, and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--device", choices=["cuda", "opencl"], default="cuda")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--few", action="store_true", help="one case of bits and of rates")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if arguments.device == "opencl":
        device_training.device = OpenCl
    lines = []
    for line in sections(arguments):
        print(line, flush=True)
        lines.append(line)
        if arguments.out:  # whatever becomes of the next section
            arguments.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
