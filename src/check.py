"""Check that the committed results are those of the committed code, in a fresh clone with an empty cache.

    python src/check.py         what `make check` runs; takes as long as the pipeline itself

1. The lock is fresh: no stage's code, parameters or inputs have changed since dvc.lock was written.
2. The stages that don't train give the committed results to the last bit.
3. A new training comes to the committed mIoU within TOLERANCE; other hardware adds up in another order.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from pipeline import paths
from pipeline.stage import run
from roadseg.errors import UserError

TOLERANCE = 0.03  # of mIoU, in 0..1
DVC = (sys.executable, "-m", "dvc")
BIT_EQUAL = ("fetch_data", "fetch_pretrained", "class_weights", "flops")


def main() -> None:
    committed_miou = miou(Path())
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder, "clone")
        command("git", "clone", "--quiet", ".", str(clone), cwd=Path())
        check_lock(clone)
        committed = lock(clone)
        run_anew(clone)
        check_bit_equal(committed, lock(clone))
        check_miou(committed_miou, miou(clone))
        same = model_hash(lock(clone)) == model_hash(committed)
        print(f"the trained weights are {'' if same else 'not '}bit-equal to the committed ones")


def check_lock(clone: Path) -> None:
    # repro --dry can exit 0 on a stale lock, so its words count
    said = command(*DVC, "repro", "--dry", "--allow-missing", cwd=clone)
    if "up to date" not in said:
        raise UserError(f"dvc.lock is stale; run `dvc repro` and commit dvc.lock and metrics/; dvc says: {said}")
    print("the lock is fresh")


def run_anew(clone: Path) -> None:
    # forced: stages whose results are in git would else count as done
    if subprocess.run([*DVC, "repro", "--force"], cwd=clone).returncode:
        raise UserError("the pipeline fails in a fresh clone; see the lines above")


def check_bit_equal(committed: dict, rerun: dict) -> None:
    for stage in BIT_EQUAL:
        if committed[stage] != rerun[stage]:
            raise UserError(f"stage {stage} gives other results than the committed ones; run it and commit dvc.lock")
    print(f"bit-equal: {', '.join(BIT_EQUAL)}")


def check_miou(committed: float, rerun: float) -> None:
    print(f"mIoU {rerun:.4f}, committed {committed:.4f}, tolerance {TOLERANCE}")
    if abs(rerun - committed) > TOLERANCE:
        raise UserError(f"mIoU {rerun:.4f} is further than {TOLERANCE} from the committed {committed:.4f}")


def lock(folder: Path) -> dict:
    return yaml.safe_load((folder / "dvc.lock").read_text())["stages"]


def model_hash(stages: dict) -> str:
    return next(out["md5"] for out in stages["train"]["outs"] if out["path"] == str(paths.MODEL))


def miou(folder: Path) -> float:
    return json.loads((folder / paths.SCORE).read_text())["miou"]


def command(*words: str, cwd: Path) -> str:
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"{' '.join(words)}: {' '.join(done.stderr.split())}")
    return done.stdout


if __name__ == "__main__":
    run(main)
