"""What a training leaves of its epochs: a row for each, and one for each epoch and class."""

import pandas as pd

from roadseg.pipeline import paths
from roadseg.training.history_files import write_history


def row(epoch, iou):
    miou = sum(iou) / len(iou) if iou else None
    return {"epoch": epoch, "lr": 0.1, "loss": 0.5, "val_loss": 0.75, "miou": miou, "iou": iou}


def test_rows_and_classes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_history([row(1, [0.5, 0.25])], ("road", "nan, or none"))
    assert paths.TRAIN_HISTORY.read_text() == "epoch,lr,loss,val_loss,miou\n1,0.1,0.5,0.75,0.375\n"
    write_history([row(1, [0.5, 0.25]), row(2, [1.0, 0.0])], ("road", "nan, or none"))
    by_class = pd.read_csv(paths.TRAIN_IOU, keep_default_na=False)
    assert by_class["epoch"].tolist() == [1, 1, 2, 2]
    assert by_class["class"].tolist() == ["road", "nan, or none"] * 2
    assert by_class["iou"].tolist() == [0.5, 0.25, 1.0, 0.0]
    assert sorted(path.name for path in paths.TRAIN_IOU.parent.iterdir()) == ["train_history.csv", "train_iou.csv"]


def test_without_watched_frames_no_class_has_a_row(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_history([row(1, None)], ("road", "sky"))
    assert paths.TRAIN_IOU.read_text() == "epoch,class,iou\n"
    assert paths.TRAIN_HISTORY.read_text() == "epoch,lr,loss,val_loss,miou\n1,0.1,0.5,0.75,\n"
