"""What a class gets: a copy in which nothing has been run, and a pack with a README of its own."""

import pathlib
import re
import shutil

import nbformat
import pytest

from cvhelpers.course import class_copy
from cvhelpers.course import refresh as notebooks
from cvhelpers.homework import build

ROOT = pathlib.Path(__file__).parents[1]
LESSONS = notebooks.lessons()
CODE, TEXT = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell
PRINTED = nbformat.v4.new_output("stream", name="stdout", text="3\n")


def links(folder):
    """Each file's relative links: (file, link)."""
    for path in [*folder.rglob("*.ipynb"), *folder.rglob("*.md")]:
        text = path.read_text("utf-8")
        if path.suffix == ".ipynb":
            text = "\n".join(cell.source for cell in nbformat.reads(text, 4).cells if cell.cell_type == "markdown")
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            if not re.match(r"[a-z]+:|#", link):
                yield path, link.split("#")[0]


def test_what_reads_a_result_is_folded_and_the_question_stays():
    cells = [TEXT("Predict.", id="a"), CODE("print(3)", id="b", outputs=[PRINTED], execution_count=1),
             TEXT("Three.\n\nPredict: and then?", id="c"), CODE("x = 1", id="d"), TEXT("A word.", id="e")]  # fmt: skip
    cells.append(TEXT("Pause.", id="f", metadata={"slideshow": {"slide_type": "notes"}}))
    made = class_copy.unseen(nbformat.v4.new_notebook(cells=cells)).cells
    assert [cell.id for cell in made] == ["a", "b", "c", "d", "e"]
    assert made[1].outputs == [] and made[1].execution_count is None
    fold, _, rest = made[2].source.partition("</details>")
    assert "\n\nThree.\n\n" in fold and rest == "\n\nPredict: and then?"
    assert (made[0].source, made[4].source) == ("Predict.", "A word.")


@pytest.mark.parametrize("text", ["## A title\n\nb", "**Predict:** what?", "| a |\n|---|", "<details>\nx\n</details>"])
def test_questions_headings_tables_and_folds_stay_open(text):
    assert class_copy.folded_reading(text) == text


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_copy_of_a_lesson_has_its_code_and_no_result(path):
    lesson, made = nbformat.read(path, 4), class_copy.unseen(nbformat.read(path, 4))
    nbformat.validate(made)
    assert [c.source for c in made.cells if c.cell_type == "code"] == [
        c.source for c in lesson.cells if c.cell_type == "code"
    ]
    assert not any(cell.get("outputs") for cell in made.cells)
    assert sum(cell.source.count("What did you see?") for cell in made.cells) >= 5
    assert not any("For the teacher" in cell.source for cell in made.cells)


def test_copy_lies_in_the_course_overwrites_nothing_and_its_links_lead_somewhere(tmp_path, monkeypatch):
    for name in ("notebooks", "README.md", "data/README.md", "LICENSE"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, tmp_path / name)
    monkeypatch.setattr(class_copy, "ROOT", tmp_path)
    made = class_copy.class_copy(tmp_path / "my_class")
    assert len(made) == len(LESSONS) + 7 and not list((tmp_path / "my_class").rglob("*solutions*"))
    dead = [(path.name, link) for path, link in links(tmp_path / "my_class") if not (path.parent / link).exists()]
    assert dead == []
    with pytest.raises(SystemExit, match="exists already"):
        class_copy.class_copy(tmp_path / "my_class")
    with pytest.raises(SystemExit, match="wanted a folder directly in"):
        class_copy.class_copy(tmp_path / "deep/my_class")


def test_students_pack_has_its_own_readme_no_dead_link_and_no_word_for_teachers(tmp_path):
    out = tmp_path / "pack"
    build.pack(out)
    readme = (out / "README.md").read_text("utf-8")
    for word in ("The first day", "Every later day", "Save a copy in Drive", "hint()", "doctor", "hw7"):
        assert word in readme, word
    for word in ("Teaching with it", "TEACHING", "CONTRIBUTING", "pytest", "students' pack"):
        assert word not in readme, word
    assert [(path.name, link) for path, link in links(out) if not (path.parent / link).exists()] == []
    for path in (out / "notebooks").glob("*.ipynb"):
        notebook = nbformat.read(path, 4)
        nbformat.validate(notebook)
        assert not any("For the teacher" in cell.source for cell in notebook.cells), path.name
