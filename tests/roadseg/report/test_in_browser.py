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
CLASSES = ["car", '"><script>document.title="run"</script>', "sky"]
#          missed pixels of the three classes, worst frame first
MISSED = {HOSTILE[0]: "5 0 90", HOSTILE[1]: "70 0 0", HOSTILE[2]: "30 0 1"}
COLORS = {"picture": (10, 200, 10), "ground truth": (0, 0, 250), "prediction": (250, 0, 0), "errors": (200, 200, 200)}


def shown():
    """Three frames of plain layers, under names that would run a script if they were not escaped."""
    frames = views(outside=HOSTILE[0])
    layers = {name: webp(np.full((40, 130, 3), color, np.uint8), lossless=True) for name, color in COLORS.items()}
    frames["frames"] |= {
        "legend": [("#000000", name) for name in CLASSES],
        "shown": [
            {"name": name, "words": "mIoU", "missed": missed, "truth": "100 100 100", "layers": layers}
            for name, missed in MISSED.items()
        ],
    }
    return frames


def content():
    """Facts in which one class does not occur."""
    found = facts(3, outside=HOSTILE[0])
    return found | {"classes": [*found["classes"][1:], found["classes"][0]]}


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


def show(opened, file, width=1200, height=900, **context):
    """Open a file in a window of that size; what the page complains of is collected in `page.complaints`."""
    page = opened.new_page(viewport={"width": width, "height": height}, **context)
    page.complaints = []
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("dialog", lambda dialog: (page.complaints.append("a dialog"), dialog.dismiss()))
    page.goto(file.as_uri())
    return page


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page") / "a"
    write(folder, content(), shown())
    return folder / "report.html"


@pytest.fixture
def page(opened, file):
    found = show(opened, file)
    yield found
    assert found.complaints == []
    found.close()


def frame_of(page):
    """The name of the one frame that is to be seen."""
    names = page.locator(".viewer figure:visible bdi").all_inner_texts()
    assert len(names) <= 1
    return names[0] if names else None


def opacities(page):
    layers = page.locator(".viewer figure.shown .layers > div")
    return [float(layers.nth(i).evaluate("e => getComputedStyle(e).opacity")) for i in range(layers.count())]


def test_names_are_text_and_nothing_else(page):
    assert page.title().startswith('Road-scene segmentation: "><script>')
    assert page.locator("script").count() == 1
    assert page.locator('img[src="x"]').count() == 0
    assert page.locator(".viewer figure bdi").all_text_contents() == HOSTILE
    assert page.locator(".strip button").first.get_attribute("title") == HOSTILE[0]
    page.select_option("select", label=CLASSES[1])
    assert page.locator("script").count() == 1


def test_keys_and_buttons_go_to_the_next_frame_and_back(page):
    assert frame_of(page) == HOSTILE[0]
    page.keyboard.press("ArrowRight")
    assert frame_of(page) == HOSTILE[1]
    page.keyboard.press("n")
    page.keyboard.press("n")
    assert frame_of(page) == HOSTILE[2], "the last one stays"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("p")
    assert frame_of(page) == HOSTILE[0]
    page.get_by_role("button", name="Next").click()
    assert page.locator(".viewer output").inner_text() == "2 of 3"
    page.get_by_role("button", name="Previous").click()
    assert page.locator(".viewer output").inner_text() == "1 of 3"
    page.locator(".strip button").nth(2).click()
    assert frame_of(page) == HOSTILE[2]


def test_the_filter_puts_the_frames_first_that_miss_most_of_a_class(page):
    page.select_option("select", label="car")
    assert frame_of(page) == HOSTILE[1]
    assert page.locator(".viewer output").inner_text() == "1 of 3, car: 70 of 100 pixels missed"
    page.locator("select").press("ArrowRight")
    assert frame_of(page) == HOSTILE[2], "also while the list has the focus"
    assert page.locator(".viewer output").inner_text() == "2 of 3, car: 30 of 100 pixels missed"
    page.select_option("select", label="sky")
    assert frame_of(page) == HOSTILE[0]
    assert page.locator(".strip button").count() == 2, "the frame that misses none of it is left out"
    page.select_option("select", label=CLASSES[1])
    assert frame_of(page) is None
    assert page.locator(".viewer output").inner_text() == "no frame misses a pixel of it"
    page.locator("h1").click()
    page.keyboard.press("n")
    page.select_option("select", "")
    assert frame_of(page) == HOSTILE[0]


def test_one_slider_goes_from_the_picture_over_truth_and_prediction_to_the_errors(page):
    slider = page.locator("input[type=range]")
    assert opacities(page) == [1, 0, 0, 0]
    slider.fill("0.5")
    assert opacities(page) == [1, 0.5, 0, 0]
    slider.fill("2")
    assert opacities(page) == [1, 1, 1, 0]
    slider.press("ArrowRight")
    assert opacities(page) == pytest.approx([1, 1, 1, 0.02])
    assert frame_of(page) == HOSTILE[0], "an arrow on the slider moves the slider alone"
    page.locator("h1").click()
    page.keyboard.press("4")
    assert opacities(page) == [1, 1, 1, 1]
    page.get_by_role("button", name="ground truth").click()
    assert opacities(page) == [1, 1, 0, 0]
    page.keyboard.press("n")
    assert opacities(page) == [1, 1, 0, 0], "the next frame is seen the same way"


def column(table, number):
    return table.locator(f"tbody tr > :nth-child({number})").all_inner_texts()


def test_a_table_sorts_by_the_column_clicked_and_the_other_way_round_by_a_second_click(page):
    table = page.locator("#classes ~ table.sorts").first
    before = column(table, 1)
    table.get_by_role("button", name="IoU %").click()
    assert [*map(float, column(table, 2)[:-1])] == sorted(map(float, column(table, 2)[:-1]), reverse=True)
    assert column(table, 2)[-1] == "does not occur", "what has no figure stays at the end"
    table.get_by_role("button", name="IoU %").click()
    assert [*map(float, column(table, 2)[:-1])] == sorted(map(float, column(table, 2)[:-1]))
    assert column(table, 2)[-1] == "does not occur"
    assert table.locator("[aria-sort=ascending]").inner_text().startswith("IoU %")
    table.get_by_role("button", name="class").click()
    assert column(table, 1)[:4] == ['"><script>document.title="run"</script>', "class 0", "class 1", "class 2"]
    assert column(table, 1)[-1] == "class 18", "numbers in names count as numbers"
    assert sorted(before) == sorted(column(table, 1))
    assert table.locator("[aria-sort]").count() == 1


def test_the_ablations_rows_sort_too_by_the_figure_that_a_cell_begins_with(page):
    table = page.locator("#ablation ~ table.sorts").first
    table.get_by_role("button", name="variant").click()
    names = column(table, 1)
    assert names == sorted(names)
    table.get_by_role("button", name="variant").click()
    assert column(table, 1) == names[::-1]
    place = 1 + table.locator("thead th").all_inner_texts().index("against")
    table.get_by_role("button", name="dice").click()
    place_of_method = 1 + table.locator("thead th").all_inner_texts().index("dice")
    assert column(table, place_of_method) == sorted(column(table, place_of_method)), "Y and N are words"
    for _ in ("rising", "falling"):
        table.get_by_role("button", name="against").click()
        others = column(table, place)
        assert others[-1] == "", "a row that is compared with none stays at the end"
        assert any(others)


def test_a_cell_of_the_confusion_says_what_it_counts(page):
    said = page.locator(".confusion output")
    page.locator(".confusion td").first.hover()
    assert said.inner_text() == "road predicted as road: 75.00 % of its pixels, 3 pixels"
    page.locator(".confusion td").nth(1).hover()
    assert said.inner_text() == f"road predicted as {HOSTILE[0]}: 25.00 % of its pixels, 1 pixels"


def test_long_names_leave_room_for_the_confusions_cells_on_a_phone(opened, tmp_path):
    write(tmp_path / "a", facts(3, outside="x" * 64), views(outside="x" * 64))
    page = show(opened, tmp_path / "a" / "report.html", width=390)
    names = page.locator(".confusion tbody th")
    widths = [names.nth(i).bounding_box()["width"] for i in range(names.count())]
    assert max(widths) < 150
    assert page.locator(".confusion thead").bounding_box()["height"] < 200
    page.close()


def test_layers_lie_on_each_other(page):
    boxes = [box.bounding_box() for box in page.locator(".viewer figure.shown .layers img").all()]
    assert len(boxes) == 4
    assert all(box == boxes[0] for box in boxes)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_readers_colours(opened, file, scheme):
    page = show(opened, file, color_scheme=scheme)
    style = "e => [getComputedStyle(e).backgroundColor, getComputedStyle(e).color]"
    back, text = (sum(map(int, c[4:-1].split(", "))) for c in page.locator("body").evaluate(style))
    assert (back < 150 < 600 < text) if scheme == "dark" else (text < 150 < 600 < back)
    page.close()


@pytest.mark.parametrize("scripted", [True, False])
@pytest.mark.parametrize("width", [320, 390, 1200])
def test_nothing_is_wider_than_the_window(opened, file, width, scripted):
    page = show(opened, file, width, java_script_enabled=scripted)
    assert page.locator("html").evaluate("e => e.scrollWidth") <= width
    page.close()


def test_without_scripts_all_frames_and_their_layers_are_there(opened, file):
    page = show(opened, file, java_script_enabled=False)
    assert page.locator(".viewer figure:visible").count() == 3
    assert page.locator(".viewer img:visible").count() == 12
    assert page.locator("input:visible, select:visible, .strip:visible").count() == 0
    page.close()


def test_the_page_of_the_data_alone_sorts_and_fits_a_phone(opened, tmp_path):
    data = views(outside=HOSTILE[0])["data"]
    rows = [{"class": name, "shares": [share, 0.2], "frames": [1, 0]} for name, share in (("a", 0.1), ("b", 0.3))]
    page_text = render("look.html.j2", {"title": HOSTILE[0], "data": data | {"classes": rows}})
    (tmp_path / "look.html").write_text(page_text)
    page = show(opened, tmp_path / "look.html", width=390)
    table = page.locator("table.sorts").nth(1)
    table.locator("th button").nth(1).click()
    assert column(table, 1) == ["b", "a"]
    assert page.title() == HOSTILE[0]
    assert page.locator("script").count() == 1
    assert page.locator("html").evaluate("e => e.scrollWidth") <= 390
    assert page.complaints == []
    page.close()


def test_the_page_runs_and_asks_for_nothing_even_where_markup_got_in(opened, tmp_path, http_server):
    write(tmp_path / "a", facts())
    file = tmp_path / "a" / "report.html"
    bad = f'<script>document.title=1</script><svg onload="document.title=2"></svg><img src="{http_server.url}/x.png">'
    text = file.read_text()
    file.write_text(text.replace("</body>", bad + "</body>"))
    page = show(opened, file)
    page.wait_for_timeout(300)
    assert page.title().startswith("Road-scene segmentation")
    assert http_server.asked == []
    page.close()
    without = re.sub(r"<meta http-equiv.*?>", "", text).replace("</body>", bad + "</body>")
    file.write_text(without)  # the same without the policy, so that this test can see the difference
    page = show(opened, file)
    page.wait_for_timeout(300)
    assert page.title() == "2"
    assert http_server.asked != []
    page.close()
