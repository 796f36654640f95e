"""Make what students get from what authors write: ``python -m cvhelpers.homework build [hw1 …] [--check]``.

From a solution notebook: the student's notebook. From its functions and the known mistakes beside it: the table of
answers. ``pack OUT`` copies the course without solutions.
"""

import contextlib
import copy
import importlib.util
import io
import json
import os
import pathlib
import re
import shutil
import sys
import tempfile

from . import FOLDER, attempt, exercises, seal, unseal
from .compare import decode, difference, encode
from .sandbox import find_answer, fresh_namespace, run_cells, silence_checks

ROOT = FOLDER.parents[1]
STUDENTS = ROOT / "notebooks/homework"
SOLUTIONS = STUDENTS / "solutions"

_BEGIN = re.compile(r"^(\s*)#+\s*BEGIN SOLUTION\s*$")
_END = re.compile(r"^\s*#+\s*END SOLUTION\s*$")
_STUB = re.compile(r"^\s*#+\s*STUB: ?(.*)$")


def solution_notebooks(names=(), folder=SOLUTIONS):
    """Paths of the solution notebooks of these homeworks, ``["hw1"]``; of all when none is named."""
    found = sorted(pathlib.Path(folder).glob("hw[0-9]_*.ipynb"))
    unknown = [name for name in names if not any(path.name.startswith(name + "_") for path in found)]
    if unknown:
        there = ", ".join(path.name for path in found)
        raise SystemExit(f"no solution notebook of {unknown[0]!r} in {folder}: found {there}")
    return [path for path in found if not names or path.name.split("_")[0] in names]


# The student's notebook ----------------------------------------------------------------------------------------------


def strip_source(text, where=""):
    """Source of a cell with each block between ``# BEGIN SOLUTION`` and ``# END SOLUTION`` replaced by a stub.

    Lines ``# STUB: code`` in the block become the stub; without any, it is ``raise NotImplementedError``.

    >>> print(strip_source("def f(x):\\n    # BEGIN SOLUTION\\n    return 2 * x\\n    # END SOLUTION"))
    def f(x):
        # TODO: your code here
        raise NotImplementedError
    """
    out, stub, indent = [], None, None
    for line in text.split("\n"):
        if begin := _BEGIN.match(line):
            if indent is not None:
                raise ValueError(f"{where}: a second BEGIN SOLUTION before END SOLUTION")
            indent, stub = begin[1], []
        elif _END.match(line):
            if indent is None:
                raise ValueError(f"{where}: END SOLUTION without BEGIN SOLUTION")
            out += [indent + code for code in ["# TODO: your code here", *(stub or ["raise NotImplementedError"])]]
            indent = None
        elif indent is None:
            out.append(line)
        elif code := _STUB.match(line):
            stub.append(code[1])
    if indent is not None:
        raise ValueError(f"{where}: BEGIN SOLUTION without END SOLUTION")
    return "\n".join(out)


def student_notebook(solution):
    """The student's version of a solution notebook (both nbformat notebooks).

    Solutions become stubs, cells tagged ``solution`` go, what a cell tagged ``target`` has shown (``q2-target``) goes
    to the end of the text of its exercise (``q2``). Outputs and counts are cleared; ids stay.
    """
    import nbformat

    from ..course.refresh import KERNEL

    solution = copy.deepcopy(solution)
    cells = {cell.id: cell for cell in solution.cells}
    for cell in solution.cells:
        if "target" in cell.metadata.get("tags", []):
            _show_target(cell, cells.get(cell.id.removesuffix("-target")))
    kept = [cell for cell in solution.cells if not {"solution", "target"} & set(cell.metadata.get("tags", []))]
    for cell in kept:
        if cell.cell_type == "code":
            cell.source = strip_source(cell.source, cell.id)
            cell.outputs, cell.execution_count = [], None
        stays = {key: value for key, value in cell.metadata.items() if key in ("tags", "alt", "slideshow")}
        cell.metadata = nbformat.from_dict(stays)
    extra = {key: value for key, value in solution.metadata.items() if key in ("accelerator", "colab")}
    return nbformat.v4.new_notebook(cells=kept, metadata={**KERNEL, **extra})


def _show_target(cell, text):
    """Append the stored output of a target cell to the Markdown cell of its exercise."""
    if text is None or text.cell_type != "markdown":
        raise ValueError(f"{cell.id}: no Markdown cell has the id {cell.id.removesuffix('-target')!r} for this target")
    for k, output in enumerate(cell.outputs):
        data = output.get("data", {})
        if "image/png" in data:
            name = f"{cell.id}{k or ''}.png"
            text.setdefault("attachments", {})[name] = {"image/png": "".join(data["image/png"]).replace("\n", "")}
            text.source += f"\n\n![{cell.metadata.get('alt', 'The target.')}](attachment:{name})"
        elif shown := "".join(output.get("text", data.get("text/plain", ""))).rstrip():
            text.source += f"\n\n```text\n{shown}\n```"


def student_text(path):
    """Text of the student's notebook file that belongs to a solution notebook; None while a target has no output."""
    import nbformat

    solution = nbformat.read(path, 4)
    targets = [cell for cell in solution.cells if "target" in cell.metadata.get("tags", [])]
    if not all(cell.outputs for cell in targets):
        return None
    return nbformat.writes(student_notebook(solution)) + "\n"


# The table of answers ------------------------------------------------------------------------------------------------


def code_cells(path):
    """Sources of the code cells of a notebook file, but for those that draw a target."""
    cells = json.loads(pathlib.Path(path).read_text("utf-8"))["cells"]
    cells = [cell for cell in cells if cell["cell_type"] == "code" and "target" not in cell["metadata"].get("tags", [])]
    return ["".join(cell["source"]) for cell in cells]


def solved(path):
    """Run a solution notebook without its checks; returns its answers: dict from the question to the object.

    Raises:
        RuntimeError: a cell fails.
    """
    from . import Exercise

    main, check, hint = sys.modules["__main__"], Exercise.check, Exercise.hint
    given, problems, here = {}, [], os.getcwd()
    silence_checks(given)
    try:
        with tempfile.TemporaryDirectory() as work, contextlib.redirect_stdout(io.StringIO()):
            os.chdir(work)
            namespace = fresh_namespace()
            run_cells(code_cells(path), namespace, report=lambda *m: m[0] == "error" and problems.append(m[1:]))
    finally:
        os.chdir(here)
        sys.modules["__main__"], Exercise.check, Exercise.hint = main, check, hint
    if problems:
        raise RuntimeError(f"{path.name}, code cell {problems[0][0]}: {problems[0][1]}")
    homework = path.name.split("_")[0]
    return {name: find_answer(question, namespace, given) for name, question in exercises(homework).items()}


def variants(path):
    """What the file of mistakes beside a solution notebook holds.

    Returns:
        dict from the question to a list of (name, answer, diagnosis); the diagnosis of a right answer is None.
    """
    homework = path.name.split("_")[0]
    questions = exercises(homework)
    spec = importlib.util.spec_from_file_location(f"{homework}_mistakes", path.with_name(f"{homework}_mistakes.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = {name: [] for name in questions}
    for name, answer in vars(module).items():
        if match := re.fullmatch(r"(q\d+)_(wrong|right)_(\w+)", name):
            says = " ".join((answer.__doc__ or "").split())
            if match[2] == "wrong" and not says:
                raise ValueError(f"{name} has no docstring: it is the diagnosis that the student reads")
            answer = answer() if questions[match[1]].is_value else answer
            found[match[1]].append((match[3], answer, says if match[2] == "wrong" else None))
    return found


def table(path):
    """The table of answers of the homework of a solution notebook: what each case and each known mistake returns."""
    answers, known, out = solved(path), variants(path), {}
    for name, question in exercises(path.name.split("_")[0]).items():
        if question.limits:
            continue
        if answers[name] is ...:
            raise ValueError(f"{path.name} does not define {question.target} ({name})")
        outcomes = [attempt(question, answers[name], case) for case in question.cases]
        for case, outcome in zip(question.cases, outcomes):
            call, packed = case.call(question.target), encode(outcome.value)
            if outcome.error or outcome.todo or outcome.changed:
                raise ValueError(f"{name}: the solution fails for {call}: {outcome.error or outcome.changed}")
            if isinstance(packed, dict) and "other" in packed:
                raise ValueError(f"{name}: {call} gives {packed['other']}; `summarise` must make it plain data")
        wants = [outcome.value for outcome in outcomes]
        mistakes = []
        for wrong, says in ((wrong, says) for _, wrong, says in known[name] if says):
            got = [_packed(question, attempt(question, wrong, c), want) for c, want in zip(question.cases, wants)]
            mistakes.append({"says": says, "got": got})
        out[name] = {"want": [encode(want, digits=8) for want in wants], "mistakes": mistakes}
        if question.is_value:
            out[name] = seal(out[name])
    return out


def _packed(question, outcome, want):
    if outcome.error:
        return {"error": outcome.error.split(":")[0]}
    if difference(outcome.value, want, **question.accuracy) is None:
        return None
    return {"value": encode(outcome.value, digits=8)}


def table_text(entries):
    """The table as text: one line for each case and each mistake."""
    lines = []
    for name, entry in entries.items():
        if isinstance(entry, str):
            lines.append(f'"{name}": {json.dumps(entry)}')
            continue
        wants = ",\n".join("  " + json.dumps(want) for want in entry["want"])
        mistakes = ",\n".join("  " + json.dumps(mistake, ensure_ascii=False) for mistake in entry["mistakes"])
        lines.append(f'"{name}": {{"want": [\n{wants}],\n "mistakes": [\n{mistakes}]}}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def same_table(old, new):
    """Whether two tables hold the same texts and, up to rounding, the same numbers."""
    if old.keys() != new.keys():
        return False

    def numbers(entry):
        gots = [got for mistake in entry["mistakes"] for got in mistake["got"]]
        return [*map(decode, entry["want"])], [*map(_numbers_of, gots)]

    for name in old:
        a, b = unseal(old[name]), unseal(new[name])
        if [m["says"] for m in a["mistakes"]] != [m["says"] for m in b["mistakes"]]:
            return False
        if difference(numbers(a), numbers(b), tolerance=1e-4):
            return False
    return True


def _numbers_of(got):
    return got if not got or "error" in got else {"value": decode(got["value"])}


# Commands ------------------------------------------------------------------------------------------------------------


def build(names=(), check=False, solutions=SOLUTIONS, students=STUDENTS, tables=FOLDER):
    """Write the student's notebooks and the tables, or only compare them. Returns the number of problems."""
    stale = 0
    for path in solution_notebooks(names, solutions):
        homework = path.name.split("_")[0]
        target, answers = pathlib.Path(students) / path.name, pathlib.Path(tables) / f"{homework}.json"
        fresh = table(path)
        old = json.loads(answers.read_text("utf-8")) if answers.exists() else {}
        if not same_table(old, fresh):
            stale += _write(answers, table_text(fresh), check)
        if (text := student_text(path)) is None:
            print(f"{path.name}: a target has no output yet; python -m cvhelpers.course refresh, then build again")
            stale += 1
        elif not target.exists() or target.read_text("utf-8") != text:
            stale += _write(target, text, check)
    return stale


def _write(path, text, check):
    if not check:
        path.write_text(text, "utf-8")
    print(f"{path.name}: {'stale, run python -m cvhelpers.homework build' if check else 'written'}")
    return int(check)


def pack(out):
    """Copy the student's part of the course to the new folder ``out``: everything but solutions, tests and caches."""
    out = pathlib.Path(out).resolve()
    if out.exists() and any(out.iterdir()):
        raise SystemExit(f"{out} is not empty: name a new folder")
    rooms = ["README.md", "LICENSE", "requirements.txt", "pyproject.toml", "cvhelpers", "data", "notebooks"]
    left_out = shutil.ignore_patterns("solutions", "cache", "__pycache__", ".ipynb_checkpoints", "*.tmp", "handins")
    for name in rooms:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, out / name, ignore=left_out, dirs_exist_ok=True)
        elif (ROOT / name).exists():
            out.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, out / name)
    readme = (out / "README.md").read_text("utf-8")
    (out / "README.md").write_text(_NOT_FOR_STUDENTS.sub("", readme), "utf-8")
    for path in (out / "notebooks").glob("[0-9]*.ipynb"):
        _leave_out_notes(path)
    leaks = [path for path in out.rglob("*.ipynb") if _BEGIN_ANYWHERE.search(path.read_text("utf-8"))]
    if leaks:
        raise SystemExit(f"{leaks[0]} holds a solution")
    print(f"{out}: {sum(path.is_file() for path in out.rglob('*'))} files, no solutions")
    return 0


def _leave_out_notes(path):
    """Take the notes for the teacher out of a lesson."""
    notebook = json.loads(path.read_text("utf-8"))
    notes = [cell for cell in notebook["cells"] if cell["metadata"].get("slideshow", {}).get("slide_type") == "notes"]
    notebook["cells"] = [cell for cell in notebook["cells"] if cell not in notes]
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", "utf-8")


_NOT_FOR_STUDENTS = re.compile(r"(?s)<!-- not in the students' pack -->.*?<!-- end of what the pack leaves out -->\n*")
_BEGIN_ANYWHERE = re.compile(r"#+ *BEGIN SOLUTION")
