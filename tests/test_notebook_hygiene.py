"""Every notebook keeps the rules that make it readable, comparable and presentable; nothing is executed here."""

import json
import pathlib
import re

import nbformat
import pytest

from cvhelpers.course import address, try_it
from cvhelpers.course import refresh as course
from cvhelpers.homework import exercises

ROOT = pathlib.Path(__file__).parents[1]
LESSONS = course.lessons()
SOLUTIONS = [path for path in course.sources() if path not in LESSONS]
STUDENT = sorted((ROOT / "notebooks/homework").glob("hw*.ipynb"))
NAMES = sorted(path.name for path in LESSONS)
KNOWN_TAGS = {"nbval-ignore-output", "nbval-check-output", "raises-exception", "nbval-skip", "skip-execution"}
KNOWN_TAGS |= {"solution", "skip-grade", "target", "hide-input"}

every_lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
every_source = pytest.mark.parametrize("path", LESSONS + SOLUTIONS, ids=lambda path: path.stem)
every_notebook = pytest.mark.parametrize("path", LESSONS + SOLUTIONS + STUDENT, ids=lambda path: path.stem)


def read(path):
    return nbformat.read(path, 4)


def tags(cell):
    return set(cell.metadata.get("tags", []))


def is_notes(cell):
    return cell.metadata.get("slideshow", {}).get("slide_type") == "notes"


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def has_picture(cell):
    return any("image/png" in output.get("data", {}) for output in cell.get("outputs", []))


def texts(cell):
    for output in cell.get("outputs", []):
        yield output.get("text", "")
        yield output.get("data", {}).get("text/plain", "")


def links(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            yield from re.findall(r"\]\(([^)\s]+)\)", cell.source)


def test_lessons_are_numbered_without_gaps():
    assert [int(name[:2]) for name in NAMES] == list(range(1, 20))


@every_notebook
def test_notebook_is_valid_and_cell_ids_are_unique(path):
    notebook = read(path)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)


@every_notebook
def test_metadata_holds_only_what_every_machine_shares(path):
    notebook = read(path)
    assert set(notebook.metadata) <= {"kernelspec", "language_info", "accelerator", "colab"}
    assert notebook.metadata.kernelspec.name == "python3"
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"tags", "alt", "slideshow"}, cell.id
        assert tags(cell) <= KNOWN_TAGS, cell.id
        assert ("nbval-skip" in tags(cell)) == ("skip-execution" in tags(cell)), cell.id


@every_source
def test_every_code_cell_was_run_in_order(path):
    for number, cell in enumerate(code_cells(read(path)), start=1):
        assert cell.source.strip(), f"{cell.id} is empty"
        if "nbval-skip" not in tags(cell):
            assert cell.execution_count == number, cell.id


@every_source
def test_no_error_and_no_log_line_is_stored(path):
    for cell in code_cells(read(path)):
        for output in cell.outputs:
            assert output.output_type != "error" or "raises-exception" in tags(cell), cell.id
            assert output.get("name") != "stderr", f"{cell.id}: {output.get('text')}"
        for text in texts(cell):
            assert not re.search(r"oneDNN|cuda|absl|tensorflow/core|^[IWE]0000 ", text, re.M), cell.id
            assert "\b" not in text and "\r" not in text, f"{cell.id} stores a progress bar"


@every_source
def test_most_outputs_are_compared(path):
    cells = code_cells(read(path))
    ignored = [cell.id for cell in cells if tags(cell) & {"nbval-ignore-output", "nbval-skip"}]
    assert len(ignored) <= max(1, len(cells) / 10), ignored
    assert any(text.strip() for cell in cells if cell.id not in ignored for text in texts(cell))


@every_notebook
def test_no_absolute_path_no_remote_image_and_no_hidden_semicolon(path):
    text = path.read_text("utf-8")
    assert not re.search(r"[\"' (](/home/|/Users/|/root/|/work/|/tmp/|[A-Z]:\\\\)", text)
    for cell in read(path).cells:
        assert not re.search(r"!\[[^\]]*\]\(https?://|<img[^>]*src=.https?://", cell.source), cell.id
        assert cell.cell_type != "code" or not cell.source.rstrip().endswith(";"), cell.id


@every_notebook
def test_stored_notebook_is_small(path):
    assert path.stat().st_size < 1_500_000


@every_source
def test_every_picture_has_an_alternative_text(path):
    for cell in read(path).cells:
        if has_picture(cell):
            assert len(cell.metadata.get("alt", "")) >= 20, f"{cell.id} needs an alt text"
            for output in cell.outputs:
                if "image/png" in output.get("data", {}):
                    assert output.metadata["image/png"]["alt"] == cell.metadata.alt, f"{cell.id}: refresh the notebook"
        if cell.cell_type == "markdown":
            assert not re.search(r"!\[\s*\]\(", cell.source), f"{cell.id}: an image without alt text"


@every_notebook
def test_badge_and_setup_cell_name_the_repository(path):
    notebook = read(path)
    cells = {cell.id: cell for cell in notebook.cells}
    name = path.relative_to(ROOT).as_posix().replace("solutions/", "")
    assert notebook.cells[0].id == "title"
    assert address.badge(name) in cells["title"].source.splitlines(), f"wanted {address.badge(name)}"
    assert cells["setup"].source == address.setup_cell(), "run: python -m cvhelpers.course address"
    assert code_cells(notebook)[0].id == "setup"


@every_notebook
def test_links_to_files_of_the_course_lead_somewhere(path):
    folder = path.parent.parent if path.parent.name == "solutions" else path.parent
    for link in links(read(path)):
        local = not re.match(r"https?://|#|mailto:|attachment:", link)
        if local:
            assert (folder / link.split("#")[0]).exists(), link


@every_lesson
def test_lesson_has_its_parts_in_order(path):
    notebook = read(path)
    number = path.name[:2]
    title = notebook.cells[0].source.splitlines()[0]
    assert title.startswith(f"# {number} · "), title
    goals = notebook.cells[1]
    assert goals.id == "goals" and "**You will**" in goals.source and "**Time:**" in goals.source
    assert 3 <= len(re.findall(r"(?m)^- ", goals.source)) <= 5
    pages = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    headings = [heading for page in pages for heading in re.findall(r"(?m)^## (.+)", page)]
    end = ["Try it yourself", "What to remember", "Check yourself", "Homework"]
    assert headings[-len(end) :] == end
    assert len(headings) >= 6, "at least three sections of its own"
    assert notebook.cells[-1].id == "navigation"


@every_lesson
def test_navigation_names_the_neighbours(path):
    here = NAMES.index(path.name)
    found = [link for link in re.findall(r"\]\((\d\d_\w+\.ipynb)\)", read(path).cells[-1].source)]
    assert found == [NAMES[i] for i in (here - 1, here + 1) if 0 <= i < len(NAMES)]


@every_lesson
def test_a_sentence_stands_before_each_code_cell_and_after_each_figure(path):
    cells = [cell for cell in read(path).cells if not is_notes(cell)]
    for before, cell, after in zip([None, *cells], cells, [*cells[1:], None]):
        if cell.cell_type == "code" and cell.id != "setup":
            assert before.cell_type == "markdown" and before.source.strip(), f"no sentence before {cell.id}"
        if has_picture(cell):
            assert after.cell_type == "markdown" and not after.source.startswith("#"), f"nothing reads {cell.id}"


@every_source
def test_cells_are_short(path):
    for cell in code_cells(read(path)):
        lines = [line for line in cell.source.splitlines() if line.strip()]
        assert len(lines) <= 25, f"{cell.id}: {len(lines)} lines"
        assert all(len(line) <= 120 for line in lines), cell.id


def visible(cell):
    """What a student reads of a Markdown cell without opening a fold."""
    return re.sub(r"(?s)<details>.*?</details>", "", cell.source)


@every_lesson
def test_a_class_can_finish_the_lesson(path):
    texts = [visible(cell) for cell in read(path).cells if cell.cell_type == "markdown"]
    words = sum(len(text.split()) for text in texts)
    predictions = sum(len(re.findall(r"(?i)\*+predict", text)) for text in texts)
    long = path.name[:2] in ("15", "16")
    assert words <= (2400 if long else 1800)
    assert 3 <= predictions <= (14 if long else 10)


@every_lesson
def test_the_first_picture_comes_within_200_words(path):
    words = 0
    for cell in read(path).cells:
        drawn = cell.cell_type == "markdown" and re.search(r"!\[[^\]]+\]\((?!images/colab)", cell.source)
        if drawn or has_picture(cell):
            break
        words += len(visible(cell).split()) if cell.cell_type == "markdown" else 0
    assert words <= 200


@every_lesson
def test_settings_by_device_stand_only_in_the_section_on_a_gpu(path):
    section = ""
    for cell in read(path).cells:
        if cell.cell_type == "markdown" and (found := re.search(r"(?m)^## (.+)", cell.source)):
            section = found[1]
        if cell.cell_type == "code" and not section.startswith("On a GPU"):
            assert not re.search(r"on_device\(|training\.device\(", cell.source), cell.id


@every_lesson
def test_suggestions_can_be_tried(path):
    """Each names a section and code that stands there once; `python -m cvhelpers.course try-it` runs them."""
    notebook = read(path)
    found = try_it.suggestions(next(cell.source for cell in notebook.cells if cell.id == "try-it"))
    assert 3 <= len(found) <= 5 and [one.number for one in found] == list(range(1, len(found) + 1))
    for one in found:
        _, cells = try_it.changed(notebook, one)
        before = try_it.printed(notebook, cells)
        assert not any(" ".join(text.split()) in before for text in one.prints), f"{one.number} shows nothing new"


@every_lesson
def test_no_student_reads_a_cell_id(path):
    notebook = read(path)
    ids = {cell.id for cell in notebook.cells if "-" in cell.id}
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and not is_notes(cell):
            assert not ids & set(re.findall(r"`([\w-]+)`", cell.source)), cell.id


@every_lesson
def test_sections_are_slides(path):
    for cell in read(path).cells:
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            assert cell.metadata.slideshow.slide_type == "slide", f"{cell.id}: refresh the notebook"


@every_lesson
def test_speaker_notes_are_folded_away_from_students(path):
    notes = [cell for cell in read(path).cells if is_notes(cell)]
    assert notes, "wanted at least one note for the teacher"
    assert all(cell.source.count("For the teacher") == 1 for cell in notes)
    assert all(cell.source == course.folded(cell.source) for cell in notes), "refresh the notebook"


def test_no_output_is_typed_by_hand():
    """Stored text is what the refresh command writes: one text form, sorted keys, a newline at the end."""
    for path in LESSONS + SOLUTIONS:
        text = path.read_text("utf-8")
        assert text == nbformat.writes(nbformat.reads(text, 4)) + "\n", path.name
        assert json.loads(text)["nbformat_minor"] == 5


@every_lesson
def test_the_teachers_guide_gives_the_same_minutes(path):
    goals = next(cell.source for cell in read(path).cells if cell.id == "goals")
    minutes = re.search(r"about (\d+) minutes in class", goals)[1]
    assert f"| {path.name[:2]} | {minutes} |" in (ROOT / "TEACHING.md").read_text("utf-8")


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_every_stored_check_of_a_solution_says_right(path):
    tasks = exercises(path.stem[:3])
    for cell in code_cells(read(path)):
        if question := re.match(r"(q\d+)\.check\(", cell.source):
            printed = "".join(output.get("text", "") for output in cell.outputs)
            assert re.match(r"✅ q\d+ right", printed), f"{cell.id}: {printed}"
            for count in re.findall(r"all (\d+) cases agree", printed):
                assert int(count) == len(tasks[question[1]].cases), f"{cell.id}: refresh the notebook"
