"""The GPU of this process, by CUDA's driver; what a text becomes is compiled by NVRTC.

Each host thread has a stream of its own: while one waits for its kernel, others draw, write or compute.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from relusweep.tasks.training.device.machine import (
    Argument,
    DeviceMemoryError,
    NoDeviceError,
    Scratch,
    Written,
)
from relusweep.tasks.training.device.source import MOST_SHARED

__all__ = ["OPTIONS", "Cuda", "device", "threads_of"]

OPTIONS = ("--fmad=false", "--prec-div=true", "--prec-sqrt=true", "--ftz=false", "--std=c++17", "-w")
_ROWS = 33 * 1024  # bytes of rows and targets beside the moments of a block, at most
_NEEDED = "the engine cuda needs an NVIDIA GPU, its driver, and relusweep[cuda]"


def threads_of(team: int) -> int:
    """Give the threads of a block, of which so many train a network: so few that each has the registers."""
    return 32 if team > 1 else 64


class _Kernel(NamedTuple):
    """A compiled kernel, and the dynamic memory of a block in bytes."""

    function: Any
    shared: int


class Cuda:
    """The first GPU that this process sees; until it is used, nothing of it is taken.

    Parameters
    ----------
    driver, nvrtc : module
        ``cuda.bindings.driver`` and ``cuda.bindings.nvrtc``.

    Raises
    ------
    NoDeviceError
        There is none, or its driver is older than the compiler.
    """

    def __init__(self, driver: Any, nvrtc: Any) -> None:
        self._cu, self._rtc = driver, nvrtc
        self._own, self._lock = threading.local(), threading.Lock()
        self._loaded: dict[str, dict[str, _Kernel]] = {}
        self._locks: dict[str, threading.Lock] = {}
        try:
            self._call("cuInit", 0)
            self._device = self._call("cuDeviceGet", 0)
        except RuntimeError as error:
            raise NoDeviceError(f"{_NEEDED}; CUDA finds no GPU: {str(error).rstrip('.')}") from None
        self._check_versions()

    @cached_property
    def _context(self) -> Any:
        """What kernels run in, and the memory that this process has taken once and keeps."""
        context = self._call("cuDevicePrimaryCtxRetain", self._device)
        self._call("cuCtxSetCurrent", context)
        keep = self._cu.CUmemPool_attribute.CU_MEMPOOL_ATTR_RELEASE_THRESHOLD
        self._call("cuMemPoolSetAttribute", self._pool, keep, self._cu.cuuint64_t(2**64 - 1))
        return context

    @cached_property
    def _pool(self) -> Any:
        return self._call("cuDeviceGetDefaultMemPool", self._device)

    @property
    def name(self) -> str:
        """What the GPU is called."""
        return str(self._call("cuDeviceGetName", 100, self._device).decode().strip("\0 "))

    @property
    def shared(self) -> int:
        """Bytes that the moments of a block may fill of its memory, with room for its rows and targets."""
        most = self._attribute("CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN")
        return min(MOST_SHARED, most - _ROWS)

    def threads(self, team: int) -> int:
        """Give the threads of a block: as many as leave each the registers that it needs."""
        return threads_of(team)

    def free(self) -> int:
        """Give the bytes of memory that are free, with those that this process keeps for later."""
        self._enter()
        of_pool = self._cu.CUmemPool_attribute
        kept, used = (
            int(self._call("cuMemPoolGetAttribute", self._pool, attribute))
            for attribute in (
                of_pool.CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT,
                of_pool.CU_MEMPOOL_ATTR_USED_MEM_CURRENT,
            )
        )
        return int(self._call("cuMemGetInfo")[0]) + kept - used

    def places(self, program: str, kernel: str, threads: int) -> int:
        """Give how many threads of a kernel run at a time, in blocks of so many."""
        self._enter()
        of = self._kernel(program, kernel)
        counted = "cuOccupancyMaxActiveBlocksPerMultiprocessor"
        processors = self._attribute("CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT")
        blocks = int(self._call(counted, of.function, threads, of.shared))
        return max(1, blocks) * processors * threads

    def run(
        self, program: str, kernel: str, places: int, threads: int, arguments: Sequence[Argument]
    ) -> None:
        """Run a kernel of a text with so many threads, in blocks; arrays get what it writes into them."""
        stream, compiled = self._enter(), self._kernel(program, kernel)
        shape = (places // threads, 1, 1, threads, 1, 1, compiled.shared)
        held: list[Any] = []
        try:
            given = [self._given(argument, stream, held) for argument in arguments]
            pointers = np.array([value.ctypes.data for value in given], np.uint64)
            self._call("cuLaunchKernel", compiled.function, *shape, stream, pointers.ctypes.data, 0)
            self._wait(stream)  # copies to pageable memory would wait too, and keep a processor busy
            for argument, value in zip(arguments, given, strict=True):
                if isinstance(argument, Written) and argument.array.nbytes:
                    array = argument.array
                    self._call("cuMemcpyDtoHAsync", array.ctypes.data, int(value[0]), array.nbytes, stream)
            self._wait(stream)
        except DeviceMemoryError:
            self._give_back(held, stream)
            self._wait(stream)
            self._call("cuMemPoolTrimTo", self._pool, 0)  # what is kept is lacking elsewhere
            raise
        finally:
            self._give_back(held, stream)

    def _give_back(self, held: list[Any], stream: Any) -> None:
        while held:
            self._call("cuMemFreeAsync", held.pop(), stream)

    def _given(self, argument: Argument, stream: Any, held: list[Any]) -> np.ndarray[Any, Any]:
        """Give a number, or where an array lies on the GPU, as the driver takes it: by its address."""
        if isinstance(argument, np.generic):
            return np.array([argument])
        array = argument.array if isinstance(argument, Written) else argument
        memory = self._call("cuMemAllocAsync", max(array.nbytes, 16), stream)
        held.append(memory)
        if not isinstance(array, Scratch) and array.nbytes:
            self._call("cuMemcpyHtoDAsync", memory, array.ctypes.data, array.nbytes, stream)
        return np.array([int(memory)], np.uint64)

    def _wait(self, stream: Any) -> None:
        """Wait for a stream without keeping a processor busy."""
        event = self._call("cuEventCreate", self._cu.CUevent_flags.CU_EVENT_BLOCKING_SYNC)
        try:
            self._call("cuEventRecord", event, stream)
            self._call("cuEventSynchronize", event)
        finally:
            self._call("cuEventDestroy", event)

    def _enter(self) -> Any:
        """Give the stream of this thread."""
        self._call("cuCtxSetCurrent", self._context)
        if not hasattr(self._own, "stream"):
            self._own.stream = self._call("cuStreamCreate", self._cu.CUstream_flags.CU_STREAM_NON_BLOCKING)
        return self._own.stream

    # Compiling

    def _kernel(self, program: str, kernel: str) -> _Kernel:
        with self._lock:
            alone = self._locks.setdefault(program, threading.Lock())
        with alone:  # while others compile other texts
            if program not in self._loaded:
                self._enter()
                self._loaded[program] = self._load(program)
            return self._loaded[program][kernel]

    def _load(self, program: str) -> dict[str, _Kernel]:
        module = self._call("cuModuleLoadData", self._compile(program))
        shared = np.zeros(1, np.int32)
        address, nbytes = self._call("cuModuleGetGlobal", module, b"shared_bytes")
        self._call("cuMemcpyDtoH", shared.ctypes.data, address, nbytes)
        found = {}
        for name, of_block in (("train", int(shared[0])), ("look", 0)):
            function = self._call("cuModuleGetFunction", module, name.encode())
            most = self._cu.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
            try:
                self._call("cuFuncSetAttribute", function, most, of_block)
            except RuntimeError:
                raise NoDeviceError(
                    f"networks of this shape need {of_block:,} bytes of the memory of a block, which "
                    f"{self.name} does not have; use engine=lanes"
                ) from None
            found[name] = _Kernel(function, of_block)
        return found

    def _compile(self, program: str) -> bytes:
        """Compile for this GPU, or to what its driver compiles where NVRTC does not know it yet."""
        major, minor = (
            self._attribute(f"CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_{part}") for part in ("MAJOR", "MINOR")
        )
        known = [arch for arch in self._rtc_call("nvrtcGetSupportedArchs") if arch <= 10 * major + minor]
        if not known:
            raise NoDeviceError(f"{_NEEDED}; {self.name}, of sm_{major}{minor}, is too old for NVRTC")
        exact = known[-1] == 10 * major + minor
        options = [f"--gpu-architecture={'sm' if exact else 'compute'}_{known[-1]}", *OPTIONS]
        version = "{}.{}".format(*self._rtc_call("nvrtcVersion"))
        return _kept("\n".join([version, *options, program]), lambda: self._made(program, options, exact))

    def _made(self, program: str, options: Sequence[str], exact: bool) -> bytes:
        handle = self._rtc_call("nvrtcCreateProgram", program.encode(), b"relusweep.cu", 0, [], [])
        try:
            given = [option.encode() for option in options]
            self._rtc_call("nvrtcCompileProgram", handle, len(given), given)
            image = "CUBIN" if exact else "PTX"
            found: bytes = b" " * self._rtc_call(f"nvrtcGet{image}Size", handle)  # which NVRTC writes into
            self._rtc_call(f"nvrtcGet{image}", handle, found)
            return found
        except RuntimeError as error:
            log = b" " * self._rtc_call("nvrtcGetProgramLogSize", handle)
            self._rtc_call("nvrtcGetProgramLog", handle, log)
            raise RuntimeError(f"{error}: {log.decode()}") from None

    # The driver's answers

    def _check_versions(self) -> None:
        of_driver, (major, minor) = self._call("cuDriverGetVersion") // 1000, self._rtc_call("nvrtcVersion")
        if of_driver < major:
            raise NoDeviceError(
                f"{_NEEDED}; the driver is of CUDA {of_driver}, the compiler of CUDA {major}.{minor}: "
                f'update the driver, or pip install "cuda-bindings=={of_driver}.*" '
                f"nvidia-cuda-nvrtc-cu{of_driver}"
            )

    def _attribute(self, name: str) -> int:
        attribute = getattr(self._cu.CUdevice_attribute, name)
        return int(self._call("cuDeviceGetAttribute", attribute, self._device))

    def _call(self, name: str, *arguments: Any) -> Any:
        status, *found = getattr(self._cu, name)(*arguments)
        if int(status) == int(self._cu.CUresult.CUDA_ERROR_OUT_OF_MEMORY):
            raise DeviceMemoryError(f"the memory of the GPU is full ({name})")
        if int(status):
            raise RuntimeError(f"{name} gives {self._cu.CUresult(int(status)).name}")
        return found[0] if len(found) == 1 else tuple(found)

    def _rtc_call(self, name: str, *arguments: Any) -> Any:
        status, *found = getattr(self._rtc, name)(*arguments)
        if int(status):
            raise RuntimeError(f"{name} gives {self._rtc.nvrtcResult(int(status)).name}")
        return found[0] if len(found) == 1 else tuple(found)


def _kept(source: str, make: Callable[[], bytes]) -> bytes:
    """Give what a text was compiled to once on this machine, or what it is compiled to now."""
    name = f"{hashlib.blake2b(source.encode(), digest_size=16).hexdigest()}.cubin"
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "relusweep"
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / name).read_bytes()
    except FileNotFoundError:
        found = make()
        with contextlib.suppress(OSError):
            (beside := folder / f"{name}.{os.getpid()}.{threading.get_ident()}").write_bytes(found)
            beside.replace(folder / name)
        return found
    except (OSError, RuntimeError):  # there is no home, or none that can be written
        return make()


@cache
def device() -> Cuda:
    """Give the GPU of this process.

    Raises
    ------
    NoDeviceError
        There is none that can be used; the message says what is missing.
    """
    try:
        from cuda.bindings import driver, nvrtc
    except ImportError as error:
        raise NoDeviceError(f'{_NEEDED}; pip install "relusweep[cuda]": {error}') from None
    try:
        return Cuda(driver, nvrtc)
    except NoDeviceError:
        raise
    except RuntimeError as error:  # what finds the driver's library raises one
        raise NoDeviceError(f"{_NEEDED}: {error}") from None
