"""Read what students hand in: notebooks of any age and state, or scripts. NumPy and the standard library only."""

import json
import pathlib
import re

from . import FOLDER, exercises

LARGEST = 100 << 20  # bytes


def read_handin(path):
    """The code cells of a hand-in.

    Args:
        path: any file.

    Returns:
        cells: list of sources; empty when nothing could be read.
        problem: what is wrong with the file, None when it could be read.
    """
    path = pathlib.Path(path)
    try:
        if path.stat().st_size > LARGEST:
            return [], f"the file is too large ({path.stat().st_size >> 20} MiB)"
        data = path.read_bytes()
    except OSError as error:
        return [], f"the file cannot be read ({type(error).__name__})"
    if not data.strip():
        return [], "the file is empty"
    if path.suffix == ".py":
        return [data.decode("utf-8", "replace")], None
    try:
        notebook = json.loads(data)
        sheets = notebook.get("worksheets") or [notebook]
        cells = [cell for sheet in sheets for cell in sheet["cells"]]
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return [], "this is not a notebook"
    sources = []
    for cell in cells:
        if isinstance(cell, dict) and cell.get("cell_type") == "code" and not _skipped(cell):
            source = cell.get("source", cell.get("input", ""))
            sources.append("".join(map(str, source)) if isinstance(source, list) else str(source))
    return sources, None if any(source.strip() for source in sources) else "the notebook has no code"


def _skipped(cell):
    """Whether a cell is tagged ``skip-grade``: a long demonstration that no answer needs."""
    metadata = cell.get("metadata")
    return isinstance(metadata, dict) and "skip-grade" in (metadata.get("tags") or ())


def homework_of(path, cells):
    """Which homework a hand-in belongs to: by its imports, its file name, or the names that it defines; None if unseen.

    >>> homework_of("solution.ipynb", ["from cvhelpers.homework.hw1 import q1"])
    'hw1'
    """
    text = "\n".join(cells)
    known = sorted(module.stem for module in FOLDER.glob("hw[0-9].py"))
    imported = re.findall(r"cvhelpers\.homework\.(hw\d)\b", text)
    named = re.findall(r"(?i)(?:hw|homework)[ _-]?(\d)", pathlib.Path(path).name)
    for name in [*imported, *(f"hw{number}" for number in named)]:
        if name in known:
            return name
    defined = set(re.findall(r"(?m)^(?:def|class)\s+(\w+)", text))
    if not defined:
        return None
    found = {name: sum(question.target in defined for question in exercises(name).values()) for name in known}
    best = max(found, key=found.get, default=None)
    return best if best and found[best] else None
