"""Site and slides: everything that is stored is shown with its text, every link leads somewhere, nothing is fetched."""

import html
import importlib.util
import pathlib
import re
import shutil
import urllib.parse

import browser as browser_test
import nbformat
import pytest

from cvhelpers.course import refresh as notebooks
from cvhelpers.course import site, slides

ROOT = pathlib.Path(__file__).parents[1]
LESSONS = notebooks.lessons()
STUDENT = sorted((ROOT / "notebooks/homework").glob("hw*.ipynb"))
every_lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
every_page = pytest.mark.parametrize("path", LESSONS + STUDENT, ids=lambda path: path.stem)
CODE, TEXT = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell

# Slides ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def renderer():
    return slides.Renderer()


def pictures(notebook):
    """How many pictures are stored: figures, and those inside an animation's own page."""
    stored = [output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])]
    return sum("image/png" in data for data in stored) + sum(
        len(re.findall(r"<img [^>]*data:image/png", data.get("text/html", ""))) for data in stored
    )


@every_lesson
def test_slides_show_every_picture_with_its_text_keep_the_notes_and_fetch_nothing(path, renderer):
    notebook = nbformat.read(path, 4)
    body = slides.slides(notebook, renderer)
    shown = re.findall(r"<img [^>]*alt=\"([^\"]*)\"[^>]*data:image/png", body)
    assert len(shown) == pictures(notebook) and all(len(alt) >= 20 for alt in shown)
    assert not re.search(r"(src|href)=\"(https?:)?//[^\"]*\.(js|css|png|jpg|svg)", body)
    headings = sum(bool(re.match("##? ", c.source)) for c in notebook.cells if c.cell_type == "markdown")
    assert body.count("<section><section>") == headings
    assert body.count('<aside class="notes">') == sum(map(slides.is_notes, notebook.cells))


def test_slide_shows_code_first_then_its_result_then_the_reading(renderer):
    printed = nbformat.v4.new_output("stream", name="stdout", text="<b> " + "3 " * 40)
    cells = [TEXT("# 01 · A", id="title"), TEXT("Predict.", id="q"), CODE("print(3)", id="c", outputs=[printed])]
    page = slides.slides(nbformat.v4.new_notebook(cells=[*cells, TEXT("Three.", id="r")]), renderer)
    assert page.index("Predict.") < page.index("print") < page.index('<div class="fragment"><div class="output">')
    assert re.search(r'<div class="fragment">\s*<p>Three.</p>', page) and "&lt;b&gt;" in page


def test_long_code_and_long_prints_are_cut_between_slides():
    source = "\n\n".join(f"def f{k}():\n    # one\n\n    return {k}" for k in range(12))
    found = slides.pieces(source)
    assert len(found) == 3 and "\n\n".join(found) == source and all(part.startswith("def") for part in found)
    assert all(slides.code_height(part) <= slides.HEIGHT for part in found)
    assert 'class="output long"' in slides.printed(["short"] * 30).body
    assert slides.printed(["short"] * 30).height == 28 + 26 * 15


def test_formulas_become_mathml_and_prices_stay(renderer):
    page = renderer.markdown("The area $a^2$ of a `$x` costs $5 or $6.\n\n$$\\frac{1}{2}$$")
    assert "<msup>" in page and "<mfrac>" in page and "$5" in page and "$x" in page


def test_projector_faults_are_named():
    good = {"down": 0, "across": 0, "letters": 20, "picture": None, "begins": "Start"}
    assert browser_test.slide_problems([good]) == []
    bad = browser_test.slide_problems([good, {**good, "down": 31, "letters": 16.0, "picture": 90}])
    assert [line.partition(") ")[2] for line in bad] == ["overflows down by 31 px", "has letters of 16.0 px",
                                                         "has a picture 90 px high"]  # fmt: skip


# The site -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    for name in ("sphinx_book_theme", "myst_nb", "sphinx_revealjs"):
        if importlib.util.find_spec(name) is None:
            pytest.skip('the site is tested where its packages are installed: pip install -e ".[site]"')
    out = tmp_path_factory.mktemp("site")
    return out, site.build(out)


def test_sphinx_has_nothing_to_complain_about(built):
    assert built[1] == []


@every_page
def test_page_shows_every_picture_with_its_text_and_no_note_for_the_teacher(path, built):
    page = (built[0] / path.relative_to(ROOT).with_suffix(".html")).read_text("utf-8")
    notebook = nbformat.read(path, 4)
    stored = [cell.metadata.alt for cell in notebook.cells for output in cell.get("outputs", [])
              if "image/png" in output.get("data", {})]  # fmt: skip
    shown = [html.unescape(alt) for alt in re.findall(r'<img alt="([^"]*)"', page)]
    for alt in stored:
        assert " ".join(alt.split()) in shown
    for name in (name for cell in notebook.cells for name in cell.get("attachments", {})):
        assert f"{path.stem}-{name}" in page
    assert "For the teacher" not in page and "importlib.util" not in page


def test_every_link_leads_somewhere_and_nothing_is_fetched_from_elsewhere(built):
    out, wrong = built[0], []
    anchors = {}
    pages = [path for path in out.rglob("*.html") if "reveal" not in path.parts and "_static" not in path.parts]
    texts = {path: path.read_text("utf-8") for path in pages}
    for path, text in texts.items():
        anchors[path] = set(re.findall(r' id="([^"]+)"', text))
    for path, text in texts.items():
        assert not re.search(r'<(?:script|link|img)[^>]*(?:src|href)="(?:https?:)?//', text), path.name
        for link in re.findall(r'(?:href|src)="([^"]*)"', text):
            if re.match(r"[a-z]+:|#?$", link):
                continue
            name, _, anchor = html.unescape(urllib.parse.unquote(link)).partition("#")
            target = (path.parent / name.partition("?")[0]).resolve() if name else path
            if not target.exists() or (anchor and target in anchors and anchor not in anchors[target]):
                wrong.append(f"{path.relative_to(out)}: {link}")
    assert wrong == [] and len(pages) > 2 * len(LESSONS) + len(STUDENT)


def test_search_finds_words_of_lessons_homework_and_documents(built):
    index = (built[0] / "searchindex.js").read_text("utf-8")
    for page in ("notebooks/06_pooling", "notebooks/homework/hw1_components", "notebooks/glossary", "TEACHING"):
        assert f'"{page}"' in index
    assert "Search.setIndex(" in index and "equivari" in index  # a script, so that it loads from a folder


def test_pages_and_slides_read_on_laptop_phone_and_projector(built, tmp_path):
    """In a browser, where there is one: widths, axe, overflow and smallest letters of a few pages and all slides."""
    playwright = pytest.importorskip("playwright.sync_api", reason='pip install -e ".[browser]"')
    system = shutil.which("chromium") or shutil.which("google-chrome")
    if system is None:
        pytest.skip("there is no Chromium here")
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=system, args=browser_test.FLAGS)
        only = ("index", "06_pooling", "hw1", "TEACHING")
        assert browser_test.look_at_site(chromium, built[0], tmp_path, only) == 0
