"""A page in a real browser: the chromium or chrome on the PATH, driven by playwright."""

import shutil
from contextlib import contextmanager

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def browser():
    """Yield a browser; the test is skipped where there is none, or no driver."""
    driver = pytest.importorskip("playwright.sync_api", reason="pip install -r requirements-browser.txt")
    if BROWSER is None:
        pytest.skip("no chromium on the PATH")
    with driver.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield opened
        opened.close()


def show(opened, file, width=1200, height=900, **context):
    """Open a file in a window of that size; what the page complains of is collected in `page.complaints`."""
    page = opened.new_page(viewport={"width": width, "height": height}, **context)
    page.complaints = []
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("dialog", lambda dialog: (page.complaints.append("a dialog"), dialog.dismiss()))
    page.goto(file.as_uri())
    return page
