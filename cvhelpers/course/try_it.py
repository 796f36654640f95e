"""Do what *Try it yourself* suggests, compare what comes out: ``python -m cvhelpers.course try-it [NN]``.

A suggestion reads ``In *Heading*, change `old` to `new` `` (several pairs, or ``add `a line` ``, are fine too); its
fold begins with ``It prints `text` ``. The changes are made in a copy, the lesson runs to the end of that section. The
text must stand in what the section prints, or in its error, and not in what the unchanged lesson prints there.
"""

import argparse
import os
import re
import time
from typing import NamedTuple

from .._paths import ROOT
from .refresh import execute, set_kernel_environment

_CODE = r"(?:``(.+?)``|`([^`\n]+)`)"  # double marks where the code itself holds one
_ITEM = re.compile(r"(?ms)^(\d+)\. (.*?)(?=^\d+\. |\Z)")


class Suggestion(NamedTuple):
    """One numbered item: where, which (old, new) changes and added lines, and the texts that must come out."""

    number: int
    heading: str
    changes: list
    lines: list
    prints: list


def suggestions(text):
    """The numbered items of the Markdown of *Try it yourself*.

    Args:
        text: source of the cell.

    Returns:
        list of :class:`Suggestion`.

    Raises:
        ValueError: an item does not name a heading, a change or what comes out.

    >>> item = "1. In *Stride*, change `2` to `3`.\\n   <details>\\n\\n   It prints `2 pixels`.\\n\\n   </details>"
    >>> suggestions(item)
    [Suggestion(number=1, heading='Stride', changes=[('2', '3')], lines=[], prints=['2 pixels'])]
    """
    found = []
    for number, item in _ITEM.findall(text):
        task, _, answer = item.partition("<details>")
        heading = re.match(r"In \*(.+?)\*,", task)
        changes = [(a or b, c or d) for a, b, c, d in re.findall(rf"\bchange {_CODE} to {_CODE}", task)]
        lines = [a or b for a, b in re.findall(rf"\badd {_CODE}", task)]
        said = re.search(rf"It prints ({_CODE}(?:(?:,| and|, and) {_CODE})*)", answer)
        missing = {
            "where (`In *Heading*,`)": heading,
            "what to change (change `old` to `new`, or add `a line`)": changes or lines,
            "what comes out (It prints `text`, in a fold)": said,
        }
        for what, there in missing.items():
            if not there:
                raise ValueError(f"suggestion {number} does not say {what}: {task.strip()[:80]!r}")
        prints = [a or b for a, b in re.findall(_CODE, said[1])]
        found.append(Suggestion(int(number), heading[1], changes, lines, prints))
    return found


def _section(notebook, heading):
    """Indices of the code cells between a heading and the next one of its level or above."""
    inside, level, cells = False, 0, []
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            for marks, title in re.findall(r"(?m)^(#{1,3}) (.+?)\s*$", cell.source):
                if inside and len(marks) <= level:
                    inside = False
                if title == heading:
                    inside, level = True, len(marks)
        elif inside:
            cells.append(index)
    if not cells:
        raise ValueError(f"no section with code is called {heading!r}")
    return cells


def changed(notebook, suggestion):
    """A copy of the notebook that ends with the changed section, and the indices of that section's code cells.

    Raises:
        ValueError: no such section, or the old code does not stand there exactly once.
    """
    import nbformat

    copy = nbformat.from_dict(notebook)
    cells = _section(copy, suggestion.heading)
    for old, new in suggestion.changes:
        holders = [index for index in cells if old in copy.cells[index].source]
        count = sum(copy.cells[index].source.count(old) for index in holders)
        if count != 1:
            raise ValueError(f"`{old}` stands {count} times in the code of *{suggestion.heading}*: wanted once")
        copy.cells[holders[0]].source = copy.cells[holders[0]].source.replace(old, new)
    for line in suggestion.lines:
        copy.cells[cells[-1]].source += "\n" + line
    copy.cells = copy.cells[: cells[-1] + 1]
    return copy, cells


def printed(notebook, cells):
    """All text that these cells have printed, errors included, with runs of white space as one space."""
    parts = []
    for index in cells:
        for output in notebook.cells[index].get("outputs", []):
            parts += [output.get("text", ""), output.get("data", {}).get("text/plain", "")]
            parts += [f"{output.ename}: {output.evalue}"] if output.output_type == "error" else []
    return " ".join(" ".join(parts).split())


def try_one(notebook, suggestion, folder):
    """Run one suggestion. Returns None, or a sentence that says what does not hold."""
    from nbclient.exceptions import CellExecutionError

    copy, cells = changed(notebook, suggestion)
    before = printed(notebook, cells)
    try:
        execute(copy, folder)
    except CellExecutionError as error:
        if not any(output.output_type == "error" for index in cells for output in copy.cells[index].outputs):
            return f"an earlier cell fails: {str(error).strip().splitlines()[-1]}"
    after = printed(copy, cells)
    for text in (" ".join(text.split()) for text in suggestion.prints):
        if text not in after:
            return f"wanted `{text}`, got: {after[-400:]}"
        if text in before:
            return f"`{text}` also stands in the unchanged lesson: it shows nothing"
    return None


def main(arguments=None):
    import nbformat

    parser = argparse.ArgumentParser(prog="python -m cvhelpers.course try-it", description=__doc__.split(":")[0])
    parser.add_argument("lessons", nargs="*", help="numbers such as 03, or 03.2 for one suggestion; all when empty")
    options = parser.parse_args(arguments)
    os.environ["PYTEST_CURRENT_TEST"] = "try-it"  # ipykernel then treats the output of C++ code as under nbval
    set_kernel_environment()
    problems = right = 0
    for path in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")):
        chosen = [name for name in options.lessons if path.name.startswith(name.partition(".")[0])]
        if options.lessons and not chosen:
            continue
        notebook = nbformat.read(path, 4)
        cell = next((cell for cell in notebook.cells if cell.id == "try-it"), None)
        for one in suggestions(cell.source) if cell else []:
            wanted = [name.partition(".")[2] for name in chosen]
            if chosen and "" not in wanted and str(one.number) not in wanted:
                continue
            start = time.time()
            try:
                problem = try_one(notebook, one, path.parent)
            except ValueError as error:
                problem = str(error)
            problems, right = problems + bool(problem), right + (not problem)
            print(f"{path.stem} {one.number}: {problem or 'right'} ({time.time() - start:.0f} s)", flush=True)
    print(f"{right} suggestions right, {problems} not")
    return problems
