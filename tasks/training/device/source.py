"""The C text of the engine `cuda`: sizes and constants of a protocol, and behind them the files here."""

import math
from importlib.resources import files

import numpy as np

from relusweep.tasks.networks import Network, places_of
from relusweep.tasks.training._arguments import Rule, codes_of, is_plain, rule_of
from relusweep.tasks.training._layers import BEFORE, HIDDEN, UNITS, WEIGHTS, layers_of
from relusweep.tasks.training.protocol import Protocol, Rows

__all__ = ["MOST_SHARED", "OUTSIDE", "definitions", "moments_of", "program_of", "team_of"]

REGISTERS, SHARED, OUTSIDE = 0, 1, 2
"""Where the moments of a network lie: with its thread, in the memory of its block, or of the device."""

_MOST_IN_REGISTERS, MOST_SHARED = 37, 112 * 1024

_FILES = ("portable", "functions", "losses", "units", "penalties", "updates", "orders", "kernel", "team")


def program_of(protocol: Protocol, rows: Rows, threads: int, shared: int = MOST_SHARED) -> str:
    """Give the text of the kernels that train and look at networks.

    Parameters
    ----------
    protocol : Protocol
        With the network.
    rows : Rows
        Those of any networks.
    threads : int
        Of a block.
    shared : int
        Bytes that the moments of a block may fill of its memory.
    """
    return definitions(protocol, rows, threads, shared) + text(*_FILES)


def text(*names: str) -> str:
    """Give files of this folder behind one another."""
    return "\n".join(files(__package__).joinpath(f"{name}.h").read_text() for name in names)


def definitions(protocol: Protocol, rows: Rows, threads: int, shared: int = MOST_SHARED) -> str:
    """Give the sizes and constants that the text is compiled for."""
    network = protocol.network
    rule = rule_of(protocol, rows, protocol.batch_of(rows.n_rows))
    numbers = {
        **_sizes(rule),
        "N_STORED": network.n_parameters,
        "N_PARAMETERS": places_of(network).size,
        "N_UNITS": layers_of(network, 1)[-1, BEFORE],
        "N_HIDDEN": layers_of(network, 1)[-1, HIDDEN],
        "N_ROWS": rows.n_rows,
        "SHARED_INPUTS": rows.inputs.ndim == 2,
        "SKIP_INPUT": network.skip == "input",
        "OF_RELU": is_plain(protocol),
        "MOMENTS": moments_of(protocol, threads, shared),
        "TEAM": team_of(protocol, rows),
        "BLOCK": threads,
    }
    found = {name: f"({int(number)})" for name, number in numbers.items()}
    found |= {name: _float(number) for name, number in _floats(rule).items()}
    found |= {name: _double(number) for name, number in _doubles(rule).items()}
    found |= {f"{name}(layer)": _by_layer(of) for name, of in _layers(network).items()}
    found["ORDER"] = "ushort" if rows.n_rows <= 2**16 else "uint"
    if network.widths is not None:
        found["STORED_PLACES"] = "{" + ", ".join(map(str, places_of(network))) + "}"
    return "".join(f"#define {name} {value}\n" for name, value in found.items())


def team_of(protocol: Protocol, rows: Rows) -> int:
    """Count the threads that train a network: a team where no thread's registers can hold it, else one."""
    network, plain = protocol.network, is_plain(protocol)
    whole = protocol.batch_of(rows.n_rows) == rows.n_rows and rows.n_rows % 16 == 0
    rule = rule_of(protocol, rows, rows.n_rows)
    if not (plain and whole and rule.single) or rule.watched or rule.regularised:
        return 1
    if places_of(network).size <= 100 or not 6 <= network.width <= 40:
        return 1
    team = next(team for team in (8, 16, 32) if network.width <= 5 * team // 4)
    return team if network.n_parameters <= 150 * team else 1  # of more, shared memory is too small


def moments_of(protocol: Protocol, threads: int, shared: int) -> int:
    """Choose where the moments of networks lie, in blocks of so many threads, and of so many bytes."""
    n_parameters = places_of(protocol.network).size
    if n_parameters <= _MOST_IN_REGISTERS:
        return REGISTERS
    return SHARED if 8 * n_parameters * threads <= shared else OUTSIDE


def _layers(network: Network) -> dict[str, list[int]]:
    """Give what differs from layer to layer, of a row at a time."""
    table = layers_of(network, 1)
    return {
        "UNITS": table[:-1, UNITS].tolist(),
        "CODE": codes_of(network),
        "N_SUMS": [fan_out for fan_out, _ in network.true_layers],
        "FAN_IN": [fan_in for _, fan_in in network.true_layers],
        "WEIGHTS": table[:, WEIGHTS].tolist(),  # where they begin,
        "HIDDEN": table[:, HIDDEN].tolist(),  # and activations
        "BEFORE": table[:, BEFORE].tolist(),  # units of layers below
    }


def _sizes(rule: Rule) -> dict[str, int]:
    watch = rule.watch
    return {
        "N_INPUTS": rule.n_inputs,
        "N_OUTPUTS": rule.n_outputs,
        "N_TARGETS": rule.n_targets,
        "WEIGHTED": rule.weighted,
        "NUMBERS": rule.n_targets + rule.weighted,
        "N_WEIGHTS": rule.n_weights,
        "WIDTH": rule.width,
        "DEPTH": rule.depth,
        "RESIDUAL": rule.residual,
        "GROUP": rule.group,
        "N_SCALARS": rule.n_scalars,
        "ACTIVATION": rule.activation,
        "BATCH": rule.batch,
        "LOSS": rule.loss,
        "EARLY": rule.early,
        "WRONG": int(rule.wrong),
        "SHARP_BY_RULE": rule.sharp_by_rule,
        "OPTIMIZER": rule.optimizer,
        "REGULARISED": rule.regularised,
        "SCHEDULED": rule.scheduled,
        "WATCHED": rule.watched,
        "WATCH_ENDS": watch.ends,
        "PATIENCE": watch.patience,
        "REDUCE_PATIENCE": watch.reduce_patience,
        "WARMUP": watch.warmup,
    }


def _floats(rule: Rule) -> dict[str, float]:
    """Give what the lanes round to float32 before they compute with it."""
    return {
        "THRESHOLD": rule.threshold,
        "BETA1": rule.beta1,
        "BETA1_REST": 1.0 - rule.beta1,
        "BETA2": rule.beta2,
        "BETA2_REST": 1.0 - rule.beta2,
        "L1": rule.l1,
        "CLIP_NORM": rule.clip_norm,
        "DECAY": rule.decay,
        "SHRINK": rule.shrink,
    }


def _doubles(rule: Rule) -> dict[str, float]:
    watch = rule.watch
    return {
        "HUBER_DELTA64": rule.delta,
        "KINK_RATE": rule.kink_rate,
        "SLOPE_RATE": rule.slope_rate,
        "PULL": rule.pull,
        "ORTHOGONALITY": rule.orthogonality,
        "TARGET_LOSS": watch.target_loss,
        "MOST_LOSS": watch.most_loss,
        "MIN_IMPROVEMENT": watch.min_improvement,
        "REDUCE_THRESHOLD": watch.reduce_threshold,
        "REDUCE_BY": watch.reduce_by,
        "REDUCE_FLOOR": watch.reduce_floor,
    }


def _float(number: float) -> str:
    return f"({float(np.float32(number)).hex()}f)"


def _double(number: float) -> str:
    return f"({number.hex()})" if math.isfinite(number) else "((double)INFINITE)"


def _by_layer(numbers: list[int]) -> str:
    """Give a choice between numbers, which compilers know where they know the layer."""
    *others, last = numbers
    return "(" + "".join(f"(layer) == {i} ? {n} : " for i, n in enumerate(others) if n != last) + f"{last})"
