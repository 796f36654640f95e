"""Read what students hand in: notebooks of any age and state, or scripts. NumPy and the standard library only."""

import ast
import json
import pathlib
import re
import threading

from . import FOLDER, exercises
from .sandbox import python_source

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
    """Which homework a hand-in belongs to; None if unseen.

    What it defines counts most, then what it imports the questions from, then its file name: many import a helper of
    another homework first.

    >>> homework_of("solution.ipynb", ["from cvhelpers.homework.hw1 import q1"])
    'hw1'
    """
    text = "\n".join(cells)
    defined = set(re.findall(r"(?m)^(?:def|class)\s+(\w+)|^(\w+)\s*=", text))
    defined = {name for pair in defined for name in pair if name}
    named = re.findall(r"(?i)(?:hw|homework)[ _-]?(\d)(?!\d)", pathlib.Path(path).name)
    scores = {}
    for name in sorted(module.stem for module in FOLDER.glob("hw[0-9].py")):
        targets = [question.target for question in exercises(name).values()]
        imported = re.findall(rf"cvhelpers\.homework\.{name}\s+import\s+([^#\n]+)", text)
        asks = any(re.search(r"\bq\d|\*", names) for names in imported)
        whole = re.search(rf"(?:import|from)\s+cvhelpers\.homework\.{name}\b|homework\s+import\s+.*\b{name}\b", text)
        scores[name] = sum(target in defined for target in targets) + 2 * asks + 0.5 * bool(whole) + (name[2:] in named)
    best = max(scores, key=scores.get, default=None)
    return best if best and scores[best] else None


# What can be seen in the source -------------------------------------------------------------------------------------


_PARSING = threading.Lock()


def parse(source):
    """Syntax tree of a cell; None where it is not Python, or nested beyond what Python reads.

    One cell at a time: Python 3.11 counts the depth of all threads in one number and fails when two of them parse.
    """
    with _PARSING:
        try:
            return ast.parse(python_source(source))
        except (SyntaxError, ValueError, RecursionError, MemoryError, SystemError):
            return None


def _trees(cells):
    """Syntax trees of the cells that are Python."""
    return filter(None, map(parse, cells))


def _definitions(cells):
    """Functions and values by name, the last of each: dict from the name to a syntax tree."""
    found = {}
    for tree in _trees(cells):
        for node in tree.body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                found[node.name] = node
            elif isinstance(node, ast.Assign):
                names = [name for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)]
                found |= {name.id: node.value for name in names if isinstance(name.ctx, ast.Store)}
    return found


def _reached(definitions, start):
    """All syntax trees that a name's definition leads to, its own first."""
    names, trees = [start], []
    for name in names:
        if name in definitions:
            trees.append(definitions[name])
            nodes = list(ast.walk(definitions[name]))
            used = {node.id for node in nodes if isinstance(node, ast.Name)}
            own = {node.arg for node in nodes if isinstance(node, ast.arg)}  # not the notebook's of the same name
            own |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
            names += sorted(used - own - set(names))
    return trees


def builds_on(cells, target, others):
    """Which of the names ``others`` the definition of ``target`` uses, directly or not.

    >>> builds_on(["def f(x): return x", "def g(x): return f(x)"], "g", {"f", "h"})
    {'f'}
    """
    trees = _reached(_definitions(cells), target)
    used = {node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return (used & set(others)) - {target}


def stand_in(cells, names):
    """One cell with the imports, the definitions of some names and what those use; nothing else of the cells.

    >>> stand_in(["import math", "def f(x): return x", "def g(x): return f(x)", "def h(x): return 2"], ["g"])
    'import math\\ndef f(x):\\n    return x\\ndef g(x):\\n    return f(x)'
    """
    definitions, parts = _definitions(cells), []
    wanted = {ast.dump(tree) for name in names for tree in _reached(definitions, name)}
    for tree in _trees(cells):
        for node in tree.body:
            import_ = isinstance(node, (ast.Import, ast.ImportFrom))
            if import_ or ast.dump(node.value if isinstance(node, ast.Assign) else node) in wanted:
                parts.append(ast.unparse(node))
    return "\n".join(parts)


TEACHING = {"training", "plotting", "data", "samples", "homework"}  # modules that an answer may well use


def uses_course(cells, questions):
    """Notes about answers that call what the course has ready: a teacher looks whether the exercise allows it.

    Args:
        cells: list of sources.
        questions: dict from the question's name to its exercise.

    >>> from cvhelpers.homework.hw1 import q4
    >>> uses_course(["from cvhelpers import ops", "def pool(maps): return ops.pool(maps)"], {"q4": q4})
    ['q4 calls cvhelpers.ops: is that allowed?']
    """
    alias = {}
    for tree in _trees(cells):
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "cvhelpers":
                parts = node.module.split(".")[1:]
                alias |= {name.asname or name.name: ".".join([*parts, name.name]) for name in node.names}
            elif isinstance(node, ast.Import):
                for name in node.names:
                    if name.name.split(".")[0] == "cvhelpers":
                        alias[name.asname or "cvhelpers"] = name.name.partition(".")[2] or "(whole)"
    definitions, notes = _definitions(cells), []
    for key, question in questions.items():
        called, loaded = set(), set()
        for tree in _reached(definitions, question.target):
            for node in ast.walk(tree):
                if isinstance(node, ast.Name) and node.id in alias:
                    called.add(alias[node.id].split(".")[0])
                    loaded |= {alias[node.id]} if ".load_" in alias[node.id] else set()
                elif isinstance(node, ast.Attribute) and node.attr.startswith("load_"):
                    base = alias.get(getattr(node.value, "id", ""))
                    loaded |= {f"{base}.{node.attr}"} if base else set()
                elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "cvhelpers." in node.value:
                    called.add(node.value.split("cvhelpers.")[1].split(".")[0])
                elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cvhelpers"):
                    called |= {(node.module + "." + name.name).split(".")[1] for name in node.names}
        if called := sorted(called - TEACHING):
            notes.append(f"{key} calls {', '.join('cvhelpers.' + name for name in called)}: is that allowed?")
        if loaded:
            notes.append(f"{key} reads labelled data, {', '.join(sorted(loaded))}: does it look answers up?")
    return notes
