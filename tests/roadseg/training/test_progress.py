"""The printed line of an epoch, with a clock that is set by hand."""

from roadseg.training.progress import Progress, figures_of


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def row(epoch, miou=0.25):
    watched = {"val_loss": 0.5, "miou": miou} if miou is not None else {"val_loss": None, "miou": None}
    return {"epoch": epoch, "lr": 0.001, "loss": 1.25} | watched


def test_seconds_and_the_time_left():
    clock = Clock()
    progress = Progress(4, clock)
    clock.now += 10
    figures = "lr 1.00e-03  loss 1.2500  val loss 0.5000  mIoU 0.2500"
    assert progress.line_of(row(1)) == f"epoch   1  {figures}  10.0 s, 0:00:30 left"
    clock.now += 20
    assert progress.line_of(row(2)) == f"epoch   2  {figures}  20.0 s, 0:00:30 left"
    progress.line_of(row(3))
    assert progress.line_of(row(4)) == f"epoch   4  {figures}  0.0 s"


def test_a_training_that_goes_on_counts_its_own_epochs_alone():
    clock = Clock()
    progress = Progress(100, clock)
    clock.now += 6
    line = progress.line_of(row(90))
    assert line.endswith("  6.0 s, 0:01:00 left")


def test_figures_where_nothing_is_watched_or_trained():
    assert figures_of(row(3, None)) == "epoch   3  lr 1.00e-03  loss 1.2500"
    assert figures_of({"epoch": 0, "lr": 0.0, "loss": None, "val_loss": 0.5, "miou": 0.25}) == (
        "epoch   0  the weights as they are  val loss 0.5000  mIoU 0.2500"
    )
