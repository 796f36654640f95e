"""The command that stores outputs: nothing is lost, diffs are small, addresses agree."""

import re
import subprocess
import sys

import nbformat
import pytest

from cvhelpers.course import address
from cvhelpers.course import refresh as course

CODE, TEXT = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell


def write(path, *cells):
    nbformat.write(nbformat.v4.new_notebook(cells=list(cells)), path)
    return path


def test_refresh_stores_outputs_and_a_second_refresh_changes_nothing(tmp_path):
    path = write(tmp_path / "a.ipynb", TEXT("## Title", id="t"), CODE("print(6 * 7)", id="c"))
    assert course.run_refresh([path]) == 0
    first = path.read_text()
    notebook = nbformat.reads(first, 4)
    assert notebook.cells[1].outputs[0].text == "42\n"
    assert notebook.cells[1].execution_count == 1 and [c.id for c in notebook.cells] == ["t", "c"]
    assert notebook.cells[0].metadata.slideshow.slide_type == "slide"
    assert course.run_refresh([path], check=True) == 0
    assert path.read_text() == first


def test_a_failing_cell_leaves_the_old_file_untouched(tmp_path, capsys):
    path = write(tmp_path / "a.ipynb", CODE("1 / 0", id="c"))
    before = path.read_bytes()
    assert course.run_refresh([path]) == 1
    assert path.read_bytes() == before
    assert "ZeroDivisionError" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == [path]


def test_check_finds_a_changed_number_and_writes_nothing(tmp_path):
    path = write(tmp_path / "a.ipynb", CODE("print(6 * 7)", id="c"))
    course.run_refresh([path])
    wrong = path.read_text().replace("42", "43")
    path.write_text(wrong)
    assert course.run_refresh([path], check=True) == 1
    assert path.read_text() == wrong


def test_normalise_keeps_tags_and_gives_pictures_their_alternative_text():
    picture = nbformat.v4.new_output("display_data", {"image/png": "AA=="}, metadata={"needs_background": "light"})
    cell = CODE("x", id="c", outputs=[picture], execution_count=9)
    cell.metadata.update(tags=["solution"], alt="a red square", collapsed=True)
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"widgets": {}, "accelerator": "GPU"})
    cell = course.normalise(notebook).cells[0]
    assert cell.execution_count == 1
    assert cell.metadata == {"tags": ["solution"], "alt": "a red square"}
    assert cell.outputs[0].metadata == {"image/png": {"alt": "a red square"}}
    assert set(notebook.metadata) == {"kernelspec", "language_info", "accelerator", "colab"}


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(SystemExit, match="99_nothing.*01_computer_vision_tasks"):
        course.find(["99_nothing"])


def test_a_wrong_address_is_refused():
    with pytest.raises(SystemExit, match="wanted an address like"):
        address.write_address("github.com/you")


def test_a_new_address_reaches_every_badge_and_setup_cell(tmp_path, monkeypatch):
    (tmp_path / "cvhelpers").mkdir()
    (tmp_path / "notebooks/homework/solutions").mkdir(parents=True)
    for name in ("cvhelpers/__init__.py", "README.md"):
        (tmp_path / name).write_text(f'REPOSITORY = "{address.REPOSITORY}"\n')
    names = ["notebooks/01_a.ipynb", "notebooks/homework/hw1_b.ipynb", "notebooks/homework/solutions/hw1_b.ipynb"]
    for name in names:
        badge = address.badge(name.replace("solutions/", ""))
        cells = TEXT(f"# 01 · A\n\n{badge}", id="title"), CODE(address.setup_cell(), id="setup")
        write(tmp_path / name, *cells, TEXT("## On a GPU: more" if "01" in name else "## Small", id="gpu"))
    monkeypatch.setattr(course, "ROOT", tmp_path)
    monkeypatch.setattr(address, "ROOT", tmp_path)
    address.write_address("https://github.com/you/course/")
    for name in ("cvhelpers/__init__.py", "README.md"):
        assert (tmp_path / name).read_text() == 'REPOSITORY = "https://github.com/you/course"\n'
    for name in names:
        text = (tmp_path / name).read_text()
        assert address.REPOSITORY.removeprefix("https://github.com/") not in text
        assert text.count("you/course") == 2
        assert f"you/course/blob/main/{name.replace('solutions/', '')}" in text
        assert ('"accelerator": "GPU"' in text) == ("01" in name)


def test_importing_the_package_loads_neither_tensorflow_nor_matplotlib():
    heavy = {"tensorflow", "keras", "matplotlib", "skimage"}
    code = f"import sys, cvhelpers, cvhelpers.data; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n" and done.stderr == ""


def test_tensorflow_loads_without_a_log_line():
    code = "import cvhelpers.training, tensorflow as tf; tf.ones((2, 2)) @ tf.ones((2, 2))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "" and done.stderr == ""


def test_the_readme_shows_the_stored_picture_of_the_first_lesson(tmp_path):
    course.write_title_picture(nbformat.read(course.lessons()[0], 4), tmp_path)
    stored = course.ROOT / "notebooks/images/five_tasks.png"
    assert (tmp_path / "five_tasks.png").read_bytes() == stored.read_bytes()


def test_an_older_form_of_the_badge_is_replaced():
    old = "# A\n\n[![Open in Colab](images/colab.svg)](https://colab.research.google.com/github/a/b/blob/main/c.ipynb)\n\nB"
    new = re.sub(address.BADGE, address.badge("notebooks/a.ipynb"), old)
    assert new == f"# A\n\n{address.badge('notebooks/a.ipynb')}\n\nB"
    assert re.sub(address.BADGE, address.badge("notebooks/a.ipynb"), new) == new
