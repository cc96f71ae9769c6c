"""Many problems become a few lines, and any name becomes one."""

import pytest

from roadseg.pipeline.errors import UserError, printable, raise_all


def test_ten_problems_get_a_line_each():
    with pytest.raises(UserError) as caught:
        raise_all([f"problem {number}" for number in range(13)])
    lines = str(caught.value).split("\n")
    assert lines == [*(f"problem {number}" for number in range(10)), "and 3 more"]


def test_no_problem_is_no_error():
    raise_all([])


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a b/München 日本.png", "a b/München 日本.png"),
        ("Stra\udcdfe.png", r"Stra\xdfe.png"),
        ("two\nlines\tand\x1b[2J", r"two\nlines\tand\x1b[2J"),
        ("right\u202eto left", r"right\u202eto left"),
        ("100%\\", "100%\\"),
    ],
)
def test_names_are_shown_in_one_line(name, shown):
    assert printable(name) == shown
