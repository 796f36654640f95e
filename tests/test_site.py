"""Pages and slides: everything that is stored is shown, and nothing is fetched from elsewhere."""

import re

import nbformat
import pytest

from cvhelpers.course import refresh as notebooks
from cvhelpers.course import site

LESSONS = [path for path in notebooks.lessons() if "homework" not in path.parts]
every_lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
CODE, TEXT = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell


@pytest.fixture(scope="module")
def renderer():
    return site.Renderer()


def pictures(notebook):
    """How many pictures are stored: figures, and those inside an animation's own page."""
    stored = [output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])]
    return sum("image/png" in data for data in stored) + sum(
        len(re.findall(r"<img [^>]*data:image/png", data.get("text/html", ""))) for data in stored
    )


def headings(notebook):
    return sum(bool(re.match("##? ", c.source)) for c in notebook.cells if c.cell_type == "markdown")


@every_lesson
def test_page_and_slides_show_every_picture_with_its_text_and_fetch_nothing(path, renderer):
    notebook = nbformat.read(path, 4)
    for body in (site.page(notebook, renderer, path.stem), site.slides(notebook, renderer)):
        shown = re.findall(r"<img [^>]*alt=\"([^\"]*)\"[^>]*data:image/png", body)
        assert len(shown) == pictures(notebook) and all(len(alt) >= 20 for alt in shown)
        assert not re.search(r"(src|href)=\"(https?:)?//[^\"]*\.(js|css|png|jpg|svg)", body)


@every_lesson
def test_slides_have_a_column_for_each_heading_and_keep_the_notes(path, renderer):
    notebook = nbformat.read(path, 4)
    body = site.slides(notebook, renderer)
    assert body.count("<section><section>") == headings(notebook)
    notes = sum(site.is_notes(cell) for cell in notebook.cells)
    assert body.count('<aside class="notes">') == notes


def test_formulas_become_mathml_and_prices_stay(renderer):
    page = renderer.markdown("The area $a^2$ of a `$x` costs $5 or $6.\n\n$$\\frac{1}{2}$$")
    assert "<msup>" in page and "<mfrac>" in page and "$5" in page and "$x" in page


def test_what_a_cell_printed_is_escaped(renderer):
    cell = CODE("print('<b>')", outputs=[nbformat.v4.new_output("stream", name="stdout", text="<b>\n")])
    assert "&lt;b&gt;" in renderer.outputs(cell)


def test_links_between_lessons_lead_to_pages(renderer):
    page = renderer.markdown("[next](06_pooling.ipynb), [homework](homework/hw1_components.ipynb)")
    assert 'href="06_pooling.html"' in page and "blob/main/notebooks/homework/hw1_components.ipynb" in page
