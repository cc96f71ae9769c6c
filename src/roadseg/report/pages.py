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

_TEMPLATES = Path(__file__).parent / "templates"
_PAGES = 2  # of the PDF, for hand-in
_MOST_FRAMES = 4  # test frames in it; fewer where the tables leave no room


def render(template: str, facts: Mapping[str, Any]) -> str:
    """Fill a template of this room; a name that `facts` lacks is an error."""
    loader = FileSystemLoader(_TEMPLATES)
    pages = Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return pages.get_template(template).render(facts)


def write_pages(facts: Mapping[str, Any], folder: Path) -> None:
    """Write report.md, report.html and report.pdf into `folder`, where the pictures are.

    The same facts and pictures give the same bytes.
    """
    text = render("report.md.j2", facts)
    (folder / "report.md").write_text(text)
    body = embed_pictures(markdown.markdown(text, extensions=["tables"]), folder)
    (folder / "report.html").write_text(render("report.html.j2", {"title": facts["title"], "body": body}))
    _write_pdf(facts, _TEMPLATES / "report.typ", folder)


def embed_pictures(html: str, folder: Path) -> str:
    """Put each PNG that an <img> names into the page itself."""

    def embedded(found: re.Match[str]) -> str:
        data = base64.b64encode((folder / found[1]).read_bytes()).decode()
        return f'src="data:image/png;base64,{data}"'

    return re.sub(r'src="([^":]+\.png)"', embedded, html)


def _write_pdf(facts: Mapping[str, Any], template: Path, folder: Path) -> None:
    source = folder / template.name  # typst reads nothing outside the folder it compiles in
    source.write_text(template.read_text())
    (folder / "facts.json").write_text(json.dumps(facts))
    shown = next((n for n in range(_MOST_FRAMES, 0, -1) if _count_pages(source, n) <= _PAGES), 0)
    then = datetime.datetime.fromtimestamp(0, datetime.UTC)  # the time of making would change the bytes
    typst.compile(source, output=folder / "report.pdf", sys_inputs={"shown": str(shown)}, timestamp=then)
    source.unlink()
    (folder / "facts.json").unlink()


def _count_pages(source: Path, shown: int) -> int:
    return json.loads(typst.query(source, "<pages>", field="value", one=True, sys_inputs={"shown": str(shown)}))
