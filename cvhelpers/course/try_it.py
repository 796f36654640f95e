"""Do what *Try it yourself* suggests, compare what comes out: ``python -m cvhelpers.course try-it [NN]``.

A suggestion reads ``In *Heading*, change `old` to `new` `` (several pairs, or ``add `a line` ``, are fine too); its
fold begins with ``It prints `text` ``. The changes are made in a copy; the lesson runs to that section, and then the
changed section. The text must stand in what it prints, or in its error, and not in what the unchanged lesson prints.
"""

import argparse
import concurrent.futures
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
    """A copy of the notebook that ends with the changed section, nothing printed there yet, and that section's cells.

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
    for index in cells:
        copy.cells[index].outputs = []
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


def _difference(notebook, suggestion, copy, cells):
    """None, or a sentence that says what does not hold between what the copy printed and what was promised."""
    before, after = printed(notebook, cells), printed(copy, cells)
    for text in (" ".join(text.split()) for text in suggestion.prints):
        if text not in after:
            return f"wanted `{text}`, got: {after[-400:]}"
        if text in before:
            return f"`{text}` also stands in the unchanged lesson: it shows nothing"
    return None


def try_one(notebook, suggestion, folder):
    """Run one suggestion in a kernel of its own. Returns None, or a sentence that says what does not hold."""
    from nbclient.exceptions import CellExecutionError

    copy, cells = changed(notebook, suggestion)
    try:
        execute(copy, folder)
    except CellExecutionError as error:
        if not any(output.output_type == "error" for index in cells for output in copy.cells[index].outputs):
            return f"an earlier cell fails: {str(error).strip().splitlines()[-1]}"
    return _difference(notebook, suggestion, copy, cells)


def try_lesson(notebook, chosen, folder):
    """Yield each suggestion with None or what does not hold, in the order of the lesson.

    The cells before a section run once for all; there the changed section runs before the unchanged one does. What does
    not hold then is tried in a kernel of its own, since a suggestion before it may have left something behind.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    waiting, done = [], 0
    for one in chosen:
        try:
            waiting.append((*changed(notebook, one), one))
        except ValueError as error:
            yield one, str(error)
    same = nbformat.from_dict(notebook).cells
    resources = {"metadata": {"path": str(folder)}}
    settings = {"timeout": 600, "kernel_name": "python3", "coalesce_streams": True, "resources": resources}
    client = NotebookClient(nbformat.from_dict(notebook), skip_cells_with_tag="skip-execution", **settings)
    with client.setup_kernel():
        for copy, cells, one in sorted(waiting, key=lambda entry: entry[1][0]):
            try:
                for index in range(done, cells[0]):
                    client.execute_cell(same[index], index)
                    done = index + 1
                for index in cells:
                    client.execute_cell(copy.cells[index], index)
            except CellExecutionError:
                pass  # an error may be what was promised
            yield one, _difference(notebook, one, copy, cells) and try_one(notebook, one, folder)


def main(arguments=None):
    import nbformat

    parser = argparse.ArgumentParser(prog="python -m cvhelpers.course try-it", description=__doc__.split(":")[0])
    parser.add_argument("lessons", nargs="*", help="numbers such as 03, or 03.2 for one suggestion; all when empty")
    parser.add_argument("--jobs", type=int, default=1, help="lessons at a time; each wants a core and 2 GB of memory")
    options = parser.parse_args(arguments)
    os.environ["PYTEST_CURRENT_TEST"] = "try-it"  # ipykernel then treats the output of C++ code as under nbval
    set_kernel_environment()

    def tell(path):
        """Try one lesson; the number of suggestions right, and not."""
        notebook, right, problems, start = nbformat.read(path, 4), 0, 0, time.time()
        cell = next((cell for cell in notebook.cells if cell.id == "try-it"), None)
        number, wanted = path.name[:2], set(options.lessons)
        chosen = suggestions(cell.source) if cell else []
        chosen = [one for one in chosen if not wanted or {number, f"{number}.{one.number}"} & wanted]
        for one, problem in try_lesson(notebook, chosen, path.parent) if chosen else ():
            right, problems = right + (not problem), problems + bool(problem)
            print(f"{path.stem} {one.number}: {problem or 'right'} ({time.time() - start:.0f} s)", flush=True)
            start = time.time()
        return right, problems

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        counts = list(pool.map(tell, sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))))
    right, problems = map(sum, zip(*counts, strict=True))
    print(f"{right} suggestions right, {problems} not")
    return problems
