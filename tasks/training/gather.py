"""Rows gathered for sixteen networks, each from its own data in its own order, and turned into vectors."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from relusweep.tasks.compiled import LANES
from relusweep.tasks.training.simd import bank_pointer, call_shared, write_vector

__all__ = ["fetch", "gather", "pitch"]

_INDEX = ir.IntType(64)
_MOST_KNOWN = 8  # numbers of a row that has code of its own, where one follows the inputs


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
def gather(
    typingctx: Any, data: Any, order: Any, place: Any, rows: Any, first: Any, size: Any, inputs: Any
) -> Any:
    """For each lane, put row ``order[lane, place]`` of its data into vectors `first`, … of the bank `rows`.

    Rows have `size` numbers, at least two. Those behind the `inputs` first ones go one vector further: the
    one between holds the ones of the biases. `data` holds ``(LANES, n_rows, pitch(size))`` numbers, or
    ``(1, n_rows, pitch(size))`` of all lanes.
    """

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        bank = bank_pointer(context, builder, sig.args[3], args[3])
        call_shared(builder, "gather", _gather, *_at(context, builder, sig, args), bank, *args[4:])
        return context.get_dummy_value()

    return types.void(data, order, types.int64, rows, *[types.int64] * 3), codegen


@intrinsic
def fetch(typingctx: Any, data: Any, order: Any, place: Any) -> Any:
    """Ask for the rows that :func:`gather` will put there, to lie in the second level of the cache."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        call_shared(builder, "fetch", _fetch, *_at(context, builder, sig, args))
        return context.get_dummy_value()

    return types.void(data, order, types.int64), codegen


def _at(context: Any, builder: Any, sig: Any, args: Any) -> tuple[Any, ...]:
    """Give the data, the first lane's number of the row at a place, and how far lanes and rows are apart."""
    order = context.make_array(sig.args[1])(context, builder, args[1])
    data = context.make_array(sig.args[0])(context, builder, args[0])
    copies, n_rows, apart = (builder.extract_value(data.shape, i) for i in range(3))
    further = builder.select(builder.icmp_signed("==", copies, _INDEX(1)), _INDEX(0), n_rows)
    return data.data, builder.gep(order.data, [args[2]]), n_rows, further, apart


def _gather(
    b: Any,
    data: Any,
    order: Any,
    n_rows: Any,
    further: Any,
    apart: Any,
    bank: Any,
    first: Any,
    size: Any,
    inputs: Any,
) -> None:
    done, wide = b.append_basic_block("done"), b.append_basic_block("wide")
    single = b.icmp_signed("==", size, b.add(inputs, _INDEX(1)))
    choice = b.switch(b.select(single, size, _INDEX(0)), wide)
    for known in range(2, _MOST_KNOWN + 1):
        block = b.append_basic_block("narrow")
        choice.add_case(_INDEX(known), block)
        b.position_at_end(block)
        width = pitch(known)
        pointers = _row_pointers(b, data, order, n_rows, further, _INDEX(width))
        for i, column in enumerate(_columns(b, pointers, _INDEX(0), width)[:known]):
            write_vector(b, column, bank, b.add(first, _INDEX(i + (i == known - 1))))
        b.branch(done)
    b.position_at_end(wide)
    pointers = _row_pointers(b, data, order, n_rows, further, apart)
    with cgutils.for_range_slice(b, _INDEX(0), size, _INDEX(LANES)) as (start, _):
        for i, column in enumerate(_columns(b, pointers, start, LANES)):
            here = b.add(start, _INDEX(i))
            with b.if_then(b.icmp_signed("<", here, size)):
                further = b.zext(b.icmp_signed(">=", here, inputs), _INDEX)
                write_vector(b, column, bank, b.add(b.add(first, here), further))
    b.branch(done)
    b.position_at_end(done)


def _fetch(b: Any, data: Any, order: Any, n_rows: Any, further: Any, apart: Any) -> None:
    byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
    prefetch = b.module.declare_intrinsic("llvm.prefetch", [byte], kind)
    pointers = _row_pointers(b, data, order, n_rows, further, apart)
    with cgutils.for_range_slice(b, _INDEX(0), apart, _INDEX(LANES)) as (start, _):
        for pointer in pointers:
            at = b.bitcast(b.gep(pointer, [start]), byte)
            # To be read, and not into the first level, whose few misses at a time would hold up the rest.
            b.call(prefetch, [at, flag(0), flag(2), flag(1)])


def _row_pointers(b: Any, data: Any, order: Any, n_rows: Any, further: Any, apart: Any) -> list[Any]:
    """Give where the row of each lane begins: its own data lie so many rows further, or it has none."""
    pointers, of_lane = [], b.mul(further, apart)
    for _ in range(LANES):
        pointers.append(b.gep(data, [b.mul(b.zext(b.load(order), _INDEX), apart)]))
        data, order = b.gep(data, [of_lane]), b.gep(order, [n_rows])
    return pointers


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
