"""The labelling canvas: what the browser draws, what lands in LabelMe's json, what it says where it cannot run."""

import importlib
import json
import pathlib
import shutil

import numpy as np
import pytest
from PIL import Image

from cvhelpers import annotations
from cvhelpers.annotations import canvas

SCRIPT = pathlib.Path(canvas.__file__).with_name("canvas.js")
PAGE = """<!doctype html><style>%s</style><div id="el"></div><script type="module">
%s
const values = {names: ["cup", "key"], shapes: [], image: "%s"}, heard = {};
const model = {get: key => values[key], set: (key, value) => { values[key] = value; },
  save_changes: () => (heard["change:shapes"] || []).forEach(tell => tell()),
  on: (what, tell) => (heard[what] = [...(heard[what] || []), tell])};
window.values = values;
widget.render({model, el: document.getElementById("el")});
</script>"""


@pytest.fixture
def folder(tmp_path):
    Image.fromarray(np.full((600, 800, 3), 200, np.uint8)).save(tmp_path / "a.jpg")
    return tmp_path


def test_shapes_survive_the_way_to_the_file_and_back(folder):
    shapes = [{"label": "cup", "shape_type": "rectangle", "points": [[10, 20], [30.5, 40]]}]
    canvas.write_shapes(folder / "a.jpg", shapes, scale=2.0, size=(800, 600))
    stored = json.loads((folder / "a.json").read_text())
    assert stored["shapes"][0]["points"] == [[20, 40], [61, 80]] and stored["imageWidth"] == 800
    assert canvas.read_shapes(folder / "a.jpg", 2.0)[0]["points"] == [[10, 20], [30.5, 40]]
    assert canvas.read_shapes(folder / "b.jpg", 2.0) == []
    batch = annotations.load_annotated(folder, size=80)
    np.testing.assert_allclose(batch["boxes"][0, 0], (2, 4, 6.1, 8), atol=1e-5)


def test_without_anywidget_a_sentence_says_what_to_do(folder, monkeypatch):
    def missing(name):
        raise ImportError(name)

    canvas._canvas_class.cache_clear()
    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ValueError, match=r"needs the package anywidget: run  %pip install anywidget .* or label with"):
        annotations.label_photos(folder, ["cup"])


def test_buttons_walk_through_the_photographs_and_an_empty_one_counts_as_nothing(folder):
    pytest.importorskip("anywidget")
    shutil.copy(folder / "a.jpg", folder / "b.jpg")
    box = annotations.label_photos(folder, ["cup"])
    (back, further, where), drawn = box.children[0].children, box.children[1]
    assert where.value == "1 of 2: a.jpg; 0 labelled" and drawn.image.startswith("data:image/jpeg;base64,")
    drawn.shapes = [{"label": "cup", "shape_type": "rectangle", "points": [[1, 2], [30, 40]]}]
    assert json.loads((folder / "a.json").read_text())["shapes"][0]["label"] == "cup"
    further.click()
    assert where.value == "2 of 2: b.jpg; 1 labelled" and drawn.shapes == []
    further.click()
    assert where.value == "1 of 2: a.jpg; 2 labelled" and len(drawn.shapes) == 1
    assert json.loads((folder / "b.json").read_text())["shapes"] == []
    back.click()
    assert drawn.shapes == []
    with pytest.raises(ValueError, match="names is empty: wanted some"):
        annotations.label_photos(folder, [])


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    playwright = pytest.importorskip("playwright.sync_api")
    photo = canvas._as_address(Image.fromarray(np.full((300, 400, 3), 120, np.uint8)))
    script = SCRIPT.read_text("utf-8").replace("export default", "const widget =")
    file = tmp_path_factory.mktemp("page") / "page.html"
    file.write_text(PAGE % (canvas.STYLE, script, photo), "utf-8")
    with playwright.sync_playwright() as driver:
        found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        try:
            browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        except Exception:
            pytest.skip("no Chromium here")
        one = browser.new_page(viewport={"width": 900, "height": 700})
        one.set_content(file.read_text("utf-8"))
        one.wait_for_function("document.querySelector('img').complete && document.querySelector('svg').clientWidth > 0")
        yield one
        browser.close()


def shapes(page):
    return page.evaluate("window.values.shapes")


def test_boxes_are_dragged_outlines_clicked_and_things_taken_out(page):
    frame = page.locator("img").bounding_box()
    left, top = frame["x"], frame["y"]

    def at(x, y):
        return left + x * frame["width"] / 400, top + y * frame["height"] / 300

    page.mouse.move(*at(50, 60))
    page.mouse.down()
    page.mouse.move(*at(150, 160))
    page.mouse.up()
    (box,) = shapes(page)
    assert box["label"] == "cup" and box["shape_type"] == "rectangle"
    np.testing.assert_allclose(box["points"], [[50, 60], [150, 160]], atol=1.5)

    page.keyboard.press("2")
    for x, y in ((200, 50), (300, 60), (280, 150), (210, 140)):
        page.mouse.click(*at(x, y))
    page.mouse.click(*at(201, 51))  # on the first corner again
    outline = shapes(page)[1]
    assert outline["label"] == "key" and outline["shape_type"] == "polygon"
    np.testing.assert_allclose(outline["points"], [[200, 50], [300, 60], [280, 150], [210, 140]], atol=1.5)

    for x, y in ((320, 200), (380, 200), (350, 260)):
        page.mouse.click(*at(x, y))
    page.keyboard.press("Escape")
    assert len(shapes(page)) == 2
    for x, y in ((320, 200), (380, 200), (350, 260)):
        page.mouse.click(*at(x, y))
    page.keyboard.press("Enter")
    assert [one["shape_type"] for one in shapes(page)] == ["rectangle", "polygon", "polygon"]

    page.mouse.click(*at(100, 100))
    page.keyboard.press("Delete")
    assert [one["label"] for one in shapes(page)] == ["key", "key"]
