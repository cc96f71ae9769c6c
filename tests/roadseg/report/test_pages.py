"""The three forms hold the same facts and need no other file; what comes from outside is text, and never markup."""

import base64
import hashlib
import re

import pytest
from markdown_it import MarkdownIt
from markupsafe import escape
from report_facts import HOSTILE, Page, facts, views, write

from roadseg.report.pages import render

POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src '{}'; base-uri 'none'; form-action 'none'"
)
ALL = "".join(HOSTILE) + "x" * 250


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return write(tmp_path_factory.mktemp("plain") / "a", facts())


def test_all_forms_have_the_headline_and_the_html_needs_no_other_file(tmp_path):
    forms = write(tmp_path / "a", facts(3, 2), views(5))
    markdown, page = forms["md"].decode(), forms["html"].decode()
    assert "**51.24 %**" in markdown
    assert "<strong>51.24 %</strong>" in page
    assert '<td class="words">v2</td>' in page
    assert page.count("data:image/png;base64,") == 2  # curves, ablation
    assert page.count("data:image/webp;base64,") == 5 * 4 + 2 + 2  # frames of four layers, places of one, data of two
    assert markdown.count("![") == 6
    assert not re.search(r"https?://|\.png", page)
    assert forms["pdf"].startswith(b"%PDF")
    names = sorted(file.name for file in (tmp_path / "a").glob("*.*") if file.suffix != ".png")
    assert names == ["report.html", "report.md", "report.pdf"]


def test_the_forms_say_the_same_sentences(plain):
    content = facts()
    text = Page(plain["html"].decode()).text
    keys = ("task", "scores", "selection", "weakest", "ablation_note", "ablation_caption", "other_network")
    for sentence in [*(content[key] for key in keys), *content["limitations"]]:
        assert sentence in text
        assert sentence in plain["md"].decode()


def test_the_same_facts_give_the_same_bytes(plain, tmp_path):
    assert write(tmp_path / "b", facts()) == plain


def test_the_pdf_brings_the_font_for_letters_that_its_own_lacks(plain, tmp_path):
    assert b"+DejaVuSans/" not in plain["pdf"]
    assert b"+DejaVuSans/" in write(tmp_path / "arabic", facts(outside="مرحبا"))["pdf"]


@pytest.mark.parametrize("variants", [1, 24])
def test_the_pdf_has_at_most_two_pages(tmp_path, variants):
    pdf = write(tmp_path / "a", facts(variants, 6))["pdf"]
    assert 1 <= len(re.findall(rb"/Type ?/Page[/\n]", pdf)) <= 2


def test_the_page_lets_its_own_script_run_and_nothing_in(plain):
    page = plain["html"].decode()
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.S)
    own = "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY.format(escape(own))}">'
    assert policy in page
    assert page.index(policy) < page.index("<title>")


def test_frames_of_another_kind_than_the_ablations_are_named(plain, tmp_path):
    warning = (
        "These figures are of generated scenes, not of the user's own frames, which the rest of this report is of."
    )
    forms = write(tmp_path / "own", facts(source="seg_data"))
    assert f"**{warning}**" in forms["md"].decode()
    assert f"<strong>{escape(warning)}</strong>" in forms["html"].decode()
    assert "These figures are of" not in plain["html"].decode()


def test_a_template_that_lacks_a_fact_is_an_error():
    with pytest.raises(Exception, match="'ablation_groups' is undefined"):
        render("ablation.md.j2", {})


@pytest.mark.parametrize("name", [*HOSTILE, ALL, "tab\tline\nbell\x07", "latin\udcdf", "\u202egnp.exe"])
def test_pages_have_the_same_elements_whatever_the_names(name, plain):
    pictures = dict.fromkeys(("curves.png", "confusion.png", "ablation.png"), "data:image/png;base64,")
    content = facts(outside=name) | views(outside=name) | {"source_of": pictures}
    page = Page(render("report.html.j2", content))
    assert page.elements == Page(plain["html"].decode()).elements
    assert all(address.startswith(("data:image/", "#")) for address in page.addresses)
    markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
    texts = render("report.md.j2", facts(outside=name)), plain["md"].decode()
    found, expected = (Page(markdown.render(text)) for text in texts)
    assert found.elements == expected.elements
    assert found.addresses == expected.addresses


def test_the_pdf_takes_any_name(tmp_path):
    assert write(tmp_path / "a", facts(outside=ALL))["pdf"].startswith(b"%PDF")
