"""Where each stage finds its inputs and leaves its outputs, relative to the project's root (DVC runs stages there)."""

from pathlib import Path

PARAMS = Path("params.yaml")
PIPELINE = Path("dvc.yaml")
LOCK = Path("dvc.lock")
CONF = Path("conf")
INPUTS_CHECKED = Path("data/inputs/checked")
PARAMS_TAKEN = Path("data/inputs/params.yaml")  # as they were when DVC began
INPUT_FRAMES = Path("data/inputs/frames")
INPUT_CLASSES = Path("data/inputs/classes")
INPUT_WEIGHTS = Path("data/inputs/weights")
SEG_DATA = Path("data/seg_data")
CLASSES = SEG_DATA / "names.txt"
SPLITS = SEG_DATA / "splits.json"
LOOK = Path("data/look")
PREDICTIONS = Path("data/predictions")
LABEL_CHECK = Path("data/label_check")
PRETRAINED = Path("models/pretrained.safetensors")
MODEL = Path("models/model.safetensors")
EARLY = Path("models/early.safetensors")  # what the label check asks, see roadseg/training/averaging.py
CLASS_WEIGHTS = Path("metrics/class_weights.json")
TRAIN = Path("metrics/train.json")
TRAIN_HISTORY = Path("metrics/train_history.csv")
TRAIN_IOU = Path("metrics/train_iou.csv")
TRAIN_TIMES = Path("metrics/train_times.json")
PREDICT_TIMES = Path("metrics/predict_times.json")
SCORE = Path("metrics/score.json")
PER_CLASS = Path("metrics/per_class.csv")
CONFUSION = Path("metrics/confusion.csv")
CONFUSION_PICTURE = Path("metrics/confusion.png")
FLOPS = Path("metrics/flops.json")
ABLATION = Path("metrics/ablation")
FRAMES_PICTURE = Path("metrics/frames.png")
REPORT_JSON = Path("metrics/report.json")
EFFICIENCY = Path("metrics/efficiency.json")
REPORT = Path("report")
SUMMARY = REPORT / "summary.txt"
