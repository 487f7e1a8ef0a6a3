"""A stand-in for CUDA's driver: memory of this process, and kernels computed by OpenCL.

It takes what the real one takes, as ``cuda.bindings.driver`` does, so that all but the GPU itself is tested.
"""

import ctypes

import numpy as np
from cuda.bindings import driver, nvrtc

from relusweep.tasks.training.device.machine import Written
from relusweep.tasks.training.device.opencl import OpenCl

OK, FULL = driver.CUresult.CUDA_SUCCESS, driver.CUresult.CUDA_ERROR_OUT_OF_MEMORY


class Compiler:
    """NVRTC, which keeps what it compiled."""

    def __getattr__(self, name):
        return getattr(nvrtc, name)

    def nvrtcCreateProgram(self, program, *rest):  # noqa: N802
        self.program = program.decode()
        return nvrtc.nvrtcCreateProgram(program, *rest)


class Driver:
    """Calls are those of `cuda.bindings.driver`; they give a status and what was asked for.

    Parameters
    ----------
    arch : tuple of int
        Of the GPU.
    version : int
        Of CUDA, as 13000.
    memory : int
        Bytes.
    """

    def __init__(self, arch=(9, 0), version=13000, memory=2**30):
        self.arch, self.version, self.memory = arch, version, memory
        self.held, self.launches, self.compiler = {}, [], Compiler()

    def __getattr__(self, name):
        if name[:3] == "CUd" or name in ("CUresult", "cuuint64_t") or name.startswith("CU"):
            return getattr(driver, name)  # enumerations
        if name in ("cuInit", "cuCtxSetCurrent", "cuMemPoolSetAttribute", "cuFuncSetAttribute"):
            return lambda *_: (OK,)
        if name in ("cuEventRecord", "cuEventSynchronize", "cuEventDestroy", "cuMemPoolTrimTo"):
            return lambda *_: (OK,)
        if name in ("cuDeviceGet", "cuDevicePrimaryCtxRetain", "cuDeviceGetDefaultMemPool", "cuStreamCreate"):
            return lambda *_: (OK, name)
        if name in ("cuEventCreate", "cuModuleLoadData"):
            return lambda *_: (OK, name)
        raise AttributeError(name)

    def cuDriverGetVersion(self):  # noqa: N802
        return OK, self.version

    def cuDeviceGetName(self, length, device):  # noqa: N802
        return OK, b"stand-in\0"

    def cuDeviceGetAttribute(self, attribute, device):  # noqa: N802
        of = driver.CUdevice_attribute
        major, minor = of.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, self.arch
        if "SHARED" in attribute.name:
            return OK, 233472
        return OK, 2 if "MULTIPROCESSOR" in attribute.name else minor[attribute != major]

    def cuMemGetInfo(self):  # noqa: N802
        return OK, self.memory - self.filled, self.memory

    def cuMemPoolGetAttribute(self, pool, attribute):  # noqa: N802
        return OK, driver.cuuint64_t(self.filled)

    @property
    def filled(self):
        return sum(array.nbytes for array in self.held.values())

    def cuMemAllocAsync(self, nbytes, stream):  # noqa: N802
        if self.filled + nbytes > self.memory:
            return FULL, driver.CUdeviceptr(0)
        array = np.zeros(nbytes, np.uint8)
        self.held[array.ctypes.data] = array
        return OK, driver.CUdeviceptr(array.ctypes.data)

    def cuMemFreeAsync(self, memory, stream):  # noqa: N802
        del self.held[int(memory)]
        return (OK,)

    def cuMemcpyHtoDAsync(self, memory, address, nbytes, stream):  # noqa: N802
        ctypes.memmove(int(memory), address, nbytes)
        return (OK,)

    def cuMemcpyDtoHAsync(self, address, memory, nbytes, stream):  # noqa: N802
        ctypes.memmove(address, int(memory), nbytes)
        return (OK,)

    def cuMemcpyDtoH(self, address, memory, nbytes):  # noqa: N802
        ctypes.memset(address, 0, nbytes)
        return (OK,)

    def cuModuleGetGlobal(self, module, name):  # noqa: N802
        return OK, driver.CUdeviceptr(0), 4

    def cuModuleGetFunction(self, module, name):  # noqa: N802
        return OK, name.decode()

    def cuOccupancyMaxActiveBlocksPerMultiprocessor(self, function, threads, shared):  # noqa: N802
        return OK, 1

    def cuLaunchKernel(self, function, *rest):  # noqa: N802
        (blocks, *_, threads, _, _), (_, _, pointers, _) = rest[:6], rest[6:]
        self.launches.append((function, blocks, threads))
        arguments, place = [], pointers
        for kind in KINDS[function]:
            at = ctypes.cast(place, ctypes.POINTER(ctypes.c_void_p))[0]
            if kind in NUMBERS:
                number, of_c = NUMBERS[kind]
                arguments.append(number(ctypes.cast(at, ctypes.POINTER(of_c))[0]))
            else:
                address = ctypes.cast(at, ctypes.POINTER(ctypes.c_uint64))[0]
                arguments.append(Written(self.held[address]))
            place += 8
        OpenCl().run(self.compiler.program, function, blocks * threads, threads, arguments)
        return (OK,)


NUMBERS = {"i": (np.int32, ctypes.c_int32), "f": (np.float32, ctypes.c_float)}
KINDS = {"train": "pppppippipifiipppppp", "look": "pipipfippp"}
"""Arguments of kernels: pointers and numbers."""
