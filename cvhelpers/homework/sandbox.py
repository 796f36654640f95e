"""Run the cells of one hand-in and its exercises, in a process of its own that :mod:`cvhelpers.homework.grade` starts.

The job comes as JSON through standard input; each finished step leaves as one line of JSON. No answer is known here:
the process that started this one compares. What a hand-in prints goes nowhere, and a question to the keyboard fails.
"""

import base64
import json
import linecache
import os
import re
import sys
import types


def python_source(source):
    """Source of a cell without what only Jupyter understands: ``%magic``, ``!command``, ``help?``.

    >>> python_source("%matplotlib inline" + chr(10) + "x = 7 % 4")
    'pass\\nx = 7 % 4'
    """
    try:
        compile(source, "cell", "exec")
        return source
    except (SyntaxError, ValueError):
        pass
    lines = source.split("\n")
    first = next((i for i, line in enumerate(lines) if line.strip()), 0)
    if lines[first].startswith("%%"):
        if lines[first].split()[0] not in ("%%time", "%%timeit", "%%capture", "%%prun"):
            return ""
        lines[first] = ""
    magic = re.compile(r"^(\s*)(?:[%!].*|[\w.]+\s*=\s*[%!].*|\?{1,2}[\w.]+|[\w.]+\?{1,2})\s*$")
    return "\n".join(magic.sub(r"\1pass", line) for line in lines)


def run_cells(cells, namespace, skip=(), report=lambda *message: None):
    """Execute cells one after the other in a namespace; an error ends its cell only.

    Args:
        cells: list of source texts.
        namespace: dict in which they run.
        skip: numbers of cells to leave out; the first cell is 1.
        report: called with ``"cell", number`` before a cell and ``"error", number, text`` after a failure.
    """
    for number, source in enumerate(cells, 1):
        if number in skip:
            continue
        report("cell", number)
        name = f"<cell {number}>"
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        try:
            exec(compile(python_source(source), name, "exec"), namespace)
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            report("error", number, error_text(error))


def error_text(error):
    """Type and message of an exception, in one line."""
    try:
        text = " ".join(str(error).split())[:200]
    except BaseException:
        text = ""
    return f"{type(error).__name__}: {text}"


def fresh_namespace():
    """A namespace like that of a notebook: module ``__main__``, with ``display`` and a mute ``get_ipython``."""
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    module.__dict__.update(display=lambda *values, **options: None, get_ipython=_Mute)
    return module.__dict__


class _Mute:
    """Stands for IPython's shell: every call is accepted, nothing happens."""

    def __getattr__(self, name):
        return lambda *values, **options: None


def silence_checks(given):
    """Make ``check`` and ``hint`` do nothing but note which answer was given, in the dict ``given``."""
    from cvhelpers.homework import Exercise

    Exercise.check = lambda self, answer=...: given.__setitem__(self.name, answer)
    Exercise.hint = lambda self: None


def find_answer(exercise, namespace, given):
    """The object with the name that the exercise asks for, or else what was given to its check."""
    answer = namespace.get(exercise.target, ...)
    return given.get(exercise.name, ...) if answer is ... else answer


def bring_course(root):
    """Make ``cvhelpers`` importable from its folder alone: the folder around it may not be listed."""
    import importlib.util
    import pathlib

    place = pathlib.Path(root) / "cvhelpers"
    spec = importlib.util.spec_from_file_location(
        "cvhelpers", place / "__init__.py", submodule_search_locations=[str(place)]
    )
    sys.modules["cvhelpers"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


def main():
    job = json.loads(sys.stdin.buffer.read())
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    bring_course(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    # Everything that asking needs is bound before the hand-in runs: it may patch what it likes afterwards.
    import pickle

    from cvhelpers.homework import Case, Exercise, attempt, exercises
    from cvhelpers.homework.compare import encode

    def report(*message, dumps=json.dumps):
        channel.write(dumps(message) + "\n")

    report("cell", 0)
    questions = exercises(job["homework"])
    plan = pickle.loads(base64.b64decode(job["cases"]))
    plan = {name: [Case(*args, **kwargs) for args, kwargs in cases] for name, cases in plan.items()}
    tried = {name: [] for name in job["questions"]}  # what was given to each check
    now = [0]

    def ask(name, answer):
        report("question", name)
        if answer is ... or answer is None:
            return report("outcome", name, {"todo": True})
        for case in plan[name]:
            outcome = attempt(questions[name], answer, case)
            if outcome.error or outcome.todo:
                report("outcome", name, {"error": outcome.error, "todo": outcome.todo})
            else:
                report("outcome", name, {"value": encode(outcome.value), "changed": outcome.changed})
            if outcome.todo:
                break

    def check(self, answer=...):  # what is right here may be overwritten by a later variable, so it is asked now
        if self.homework == job["homework"] and answer is not ... and len(tried.get(self.name, "xxx")) < 3:
            if not any(answer is old for old in tried[self.name]):
                tried[self.name].append(answer)
                ask(self.name, answer)
                report("cell", now[0])

    def at(kind, number, *more):
        now[0] = number if kind == "cell" else now[0]
        report(kind, number, *more)

    namespace = fresh_namespace()
    Exercise.hint = lambda self: None
    Exercise.check = check if not job["stand_ins"] else lambda self, answer=...: None
    run_cells(job["cells"], namespace, set(job["skip"]), at)
    if job["stand_ins"]:  # the student's own function is wrong, and another one that builds on it is asked with ours
        cells, names = job["stand_ins"]
        solved = dict(namespace)
        run_cells(cells, solved)
        namespace.update({name: solved[name] for name in names if name in solved})
    for name in job["questions"]:
        answer = namespace.get(questions[name].target, ...)
        last = tried[name][-1] if tried[name] else ...
        if answer is ... and tried[name]:
            continue
        if answer is not last or not questions[name].seconds:
            ask(name, answer)
    report("end")
    channel.flush()
    os._exit(0)  # threads that the hand-in left behind do not matter


if __name__ == "__main__":
    main()
