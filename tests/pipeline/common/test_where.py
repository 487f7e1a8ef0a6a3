"""Conditions on labels: what they mean, and that nothing but arithmetic is evaluated."""

from __future__ import annotations

import numpy as np
import pytest

from relusweep.pipeline.common.where import names_in, satisfied

AXES = {
    "width": np.array([2, 4, 8]),
    "depth": np.array([1, 2, 3]),
    "init": np.array(["he_normal", "pytorch"], object),
    "leak": np.array([0.0, 0.1]),
}


@pytest.mark.parametrize(
    "condition",
    [
        "width * depth <= 8",
        "width > 2 and depth < 3 or leak == 0.1",
        "not width == 4",
        "init == 'pytorch'",
        "init in ['pytorch'] and leak not in (0.1, 0.2)",
        "2 < width < 8",
        "width ** 2 - depth // 2 + width % 3 >= 10 / 4",
        "-width < -3",
        "1 < 2",
        "width < 9 ** 9 ** 9",
        "width / 0 > 1",
    ],
)
def test_conditions_are_what_python_says_of_each_combination(condition: str) -> None:
    found = np.broadcast_to(satisfied(condition, AXES), [len(labels) for labels in AXES.values()])
    easy = condition.replace("9 ** 9 ** 9", "1e300").replace("width / 0", "1e300")
    for place in np.ndindex(found.shape):
        labels = {name: axis[at] for (name, axis), at in zip(AXES.items(), place, strict=True)}
        assert found[place] == bool(eval(easy, {}, labels)), labels


def test_axes_that_are_not_named_have_one_label() -> None:
    assert satisfied("width < 4", AXES).shape == (3, 1, 1, 1)
    assert satisfied("init == 'pytorch' and width < 4", AXES).shape == (3, 1, 2, 1)
    assert names_in("width * depth <= 20") == {"width", "depth"}


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ("wdth < 4", r"names no axis 'wdth'; there are width, depth, init, leak"),
        ("width <", r"cannot be read; write as in width \* depth <= 20"),
        ("width", r"is no condition; compare, as in width \* depth <= 20"),
        ("width + 1", "is no condition; compare"),
        ("init < 3", "compares texts with numbers"),
        ("1 / 0 < width", "cannot be computed: division by zero"),
    ],
)
def test_what_is_no_condition_is_refused(condition: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        satisfied(condition, AXES)


@pytest.mark.parametrize(
    "condition",
    [
        "print(1) == 1",
        "width.real < 3",
        "width[0] < 3",
        "(lambda: 1)() == 1",
        "[x for x in width] == 1",
        "(width := 3) == 3",
        "f'{width}' == '3'",
        "width << 2 < 8",
        "width is 2",
        "None == width",
        "b'a' == init",
        "(width if depth else 1) > 2",
    ],
)
@pytest.mark.filterwarnings("ignore:.*is. with:SyntaxWarning")  # Python's own word on one of them
def test_nothing_but_arithmetic_is_evaluated(condition: str) -> None:
    with pytest.raises(ValueError, match=r"has no place in a condition|names no axis"):
        satisfied(condition, AXES)
