"""Print what the last run came to, in a few lines.

python src/headline.py      after `dvc repro`
"""

from roadseg.pipeline import paths
from roadseg.pipeline.stage import read_json, run
from roadseg.pipeline.usage import take_no_options


def main() -> None:
    report, score = read_json(paths.REPORT_JSON), read_json(paths.SCORE)
    print(
        f"mIoU        {report['miou_percent']:.2f} %  ({100 * score['miou_present']:.2f} % over the classes that occur)"
    )
    print(f"cost        {report['gflops']:.2f} GFLOPs")
    print(f"as it ran   {report['gflops_ran']:.2f}")
    print(f"efficiency  {report['efficiency']:.3f} % per GFLOP, {report['efficiency_ran']:.3f} as it ran")
    print(f"report      {paths.REPORT / 'report.html'}, predictions in {paths.PREDICTIONS}")


if __name__ == "__main__":
    take_no_options("python src/{name}.py")
    run(main)
