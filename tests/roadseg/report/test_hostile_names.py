"""No text from outside gets an element, an attribute, a script or an address into any form of the report."""

import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest
from report_facts import HOSTILE, facts, views, write

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
QUIET += ["--disable-component-update", "--disable-sync"]
LONG = "x" * 250
ALL = "".join(HOSTILE) + LONG


class Elements(HTMLParser):
    """Elements and attribute names of a page in their order, and the addresses in it."""

    def __init__(self, page):
        super().__init__()
        self.found, self.addresses = [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, [name for name, _ in attrs]))
        self.addresses += [value for name, value in attrs if name in ("src", "href")]

    def handle_decl(self, decl):
        self.found.append(("!", decl))

    def handle_comment(self, data):
        self.found.append(("comment", data))


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return write(tmp_path_factory.mktemp("plain") / "a", facts())


@pytest.mark.parametrize("name", [*HOSTILE, ALL, "tab\tline\nbell\x07", "latin\udcdf", "\u202egnp.exe"])
def test_the_page_has_the_same_elements_whatever_the_names(name, plain, tmp_path):
    forms = write(tmp_path / "a", facts(outside=name), views(outside=name))
    found = Elements(forms["html"].decode())
    assert found.found == Elements(plain["html"].decode()).found
    assert all(address.startswith(("data:image/", "#")) for address in found.addresses)
    assert forms["pdf"].startswith(b"%PDF")
    assert re.findall(r"!\[.*?\]\((.*?)\)", forms["md"].decode()) == re.findall(
        r"!\[.*?\]\((.*?)\)", plain["md"].decode()
    )


@pytest.mark.parametrize("name", [*HOSTILE, ALL])
def test_the_markdown_has_the_same_elements_whatever_the_names(name, plain, tmp_path):
    markdown = pytest.importorskip("markdown_it").MarkdownIt("commonmark", {"html": True}).enable("table")
    found = [
        Elements(markdown.render(text.decode()))
        for text in (plain["md"], write(tmp_path / "a", facts(outside=name), views(outside=name))["md"])
    ]
    assert found[0].found == found[1].found
    assert found[0].addresses == found[1].addresses


def dump(page, folder):
    """Return what a browser has made of a page after its scripts and requests, if it has any."""
    command = [BROWSER, *QUIET, f"--user-data-dir={folder}", "--virtual-time-budget=3000", "--dump-dom", page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120).stdout


@pytest.mark.skipif(BROWSER is None, reason="no chromium on the PATH")
def test_a_browser_runs_nothing_and_asks_for_nothing(tmp_path, http_server):
    names = [
        ']<svg onload="document.title=1">',
        '"><img src=x onerror="document.title=1">',
        "</title><script>document.title=1</script>",
        f"x](http:{http_server.url.removeprefix('http://')}) [y",
        f"![x]({http_server.url}/y.png)",
        f'"><img src="{http_server.url}/z.png"><link rel=stylesheet href="{http_server.url}/a.css">',
    ]
    write(tmp_path / "a", facts(outside=" ".join(names)), views(outside=" ".join(names)))
    page = dump(tmp_path / "a" / "report.html", tmp_path / "profile")
    assert "<title>Road-scene segmentation: ]&lt;svg" in page
    assert page.count("<svg") == 2, "the page's own drawings, one for each cost"
    assert http_server.asked == []


@pytest.mark.skipif(BROWSER is None, reason="no chromium on the PATH")
def test_a_browser_keeps_to_the_policy_even_where_markup_got_in(tmp_path, http_server):
    write(tmp_path / "a", facts())
    file = tmp_path / "a" / "report.html"
    bad = f'<script>document.title=1</script><svg onload="document.title=2"></svg><img src="{http_server.url}/x.png">'
    text = file.read_text()
    file.write_text(text.replace("</body>", bad + "</body>"))
    assert "<title>Road-scene segmentation" in dump(file, tmp_path / "with")
    assert http_server.asked == []
    without = re.sub(r"<meta http-equiv.*?>", "", text).replace("</body>", bad + "</body>")
    file.write_text(without)  # the same without the policy, so that this test can see the difference
    assert "<title>2</title>" in dump(file, tmp_path / "without")
    assert http_server.asked != []
