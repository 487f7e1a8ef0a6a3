"""What fields, each allowed, cannot be together: asked before anything is planned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from relusweep.pipeline.common.validation import explained
from relusweep.pipeline.common.where import names_in
from relusweep.pipeline.sweeps.training.of_setting import network_of
from relusweep.pipeline.sweeps.training.updates import check_updates, idle_updates
from relusweep.pipeline.sweeps.until import Until
from relusweep.tasks import activations, initialisations
from relusweep.tasks.axes import Setting
from relusweep.tasks.given import Starts
from relusweep.tasks.networks import Network, initial_parameters
from relusweep.tasks.probes import Probe
from relusweep.tasks.problems import Problem
from relusweep.tasks.streams import Stream
from relusweep.tasks.training.engine import lacking_of

__all__ = [
    "STARTING",
    "check",
    "check_lists",
    "check_names",
    "check_starts",
    "check_until",
    "check_where",
    "check_whole_starts",
]

_RESERVED = ("trial", "done", "fingerprint")

STARTING = ("activation", "leak", "width", "depth", "widths", "init", "bias", "skip", "pretraining")
"""Axes beside the problem's that decide how networks start; the last two are not in every sweep."""

Labels = Mapping[str, tuple[Any, ...]]


def check(problem: Problem, probes: Sequence[Probe], labels: Labels, *, engine: str, pruned: bool) -> None:
    """Check the labels of all axes.

    Parameters
    ----------
    problem : Problem
    probes : sequence of Probe
    labels : mapping of str to tuple
    engine : str
    pruned : bool
        Whether a condition leaves out some combinations.

    Raises
    ------
    ValueError
        The message says what to change.
    """
    _check_sizes(problem, labels)
    _check_activations(labels, engine)
    for dim, condition, kind in () if pruned else _idle(labels):
        raise ValueError(
            f"{dim} has several labels, and {kind} does not use it: the same networks would be trained "
            f'again. Give {dim} one value, or where: "{condition}"'
        )
    if "huber_delta" in labels and "huber" not in labels["loss"]:
        raise ValueError("huber_delta is of Huber's loss; set loss=huber, or huber_delta=none")
    if not pruned:
        _check_batches(problem, labels)
    if others := [loss for loss in labels["loss"] if loss not in problem.losses]:
        allowed = " or ".join(problem.losses)
        raise ValueError(f"loss = {others[0]}: the problem {problem.kind} allows {allowed}")
    if "bar" in labels and labels["stop"] != ("last_epoch",):
        raise ValueError("restarts hold the bar against the loss after all epochs; set stop=last_epoch")
    if "first_success" in labels["stop"] and not problem.has_classes:
        raise ValueError(
            f"stop = first_success: rows of {problem.kind} are not right or wrong; set stop=last_epoch"
        )
    _check_pretraining(labels)
    check_updates(labels)
    for probe in probes:
        probe.check(problem, labels)


def check_names(problem: Problem, axes: Sequence[str], kept: Sequence[tuple[str, Sequence[str]]]) -> None:
    """Refuse what two parts of a sweep call alike.

    Parameters
    ----------
    problem : Problem
    axes : sequence of str
        Of network and protocol.
    kept : sequence of (str, sequence of str)
        Kinds of probes, and the names of their variables.

    Raises
    ------
    ValueError
        A field of the problem, or a variable, has a name that is taken.
    """
    taken = dict.fromkeys(axes, "the network or the protocol") | dict.fromkeys(_RESERVED, "every sweep")
    for name in problem.axes:
        if name in taken:
            raise ValueError(
                f"the problem {problem.kind} has an axis {name}, as {taken[name]} has; rename it"
            )
        taken[name] = f"the problem {problem.kind}"
    for kind, names in kept:
        for name in names:
            if name in taken:
                raise ValueError(f"the probe {kind} keeps {name}, as {taken[name]} does; rename it")
            taken[name] = f"the probe {kind}"


def check_where(condition: str | None, wanted: NDArray[np.bool_] | None) -> None:
    """Refuse a condition that asks for nothing, or for trials with gaps: a block has consecutive ones.

    Parameters
    ----------
    condition : str, optional
    wanted : ndarray of bool, optional
        Which cells it asks for, trials last; None where there is none.

    Raises
    ------
    ValueError
        The message says what to change.
    """
    if wanted is None:
        return
    if not wanted.any():
        raise ValueError(f"where = {condition}: no combination of the labels is asked for")
    begins = wanted & ~np.roll(wanted, 1, axis=-1)
    begins[..., 0] = wanted[..., 0]
    if (begins.sum(axis=-1) > 1).any():
        raise ValueError(
            f"where = {condition}: it leaves out trials between others; ask for consecutive ones"
        )


def check_lists(settings: Iterable[Setting]) -> None:
    """Refuse lists of activations that do not have one for each hidden layer.

    Parameters
    ----------
    settings : iterable of Setting
        All that are asked for, of the problem's axes and `STARTING`.

    Raises
    ------
    ValueError
        The message says what to change.
    """
    for setting in settings:
        n_layers, depth = len(activations.load(setting["activation"]).layers), setting["depth"]
        if n_layers not in (0, depth):
            raise ValueError(
                f"activation = {setting['activation']} is of {n_layers} hidden layers, and depth is {depth}; "
                f"set depth={n_layers}, name an activation for each layer, or where: "
                f"\"activation != '{setting['activation']}' or depth == {n_layers}\""
            )


def check_until(until: Until | None, condition: str | None, problem: Problem, labels: Labels) -> None:
    """Refuse to wait for successes that cannot come, and two ways to say how many trials there are.

    Raises
    ------
    ValueError
        The message says what to change.
    """
    if until is None:
        return
    if not problem.has_classes and "bar" not in labels:
        raise ValueError(
            f"trials {until.words}: rows of {problem.kind} are not right or wrong, and without restarts no "
            "network succeeds; give trials as a number, or a bar by restarts"
        )
    if condition and "trial" in names_in(condition):
        raise ValueError(
            f"where = {condition}: trials has a rule that says how many each combination has; leave trial "
            "out of the condition, or give trials as a number"
        )


def check_starts(starts: Starts, networks: Iterable[Network], trials: range, labels: Labels) -> None:
    """Refuse starts of a file beside what draws starts, or that do not fit.

    Parameters
    ----------
    starts : Starts
    networks : iterable of Network
        One of each size.
    trials : range
    labels : mapping of str to tuple
        Of all axes.

    Raises
    ------
    ValueError
        The message says what to change.
    """
    if "bar" in labels:
        raise ValueError("restarts draw each try, and network.starts gives one; leave out either")
    if "pretraining" in labels:
        raise ValueError("pretraining is of drawn starts, and network.starts gives others; leave out either")
    if others := [name for name in ("init", "bias") if len(labels[name]) > 1]:
        raise ValueError(f"{others[0]} has several labels, and network.starts is instead of it; give one")
    for network in networks:
        starts.rows(network, trials)


def check_whole_starts(problem: Problem, settings: Iterable[Setting], seed: int) -> None:
    """Refuse starts of whole networks, and pretraining, where the network or the problem is not for them.

    Parameters
    ----------
    problem : Problem
    settings : iterable of Setting
        All that are asked for, of the problem's axes and `STARTING`.
    seed : int

    Raises
    ------
    ValueError
        The message says what to change.
    """
    for setting in settings:
        init = setting["init"]
        if setting.get("pretraining", "none") != "none" and init != "compositional":
            raise ValueError(
                f"pretraining = {setting['pretraining']} is of init = compositional, not of {init}; give that"
                " alone, or where: \"init == 'compositional' or pretraining == 'none'\""
            )
        if (whole := initialisations.load(init).whole) is None:
            continue
        if setting["bias"] != "uniform":
            raise ValueError(
                f"bias = {setting['bias']}: init = {init} draws biases itself; leave bias out, or where: "
                f"\"init != '{init}' or bias == 'uniform'\""
            )
        try:
            network = network_of(problem, setting)
        except ValidationError as error:
            raise ValueError(f"init = {init}: {explained(error, Network)}") from None
        if whole.needs_rows and "bar" in setting:
            raise ValueError(
                f"restarts draw starts without rows, which init = {init} needs; leave out either"
            )
        if whole.needs_rows:
            label = problem.names()[0] if problem.labels else None
            learned = problem.draw(setting, (label,), range(1), seed)
            rows = learned.inputs, learned.targets
            try:
                initial_parameters(network, Stream(("check",)), range(1), rows)
            except ValueError as error:
                own = ", ".join(f"{dim} = {setting[dim]}" for dim in problem.axes if dim in setting)
                raise ValueError(f"init = {init}, {own}: {error}") from None


def _check_pretraining(labels: Labels) -> None:
    """Refuse what cannot be beside pretraining."""
    if "pretraining" not in labels:
        return
    if labels["loss"] != ("mse",):
        raise ValueError("pretraining lessens the squared error; set loss=mse")
    if "bar" in labels:
        raise ValueError("restarts draw each try, and pretraining is of one start; leave out either")
    longest = max(labels["pretraining_epochs"])
    if "in_all" in labels["pretraining_budget"] and longest > min(labels["epochs"]):
        raise ValueError(
            f"pretraining takes {longest} of {min(labels['epochs'])} epochs in all; set fewer "
            "pretraining_epochs, or pretraining_budget=more"
        )


def _check_sizes(problem: Problem, labels: Labels) -> None:
    first = {dim: some[0] for dim, some in labels.items()}
    if labels["widths"] != ("",):
        if labels["width"] != (0,) or labels["depth"] != (0,) or "" in labels["widths"]:
            raise ValueError(
                "widths say the units of every layer; leave out width and depth, or set them to 0"
            )
        if others := [skip for skip in labels.get("skip", ()) if skip != "none"]:
            raise ValueError(
                f"skip = {others[0]} is for equal widths; give width and depth instead of widths"
            )
    elif 0 in labels["depth"]:
        raise ValueError("depth = 0: give the number of hidden layers, at least 1, or widths")
    elif 0 in labels["width"] and problem.own_width(first) is None:
        raise ValueError(
            f"width = auto, or 0: the problem {problem.kind} has no width of its own; give numbers of at "
            "least 1, or widths"
        )


def _check_activations(labels: Labels, engine: str) -> None:
    slow = [lack for name in labels["activation"] if (lack := lacking_of(name))]
    if slow and engine != "reference":
        raise ValueError(f"the engine {engine} does not have {slow[0]}; set engine=reference, or engine=auto")
    for name in labels["activation"]:
        activations.try_own(name)
    grouped = [name for name in labels["activation"] if activations.load(name).grouped]
    if grouped and "group" not in labels:
        raise ValueError(f"activation = {grouped[0]}: say how many sums a unit has, as --set group=2")
    _check_rules(labels)
    leaky = [name for name in labels["activation"] if activations.load(name).uses_leak]
    if any(labels["leak"]) and (not leaky or len(labels["leak"]) == 1 < len(labels["activation"])):
        other = next(name for name in labels["activation"] if name not in leaky)
        raise ValueError(f"leak = {max(labels['leak'])}: {other} has no leak; set leak=0")


def _check_rules(labels: Labels) -> None:
    """Refuse rules without units that have them, or without rates, and rates without rules."""
    ruled = any(follows != "backpropagation" for follows in labels.get("scalars", ()))
    rates = [name for name in ("kink_rate", "slope_rate") if name in labels]
    with_rules = [name for name in activations.names() if activations.load(name).influences]
    if ruled and not set(with_rules) & set(labels["activation"]):
        raise ValueError(
            f"scalars = {labels['scalars'][-1]}: only {' and '.join(with_rules)} have rules; set "
            f"activation={with_rules[0]}, or scalars=none"
        )
    if ruled and len(rates) < 2:
        raise ValueError("scalars = rules: say how fast, as --set kink_rate=0.1 --set slope_rate=0.1")
    decays = any(labels.get("weight_decay", (0.01 if "adamw" in labels["optimizer"] else 0.0,)))
    if ruled and (decays or any(labels.get("l1", ()))):
        raise ValueError(
            "scalars = rules: what follows rules has no gradient; set weight_decay=0 and l1=none"
        )
    if rates and not ruled:
        raise ValueError(f"{rates[0]} is of rules; set scalars=rules, or {rates[0]}=none")


def _idle(labels: Labels) -> Iterator[tuple[str, str, str]]:
    """Find axes of several labels that some activation or optimiser does not use."""
    without = [name for name in labels["activation"] if not activations.load(name).uses_leak]
    if labels["leak"] != (0.0,) and without:
        leaky = [name for name in labels["activation"] if name not in without]
        which = f"== {leaky[0]!r}" if len(leaky) == 1 else f"in {leaky}"
        yield "leak", f"activation {which} or leak == 0", without[0]
    alone = [name for name in labels["activation"] if not activations.load(name).grouped]
    if len(labels.get("group", ())) > 1 and alone:
        first = labels["group"][0]
        yield "group", f"activation == 'maximum' or group == {first}", alone[0]
    yield from _idle_rules(labels)
    if len(labels.get("skip", ())) > 1 and "residual" in labels["skip"] and 1 in labels["depth"]:
        yield "skip", "depth > 1 or skip != 'residual'", "depth = 1"
    others = [loss for loss in labels["loss"] if loss != "huber"]
    if len(labels.get("huber_delta", ())) > 1 and others:
        first = labels["huber_delta"][0]
        yield "huber_delta", f"loss == 'huber' or huber_delta == {first}", others[0]
    for dim in ("pretraining_epochs", "pretraining_rate", "pretraining_budget"):
        if len(labels.get(dim, ())) > 1 and "none" in labels["pretraining"]:
            first = repr(labels[dim][0])
            yield dim, f"pretraining != 'none' or {dim} == {first}", "pretraining = none"
    yield from idle_updates(labels)


def _idle_rules(labels: Labels) -> Iterator[tuple[str, str, str]]:
    """Find axes of the rules of decomposed neurons that something does not use."""
    ruled = [name for name in labels["activation"] if activations.load(name).influences]
    others = [name for name in labels["activation"] if name not in ruled]
    several = [dim for dim in ("scalars", "kink_rate", "slope_rate") if len(labels.get(dim, ())) > 1]
    for dim in several if others else ():
        yield dim, f"activation in {ruled} or {dim} == {labels[dim][0]!r}", others[0]
    if "backpropagation" in labels.get("scalars", ()):
        for dim in [dim for dim in several if dim != "scalars"]:
            condition = f"scalars != 'backpropagation' or {dim} == {labels[dim][0]}"
            yield dim, condition, "backpropagation"


def _check_batches(problem: Problem, labels: Labels) -> None:
    """Refuse two batches that are both all rows."""
    first = {dim: some[0] for dim, some in labels.items()}
    own = [dim for dim in problem.axes if dim in labels]
    for setting in product(*(labels[dim] for dim in own)):
        rows = problem.n_rows_of({**first, **dict(zip(own, setting, strict=True))})
        whole = [str(batch or "all") for batch in labels["batch"] if batch == 0 or batch >= rows]
        if len(whole) > 1:
            raise ValueError(
                f"batches of {' and '.join(whole)} are both all of {rows} rows: the same networks would be "
                "trained again. Leave one out, or say with where which rows have which batches"
            )
