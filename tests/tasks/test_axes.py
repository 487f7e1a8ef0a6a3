"""Fields that earlier specifications lack: nothing of these changes while they are None."""

from typing import Annotated

import pytest
from pydantic import BaseModel, ValidationError

from relusweep.tasks.axes import LATER, Axis, WithAxes, axes_of, fixed, is_later


class Within(BaseModel):
    rate: float = 1.0


class Part(WithAxes):
    width: Annotated[tuple[int, ...], Axis("width")] = fixed(3)
    group: Annotated[tuple[int, ...] | None, Axis("group"), LATER] = None
    more: Annotated[Within | None, LATER] = None
    starts: Within | None = None


def test_what_is_later_is_not_written_while_it_is_none() -> None:
    assert Part().model_dump() == {"width": 3, "starts": None}
    assert Part.model_validate({"group": "none"}) == Part()
    assert Part.model_validate_json(Part().model_dump_json()) == Part()
    assert [name for name in Part.model_fields if is_later(Part, name)] == ["group", "more"]


@pytest.mark.parametrize(("given", "written"), [(2, 2), ([2], [2]), ("2,4", [2, 4]), ("2..4", [2, 3, 4])])
def test_given_it_is_an_axis_like_others(given: object, written: object) -> None:
    part = Part.model_validate({"group": given, "more": {}})
    assert part.model_dump() == {"width": 3, "group": written, "more": {"rate": 1.0}, "starts": None}
    assert Part.model_validate(part.model_dump()) == part
    assert set(axes_of(part)) == {"width", "group"}


def test_it_is_checked_like_others() -> None:
    for wrong in ("two", [], 1.5):
        with pytest.raises(ValidationError):
            Part.model_validate({"group": wrong})
