"""Print what the last run came to, in a few lines.

python src/headline.py      after `dvc repro`
"""

import json

from pipeline import paths
from pipeline.stage import run


def main() -> None:
    report, score = json.loads(paths.REPORT_JSON.read_text()), json.loads(paths.SCORE.read_text())
    print(
        f"mIoU        {report['miou_percent']:.2f} %  ({100 * score['miou_present']:.2f} % over the classes that occur)"
    )
    print(f"cost        {report['gflops']:.2f} GFLOPs")
    print(f"efficiency  {report['efficiency']:.3f} % per GFLOP")
    print(f"report      {paths.REPORT / 'report.md'}, pictures in {paths.REPORT}, predictions in {paths.PREDICTIONS}")


if __name__ == "__main__":
    run(main)
