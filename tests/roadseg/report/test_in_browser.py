"""The report in a real browser: what can be clicked, moved and typed does what it says; skipped where there is none."""

import re
import shutil

import numpy as np
import pytest
from report_facts import facts, views, write

from roadseg.report.frames import webp
from roadseg.report.pages import render

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
HOSTILE = ['"><script>document.title="run"</script>', "<img src=x onerror=\"document.title='run'\">.png", "b&amp;b"]
CLASSES = ["car", HOSTILE[0], "sky"]
#          missed pixels of the three classes, worst frame first
MISSED = {HOSTILE[0]: "5 0 90", HOSTILE[1]: "70 0 0", HOSTILE[2]: "30 0 1"}
COLORS = {"picture": (10, 200, 10), "ground truth": (0, 0, 250), "prediction": (250, 0, 0), "errors": (200, 200, 200)}


@pytest.fixture(scope="module")
def opened():
    """A browser; the tests are skipped where there is none, or no driver."""
    driver = pytest.importorskip("playwright.sync_api", reason="pip install -r requirements-browser.txt")
    if BROWSER is None:
        pytest.skip("no chromium on the PATH")
    with driver.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A page of three frames of plain layers, under names that would run a script if they were not escaped."""
    layers = {name: webp(np.full((40, 130, 3), color, np.uint8), lossless=True) for name, color in COLORS.items()}
    frame = {"words": "mIoU", "truth": "100 100 100", "layers": layers}
    shown = views(outside=HOSTILE[0])
    shown["frames"]["legend"] = [("#000000", name) for name in CLASSES]
    shown["frames"]["shown"] = [frame | {"name": name, "missed": missed} for name, missed in MISSED.items()]
    content = facts(3, outside=HOSTILE[0])
    content["classes"] = [*content["classes"][1:], content["classes"][0]]  # the first of these does not occur
    folder = tmp_path_factory.mktemp("page") / "a"
    write(folder, content, shown)
    return folder / "report.html"


def show(opened, file, width=1200, **context):
    """Open a file in a window of that width; what the page complains of is collected in `page.complaints`."""
    page = opened.new_page(viewport={"width": width, "height": 900}, **context)
    page.complaints = []
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("dialog", lambda dialog: (page.complaints.append("a dialog"), dialog.dismiss()))
    page.goto(file.as_uri())
    return page


@pytest.fixture
def page(opened, file):
    found = show(opened, file)
    yield found
    assert found.complaints == []
    found.close()


def state(page):
    """The name of the one frame that is to be seen, and what the page says of it."""
    names = page.locator(".viewer figure:visible bdi").all_inner_texts()
    assert len(names) <= 1
    return names[0] if names else None, page.locator(".viewer output").inner_text()


def opacities(page):
    layers = page.locator(".viewer figure.shown .layers > div")
    return [float(layers.nth(i).evaluate("e => getComputedStyle(e).opacity")) for i in range(layers.count())]


def column(table, number):
    return table.locator(f"tbody tr > :nth-child({number})").all_inner_texts()


def test_names_are_text_and_nothing_else(page):
    assert page.title().startswith('Road-scene segmentation: "><script>')
    assert page.locator('img[src="x"]').count() == 0
    assert page.locator(".viewer figure bdi").all_text_contents() == HOSTILE
    assert page.locator(".strip button").first.get_attribute("title") == HOSTILE[0]
    page.select_option("select", label=CLASSES[1])
    assert page.locator("script").count() == 1


def test_keys_and_buttons_go_to_the_next_frame_and_back(page):
    assert state(page) == (HOSTILE[0], "1 of 3")
    for key, place in (("ArrowRight", 1), ("n", 2), ("n", 2), ("ArrowLeft", 1), ("p", 0)):  # the last one stays
        page.keyboard.press(key)
        assert state(page) == (HOSTILE[place], f"{place + 1} of 3")
    for button, place in (("Next", 1), ("Previous", 0)):
        page.get_by_role("button", name=button).click()
        assert state(page)[0] == HOSTILE[place]
    page.locator(".strip button").nth(2).click()
    assert state(page)[0] == HOSTILE[2]


def test_the_filter_puts_the_frames_first_that_miss_most_of_a_class(page):
    page.select_option("select", label="car")
    assert state(page) == (HOSTILE[1], "1 of 3, car: 70 of 100 pixels missed")
    page.locator("select").press("ArrowRight")  # also while the list has the focus
    assert state(page) == (HOSTILE[2], "2 of 3, car: 30 of 100 pixels missed")
    page.select_option("select", label="sky")
    assert state(page)[0] == HOSTILE[0]
    assert page.locator(".strip button").count() == 2, "the frame that misses none of it is left out"
    page.select_option("select", label=CLASSES[1])
    assert state(page) == (None, "no frame misses a pixel of it")
    page.locator("h1").click()
    page.keyboard.press("n")
    page.select_option("select", "")
    assert state(page)[0] == HOSTILE[0]


def test_one_slider_goes_from_the_picture_over_truth_and_prediction_to_the_errors(page):
    slider = page.locator("input[type=range]")
    for value, expected in (("0", [1, 0, 0, 0]), ("0.5", [1, 0.5, 0, 0]), ("2", [1, 1, 1, 0])):
        slider.fill(value)
        assert opacities(page) == expected
    slider.press("ArrowRight")
    assert opacities(page) == pytest.approx([1, 1, 1, 0.02])
    assert state(page)[0] == HOSTILE[0], "an arrow on the slider moves the slider alone"
    page.locator("h1").click()
    page.keyboard.press("4")
    assert opacities(page) == [1, 1, 1, 1]
    page.get_by_role("button", name="ground truth").click()
    page.keyboard.press("n")
    assert opacities(page) == [1, 1, 0, 0], "the next frame is seen the same way"
    boxes = [box.bounding_box() for box in page.locator(".viewer figure.shown .layers img").all()]
    assert boxes == boxes[:1] * 4, "layers lie on each other"


def test_a_table_sorts_by_the_column_clicked_and_the_other_way_round_by_a_second_click(page):
    table = page.locator("#classes ~ table.sorts").first
    for is_falling in (True, False):
        table.get_by_role("button", name="IoU %").click()
        *figures, last = column(table, 2)
        assert [*map(float, figures)] == sorted(map(float, figures), reverse=is_falling)
        assert last == "does not occur", "what has no figure stays at the end"
    assert table.locator("[aria-sort=ascending]").inner_text().startswith("IoU %")
    table.get_by_role("button", name="class").click()
    assert column(table, 1) == [HOSTILE[0], *(f"class {i}" for i in range(19))], "numbers in names count as numbers"
    assert table.locator("[aria-sort]").count() == 1
    ablation = page.locator("#ablation ~ table.sorts").first
    places = {name.strip("\n "): i for i, name in enumerate(ablation.locator("thead th").all_inner_texts(), 1)}
    ablation.get_by_role("button", name="dice").click()
    assert column(ablation, places["dice"]) == ["N", "Y", "Y", "Y"], "Y and N are words"
    for _ in ("rising", "falling"):
        ablation.get_by_role("button", name="against").click()
        assert column(ablation, places["against"]) == ["v0", "", "", ""], "what is compared with none stays at the end"


def test_a_cell_of_the_confusion_says_what_it_counts(page):
    for cell, says in (
        (0, "road predicted as road: 75.00 % of its pixels, 3"),
        (1, f"as {HOSTILE[0]}: 25.00 % of its"),
    ):
        page.locator(".confusion td").nth(cell).hover()
        assert says in page.locator(".confusion output").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_readers_colours(opened, file, scheme):
    page = show(opened, file, color_scheme=scheme)
    style = "e => [getComputedStyle(e).backgroundColor, getComputedStyle(e).color]"
    back, text = (sum(map(int, c[4:-1].split(", "))) for c in page.locator("body").evaluate(style))
    assert (back < 150 < 600 < text) if scheme == "dark" else (text < 150 < 600 < back)
    page.close()


@pytest.mark.parametrize("scripted", [True, False])
@pytest.mark.parametrize("width", [320, 1200])
def test_nothing_is_wider_than_the_window_and_without_scripts_all_is_there(opened, file, width, scripted):
    page = show(opened, file, width, java_script_enabled=scripted)
    assert page.locator("html").evaluate("e => e.scrollWidth") <= width
    assert page.locator(".viewer .layers img:visible").count() == (4 if scripted else 12)
    assert (page.locator("input:visible, select:visible, .strip:visible").count() > 0) == scripted
    page.close()


def test_long_names_leave_room_for_the_confusions_cells_on_a_phone(opened, tmp_path):
    write(tmp_path / "a", facts(3, outside="x" * 64), views(outside="x" * 64))
    page = show(opened, tmp_path / "a" / "report.html", width=390)
    assert max(name.bounding_box()["width"] for name in page.locator(".confusion tbody th").all()) < 150
    assert page.locator(".confusion thead").bounding_box()["height"] < 200
    page.close()


def test_the_page_of_the_data_alone_sorts_and_fits_a_phone(opened, tmp_path):
    rows = [{"class": name, "shares": [share, 0.2], "frames": [1, 0]} for name, share in (("a", 0.1), ("b", 0.3))]
    data = views(outside=HOSTILE[0])["data"] | {"classes": rows}
    (tmp_path / "look.html").write_text(render("look.html.j2", {"title": HOSTILE[0], "data": data}))
    page = show(opened, tmp_path / "look.html", width=390)
    table = page.locator("table.sorts").nth(1)
    table.locator("th button").nth(1).click()
    assert column(table, 1) == ["b", "a"]
    assert page.title() == HOSTILE[0]
    assert page.locator("script").count() == 1
    assert page.locator("html").evaluate("e => e.scrollWidth") <= 390
    assert page.complaints == []
    page.close()


def test_the_page_runs_and_asks_for_nothing_even_where_markup_got_in(opened, file, tmp_path, http_server):
    bad = f'<script>document.title=1</script><svg onload="document.title=2"></svg><img src="{http_server.url}/x.png">'
    with_policy = file.read_text().replace("</body>", bad + "</body>")
    without = re.sub(r"<meta http-equiv.*?>", "", with_policy)  # so that this test can see the difference
    for text, title, asks in ((with_policy, "Road-scene segmentation", False), (without, "2", True)):
        (tmp_path / "a.html").write_text(text)
        page = show(opened, tmp_path / "a.html")
        page.wait_for_timeout(300)
        assert page.title().startswith(title)
        assert bool(http_server.asked) == asks
        page.close()
