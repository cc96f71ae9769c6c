"""The three forms of the report hold the same facts, need no other file, and keep to two pages."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from markupsafe import escape
from report_facts import facts, views, write

from roadseg.report.pages import render

POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src '{}'; base-uri 'none'; form-action 'none'"
)


def pages_of(pdf):
    return pdf.count(b"/Type/Page/") + pdf.count(b"/Type/Page\n") + pdf.count(b"/Type /Page\n")


def test_all_forms_have_the_headline_and_the_html_needs_no_other_file(tmp_path):
    forms = write(tmp_path / "a", facts(3, 2), views(5))
    assert "**51.24 %**" in forms["md"].decode()
    page = forms["html"].decode()
    assert "<strong>51.24 %</strong>" in page
    assert '<td class="words">v2</td>' in page
    assert page.count("data:image/png;base64,") == 2  # curves, ablation
    assert (
        page.count("data:image/webp;base64,") == 5 * 4 + 2 + 2
    )  # frames of four layers, two places of one, a frame of two
    assert forms["md"].decode().count("![") == 6
    assert "http://" not in page
    assert "https://" not in page
    assert ".png" not in page
    assert forms["pdf"].startswith(b"%PDF")
    assert sorted(file.name for file in (tmp_path / "a").glob("*.*") if file.suffix != ".png") == [
        "report.html",
        "report.md",
        "report.pdf",
    ]


def test_the_forms_say_the_same_sentences(tmp_path):
    content = facts(2, 1)
    forms = write(tmp_path / "a", content)
    text = Words.of(forms["html"].decode())
    sentences = [
        content[key] for key in ("task", "scores", "selection", "weakest", "ablation_note", "ablation_caption")
    ]
    for sentence in [*sentences, *content["limitations"], content["other_network"]]:
        assert sentence in text
        assert sentence in forms["md"].decode()


class Words(HTMLParser):
    """The text of a page."""

    def __init__(self):
        super().__init__()
        self.text = ""

    def handle_data(self, data):
        self.text += data

    @classmethod
    def of(cls, page):
        words = cls()
        words.feed(page)
        return words.text


def test_the_same_facts_give_the_same_bytes(tmp_path):
    assert write(tmp_path / "a", facts(2, 1)) == write(tmp_path / "b", facts(2, 1))


def test_the_pdf_brings_the_font_for_letters_that_its_own_lacks(tmp_path):
    assert b"+DejaVuSans/" not in write(tmp_path / "latin", facts(outside="Straße"))["pdf"]
    assert b"+DejaVuSans/" in write(tmp_path / "arabic", facts(outside="مرحبا"))["pdf"]


@pytest.mark.parametrize("variants", [1, 24])
def test_the_pdf_has_at_most_two_pages(tmp_path, variants):
    assert 1 <= pages_of(write(tmp_path / "a", facts(variants, 6))["pdf"]) <= 2


def test_the_page_lets_its_own_script_run_and_nothing_in(tmp_path):
    page = write(tmp_path / "a", facts())["html"].decode()
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.S)
    own = "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY.format(escape(own))}">'
    assert policy in page
    assert page.index(policy) < page.index("<title>")


def test_frames_of_another_kind_than_the_ablations_are_named(tmp_path):
    warning = (
        "These figures are of generated scenes, not of the user's own frames, which the rest of this report is of."
    )
    forms = write(tmp_path / "own", facts(source="seg_data"))
    assert f"**{warning}**" in forms["md"].decode()
    assert f"<strong>{escape(warning)}</strong>" in forms["html"].decode()
    assert "These figures are of" not in write(tmp_path / "same", facts())["html"].decode()


def test_a_template_that_lacks_a_fact_is_an_error():
    with pytest.raises(Exception, match="'ablation_groups' is undefined"):
        render("ablation.md.j2", {})
