"""What the documents name is there: links and headings, scripts, tests and make's targets."""

import re

from conftest import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")])
PRESENT = [page for page in PAGES if page.name != "CHANGELOG.md"]  # which also names what is gone
PLACES = [ROOT, *(ROOT / folder for folder in ("src", "src/roadseg", "tests", "tests/roadseg"))]


def named(pattern, pages=PRESENT):
    """Return (page, text) for all that matches a pattern."""
    return [(page, text) for page in pages for text in re.findall(pattern, page.read_text(), re.MULTILINE)]


def headings(file):
    lines = [line.lstrip("# ") for line in file.read_text().splitlines() if line.startswith("#")]
    return {re.sub(r"[^\w -]", "", line).lower().replace(" ", "-") for line in lines}


def leads_somewhere(page, target):
    path, _, heading = target.partition("#")
    file = page.parent / path if path else page
    return file.exists() and (not heading or heading in headings(file))


def test_links_lead_somewhere():
    links = [(page, target) for page, target in named(r"\]\(([^)\s]+)\)", PAGES) if "://" not in target]
    assert len(links) > 20
    lost = [f"{page.name}: {target}" for page, target in links if not leads_somewhere(page, target)]
    assert not lost, "\n".join(lost)


def test_python_files_that_the_documents_name_exist():
    files = named(r"(?<![\w./])((?!release/)(?:\w+/)+\w+\.py)\b") + named(r"python (src/\S+\.py)")
    assert len(files) > 20
    gone = [f"{page.name}: {name}" for page, name in files if not any((place / name).exists() for place in PLACES)]
    assert not gone, "\n".join(gone)


def test_targets_of_make_that_the_documents_name_exist():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    asked = named(r"(?:^\$ |`)make ([a-z-]+)")
    assert len(asked) > 5
    gone = [f"{page.name}: make {name}" for page, name in asked if name not in targets]
    assert not gone, "\n".join(gone)


def test_headings_that_the_source_refers_to_exist():
    titles = {line.lstrip("# ") for line in (ROOT / "docs" / "study.md").read_text().splitlines() if line[:1] == "#"}
    sources = [file.read_text() for folder in ("src", "tests") for file in (ROOT / folder).rglob("*.py")]
    mentioned = {
        name.strip() for text in sources for name in re.findall(r"docs/study\.md,\s+([A-Z][a-z ]+?)[):.;]", text)
    }
    assert {"Losses", "Score", "Networks", "Training"} <= mentioned <= titles
