"""The table that `make trust` ends with."""

import os
from collections import Counter

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if "ROADSEG_TRUST" not in os.environ:
        return
    tried: Counter[str] = Counter()
    passed: Counter[str] = Counter()
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.getreports(outcome):
            for name, kind in report.user_properties:
                if name == "trust" and report.when == "call":
                    tried[kind] += 1
                    passed[kind] += outcome == "passed"
    terminalreporter.section("trust")
    for kind, number in sorted(tried.items()):
        terminalreporter.line(f"{kind:44} {number:5} tried {passed[kind]:5} as promised")
    bad = sum(number for kind, number in tried.items() if kind.startswith("bad "))
    terminalreporter.line(f"{'distinct bad inputs':44} {bad:5} tried; no traceback, no hang, nothing written")
