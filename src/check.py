"""Check that the committed results are those of the committed code, in a fresh clone with an empty cache.

    python src/check.py         what `make check` runs; takes as long as the pipeline itself

1. The lock is fresh: no stage's code, parameters or inputs have changed since dvc.lock was written.
2. The stages that don't train give the committed results to the last bit.
3. A new training reaches the committed mIoU within TOLERANCE; other hardware sums in a different order.
"""

import subprocess
import tempfile
from pathlib import Path

import yaml

from roadseg.pipeline import paths
from roadseg.pipeline.commands import DVC, dvc, git
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.stage import read_json, run, take_no_options

TOLERANCE = 0.03  # of mIoU, in 0..1
BIT_EQUAL = ("fetch_data", "fetch_pretrained", "class_weights", "flops")


def main() -> None:
    committed_miou = miou(Path())
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder, "clone")
        git("clone", "--quiet", ".", str(clone))
        check_lock(clone)
        committed = lock(clone)
        run_anew(clone)
        check_bit_equal(committed, lock(clone))
        check_miou(committed_miou, miou(clone))
        same = model_hash(lock(clone)) == model_hash(committed)
        print(f"the trained weights are {'' if same else 'not '}bit-equal to the committed ones")


def check_lock(clone: Path) -> None:
    # repro --dry can exit 0 on a stale lock, so its words count
    output = dvc("repro", "--dry", "--allow-missing", cwd=clone)
    if "up to date" not in output:
        raise UserError(f"dvc.lock is stale; run `dvc repro` and commit dvc.lock and metrics/; dvc says: {output}")
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
    return read_json(folder / paths.SCORE)["miou"]


if __name__ == "__main__":
    take_no_options("python src/{name}.py")
    run(main)
