"""Whatever is written in a file or behind --set is read as it is meant, or refused in one line of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from relusweep.cluster import InvalidCluster, read_config
from relusweep.pipeline.common.errors import InvalidSweep, SweepError
from relusweep.pipeline.sweeps.named import SWEEPS
from relusweep.pipeline.sweeps.overrides import find_sweep, override

often = settings(max_examples=5 * settings().max_examples)

BASES = ("npn3", "boolean10", "annulus", "sine", "images")
FIELDS = (
    *("trials", "seed", "engine", "where", "probes", "name", "network", "problem", "protocol"),
    *("width", "depth", "widths", "leak", "activation", "init", "bias", "problem.kind", "n_inputs", "random"),
    *(
        "problems",
        "classes",
        "samples",
        "ball",
        "inputs",
        "mse_targets",
        "points",
        "restarts",
        "restarts.bar",
    ),
    *("optimizer", "learning_rate", "optimizer.momentum", "batch", "epochs", "stop", "success", "loss"),
    *("networks", "clusters", "precision", "device", "download", "path", "dataset", "cutoff", "sgd.momentum"),
)
WORDS = st.sampled_from(
    [
        *(
            "yes",
            "no",
            "true",
            "False",
            "off",
            "null",
            "~",
            "none",
            "all",
            "auto",
            "nan",
            ".inf",
            "1:30",
            "010",
        ),
        *("1e3", "1e-3", "1_000", "0x1F", "-0", "2..4", "4..2", "0..1", "2,3", "2,,3", "8-4-2", "3", "0.5"),
        *("adam", "sgd", "relu", "2026-11-20", "linear-sgd-0", "width < 4", "boolean", "parameters", "cpu"),
        *("float16", "99999999999999999999"),
    ]
)
LETTERS = st.text("0123456789abcdefnost.,-+_~ ", min_size=1, max_size=8).map(str.strip)
SCALARS = (WORDS | LETTERS).filter(lambda text: re.match(r"[\w.+]|~$|-[\w.]", text))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
    max_leaves=4,
) | st.dictionaries(
    st.sampled_from(["kind", "every", "learning_rate", "width", "curve"]), SCALARS, max_size=2
).map(lambda fields: "{" + ", ".join(f"{name}: {value}" for name, value in fields.items()) + "}")


def outcome(read: Callable[[], Any]) -> Any:
    """Give what was read; of what was refused, why."""
    try:
        return read()
    except (SweepError, InvalidCluster) as error:
        return str(error)


def is_of_one_line(said: str, file: Path) -> bool:
    return said.startswith(str(file)) and "\n" not in said


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("written") / "mine.yaml"


@often
@given(st.sampled_from(BASES), st.sampled_from(FIELDS), VALUES)
@example("npn3", "problems", "0110100110010110")
@example("images", "path", "2026")
def test_a_text_means_the_same_in_a_file_and_behind_set(file: Path, base: str, field: str, text: str) -> None:
    file.write_text(
        f"base: {base}\nname: mine\n{field}: {text}\n" if field != "name" else f"base: {base}\nname: {text}\n"
    )
    in_file = outcome(lambda: find_sweep(str(file)))
    name = ["name=mine"] if field != "name" else []
    behind_set = outcome(lambda: override(SWEEPS[base], [*name, f"{field}={text}"]))
    if isinstance(behind_set, str):
        assert isinstance(in_file, str)
        assert in_file == f"{file}: {behind_set}" or behind_set.startswith("--set")
        assert is_of_one_line(in_file, file)
    else:
        assert in_file == behind_set
        again = type(in_file.spec).model_validate(json.loads(in_file.spec.model_dump_json()))
        assert again == in_file.spec


WHOLE = """
problem: {kind: boolean, n_inputs: 3, problems: all}
network: {width: [4, 8], depth: 1..3, init: [he_normal, pytorch]}
protocol: {optimizer: {learning_rate: [0.01, 0.025]}, batch: all}
probes: [parameters, {curve: {every: 10}}]
trials: 100
where: width * depth <= 16
"""
GOOD = [
    WHOLE,
    "base: npn3\nwidth: [20, 30]\ndepth: 1..2\noptimizer: {learning_rate: 0.1}\n",
    "base: images\nnetworks: [linear-sgd-0]\nsgd: {momentum: 0.5}\nclusters: 1,2\nprecision: 10\n",
]
CLUSTERS = [
    "kind: local\nworkers: 3\ngpus: [0, 1]\n",
    "kind: ssh\nhosts: [a, b]\nport: 22\n",
    'kind: slurm\nmemory: 4 GB\nwalltime: "2:00:00"\ndriver: {cores: 2, jobs: 3}\n',
    "kind: kubernetes\nimage: x\ngpus: 1\ntimeout: 30\n",
    "kind: gateway\naddress: https://a.b\noptions: {image: '3', cores: 4}\n",
]
PIECES = st.sampled_from(
    [
        ":",
        ": ",
        "\n",
        "  ",
        "[",
        "]",
        "{",
        "}",
        "- ",
        "&a ",
        "*a",
        "<<: ",
        "'",
        '"',
        "#",
        "!!int ",
        "\t",
        "\x00",
        "é",
    ]
)


@st.composite
def mutated(draw: st.DrawFn, texts: list[str]) -> bytes:
    """Cut, double or insert something, once or more."""
    text = draw(st.sampled_from(texts)).encode()
    for _ in range(draw(st.integers(1, 4))):
        begin, end = sorted(draw(st.tuples(*[st.integers(0, len(text))] * 2)))
        new = draw(
            st.sampled_from([b"", text[begin:end] * 2])
            | (PIECES | SCALARS).map(str.encode)
            | st.binary(max_size=3)
        )
        text = text[:begin] + new + text[end:]
    return text


@often
@given(mutated(GOOD))
def test_a_damaged_sweep_file_is_read_or_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    said = outcome(lambda: find_sweep(str(file)))
    if isinstance(said, str):
        assert is_of_one_line(said, file)
    else:
        with_errors = outcome(said.check)
        assert with_errors is None or isinstance(with_errors, str)


@often
@given(mutated(CLUSTERS))
def test_a_damaged_cluster_file_is_read_or_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    said = outcome(lambda: read_config(file))
    if isinstance(said, str):
        assert is_of_one_line(said, file)
    else:
        assert type(said).model_validate(said.model_dump()) == said


def test_a_setting_of_no_sweep_is_refused() -> None:
    with pytest.raises(InvalidSweep, match="is not YAML"):
        override(SWEEPS["npn3"], ["width=[2, 3"])
