"""Whatever text comes from outside, each form shows it as it is, or as an escape, and never as markup."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from report_facts import HOSTILE, Page

from roadseg.report.escape import drawn, in_markdown, in_pdf, in_picture, shown


def by_commonmark(text):
    parser = MarkdownIt("gfm-like", {"html": True})
    parser.options["linkify"] = False  # it needs a package of its own
    return parser.disable("linkify").render(text)


@pytest.mark.parametrize("name", HOSTILE)
def test_markdown_shows_a_name_as_it_is_in_a_line_and_in_a_table(name):
    line = Page(by_commonmark(f"Frame 1: {in_markdown(name)}\n"))
    assert line.elements == [("p", [])]
    assert line.text.strip() == f"Frame 1: {name}"
    table = Page(by_commonmark(f"| head | other |\n|---|---|\n| {in_markdown(name)} | x |\n"))
    assert [tag for tag, _ in table.elements] == ["table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td"]
    assert name in table.text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_markdown_shows_any_text(name):
    line = Page(by_commonmark(f"x{in_markdown(name)}x\n"))
    assert line.elements == [("p", [])]
    assert line.text == f"x{shown(name)}x\n"


@given(st.text())
def test_all_text_can_be_written_stays_on_its_line_and_keeps_its_direction(name):
    for form in (shown, in_markdown, drawn, in_pdf, in_picture):
        text = form(name)
        text.encode()
        assert not set(text) & set("\n\r\t\x00\x1b\x85\u2028\u202e\u2066")


def test_bytes_that_are_no_utf8_and_controls_are_escaped():
    assert shown(b"Stra\xdfe".decode(errors="surrogateescape")) == "Stra\\xdfe"
    assert shown("a\tb\nc\x1b[31m\u202egnp") == "a\\tb\\nc\\x1b[31m\\u202egnp"
    assert shown("ä 日本 😀 \ud800") == "ä 日本 😀 \\ud800"


def test_pictures_and_pdf_have_escapes_for_what_their_font_lacks():
    assert drawn("ä Ж א ب 日 \U0001f9ff") == "ä Ж א ب \\u65e5 \\U0001f9ff"
    assert in_picture("a$1$") == r"a\$1\$"


def test_a_long_word_can_be_broken_in_the_pdf():
    assert in_pdf("a" * 65 + " b") == "\u200b".join(["a" * 30, "a" * 30, "a" * 5]) + " b"
