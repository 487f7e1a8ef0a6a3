"""What fields, each allowed, cannot be together: refused before anything is planned."""

from __future__ import annotations

import pytest

from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.sweeps.named import SWEEPS
from relusweep.pipeline.sweeps.overrides import override
from relusweep.pipeline.sweeps.training.checks import check_names


@pytest.mark.parametrize(
    ("name", "settings", "says"),
    [
        ("npn4", ["width=auto"], "npn4: width = auto, or 0: the problem boolean has no width of its own"),
        ("npn4", ["depth=0"], "depth = 0: give the number of hidden layers, at least 1, or widths"),
        ("npn4", ["widths=4-2"], "widths say the units of every layer; leave out width and depth"),
        (
            "npn4",
            ["activation=torch:sin", "leak=0", "engine=lanes"],
            "lanes does not have the activation torch:sin; set engine=reference, or engine=auto",
        ),
        ("npn4", ["activation=relu-tanh"], "relu-tanh is of 2 hidden layers, and depth is 1; set depth=2, "),
        (
            "npn4",
            ["activation=relu-tanh,abs", "depth=2"],
            "abs does not use it: .* where: \"activation == 'relu-tanh' or leak == 0\"",
        ),
        (
            "npn4",
            ["activation=torch:median", "engine=reference", "leak=0"],
            r"torch:median of a Tensor of torch.float32, of shape \(2, 4, 3\) gave a Tensor .* of shape \(\)",
        ),
        (
            "npn4",
            ["momentum=0.1,0.2"],
            r"momentum has several labels, and adam .* momentum one value, or where: \"optimizer == 'sgd' or",
        ),
        (
            "npn4",
            ["optimizer=sgd,adam", "beta1=0.8,0.9"],
            "beta1 has several labels, and sgd does not",
        ),
        ("npn4", ["optimizer=sgd", "epsilon=1e-8,1e-7"], "epsilon has several labels"),
        (
            "npn4",
            ["activation=relu,gelu", "engine=reference"],
            "\"activation == 'relu' or leak == 0\"",
        ),
        ("npn4", ["activation=gelu", "engine=reference"], r"leak = 0.1: gelu has no leak; set leak=0$"),
        ("npn4", ["activation=relu,gelu", "leak=0.1", "engine=reference"], "leak = 0.1: gelu has no leak"),
        ("npn4", ["batch=all,16"], "batches of all and 16 are both all of 16 rows"),
        ("annulus", ["samples=90,500"], "batches of 100 and 1000 are both all of 90 rows"),
        ("npn4", ["skip=none,residual", "depth=1,2"], "skip has several labels, and depth = 1"),
        ("npn4", ["width=0", "depth=0", "widths=2-3", "skip=input"], "skip = input is for equal widths"),
        ("npn4", ["loss=mse,huber", "huber_delta=1,2"], "huber_delta has several labels, and mse"),
        ("npn4", ["loss=mse", "huber_delta=2"], "set loss=huber, or huber_delta=none"),
        ("npn4", ["loss=cross_entropy"], "allows bce or mse or huber or hinge"),
        ("annulus", ["depth=2"], "shape is of depth 1 and width auto; set these, or leave the probe out"),
        ("annulus", ["width=4"], "shape is of depth 1 and width auto"),
        ("npn4", ["probes=shape"], "shape is of regions around a ball, not of boolean; leave it out"),
        ("npn4", ["probes=pieces"], "pieces are of functions of one input, not of boolean; leave it out"),
        ("sine", ["restarts=none", "stop=first_success"], "rows of function are not right or wrong"),
        ("sine", ["loss=bce"], "loss = bce: the problem function allows mse"),
        ("sine", ["stop=first_success"], "restarts hold the bar .* after all epochs; set stop=last_epoch"),
        ("sine", ["activation=gelu", "engine=reference"], "pieces is of networks of relu units, not of gelu"),
        ("prune_wide", ["depth=1,2"], "subsets is of networks of one hidden layer; set depth=1"),
        ("prune_wide", ["width=2..21"], "21 units have 2,097,152 subsets; .* take the probe removals"),
        ("prune_deep", ["batch=2"], "removals fine-tunes with all rows at once, and batch is 2; set batch"),
        (
            "prune_masks",
            ["width=2..5"],
            "up to 25 weights, and networks of 3 inputs, width 5 and depth 1 have 26",
        ),
        (
            "npn4",
            ["scalars=rules"],
            "only decomposed_relu and decomposed_softplus have rules; set activation=",
        ),
        (
            "one_neuron",
            ["kink_rate=none", "where=none"],
            "say how fast, as --set kink_rate=0.1 --set",
        ),
        (
            "one_neuron",
            ["scalars=none", "where=none"],
            "kink_rate is of rules; set scalars=rules, or kink_rate=none",
        ),
        ("one_neuron", ["where=none", "leak=0"], "scalars has several labels, and relu does not use it"),
        (
            "one_neuron",
            ["where=none", "leak=0", "activation=decomposed_relu"],
            "kink_rate has several labels, and backpropagation does not use it.*scalars != 'backpropagation'",
        ),
        ("npn4", ["where=wdth < 3"], "names no axis 'wdth'"),
        ("npn4", ["optimizer=adam,rmsprop", "alpha=0.9,0.99"], "alpha has several labels, and adam"),
        ("npn4", ["alpha=0.9"], "alpha is of optimizer = rmsprop; set optimizer=rmsprop, or alpha=none"),
        ("npn4", ["optimizer=sgd", "nesterov=true"], "set momentum above 0, as --set momentum=0.9"),
        ("npn4", ["optimizer=sgd", "nesterov=false,true", "momentum=0,0.9"], "and momentum = 0 does not use"),
        ("npn4", ["schedule=step"], "schedule = step: say schedule_every, as --set schedule_every=100"),
        (
            "npn4",
            ["schedule=cosine,plateau", "schedule_patience=5,10"],
            "\"schedule == 'plateau' or schedule_patience == 5\"",
        ),
        ("npn4", ["schedule=cosine", "warmup=10", "epochs=10"], "warmup = 10 takes all of 10 epochs"),
        ("npn4", ["stop=plateau"], "stop = plateau: say patience, as --set patience=10"),
        ("npn4", ["target_loss=0.1"], "target_loss is of stop = target_loss; set stop=target_loss, or"),
        ("npn4", ["stop=plateau,divergence", "patience=5", "most_loss=1,2"], "most_loss has several labels"),
        (
            "one_neuron",
            ["activation=decomposed_relu", "leak=0", "where=none", "l1=0.1"],
            "what follows rules has no gradient; set weight_decay=0 and l1=none",
        ),
    ],
)
def test_what_cannot_be_together_is_refused(name: str, settings: list[str], says: str) -> None:
    sweep = override(SWEEPS[name], settings)
    with pytest.raises(InvalidSweep, match=says):
        sweep.check()


def test_names_that_are_taken_are_refused() -> None:
    problem = SWEEPS["annulus"].problem  # of the axes n_inputs, samples, ball, shell_volume and inputs
    check_names(problem, ["width"], [("outcome", ["success_epoch"]), ("mine", ["dead"])])
    with pytest.raises(ValueError, match="problem ball_and_shell has an axis ball, as the network or"):
        check_names(problem, ["width", "ball"], [])
    with pytest.raises(
        ValueError, match="probe mine keeps success_epoch, as the probe outcome does; rename it"
    ):
        check_names(problem, ["width"], [("outcome", ["success_epoch"]), ("mine", ["success_epoch"])])
    with pytest.raises(ValueError, match="probe mine keeps trial, as every sweep does"):
        check_names(problem, ["width"], [("mine", ["trial"])])


@pytest.mark.parametrize("name", [name for name in SWEEPS if name != "images"])
def test_named_sweeps_pass(name: str) -> None:
    SWEEPS[name].check()


@pytest.mark.parametrize(
    "settings",
    [
        ["optimizer=sgd,adam", "momentum=0,0.9", "where=optimizer == 'sgd' or momentum == 0"],
        ["activation=relu,gelu", "engine=reference", "where=activation == 'relu' or leak == 0"],
        ["width=0", "depth=0", "widths=8-4-2,6-6"],
        ["batch=4,8,all"],
        ["optimizer=sgd", "nesterov=false,true", "momentum=0,0.9", "where=momentum > 0 or nesterov == False"],
        [
            "schedule=cosine,plateau",
            "schedule_patience=5,10",
            "where=schedule == 'plateau' or schedule_patience == 5",
        ],
    ],
)
def test_the_remedies_help(settings: list[str]) -> None:
    override(SWEEPS["npn4"], settings).check()
