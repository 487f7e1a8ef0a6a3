"""Rows gathered for sixteen networks, each from its own data in its own order, and turned into vectors."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from relusweep.tasks.compiled import LANES
from relusweep.tasks.training.simd import bank_pointer, write_vector

__all__ = ["fetch", "gather", "pitch"]

_INDEX = ir.IntType(64)


def pitch(size: int) -> int:
    """Numbers from one row to the next, so that a row lies across no more cache lines than it has to.

    Parameters
    ----------
    size : int
        Numbers of a row.

    Returns
    -------
    int
        A power of two up to a line of 16 numbers, else whole lines.
    """
    return 1 << (size - 1).bit_length() if size <= LANES else -(-size // LANES) * LANES


@intrinsic
def gather(typingctx: Any, data: Any, order: Any, place: Any, rows: Any, first: Any, size: Any) -> Any:
    """For each lane, put row ``order[lane, place]`` of its data into vectors `first`, … of the bank `rows`.

    Rows have `size` numbers, at least two, and their last one goes one vector further: the one before holds the
    ones of the biases. `data` holds ``(LANES, n_rows, pitch(size))`` numbers.
    """

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        bank, first, size = bank_pointer(context, builder, sig.args[3], args[3]), *args[4:]
        pointers, apart = _row_pointers(context, builder, sig, args)
        done = builder.append_basic_block("gathered")
        choice = builder.switch(apart, wide := builder.append_basic_block("wide"))
        for width in (2, 4, 8, LANES):
            block = wide if width == LANES else builder.append_basic_block("narrow")
            if width < LANES:
                choice.add_case(_INDEX(width), block)
            builder.position_at_end(block)
            with cgutils.for_range_slice(builder, _INDEX(0), size, _INDEX(width)) as (start, _):
                for i, column in enumerate(_columns(builder, pointers, start, width)):
                    here = builder.add(start, _INDEX(i))
                    with builder.if_then(builder.icmp_signed("<", here, size)):
                        last = builder.icmp_signed("==", builder.add(here, _INDEX(1)), size)
                        at = builder.add(builder.add(first, here), builder.zext(last, _INDEX))
                        write_vector(builder, column, bank, at)
            builder.branch(done)
        builder.position_at_end(done)
        return context.get_dummy_value()

    return types.void(data, order, types.int64, rows, types.int64, types.int64), codegen


@intrinsic
def fetch(typingctx: Any, data: Any, order: Any, place: Any) -> Any:
    """Ask for the rows that :func:`gather` will put there, to lie in the second level of the cache."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
        prefetch = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        pointers, apart = _row_pointers(context, builder, sig, args)
        with cgutils.for_range_slice(builder, _INDEX(0), apart, _INDEX(LANES)) as (start, _):
            for pointer in pointers:
                at = builder.bitcast(builder.gep(pointer, [start]), byte)
                # To be read, and not into the first level, whose few misses at a time would hold up the rest.
                builder.call(prefetch, [at, flag(0), flag(2), flag(1)])
        return context.get_dummy_value()

    return types.void(data, order, types.int64), codegen


def _row_pointers(context: Any, builder: Any, sig: Any, args: Any) -> tuple[list[Any], Any]:
    """Give where the row of each lane begins, and how far rows are apart."""
    order = context.make_array(sig.args[1])(context, builder, args[1])
    data = context.make_array(sig.args[0])(context, builder, args[0])
    n_rows, apart = (builder.extract_value(data.shape, i) for i in (1, 2))
    pointers = []
    for lane in range(LANES):
        before = builder.mul(n_rows, _INDEX(lane))
        row = builder.load(builder.gep(order.data, [builder.add(before, args[2])]))
        place = builder.add(before, builder.zext(row, _INDEX))
        pointers.append(builder.gep(data.data, [builder.mul(place, apart)]))
    return pointers, apart


def _columns(builder: Any, pointers: list[Any], start: Any, width: int) -> list[Any]:
    """Give columns `start`, … of sixteen rows: a transposition that halves its blocks again and again."""
    part = ir.VectorType(ir.FloatType(), width)
    rows = []
    for pointer in pointers:
        at = builder.bitcast(builder.gep(pointer, [start]), part.as_pointer())
        rows.append(builder.load(at, align=4))
    vectors = [_joined(builder, rows[i::width]) for i in range(width)]
    distance = width // 2
    while distance:
        left = [c if not c & distance else LANES + c - distance for c in range(LANES)]
        right = [c + distance if not c & distance else LANES + c for c in range(LANES)]
        for i in range(width):
            if not i & distance:
                pair = vectors[i], vectors[i + distance]
                vectors[i], vectors[i + distance] = (_shuffled(builder, pair, m) for m in (left, right))
        distance //= 2
    return vectors


def _joined(builder: Any, parts: list[Any]) -> Any:
    """One vector of parts that lie behind one another."""
    while len(parts) > 1:
        places = list(range(2 * parts[0].type.count))
        parts = [_shuffled(builder, pair, places) for pair in zip(parts[::2], parts[1::2], strict=True)]
    return parts[0]


def _shuffled(builder: Any, pair: tuple[Any, Any], places: list[int]) -> Any:
    return builder.shuffle_vector(*pair, ir.Constant(ir.VectorType(ir.IntType(32), len(places)), places))
