"""What a label file may be and hold."""

import pytest

from roadseg.frames.headers import Picture
from roadseg.frames.label_form import TRAIN_IDS, check_form, check_no_masks, check_values
from roadseg.pipeline.errors import UserError


def picture(kind="PNG", channels=1, bits=8, palette=False):
    return Picture(kind, 2, 2, channels, bits, palette, False, b"")


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ({"kind": "JPEG"}, "a is a JPEG, which alters values; save train ids as a grey PNG"),
        ({"palette": True}, "a is a palette PNG; save train ids as grey values"),
        ({"channels": 3}, "a has 3 channels; save train ids as one grey channel"),
        ({"channels": 2}, "a has 2 channels; save train ids as one grey channel"),
        ({"bits": 16}, "a has 16 bits a pixel; save train ids with 8"),
        ({"bits": 4}, "a has 4 bits a pixel; save train ids with 8"),
    ],
)
def test_other_forms_are_refused(what, message):
    with pytest.raises(UserError) as caught:
        check_form(picture(**what), "a")
    assert str(caught.value) == message


def test_a_grey_png_of_8_bits_passes():
    check_form(picture(), "a")


def test_values():
    check_values([*range(19), 255], TRAIN_IDS, "a")
    for value in (19, 33, 254):
        with pytest.raises(UserError, match=f"a holds {value}; save train ids: 0..18, and 255 for pixels without a cl"):
            check_values([0, value], TRAIN_IDS, "a")
    with pytest.raises(UserError, match="a holds 19, 20, 21, 22, 23 and 11 more values; save"):
        check_values(range(35), TRAIN_IDS, "a")


def test_masks():
    with pytest.raises(UserError) as caught:
        check_no_masks({255, 0}, "mine/training")
    assert str(caught.value) == (
        "mine/training: all labels hold 0 and 255 alone, where 0 means road and 255 unknown; if they are black and "
        "white masks, choose classes: binary_road; if not, save 255 only where nothing is known, and the other "
        "classes as 1..18"
    )
    for values in ({0}, {255}, {0, 1}, {0, 1, 255}, set(range(19))):
        check_no_masks(values, "mine/training")
