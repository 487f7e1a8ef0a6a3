from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from relusweep.pipeline.sweeps.boolean.problems import classes

from relusweep.pipeline.common.errors import InvalidSweep, SpecificationChanged, UnknownSweep
from relusweep.pipeline.sweeps.named import SWEEPS
from relusweep.pipeline.sweeps.overrides import find_sweep, override
from relusweep.pipeline.sweeps.specification import difference, joined
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.tasks.training import Adam


def test_npn4_is_the_sweep_of_the_source() -> None:
    sweep = SWEEPS["npn4"]
    assert sweep.shape == (222, 2, 9, 5, 100)
    assert (sweep.leak, sweep.width, sweep.depth) == ((0.0, 0.1), tuple(range(2, 11)), tuple(range(1, 6)))
    assert sweep.optimizer == Adam(learning_rate=0.025, beta1=0.9, beta2=0.999, epsilon=1e-8)
    assert (sweep.loss, sweep.epochs, sweep.stop, sweep.bias) == ("bce", 4000, "first_success", "uniform")
    assert sweep.n_cells == 1_998_000


@pytest.mark.parametrize(
    ("setting", "field", "value"),
    [
        ("trials=10", "trials", 10),
        ("width=2,3", "width", (2, 3)),
        ("width=2..5,9", "width", (2, 3, 4, 5, 9)),
        ("width=3, 2,3", "width", (2, 3)),
        ("depth=7", "depth", (7,)),
        ("leak=0.1,0", "leak", (0.0, 0.1)),
        ("problems=7140,1785", "problems", (1785, 7140)),
        ("engine=auto", "engine", "lanes"),
        ("optimizer.learning_rate=1e-3", "optimizer", Adam(learning_rate=1e-3)),
    ],
)
def test_settings(setting: str, field: str, value: object) -> None:
    assert getattr(override(SWEEPS["npn4"], [setting]), field) == value


def test_settings_of_one_optimizer_add_up() -> None:
    sweep = override(SWEEPS["npn4"], ["optimizer.beta1=0.5", "optimizer.epsilon=1e-6", "optimizer.beta1=0.6"])
    assert sweep.optimizer == Adam(beta1=0.6, epsilon=1e-6)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("widht=3", ["no field 'widht'", "did you mean 'width'"]),
        ("optimiser.beta1=0", ["no field 'optimiser'", "did you mean 'optimizer'"]),
        ("optimizer.learning_rat=0", ["no field 'optimizer.learning_rat'", "did you mean 'learning_rate'"]),
        ("optimizer.learning_rate=-1", ["optimizer.learning_rate = '-1'", "greater than 0"]),
        ("optimizer=adam", ["optimizer = 'adam'", "valid dictionary"]),
        ("width=two", ["width = 'two'", "2..10"]),
        ("width=0,2", ["width = '0'", "at least 1"]),
        ("width=5..2", ["width", "at least 1 item"]),
        ("leak=1.5", ["leak = '1.5'", "numbers from 0 to 1"]),
        ("leak=nan", ["leak = 'nan'", "numbers from 0 to 1"]),
        ("trials=0", ["trials = '0'", "at least 1"]),
        ("epochs=0", ["epochs = '0'", "1 to 10 000 000"]),
        ("engine=lan", ["engine = 'lan'", "'lanes' or 'reference'"]),
        ("problems=7141", ["7141 does not name an NPN class", "5786"]),
        ("problems=65536", ["no function of 4 inputs", "65535"]),
        ("n_inputs=6", ["n_inputs = '6'", "1 to 5"]),
        ("name=a b", ["name = 'a b'", "letters"]),
        ("trials", ["--set trials", "field=value"]),
        ("trials=", ["--set trials=", "field=value"]),
    ],
)
def test_wrong_settings_say_what_is_allowed(setting: str, words: list[str]) -> None:
    with pytest.raises(InvalidSweep) as caught:
        override(SWEEPS["npn4"], [setting])
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message


def test_an_unknown_sweep_names_the_nearest() -> None:
    with pytest.raises(UnknownSweep, match=r"'npn6'; did you mean 'npn\d'\?; give .*npn2, npn3, npn4, npn5"):
        find_sweep("npn6")


def test_a_file_changes_a_named_sweep(tmp_path: Path) -> None:
    file = tmp_path / "wide.yaml"
    file.write_text("base: npn3\nwidth: [20, 30]\ndepth: 1..2\noptimizer: {learning_rate: 0.1}\n")
    sweep = find_sweep(str(file))
    assert (sweep.group, sweep.width, sweep.depth) == ("boolean/wide", (20, 30), (1, 2))
    assert sweep.optimizer == Adam(learning_rate=0.1)
    assert sweep.problems == SWEEPS["npn3"].problems


def test_a_file_may_go_to_other_inputs(tmp_path: Path) -> None:
    file = tmp_path / "one.yml"
    file.write_text("base: npn2\nname: single\nn_inputs: 1\nproblems: all\n")
    assert find_sweep(str(file)).ids.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        (None, UnknownSweep, "No such file"),
        ("width: [", InvalidSweep, "is not YAML"),
        ("width: 3", InvalidSweep, "give base:"),
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


def test_the_fingerprint_is_the_same_in_every_process() -> None:
    code = "from relusweep.pipeline.sweeps.named import SWEEPS; print(SWEEPS['npn4'].fingerprint)"
    fresh = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(fresh.stdout) == SWEEPS["npn4"].fingerprint


@pytest.mark.parametrize(
    "setting", ["trials=7", "width=17", "depth=1", "leak=0.5", "problems=27030", "engine=lanes"]
)
def test_the_fingerprint_ignores_how_far_the_axes_reach(setting: str) -> None:
    assert override(SWEEPS["npn4"], [setting]).fingerprint == SWEEPS["npn4"].fingerprint


@pytest.mark.parametrize(
    "setting", ["seed=1", "epochs=3999", "bias=zero", "optimizer.beta1=0.8", "engine=reference", "name=other"]
)
def test_the_fingerprint_knows_everything_else(setting: str) -> None:
    assert override(SWEEPS["npn4"], [setting]).fingerprint != SWEEPS["npn4"].fingerprint


_names = st.sets(st.integers(1, 12), min_size=1).map(lambda values: tuple(values))


@given(old=_names, new=_names, trials=st.tuples(st.integers(1, 9), st.integers(1, 9)))
def test_joining_keeps_every_label_in_order(
    old: tuple[int, ...], new: tuple[int, ...], trials: tuple[int, int]
) -> None:
    stored, asked = (
        SWEEPS["npn2"].model_copy(update={"width": tuple(sorted(width)), "trials": n})
        for width, n in zip((old, new), trials, strict=True)
    )
    whole = joined(stored.model_dump_json(), asked)
    assert whole.width == tuple(sorted({*old, *new}))
    assert whole.trials == max(trials)
    assert whole.fingerprint == asked.fingerprint


def test_joining_refuses_another_specification_and_shows_in_what() -> None:
    asked = override(SWEEPS["npn2"], ["epochs=7", "optimizer.beta1=0.5", "width=99"])
    with pytest.raises(SpecificationChanged) as caught:
        joined(SWEEPS["npn2"].model_dump_json(), asked)
    message = str(caught.value)
    assert "epochs: 4000 in the store, 7 asked" in message
    assert "optimizer.beta1: 0.9 in the store, 0.5 asked" in message
    assert "width" not in message
    assert "--replace" in message


def test_specifications_of_other_versions_can_be_compared() -> None:
    asked = json.loads(SWEEPS["npn2"].model_dump_json())
    stored = {key: value for key, value in asked.items() if key != "stop"} | {"colour": "red"}
    assert [tuple(change) for change in difference(stored, asked)] == [
        ("colour", "red", None),
        ("stop", None, "first_success"),
    ]


def test_a_specification_survives_json() -> None:
    sweep = override(SWEEPS["npn3"], ["leak=0.1,0.3333333333333333"])
    assert TrainingSweep.model_validate_json(sweep.model_dump_json()) == sweep


def test_all_problems_stay_a_word_that_nobody_enumerates(monkeypatch: pytest.MonkeyPatch) -> None:
    def enumerate_classes(n: int) -> None:
        raise AssertionError("the classes were enumerated")

    monkeypatch.setattr("relusweep.pipeline.sweeps.boolean.problems.npn_classes", enumerate_classes)
    classes.cache_clear()
    sweep = override(SWEEPS["npn5"], ["trials=3", "width=4,5"])
    assert '"problems":"all"' in sweep.model_dump_json()
    assert TrainingSweep.model_validate_json(sweep.model_dump_json()) == sweep
    assert sweep.shape == (616_126, 1, 2, 1, 3)
    assert sweep.n_cells == 616_126 * 6
    (measures,) = sweep.requires
    assert measures.group == "boolean/measures5"
    assert measures.n_cells == 616_126


def test_npn5_is_one_size_of_all_classes_of_five_inputs() -> None:
    sweep = SWEEPS["npn5"]
    assert (sweep.leak, sweep.width, sweep.depth, sweep.trials) == ((0.1,), (4,), (2,), 10)
    assert sweep.n_cells == 6_161_260


@pytest.mark.parametrize(
    ("stored", "asked", "problems"),
    [
        ("1,6", "0,3", (0, 1, 3, 6)),
        ("1,6", "all", "all"),
        ("all", "1,6", "all"),
        ("all", "all", "all"),
        ("0,1,3,6", "all", "all"),
    ],
)
def test_problems_listed_and_all_join(stored: str, asked: str, problems: object) -> None:
    old, new = (override(SWEEPS["npn2"], [f"problems={value}"]) for value in (stored, asked))
    assert joined(old.model_dump_json(), new).problems == problems


def test_a_store_of_before_the_word_keeps_its_fingerprint_and_grows() -> None:
    """What npn2 was written as when every class was listed."""
    old = json.loads(SWEEPS["npn2"].model_dump_json()) | {"problems": [0, 1, 3, 6]}
    assert joined(json.dumps(old), SWEEPS["npn2"]) == SWEEPS["npn2"]
    assert TrainingSweep.model_validate(old).fingerprint == 1963011040899640965


@pytest.mark.slow
def test_measures_are_shared_by_the_sweeps_of_five_inputs_and_by_nobody_else() -> None:
    one, other = (override(SWEEPS["npn5"], [f"name={name}", "problems=0,1"]) for name in ("one", "other"))
    assert one.requires == other.requires
    assert one.requires[0].fingerprint == SWEEPS["npn5"].requires[0].fingerprint
    assert SWEEPS["npn4"].requires == ()
