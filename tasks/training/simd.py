"""Sixteen networks in one vector: a Numba type whose LLVM model is ``<16 x float>``.

Plain Python source over this type compiles to full-width vector instructions of whatever processor it
runs on; LLVM splits the vector where the hardware is narrower. Arithmetic is IEEE and never reordered, so
each lane's bits are those of a scalar program.

Memory is a one-dimensional ``float32`` array made by :func:`bank` and indexed in whole vectors:
``load(array, 3)`` reads elements 48 to 63.
"""

import operator
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, models, register_model
from numpy.typing import NDArray

from relusweep.tasks.compiled import LANES

__all__ = [
    "bank",
    "broadcast",
    "fma",
    "load",
    "mask_positive",
    "mask_unordered",
    "maximum",
    "merged",
    "minimum",
    "one_unless_positive",
    "reciprocal_seed",
    "scale_by_power",
    "sqrt",
    "store",
    "where_above",
]

_ALIGNMENT = 4 * LANES

_FLOAT = ir.FloatType()
VECTOR = ir.VectorType(_FLOAT, LANES)
_BITS = ir.VectorType(ir.IntType(32), LANES)
ZERO = ir.Constant(VECTOR, [0.0] * LANES)
_ONE = ir.Constant(VECTOR, [1.0] * LANES)


class Float32x16(types.Type):
    """The Numba type of sixteen single-precision numbers."""

    def __init__(self) -> None:
        super().__init__(name="float32x16")


float32x16 = Float32x16()


@register_model(Float32x16)
class _Float32x16Model(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, VECTOR)


def bank(n_vectors: int) -> NDArray[np.float32]:
    """Allocate zeroed vectors on a cache-line boundary.

    Parameters
    ----------
    n_vectors : int
        Number of vectors of `LANES` elements.

    Returns
    -------
    ndarray of shape (n_vectors * LANES,), dtype float32
    """
    raw = np.zeros(n_vectors * _ALIGNMENT + _ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % _ALIGNMENT
    return raw[start : start + n_vectors * _ALIGNMENT].view(np.float32)


# Arithmetic


def _splat(builder: Any, value: Any, kind: Any) -> Any:
    """Give a vector for a vector or a scalar of any floating type."""
    if isinstance(kind, Float32x16):
        return value
    if value.type != _FLOAT:
        value = builder.fptrunc(value, _FLOAT)
    first = builder.insert_element(ir.Constant(VECTOR, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, first, ir.Constant(_BITS, [0] * LANES))


_BINARY = {operator.add: "fadd", operator.sub: "fsub", operator.mul: "fmul", operator.truediv: "fdiv"}
_OPERANDS = [(float32x16, float32x16), (float32x16, types.float64), (types.float64, float32x16)]


def _register_binary(function: Any, instruction: str) -> None:
    class _Template(ConcreteTemplate):
        key = function
        cases = tuple(signature(float32x16, *operands) for operands in _OPERANDS)

    infer_global(function)(_Template)
    for operands in _OPERANDS:

        @lower_builtin(function, *operands)
        def _lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            vectors = [_splat(builder, v, t) for v, t in zip(args, sig.args, strict=True)]
            return getattr(builder, instruction)(*vectors)


for _function, _instruction in _BINARY.items():
    _register_binary(_function, _instruction)


@intrinsic
def broadcast(typingctx: Any, x: Any) -> Any:
    """Sixteen copies of a scalar."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _splat(builder, args[0], types.float64)

    return float32x16(types.float32), codegen


def call_intrinsic(builder: Any, name: str, *args: Any) -> Any:
    kind = ir.FunctionType(VECTOR, [VECTOR] * len(args))
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"{name}.v{LANES}f32"), args)


@intrinsic
def fma(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
    """``a * b + c`` rounded once, each of them a vector or a scalar."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        vectors = (_splat(builder, v, t) for v, t in zip(args, sig.args, strict=True))
        return call_intrinsic(builder, "llvm.fma", *vectors)

    kinds = [t if isinstance(t, Float32x16) else types.float64 for t in (a, b, c)]
    return float32x16(*kinds), codegen


@intrinsic
def sqrt(typingctx: Any, a: Any) -> Any:
    """Correctly rounded square roots."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return call_intrinsic(builder, "llvm.sqrt", *args)

    return float32x16(float32x16), codegen


def _bits_of(value: int) -> ir.Constant:
    return ir.Constant(_BITS, [value] * LANES)


def _choice(builder: Any, relation: str, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered(relation, a, b), a, b)


@intrinsic
def minimum(typingctx: Any, a: Any, b: Any) -> Any:
    """The smaller of each pair; `b` where either is NaN."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _choice(builder, "<", *args)

    return float32x16(float32x16, float32x16), codegen


@intrinsic
def maximum(typingctx: Any, a: Any, b: Any) -> Any:
    """The larger of each pair; `b` where either is NaN."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _choice(builder, ">", *args)

    return float32x16(float32x16, float32x16), codegen


@intrinsic
def where_above(typingctx: Any, a: Any, b: Any, x: Any, y: Any) -> Any:
    """`x` where a lane of `a` is above that of `b` or NaN, else `y`."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        a, b, x, y = args
        unordered = builder.fcmp_unordered("uno", a, a)
        return builder.select(builder.or_(builder.fcmp_ordered(">", a, b), unordered), x, y)

    return float32x16(*[float32x16] * 4), codegen


@intrinsic
def one_unless_positive(typingctx: Any, a: Any) -> Any:
    """0 where a lane is above zero, else 1, also where it is NaN."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", args[0], ZERO), ZERO, _ONE)

    return float32x16(float32x16), codegen


def _mask(builder: Any, flags: Any) -> Any:
    return builder.zext(builder.bitcast(flags, ir.IntType(LANES)), ir.IntType(64))


@intrinsic
def mask_positive(typingctx: Any, a: Any) -> Any:
    """An integer whose bit i says whether lane i is above zero."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _mask(builder, builder.fcmp_ordered(">", args[0], ZERO))

    return types.int64(float32x16), codegen


@intrinsic
def mask_unordered(typingctx: Any, a: Any) -> Any:
    """An integer whose bit i says whether lane i is NaN."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _mask(builder, builder.fcmp_unordered("uno", args[0], args[0]))

    return types.int64(float32x16), codegen


@intrinsic
def reciprocal_seed(typingctx: Any, a: Any) -> Any:
    """Approximate ``1 / a`` for normal a > 0 by its bit pattern, relative error below 12.5 %."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        bits = builder.bitcast(args[0], _BITS)
        return builder.bitcast(builder.sub(_bits_of(0x7EF311C7), bits), VECTOR)

    return float32x16(float32x16), codegen


@intrinsic
def scale_by_power(typingctx: Any, a: Any, k: Any) -> Any:
    """``a * 2**k`` for a whole k held in the low bits of ``1.5 * 2**23 + k``."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        bits, power = (builder.bitcast(v, _BITS) for v in args)
        return builder.bitcast(builder.add(bits, builder.shl(power, _bits_of(23))), VECTOR)

    return float32x16(float32x16, float32x16), codegen


# Memory


def bank_pointer(context: Any, builder: Any, array_type: Any, array: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(data, VECTOR.as_pointer())


def read_vector(builder: Any, pointer: Any, index: Any) -> Any:
    value = builder.load(builder.gep(pointer, [index]))
    value.align = _ALIGNMENT
    return value


def write_vector(builder: Any, value: Any, pointer: Any, index: Any) -> None:
    builder.store(value, builder.gep(pointer, [index]), align=_ALIGNMENT)


@intrinsic
def load(typingctx: Any, array: Any, index: Any) -> Any:
    """Vector number `index` of a bank."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return read_vector(builder, bank_pointer(context, builder, sig.args[0], args[0]), args[1])

    return float32x16(array, types.int64), codegen


@intrinsic
def store(typingctx: Any, array: Any, index: Any, value: Any) -> Any:
    """Put a vector at place `index` of a bank."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        write_vector(builder, args[2], bank_pointer(context, builder, sig.args[0], args[0]), args[1])
        return context.get_dummy_value()

    return types.void(array, types.int64, float32x16), codegen


# Functions

_MERGED: dict[str, Any] = {"nogil": True, "error_model": "numpy", "forceinline": True, "_nrt": False}
merged = numba.njit(**_MERGED)
"""Decorator of a function that LLVM makes a part of its callers.

With ``inline="always"`` Numba does so, which gives the same code, but takes long where functions are long or
inline others in their turn.
"""


def call_shared(builder: Any, name: str, write: Callable[..., None], *args: Any) -> None:
    """Call a function of the module, which is written into it if it is not there yet.

    Its code is compiled once, and what it needs of registers is its own. Loops are not unrolled, which costs
    more than it gives.
    """
    function = builder.module.globals.get(name)
    if function is None:
        kind = ir.FunctionType(ir.VoidType(), [value.type for value in args])
        function = ir.Function(builder.module, kind, name)
        function.linkage = "internal"
        function.attributes.add("noinline")
        function.attributes.add("optsize")
        inside = ir.IRBuilder(function.append_basic_block("entry"))
        write(inside, *function.args)
        inside.ret_void()
    builder.call(function, args)
