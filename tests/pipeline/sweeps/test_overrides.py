"""How a user names and changes sweeps: settings, mappings, files; what is wrong is explained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from relusweep.pipeline.common.errors import InvalidSweep, UnknownSweep
from relusweep.pipeline.sweeps.named import SWEEPS
from relusweep.pipeline.sweeps.overrides import changed, find_sweep, override
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep

NPN4 = SWEEPS["npn4"]
PARITY = "problem: {kind: boolean, n_inputs: 3, problems: all}\ndepth: 1\ntrials: 1\n"


def place(sweep: TrainingSweep, dim: str) -> tuple[Any, ...]:
    return sweep.places[dim].labels


@pytest.mark.parametrize(
    ("setting", "dim", "labels"),
    [
        ("width=2,3", "width", (2, 3)),
        ("width=2..5,9", "width", (2, 3, 4, 5, 9)),
        ("width=3, 2,3", "width", (2, 3)),
        ("depth=7", "depth", (7,)),
        ("leak=0.1,0", "leak", (0.0, 0.1)),
        ("leak=-0", "leak", (0.0,)),
        ("network.width=2,3", "width", (2, 3)),
        ("learning_rate=1e-3", "learning_rate", (1e-3,)),
        ("optimizer.learning_rate=1e-3", "learning_rate", (1e-3,)),
        ("protocol.optimizer.learning_rate=0.1,0.01", "learning_rate", (0.01, 0.1)),
        ("optimizer=sgd,adam", "optimizer", ("adam", "sgd")),
        ("optimizer.kind=sgd", "optimizer", ("sgd",)),
        ("batch=all", "batch", (0,)),
        ("batch=all,8", "batch", (0, 8)),
        ("init=pytorch,he_normal", "init", ("he_normal", "pytorch")),
        ("widths=8-4-2,6-6", "widths", ("6-6", "8-4-2")),
    ],
)
def test_settings_of_axes(setting: str, dim: str, labels: tuple[Any, ...]) -> None:
    assert place(override(NPN4, [setting]), dim) == labels


def test_settings_of_the_rest() -> None:
    sweep = override(NPN4, ["trials=10", "problems=7140,1785", "engine=auto", "probes=parameters"])
    assert (sweep.trials, sweep.problem.problems, sweep.engine) == (10, (1785, 7140), "lanes")
    assert [probe.kind for probe in sweep.probes] == ["parameters"]
    assert override(sweep, ["probes=none"]).probes == ()


@pytest.mark.parametrize(
    ("written", "fixed"),
    [("0.01", True), (0.01, True), ([0.01], False), ("0.01,0.1", False), ([0.01, 0.1], False)],
)
def test_one_value_is_fixed_and_a_list_is_an_axis(written: Any, fixed: bool) -> None:
    sweep = changed(NPN4, [("learning_rate", written)])
    assert ("learning_rate" in sweep.fixed) == fixed
    again = TrainingSweep.model_validate_json(sweep.model_dump_json())
    assert again == sweep
    assert again.fixed == sweep.fixed


def test_a_list_stays_one_when_it_gets_one_value() -> None:
    """Of npn4 the widths are a list and the learning rate is one value."""
    for setting in ("width=4", "network.width=4"):
        sweep = override(NPN4, [setting])
        assert place(sweep, "width") == (4,)
        assert "width" not in sweep.fixed
    assert "learning_rate" in override(NPN4, ["learning_rate=0.1"]).fixed


def test_mappings_flat_names_and_paths_mean_the_same() -> None:
    ways: list[dict[str, Any]] = [
        {"optimizer": {"kind": "sgd", "learning_rate": 0.1, "momentum": 0.9}},
        {"optimizer": "sgd", "learning_rate": 0.1, "momentum": 0.9},
        {"optimizer.kind": "sgd", "optimizer.learning_rate": 0.1, "optimizer.momentum": 0.9},
        {"protocol": {"optimizer": {"kind": "sgd", "learning_rate": 0.1, "momentum": 0.9}}},
        {"protocol.optimizer": {"kind": "sgd"}, "learning_rate": 0.1, "momentum": 0.9},
    ]
    (first, *others) = (changed(NPN4, way.items()) for way in ways)
    assert all(other == first for other in others)
    assert place(first, "optimizer") == ("sgd",)
    assert place(first, "beta1") == place(NPN4, "beta1")


def test_settings_of_one_optimizer_add_up() -> None:
    sweep = override(NPN4, ["beta1=0.5", "optimizer.epsilon=1e-6", "optimizer.beta1=0.6"])
    assert [place(sweep, dim) for dim in ("beta1", "epsilon", "learning_rate")] == [(0.6,), (1e-6,), (0.025,)]


def test_another_problem_needs_its_own_fields() -> None:
    sweep = changed(NPN4, [("problem", {"kind": "ball_and_shell", "n_inputs": 2, "samples": 40})])
    assert sweep.group == "hypersphere/npn4"
    with pytest.raises(InvalidSweep, match=r"problem: n_inputs: Field required"):
        changed(NPN4, [("problem", {"kind": "ball_and_shell", "samples": 40})])


def test_none_takes_away_what_may_be_absent() -> None:
    again = override(SWEEPS["sine"], ["restarts=none"])
    assert again.protocol.restarts is None
    assert override(again, ["restarts=none"]) == again
    assert override(NPN4, ["where=width < 4"]).where == "width < 4"
    assert override(NPN4, ["where=width < 4", "where=none"]) == NPN4


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("widht=3", ["no field 'widht'", "did you mean 'width'", "activation, leak, width, depth, widths"]),
        ("optimiser.beta1=0", ["no field 'optimiser'", "did you mean 'optimizer'"]),
        (
            "optimizer.learning_rat=0",
            ["no field 'protocol.optimizer.learning_rat'", "mean 'protocol.optimizer.learning_rate'"],
        ),
        ("lr=0.1", ["no field 'lr'", "did you mean 'learning_rate'?"]),
        ("LR=0.1", ["did you mean 'learning_rate'?"]),
        ("protocol.lr=0.1", ["did you mean 'protocol.optimizer.learning_rate' or"]),
        ("learning-rate=0.1", ["did you mean 'learning_rate'?"]),
        ("optimizer.learning_rate=-1", ["optimizer.learning_rate = -1", "greater than 0"]),
        ("learning_rate=0", ["protocol.optimizer.learning_rate = 0", "numbers above 0"]),
        ("optimizer=adm", ["optimizer.kind = adm", "adam", "sgd"]),
        ("width=two", ["width = two", "2..10"]),
        ("width=-1", ["width = -1", "at least 1"]),
        ("width=5..2", ["width", "5..2 must rise; write 2..5"]),
        ("width=[2", ["--set width=[2 is not YAML"]),
        ("leak=0..1", ["leak: 0..1 counts whole numbers; write each, as 0,0.5,1"]),
        ("learning_rate=nan", ["learning_rate = nan: must be a number"]),
        ("learning_rate=.inf", ["must be less than or equal to 1e+30"]),
        (
            "problems=parity",
            ["parity is no whole number", "functions have names, as parity, where problems=none"],
        ),
        ("problems=0110100110010110", ["0110100110010110 is a truth table; give its number, 27030"]),
        ("leak=1.5", ["leak = 1.5", "numbers from 0 to 1"]),
        ("leak=nan", ["leak = nan", "numbers from 0 to 1"]),
        ("trials=0", ["trials = 0", "at least 1"]),
        ("epochs=0", ["epochs = 0", "1 to 10 000 000"]),
        ("success=0", ["success = 0", "above 0, at most 1"]),
        ("stop=never", ["stop = never", "first_success", "last_epoch"]),
        ("loss=hing", ["loss = hing", "bce, mse"]),
        ("engine=lan", ["engine = lan", "'lanes', 'cuda' or 'reference'"]),
        ("init=henormal", ["init = henormal", "he_normal, lecun_normal, orthogonal, pytorch"]),
        ("activation=rleu", ["activation = rleu", "identity, maximum, relu"]),
        ("widths=8-x", ["widths = 8-x", "as 8-4-2"]),
        (
            "probes=curv",
            [
                "no probe 'curv'; did you mean 'curve'",
                "there are alignment, certificate, compression, curve,",
            ],
        ),
        ("probes=curve", ["curve needs one of every, per_decade and at, got none", "curve: {every: 10}"]),
        ("problem.kind=sine", ["no problem 'sine'", "there are ball_and_shell,"]),
        ("problem=none", ["kind: one of ball_and_shell,"]),
        ("bar=0.3", ["restarts.most", "Field required"]),
        ("problems=7141", ["7141 does not name an NPN class", "5786"]),
        ("problems=65536", ["no function of 4 inputs", "65535"]),
        ("n_inputs=6", ["n_inputs = 6", "1 to 5"]),
        ("samples=20", ["no field 'samples'"]),  # of another problem
        ("name=a b", ["name = a b", "letters"]),
        ("trials", ["--set trials", "field=value"]),
        ("trials=", ["--set trials=", "field=value"]),
    ],
)
def test_wrong_settings_say_what_is_allowed(setting: str, words: list[str]) -> None:
    with pytest.raises(InvalidSweep) as caught:
        override(NPN4, [setting])
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("name", "setting", "words"),
    [
        ("boolean10", "random=-1", ["random = -1", "a whole number from 0 to 10000"]),
        ("boolean10", "random=10001", ["random = 10001", "a whole number from 0 to 10000"]),
        ("boolean10", "n_inputs=13", ["n_inputs = 13", "whole numbers from 1 to 12"]),
        ("boolean10", "n_inputs=10..5", ["n_inputs", "10..5 must rise"]),
        ("boolean10", "n_inputs=3,5", ["n_inputs holds 3", "leave it out, or set classes=none"]),
        ("boolean10", "classes=2", ["2 does not name an NPN class; its own is named 1"]),
        ("boolean10", "classes=some", ["classes", "ids of NPN classes, all or none"]),
        ("boolean10", "problems=1", ["numbered (problems=…) or named (random=…, classes=…), not both"]),
        ("annulus", "samples=7", ["samples = 7", "an even number"]),
        ("annulus", "test_samples=3", ["test_samples = 3", "an even number, or 0"]),
        ("annulus", "n_inputs=1,2", ["n_inputs = 1", "from 2 to 32"]),
        ("annulus", "inputs=normalised", ["inputs = normalised", "raw,scaled"]),
        ("annulus", "mse_targets=1,2", ["mse_targets = 1,2", "'0,1' or '-1,1'"]),
        ("annulus", "ball=0", ["ball = 0", "above 0"]),
        ("annulus", "shell_volume=same", ["shell_volume", "surrounded or ball"]),
        ("images", "lr=1", ["mean 'sgd.learning_rate' or 'adamw.learning_rate'?"]),
        ("images", "momentum=1", ["mean 'sgd.momentum'?"]),
        (
            "images",
            "optimizer=sgd",
            ["no field 'optimizer': labels of networks name it, as networks=dense-sgd-0"],
        ),
        ("sine", "points=1", ["points = 1", "2 to 100 000"]),
        ("sine", "restarts.bar=inf", ["restarts.bar = inf", "finite numbers"]),
        ("sine", "most_restarts=-1", ["restarts.most = -1", "0 to 1 000 000"]),
        ("sine", "restarts.tries=3", ["no field 'protocol.restarts.tries'"]),
    ],
)
def test_wrong_settings_of_other_problems(name: str, setting: str, words: list[str]) -> None:
    with pytest.raises(InvalidSweep) as caught:
        override(SWEEPS[name], [setting])
    message = str(caught.value)
    assert all(word in message for word in words), message


def test_an_unknown_sweep_names_the_nearest() -> None:
    with pytest.raises(UnknownSweep, match=r"'npn6'; did you mean 'npn\d'\?; give .*npn2, npn3, npn4, npn5"):
        find_sweep("npn6")


def test_a_file_changes_a_named_sweep(tmp_path: Path) -> None:
    file = tmp_path / "wide.yaml"
    file.write_text("base: npn3\nwidth: [20, 30]\ndepth: 1..2\noptimizer: {learning_rate: 0.1}\n")
    sweep = find_sweep(str(file))
    assert sweep.group == "boolean/wide"
    assert [place(sweep, dim) for dim in ("width", "depth")] == [(20, 30), (1, 2)]
    assert place(sweep, "learning_rate") == (0.1,)
    assert sweep.problem == SWEEPS["npn3"].problem


def test_a_file_may_be_a_specification_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "problem: {kind: boolean, n_inputs: 3, problems: all}\n"
        "network: {width: [4, 8], depth: 1..3, init: [he_normal, pytorch]}\n"
        "protocol: {optimizer: {learning_rate: [0.01, 0.025]}, batch: all}\n"
        "probes: [parameters, {curve: {every: 10}}]\n"
        "trials: 100\nwhere: width * depth <= 16\n"
    )
    sweep = find_sweep(str(file))
    assert isinstance(sweep, TrainingSweep)
    assert (sweep.name, sweep.trials, sweep.n_cells) == ("mine", 100, 14 * 2 * 3 * 2 * 2 * 100)
    assert sweep.n_wanted == sweep.n_cells * 5 // 6
    assert [probe.kind for probe in sweep.probes] == ["curve", "parameters"]
    file.write_text("problem: {kind: boolean, n_inputs: 3, problems: all}\nnetwork: {wdth: 4}\n")
    with pytest.raises(
        InvalidSweep, match=r"mine.yaml: no field 'network.wdth'; did you mean 'network.width'"
    ):
        find_sweep(str(file))


def test_a_file_may_go_to_other_inputs(tmp_path: Path) -> None:
    file = tmp_path / "one.yml"
    file.write_text("base: npn2\nname: single\nn_inputs: 1\nproblems: all\n")
    assert find_sweep(str(file)).axes["problem"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        (None, UnknownSweep, "No such file"),
        ("width: [", InvalidSweep, "is not YAML"),
        ("width: 3", InvalidSweep, "give base:"),
        ("problem: 3", InvalidSweep, "give a mapping with kind"),
        ("base: npn9", InvalidSweep, "npn2, npn3, npn4"),
        ("- base", InvalidSweep, "give base:"),
        ("base: npn2\ncolour: red", InvalidSweep, "no field 'colour'"),
        ("base: npn2\n1: red", InvalidSweep, "'1'"),
        ("base: npn2\nname: ../x", InvalidSweep, "letters"),
    ],
)
def test_wrong_files_are_explained(tmp_path: Path, text: str | None, error: type, words: str) -> None:
    file = tmp_path / "mine.yaml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(error, match=words):
        find_sweep(str(file))


@pytest.mark.parametrize(
    "text",
    [
        "base: npn3\nnetwork: {width: 4}\nwidth: 3\n",
        "base: npn3\nwidth: 3\nnetwork: {width: 4}\n",
        "base: npn3\nlearning_rate: 0.1\nprotocol.optimizer.learning_rate: 0.2\n",
        "base: npn3\nlearning_rate: 0.1\noptimizer: {learning_rate: 0.2}\n",
        f"{PARITY}network: {{width: 4}}\nwidth: 3\n",
        f"{PARITY}width: 3\nprotocol: {{optimizer: {{learning_rate: 0.1}}, learning_rate: 0.2}}\n",
    ],
)
def test_two_names_of_one_field_are_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(InvalidSweep, match=r"(width|learning_rate).*(as well; give|leave) one"):
        find_sweep(str(file))


@pytest.mark.parametrize(
    ("written", "dim", "labels"),
    [("1e1", "width", (10,)), ("[2, 3]", "width", (2, 3)), ("1e-3", "learning_rate", (1e-3,))],
)
def test_a_file_and_a_setting_mean_the_same(
    tmp_path: Path, written: str, dim: str, labels: tuple[Any, ...]
) -> None:
    file = tmp_path / "npn4.yaml"
    file.write_text(f"base: npn4\n{dim}: {written}\ntrials: 1e3\n")
    sweep = find_sweep(str(file))
    assert sweep == override(NPN4, [f"{dim}={written}", "trials=1e3"])
    assert isinstance(sweep, TrainingSweep)
    assert place(sweep, dim) == labels
    assert sweep.trials == 1000


@pytest.mark.parametrize("field", ["trials", "width", "leak", "seed", "epochs", "learning_rate"])
@pytest.mark.parametrize("written", ["yes", "true", "off", "010", "1:30", "1_000"])
def test_what_is_no_number_is_refused_alike(tmp_path: Path, field: str, written: str) -> None:
    file = tmp_path / "npn4.yaml"
    file.write_text(f"base: npn4\n{field}: {written}\n")
    for read in (lambda: find_sweep(str(file)), lambda: override(NPN4, [f"{field}={written}"])):
        with pytest.raises(InvalidSweep, match=f"{field} = {written}: must be a number"):
            read()


@pytest.mark.parametrize("value", [True, [1, True]])
def test_booleans_are_no_numbers_in_python(value: Any) -> None:
    with pytest.raises(InvalidSweep, match="must be a number, not true or false"):
        changed(NPN4, [("width", value)])


def test_auto_is_the_reference_where_lanes_cannot_train_the_networks() -> None:
    own = override(SWEEPS["npn2"], ["activation=torch:sin", "leak=0"])
    assert own.engine == "reference"
    assert "since lanes does not have the activation torch:sin" in " ".join(own.notes)
    back = override(own, ["activation=relu"])
    assert (back.engine, back.notes) == ("lanes", ())
    assert override(override(back, ["engine=reference"]), ["engine=auto"]).engine == "lanes"
    assert override(override(back, ["engine=reference"]), ["trials=3"]).engine == "reference"
