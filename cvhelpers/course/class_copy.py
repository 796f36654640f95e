"""Copy the lessons for a class that predicts before it sees: ``python -m cvhelpers.course class-copy my_class``.

In the copy nothing has been run, the sentence that reads a result is folded away, and the notes for the teacher are
left out. It lies in a folder of its own inside the course, so that `git pull` never meets what students wrote.
"""

import argparse
import pathlib
import re
import shutil

import nbformat

from .._paths import ROOT
from .refresh import lessons
from .slides import is_notes, paragraphs

FOLD = "<details><summary>What did you see? Read on when you have run the cell</summary>\n\n{text}\n\n</details>"


def folded_reading(source):
    """Markdown after a result with its first paragraph, which reads the result, folded away.

    >>> folded_reading("Four.\\n\\nPredict the next.").splitlines()[-1]
    'Predict the next.'
    """
    first = paragraphs(source)[0]
    if first.startswith(("#", "<details", "|", "```")) or re.match(r"\W*Predict", first):
        return source
    return source.replace(first, FOLD.format(text=first), 1)


def unseen(notebook):
    """A lesson as a class gets it: no outputs, no notes for the teacher, readings folded; the one given is changed."""
    notebook.cells = [cell for cell in notebook.cells if not is_notes(cell)]
    shown = False
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = folded_reading(cell.source) if shown else cell.source
            shown = False
        else:
            shown = bool(cell.outputs)
            cell.outputs, cell.execution_count = [], None
    return notebook


def class_copy(out):
    """Write the copy to the new folder ``out``, laid out like ``notebooks/``; returns the paths of its notebooks.

    Raises:
        SystemExit: the folder exists, or lies where the notebooks would not find the course.
    """
    out = pathlib.Path(out).resolve()
    if out.exists():
        raise SystemExit(f"{out} exists already: name a new folder, since nothing of a class is overwritten")
    if out.parent != ROOT:
        raise SystemExit(f"got {out}: wanted a folder directly in {ROOT}, where the notebooks find the course")
    shutil.copytree(ROOT / "notebooks", out, ignore=shutil.ignore_patterns("[0-9]*.ipynb", "solutions", ".*"))
    for path in lessons():
        nbformat.write(unseen(nbformat.read(path, 4)), out / path.name)
    return sorted(out.rglob("*.ipynb"))


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m cvhelpers.course class-copy", description=__doc__.split("\n")[0])
    parser.add_argument("out", type=pathlib.Path, help="a new folder in the course folder, for instance my_class")
    found = class_copy(parser.parse_args(arguments).out)
    print(f"{len(found)} notebooks in {found[0].parent}: nothing has been run, what reads a result is folded")
    return 0
