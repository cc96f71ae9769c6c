"""One page in three forms: Markdown, a single HTML file that needs no other, and a PDF."""

import base64
import datetime
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import markdown
import typst
from jinja2 import Environment, FileSystemLoader, StrictUndefined


def write_pages(facts: Mapping[str, Any], templates: Path, folder: Path) -> None:
    """Write report.md, report.html and report.pdf into `folder`, where the pictures are, from the templates' folder.

    The same facts and pictures give the same bytes.
    """
    loader = FileSystemLoader(templates)
    pages = Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    text = pages.get_template("report.md.j2").render(facts)
    (folder / "report.md").write_text(text)
    body = embed_pictures(markdown.markdown(text, extensions=["tables"]), folder)
    (folder / "report.html").write_text(pages.get_template("report.html.j2").render(title=facts["title"], body=body))
    _write_pdf(facts, templates / "report.typ", folder)


def embed_pictures(html: str, folder: Path) -> str:
    """Put each PNG that an <img> names into the page itself."""

    def embedded(found: re.Match[str]) -> str:
        data = base64.b64encode((folder / found[1]).read_bytes()).decode()
        return f'src="data:image/png;base64,{data}"'

    return re.sub(r'src="([^":]+\.png)"', embedded, html)


def _write_pdf(facts: Mapping[str, Any], template: Path, folder: Path) -> None:
    inputs = {folder / "facts.json": json.dumps(facts), folder / template.name: template.read_text()}
    for path, content in inputs.items():  # typst reads nothing outside the folder it compiles in
        path.write_text(content)
    then = datetime.datetime.fromtimestamp(0, datetime.UTC)  # the time of making would change the bytes
    typst.compile(folder / template.name, output=folder / "report.pdf", timestamp=then)
    for path in inputs:
        path.unlink()
