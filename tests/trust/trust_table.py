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
    bad, refused = (sum(number for kind, number in of.items() if kind.startswith("bad ")) for of in (tried, passed))
    line = f"{bad:5} tried {refused:5} refused, without a traceback, a hang or a file written"
    terminalreporter.line(f"{'distinct bad inputs':44} {line}")
