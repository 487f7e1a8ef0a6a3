"""What users write means what YAML 1.2 says, in files and behind --set."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from relusweep._yaml import Plain, number, read_yaml, read_yaml_file, resolved


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("+12", 12),
        ("-0", 0),
        ("1e3", 1000.0),
        ("1e-3", 0.001),
        ("-.5E+2", -50.0),
        ("5.", 5.0),
        ("0x1F", 31),
        ("0o17", 15),
        (".inf", math.inf),
        (7, 7),
        (0.5, 0.5),
    ],
)
def test_numbers(text: object, value: float) -> None:
    assert number(text) == value


@pytest.mark.parametrize(
    "text",
    ["", "yes", "true", "010", "-00.5", "1:30", "1_000", "0b1", "inf", "nan", "1e", ".", "٣", True, False],
)
def test_what_is_no_number(text: object) -> None:
    with pytest.raises(ValueError, match="must be a number"):
        number(text)


def test_scalars_are_texts_until_a_field_reads_them() -> None:
    text = "a: yes\nb: 1:30\nc: 010\nd: 2026-11-20\ne: ~\nf:\ng: 'null'\nh: [on, off]\n"
    plain: dict[str, Any] = {"a": "yes", "b": "1:30", "c": "010", "d": "2026-11-20", "e": None, "f": None}
    assert read_yaml(text) == {**plain, "g": "null", "h": ["on", "off"]}


def test_what_no_field_reads_has_the_meaning_of_yaml() -> None:
    text = "{a: 3, b: '3', c: 3.10, d: [true, yes], e: ~, f: 010}"
    assert resolved(read_yaml(text)) == {
        "a": 3,
        "b": "3",
        "c": 3.1,
        "d": [True, "yes"],
        "e": None,
        "f": "010",
    }
    assert repr(Plain("3")) == "3"


def test_anchors_and_merge_keys() -> None:
    text = "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: {<<: [*a, {z: 4}]}\nd: *a\n"
    a = {"x": "1", "y": "2"}
    assert read_yaml(text) == {"a": a, "b": {**a, "y": "3"}, "c": {**a, "z": "4"}, "d": a}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("trials: 10\n\ntrials: 20\n", ", line 3: trials is given twice, first in line 1"),
        ("a:\n  b: 1\n  c: 2\n  b: 3\n", ", line 4: b is given twice, first in line 2"),
        ("- {a: 1, 'a': 2}", ", line 1: a is given twice"),
        ("a: &x {b: 1}\nc: {<<: *x, <<: *x}", ", line 2: << is given twice"),
        ("? [a]\n: 2", "key is no text"),
        ("~: 2", "key is no text"),
        ("a: [", "is not YAML: .* (line 1)"),
        ("a: 1\n---\nb: 2", "is not YAML: .*another document"),
        ("a: !!int 010", "is not YAML: .*int"),
        ("a: \x00", "is not YAML: "),
        ("a: &a [*a]", "nested too deeply"),
        ("[" * 60 + "]" * 60, "nested too deeply"),
        ("[" * 10_000, "nested too deeply"),
        (
            "a0: &a0 [1, 1]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40)),
            "aliases",
        ),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=words.replace("(", r"\(").replace(")", r"\)")) as caught:
        read_yaml_file(file)
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)


def test_encodings(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):  # as editors on Windows write them
        file.write_text("ä: 1", encoding=encoding)
        assert read_yaml_file(file) == {"ä": "1"}
    file.write_text("ä: 1", encoding="latin-1")
    with pytest.raises(ValueError, match=r"mine.yaml is not YAML: .*invalid"):
        read_yaml_file(file)
