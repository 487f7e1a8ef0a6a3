"""What a task takes, made of one label of every axis."""

from __future__ import annotations

from relusweep.tasks import activations
from relusweep.tasks.axes import Setting
from relusweep.tasks.networks import Network
from relusweep.tasks.pretraining.stage import Pretraining
from relusweep.tasks.problems import Problem
from relusweep.tasks.training.optimizers import Adam, AdamW, Optimizer, RmsProp, Schedule, Sgd
from relusweep.tasks.training.protocol import Protocol, Rules
from relusweep.tasks.training.restarts import Restarts

__all__ = ["completed", "group_of", "network_of", "pretraining_of", "protocol_of", "restarts_of"]


def completed(problem: Problem, labels: Setting) -> Setting:
    """Complete the labels of a combination: what is the problem's own becomes a number."""
    if labels["widths"]:
        units = [int(size) for size in labels["widths"].split("-")]
        return {**labels, "width": max(units), "depth": len(units)}
    return {**labels, "width": labels["width"] or problem.own_width(labels)}


def network_of(problem: Problem, setting: Setting) -> Network:
    """Give the network."""
    names = ("width", "depth", "activation", "leak", "init", "bias")
    widths = tuple(map(int, setting["widths"].split("-"))) if setting["widths"] else None
    return Network(
        n_inputs=problem.n_inputs_of(setting),
        widths=widths,
        group=group_of(setting),
        n_outputs=problem.n_outputs_of(setting),
        skip=setting.get("skip", "none"),
        **{name: setting[name] for name in names},
    )


def group_of(setting: Setting) -> int:
    """Give the sums of a hidden unit."""
    grouped = activations.load(setting["activation"]).grouped
    return int(setting.get("group", 1)) if grouped else 1


def protocol_of(problem: Problem, setting: Setting) -> Protocol:
    """Give the protocol, with the network."""
    return Protocol(
        network=network_of(problem, setting),
        loss=setting["loss"],
        threshold=problem.threshold(setting),
        optimizer=_optimizer(setting),
        batch=setting["batch"] or None,
        epochs=_epochs(setting),
        stop=setting["stop"],
        success=setting["success"],
        rules=_rules(setting),
        pull=setting.get("pull", 0.0),
        orthogonality=setting.get("orthogonality", 0.0),
        huber_delta=setting.get("huber_delta", 1.0),
        l1=setting.get("l1", 0.0),
        clip_norm=setting.get("clip_norm"),
        schedule=_schedule(setting),
        patience=setting.get("patience"),
        min_improvement=setting.get("min_improvement", 0.0),
        target_loss=setting.get("target_loss"),
        most_loss=setting.get("most_loss"),
    )


def restarts_of(setting: Setting) -> Restarts | None:
    """Say when to start again; None where never."""
    if "bar" not in setting:
        return None
    return Restarts(
        bar=setting["bar"], most=setting["most_restarts"], further_epochs=setting["further_epochs"]
    )


def pretraining_of(setting: Setting) -> Pretraining | None:
    """Say how compositions are trained before all weights; None where they are not."""
    kind = setting.get("pretraining", "none")
    if kind == "none":
        return None
    return Pretraining(
        kind=kind, epochs=setting["pretraining_epochs"], learning_rate=setting["pretraining_rate"]
    )


_OPTIMIZERS: dict[str, type[Optimizer]] = {"adam": Adam, "adamw": AdamW, "sgd": Sgd, "rmsprop": RmsProp}


def _optimizer(setting: Setting) -> Optimizer:
    """Make the optimiser; constants that are not set are its own."""
    kind = _OPTIMIZERS[setting["optimizer"]]
    own = {name: setting[name] for name in kind.model_fields if name in setting}
    if own.get("nesterov"):
        own["nesterov"] = own["momentum"] > 0
    return kind(**own)


def _schedule(setting: Setting) -> Schedule | None:
    if "schedule" not in setting:
        return None
    names = ("every", "factor", "patience", "threshold", "floor")
    own = {name: setting[f"schedule_{name}"] for name in names if f"schedule_{name}" in setting}
    if setting["schedule"] == "cosine":
        own.setdefault("every", max(_epochs(setting) - setting["warmup"], 1))
    return Schedule(kind=setting["schedule"], warmup=setting["warmup"], **own)


def _epochs(setting: Setting) -> int:
    pretraining = pretraining_of(setting)
    within = pretraining is not None and setting["pretraining_budget"] == "in_all"
    return int(setting["epochs"]) - (pretraining.epochs if pretraining and within else 0)


def _rules(setting: Setting) -> Rules | None:
    follows = setting.get("scalars", "backpropagation")
    if follows == "backpropagation" or activations.load(setting["activation"]).influences is None:
        return None
    return Rules(
        kink_rate=setting["kink_rate"],
        slope_rate=setting["slope_rate"],
        sharpness="rule" if follows == "rules" else "backpropagation",
    )
