"""The documents keep their form: short lines, a short README, links and headings that exist."""

import re

import pytest
from conftest import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")])


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().split()) <= 1200


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_lines_are_short(page):
    for line in page.read_text().splitlines():
        assert len(line) <= 120 or line.startswith(("|", "![", "$ dvc exp show")), line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        path, _, heading = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), target
        if heading:
            assert heading in headings(file), target


def headings(file):
    lines = [line.lstrip("# ") for line in file.read_text().splitlines() if line.startswith("#")]
    return {re.sub(r"[^\w -]", "", line).lower().replace(" ", "-") for line in lines}


def test_headings_that_the_source_refers_to_exist():
    titles = {line.lstrip("# ") for line in (ROOT / "docs" / "study.md").read_text().splitlines() if line[:1] == "#"}
    sources = [file.read_text() for folder in ("src", "tests") for file in (ROOT / folder).rglob("*.py")]
    named = {name.strip() for text in sources for name in re.findall(r"docs/study\.md,\s+([A-Z][a-z ]+?)[):.;]", text)}
    assert {"Losses", "Score", "Networks", "Training"} <= named <= titles
