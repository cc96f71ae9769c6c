"""One page in three forms: Markdown, a single HTML file that needs no other, and a PDF."""

import base64
import datetime
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typst
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from roadseg.report.escape import FONT, in_markdown, in_pdf, shown

_TEMPLATES = Path(__file__).parent / "templates"
_PAGES = 2  # of the PDF, for hand-in
_MOST_FRAMES = 4  # test frames in it; fewer where the tables leave no room
_FONTS: dict[str, Any] = {"font_paths": [FONT.parent], "ignore_system_fonts": True}  # the same page on every machine


def render(template: str, facts: Mapping[str, Any]) -> str:
    """Return a template of this room, filled; a name that `facts` lacks is an error.

    All text in `facts` is plain: where a template shows it, it is escaped for the template's form.
    """
    is_html = template.endswith(".html.j2")
    fit = shown if is_html else in_markdown
    pages = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=is_html,
        finalize=lambda value: fit(value) if isinstance(value, str) and not isinstance(value, Markup) else value,
    )
    return pages.get_template(template).render({**(_inlined() if is_html else {}), **facts})


def _inlined() -> dict[str, str]:
    """The style and the script of a page, and the hash by which its policy lets this one script run."""
    script = (_TEMPLATES / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    style = (_TEMPLATES / "page.css").read_text(encoding="utf-8")
    return {"style": Markup(style), "script": Markup(script), "script_hash": f"sha256-{digest}"}


def write_pages(facts: Mapping[str, Any], views: Mapping[str, Any], folder: Path) -> None:
    """Write report.md, report.html and report.pdf into `folder`, where the pictures are.

    `views` is what HTML alone shows. The same facts, views and pictures give the same bytes.
    """
    (folder / "report.md").write_text(render("report.md.j2", facts), encoding="utf-8")
    page = render("report.html.j2", {**facts, **views, "source_of": pictures_in(folder)})
    (folder / "report.html").write_text(page, encoding="utf-8")
    _write_pdf(facts, _TEMPLATES / "report.typ", folder)


def pictures_in(folder: Path) -> dict[str, str]:
    """Return the PNG files under a folder, each by its name in there, as addresses that hold the picture itself."""
    return {
        file.relative_to(folder).as_posix(): f"data:image/png;base64,{base64.b64encode(file.read_bytes()).decode()}"
        for file in folder.rglob("*.png")
    }


def _write_pdf(facts: Mapping[str, Any], template: Path, folder: Path) -> None:
    source = folder / template.name  # typst reads nothing outside the folder it compiles in
    source.write_text(template.read_text())
    (folder / "facts.json").write_text(json.dumps(_for_pdf(facts)))
    shown = next((n for n in range(_MOST_FRAMES, 0, -1) if _count_pages(source, n) <= _PAGES), 0)
    then = datetime.datetime.fromtimestamp(0, datetime.UTC)  # the time of making would change the bytes
    output, inputs = folder / "report.pdf", {"shown": str(shown)}
    typst.compile(source, output=output, sys_inputs=inputs, timestamp=then, **_FONTS)
    source.unlink()
    (folder / "facts.json").unlink()


def _count_pages(source: Path, shown: int) -> int:
    inputs = {"shown": str(shown)}
    return json.loads(typst.query(source, "<pages>", field="value", one=True, sys_inputs=inputs, **_FONTS))


def _for_pdf(value: Any) -> Any:
    """Return nested facts with all text made fit for Typst, which takes it as text and nothing else."""
    if isinstance(value, Mapping):
        return {_for_pdf(key): _for_pdf(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_for_pdf(inner) for inner in value]
    return in_pdf(value) if isinstance(value, str) else value
