"""Signs that a training goes wrong: when they are told, and that each is told once."""

import pytest

from roadseg.training.signs import signs_of

CHANCE = 0.02


def told(losses, mious, chance=CHANCE, epochs=None):
    """What is told after each of the epochs."""
    rows = [
        {"epoch": i, "loss": loss, "miou": miou, "iou": [miou] * 19}
        for i, (loss, miou) in enumerate(zip(losses, mious, strict=True), 1)
    ]
    return [signs_of(rows[:end], epochs or len(rows), chance) for end in range(1, len(rows) + 1)]


def test_a_training_that_learns_has_none():
    assert told([1.0, 0.5, 0.99, 0.4], [0.01, 0.1, 0.01, 0.2], epochs=8) == [[]] * 4


def test_a_loss_that_doubles_is_told_once():
    signs = told([1.0, 0.4, 0.7, 0.9, 1.5], [0.3] * 5)
    assert [len(lines) for lines in signs] == [0, 0, 0, 1, 0]
    assert signs[3][0].startswith("note: the loss has more than doubled, from 0.4000 in epoch 2 to 0.9000; ")


@pytest.mark.parametrize(("epochs", "after"), [(4, 2), (8, 2), (16, 4), (17, 5)])
def test_a_quarter_at_chance_is_told_once(epochs, after):
    signs = told([1.0] * epochs, [CHANCE] * epochs)
    assert [number for number, lines in enumerate(signs, 1) if lines] == [after]
    assert signs[after - 1][0].startswith(f"note: for {after} epochs the mIoU has been about 0.0200 or less, ")


def test_random_weights_are_at_chance_and_one_class_learnt_is_not():
    # the default network on generated scenes at a rate of 1e-7: 0.0132 to 0.0153, where one class everywhere has 0.0118
    assert [len(lines) for lines in told([2.1] * 4, [0.0132, 0.0153, 0.0151, 0.0144], 0.0118)] == [0, 1, 0, 0]
    assert told([2.1] * 4, [0.0118 + 0.2 / 19] * 4, 0.0118) == [[]] * 4


def test_a_miou_that_falls_back_to_chance_is_told():
    signs = told([1.0] * 8, [0.1, CHANCE, 0.1, 0.0, 0.0, 0.0, 0.1, 0.1])
    assert [number for number, lines in enumerate(signs, 1) if lines] == [5]


def test_without_watched_frames_or_epochs_there_is_no_chance():
    assert told([1.0] * 8, [None] * 8, None) == [[]] * 8
    assert signs_of([{"epoch": 0, "loss": None, "miou": 0.0}], 0, CHANCE) == []
