"""Say without a GPU how fast the kernels of the engine `cuda` could be at most, from their machine code.

    pip install 'relusweep[bench,cuda]'
    python benchmarks/cuda_static.py [--cases 2,2 5,3 10,5 ten-bit ball] [--architectures sm_80 sm_90 sm_100]

NVRTC compiles the kernel of each case of `training.py`. What an epoch of a network executes is counted in its
code. Blocks of instructions that store a result, take a network or leave are executed once for a network and
do not count; of the rest, the largest loop is that over epochs, and what is outside of the loops within it
counts once. How often those turn follows from what they hold:

- the loop over rows has a reciprocal for each row, of the slope of its loss, and so turns
  ``rows / reciprocals`` times; that of a team of threads goes over pieces of 16 rows;
- a loop around it is that over batches;
- a loop of integers alone draws the order of the rows, and stores two places for each;
- a loop that only moves numbers to shared memory copies the inputs of 16 rows, a number a store.

The bound is that of an H200, of the resource that is used up first: slots to issue an instruction, 128 a
clock and multiprocessor; lanes for float32, 128; for integers, comparisons and choices, 64; for reciprocals
and roots, 16; bytes of shared memory, 128; and bytes of device memory, 4.8e12 a second: where networks have
rows of their own, a row is a sector of 32 bytes for its inputs, one for its target, and one that is read and
one that is written for its place in the order. Waiting is not in it. Of other architectures it says what
their code would give on an H200.

Multiply-adds are counted a second time, by hand, from the sizes of the network: those of the products, 14 of
the loss of a row that is looked at, 13 of others, 11 of the update of a parameter, and what a team computes
beside them where sizes are no multiples of its tiles.
"""

import argparse
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rich.console import Console
from rich.table import Table
from training import Case, case

from relusweep.tasks.training.device.cuda import OPTIONS, threads_of
from relusweep.tasks.training.device.source import program_of, team_of
from relusweep.tasks.training.protocol import Rows

CLOCKS = 132 * 1.98e9  # of all multiprocessors of an H200 in a second
LANES = {
    "issue": 128,
    "fp32": 128,
    "integer": 64,
    "special": 16,
    "shared bytes": 128,
    "device bytes": 4.8e12 / CLOCKS,
}
SHARED_OF_SM = {"sm_80": 164, "sm_90": 228, "sm_100": 228}  # KiB, of which each block takes one more
FP32 = {"FFMA", "FMUL", "FADD"}
SHARED = {"LDS", "STS"}
GLOBAL = {"LDG", "STG"}
JUMP = re.compile(r"\b(?:BRA|CALL)\b.*`\((\.L\S+?)\)")
END = re.compile(r"\b(BRA|CALL|EXIT|RET|BRX)\b")
ONCE = re.compile(r"\b(ATOMG?|EXIT|COLLECTIVE|RET)\b|CALL.*\$|STG\S*\.EF")  # STORE_ONCE is a streaming store


def tool(name: str) -> str:
    """Find a program of CUDA's, of an installed toolkit or of its wheel."""
    if found := shutil.which(name):
        return found
    import nvidia

    for folder in nvidia.__path__:
        for path in Path(folder).glob(f"cu*/bin/{name}"):
            return str(path)
    raise SystemExit(f"there is no {name}; install nvidia-cuda-{name}, or CUDA's toolkit")


def compiled(text: str, architecture: str) -> tuple[bytes, str]:
    """Compile a text to machine code, and to PTX."""
    from cuda.bindings import nvrtc

    def call(function, *arguments):
        error, *results = function(*arguments)
        if int(error):
            log = bytes(call(nvrtc.nvrtcGetProgramLogSize, program))
            call(nvrtc.nvrtcGetProgramLog, program, log)
            raise SystemExit(f"{function.__name__}: {error}\n{log.decode()}")
        return results[0] if results else None

    def read(size, get):
        room = bytes(call(size, program))
        call(get, program, room)
        return room

    program = call(nvrtc.nvrtcCreateProgram, text.encode(), b"kernel.cu", 0, [], [])
    options = [option.encode() for option in (*OPTIONS, f"--gpu-architecture={architecture}")]
    call(nvrtc.nvrtcCompileProgram, program, len(options), options)
    code = read(nvrtc.nvrtcGetCUBINSize, nvrtc.nvrtcGetCUBIN)
    return code, read(nvrtc.nvrtcGetPTXSize, nvrtc.nvrtcGetPTX).decode()


@dataclass
class Code:
    """Machine code of a kernel: instructions in their order, and where labels are."""

    instructions: list[str]
    labels: dict[str, int]

    @classmethod
    def read(cls, listing: str, kernel: str) -> "Code":
        """Read the code of a kernel from what nvdisasm prints."""
        instructions: list[str] = []
        labels: dict[str, int] = {}
        inside = False
        for line in listing.splitlines():
            if line.startswith(".text."):
                inside = line.startswith(f".text.{kernel}:")
            elif inside and (label := re.match(r"\s*([.$]\S+):", line)):
                labels[label[1]] = len(instructions)
            elif inside and (found := re.match(r"\s*/\*[0-9a-f]+\*/\s+(.*?)\s*;", line)):
                instructions.append(found[1])
        return cls(instructions, labels)

    @cached_property
    def blocks(self) -> dict[int, range]:
        """Runs of instructions that are entered at their first one alone, by its place."""
        starts = {0, *self.labels.values()}
        starts |= {i + 1 for i, x in enumerate(self.instructions) if END.search(x)}
        places = sorted(start for start in starts if start < len(self.instructions))
        return {a: range(a, b) for a, b in zip(places, [*places[1:], len(self.instructions)], strict=True)}

    def following(self, block: int) -> set[int]:
        """Give the blocks that may follow a block."""
        last, after = self.instructions[self.blocks[block][-1]], self.blocks[block].stop
        result = set()
        if (jump := JUMP.search(last)) and jump[1] in self.labels:
            result.add(self.labels[jump[1]])
        if not (END.match(last) and re.match(r"\S+ (`|R|;|$)", last + " ;")):
            result.add(after)
        return result & self.blocks.keys()

    def loops(self, blocks: set[int]) -> list[set[int]]:
        """Give the outermost loops among blocks: strongly connected ones."""
        edges = {b: self.following(b) & blocks for b in blocks}
        reach = {b: _reached(b, edges) for b in blocks}
        found: list[set[int]] = []
        for b in sorted(blocks):
            if b in reach[b] and not any(b in loop for loop in found):
                found.append({c for c in reach[b] if b in reach[c]})
        return found

    def kinds(self, blocks: set[int]) -> Counter[str]:
        """Count the instructions of blocks, without predicates and with the width of memory accesses."""
        counts: Counter[str] = Counter()
        for b in blocks:
            for i in self.blocks[b]:
                name = re.sub(r"^@!?U?P\w+\s+", "", self.instructions[i]).split()[0]
                kind = name.split(".")[0]
                width = next((w for w in ("128", "64") if w in name.split(".")), "32")
                counts[f"{kind}.{width}" if kind in SHARED else name if "RCP" in name else kind] += 1
        return counts

    def of_once(self) -> set[int]:
        """Give the blocks that are executed once for a network."""
        return {
            b for b, inside in self.blocks.items() if any(ONCE.search(self.instructions[i]) for i in inside)
        }


def _reached(start: int, edges: dict[int, set[int]]) -> set[int]:
    reached: set[int] = set()
    waiting = list(edges[start])
    while waiting:
        if (b := waiting.pop()) not in reached:
            reached.add(b)
            waiting += edges[b]
    return reached


def of_epoch(code: Code, chosen: Case, team: int) -> Counter[str]:
    """Count what a thread executes in an epoch."""
    loop = max(code.loops(set(code.blocks) - code.of_once()), key=lambda loop: sum(code.kinds(loop).values()))
    return _of_loop(code, loop, chosen, team)


def _of_loop(code: Code, loop: set[int], chosen: Case, team: int) -> Counter[str]:
    """Count what one turn of a loop executes, with all turns of the loops within."""
    inner = code.loops(loop - {min(loop)})
    total = Counter(code.kinds(loop - set().union(*inner)))
    orders = [each for each in inner if _kind(code, each) == "order"]
    for each in inner:
        if orders and each in orders and each is not max(orders, key=lambda x: code.kinds(x)["STG"]):
            continue  # the rows that are left where several are drawn in a turn, and other parts of the order
        turns = _turns(code, each, chosen, team)
        for kind, count in _of_loop(code, each, chosen, team).items():
            total[kind] += round(count * turns)
    return total


def _kind(code: Code, loop: set[int]) -> str:
    """Tell what a loop is over."""
    counts = code.kinds(loop)
    if counts["FFMA"]:
        within = code.loops(loop - {min(loop)})
        return "batches" if any(_kind(code, each) == "rows" for each in within) else "rows"
    return "order" if counts["STG"] and counts["LOP3"] else "inputs"


def _turns(code: Code, loop: set[int], chosen: Case, team: int) -> float:
    counts, kind = code.kinds(loop), _kind(code, loop)
    batches = -(-chosen.n_rows // chosen.batch)
    if kind == "batches":
        return batches
    if kind == "rows":
        rows = 16 if team > 1 else counts["MUFU.RCP"]
        return chosen.n_rows / batches / rows
    if kind == "order":
        return chosen.n_rows / (counts["STG"] / 2)
    return 16 * chosen.network.n_inputs / team / counts["STS.32"]


@dataclass
class Found:
    """What is known of the kernel of a case."""

    registers: int
    stack: int
    shared: int
    warps: int
    counts: Counter[str]  # of a network-epoch, of all threads of a team
    device: int  # bytes

    @property
    def used(self) -> dict[str, float]:
        """What a network-epoch uses of each resource."""
        fp32 = sum(n for kind, n in self.counts.items() if kind in FP32)
        special = sum(n for kind, n in self.counts.items() if kind.startswith("MUFU"))
        memory = {kind: n for kind, n in self.counts.items() if kind.split(".")[0] in SHARED | GLOBAL}
        every = sum(self.counts.values())
        nbytes = sum(int(kind.split(".")[1]) / 8 * n for kind, n in memory.items() if "." in kind)
        rest = every - fp32 - special - sum(memory.values())
        used = {"issue": every, "fp32": fp32, "integer": rest, "special": special}
        return used | {"shared bytes": nbytes, "device bytes": self.device}

    @property
    def bound(self) -> tuple[float, str]:
        """Network-epochs a second on an H200, and what is used up first."""
        return min((LANES[name] * CLOCKS / n, name) for name, n in self.used.items() if n)


def find(chosen: Case, architecture: str) -> Found:
    """Compile a case and count."""
    protocol, rows = chosen.protocol(1), Rows(*chosen.rows(1))
    team = team_of(protocol, rows)
    threads = threads_of(team)
    binary, ptx = compiled(program_of(protocol, rows, threads), architecture)
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(binary)
        file.flush()
        usage = _said(tool("cuobjdump"), "-res-usage", file.name)
        listing = _said(tool("nvdisasm"), "-c", file.name)
    registers, stack = (int(n) for n in re.search(r"Function train:\s+REG:(\d+) STACK:(\d+)", usage).groups())
    shared = int(re.search(r"shared_bytes = (\d+)", ptx)[1]) if "shared_bytes = " in ptx else 0
    blocks = min(
        65536 // (-(-registers // 8) * 8 * threads),
        SHARED_OF_SM[architecture] * 1024 // (shared + 1024),
        2048 // threads,
        32,
    )
    counts = of_epoch(Code.read(listing, "train"), chosen, team)
    each = Counter({kind: n * team for kind, n in counts.items()})
    device = 128 * chosen.n_rows if chosen.batch < chosen.n_rows else 0
    return Found(registers, stack, shared, blocks * threads // 32, each, device)


def multiply_adds(chosen: Case, team: int) -> int:
    """Count the multiply-adds of a network-epoch, of networks with one output."""
    network, rows = chosen.network, chosen.n_rows
    updates = -(-rows // chosen.batch)
    inputs, width, deeper = network.n_inputs, network.width, network.depth - 1
    of_loss = 14 if chosen.batch == rows else 13
    forward = back = width * (inputs + deeper * width + 1)
    back -= width * inputs
    if team == 1:  # of biases the gradient is a sum
        return rows * (2 * forward + back + of_loss) + updates * 11 * network.n_parameters
    groups = team // 4
    padded = -(-width // groups) * groups
    owned = padded * 4 * (inputs // 4 + 1 + deeper * (padded // 4 + 1)) + (padded // team + 1) * team
    ahead = padded * (inputs + deeper * width) + width
    returned = padded * (1 + deeper * width)
    return rows * (ahead + returned + owned + of_loss) + updates * 11 * owned


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cases", nargs="+", default=["2,2", "5,3", "10,5", "ten-bit", "ball"])
    parser.add_argument("--architectures", nargs="+", default=["sm_80", "sm_90", "sm_100"])
    arguments = parser.parse_args()
    table = Table(title="Machine code of a network-epoch (instructions of threads)")
    headings = ["case", "architecture", "registers", "stack", "shared B", "warps an SM", "FFMA", "by hand"]
    headings += ["other fp32", "LDS, STS", "MUFU", "rest", "fp32 / necessary", "bound on an H200, of"]
    for heading in headings:
        table.add_column(heading, justify="right")
    for text in arguments.cases:
        chosen = case(text)
        for architecture in arguments.architectures:
            table.add_row(chosen.name, architecture, *_cells(chosen, find(chosen, architecture)))
    Console(width=190).print(table)


def _cells(chosen: Case, found: Found) -> list[str]:
    used, ffma, (bound, of) = found.used, found.counts["FFMA"], found.bound
    by_hand = multiply_adds(chosen, team_of(chosen.protocol(1), Rows(*chosen.rows(1))))
    memory = sum(n for kind, n in found.counts.items() if kind.split(".")[0] in SHARED)
    numbers = [found.registers, found.stack, found.shared, found.warps, ffma, by_hand, used["fp32"] - ffma]
    numbers += [memory, used["special"], used["integer"]]
    necessary = 3 * chosen.network.n_parameters * chosen.n_rows
    return [*(f"{n:,}" for n in numbers), f"{used['fp32'] / necessary:.2f}", f"{bound:.2g}, {of}"]


if __name__ == "__main__":
    main()
