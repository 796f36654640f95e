"""Run the cells of one hand-in and its exercises, in a process of its own that :mod:`cvhelpers.homework.grade` starts.

The job comes as JSON through standard input; each finished step leaves as one line of JSON. No answer is known here:
the process that started this one compares. What a hand-in prints goes nowhere, and a question to the keyboard fails.
"""

import json
import linecache
import os
import re
import sys
import types

_PROCESSES = {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system", "os.exec", "pty.spawn",
              "os.kill", "os.killpg", "os.startfile", "resource.setrlimit", "resource.prlimit"}  # fmt: skip
_NETWORK = {"socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"}
_CHANGES = {"os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.chmod", "os.chown", "os.link", "os.symlink",
            "os.truncate", "shutil.rmtree", "shutil.move", "shutil.copytree", "os.utime"}  # fmt: skip
_LISTS = {"os.listdir", "os.scandir", "os.chdir"}


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


def all_cases(exercise, seed, position):
    """The cases of the course and, with a seed, fresh ones."""
    import numpy as np

    fresh = exercise.fresh(np.random.default_rng([seed, position])) if exercise.fresh and seed is not None else []
    return [*exercise.cases, *fresh]


def guard(work, closed):
    """From now on no program starts, no network is used, and files are written in ``work`` and not read in ``closed``.

    A hook of Python's interpreter, which cannot be taken out again; machine code of a hand-in's own could go round it.
    """
    work, closed = os.path.realpath(work), [os.path.realpath(folder) for folder in closed]
    realpath, separator, fsdecode = os.path.realpath, os.sep, os.fsdecode
    own = str(os.getpid())
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

    def inside(path, folder):
        return path == folder or path.startswith(folder + separator)

    def hook(event, args):
        if event == "open" or event in _CHANGES or event in _LISTS:
            path = args[0] if args else None
            if not isinstance(path, (str, bytes, os.PathLike)):
                return
            path = realpath(fsdecode(path))
            if inside(path, work) or path == os.devnull:
                return
            other = path.startswith("/proc/") and path.split("/")[2].isdigit() and path.split("/")[2] != own
            if other or any(inside(path, folder) for folder in closed):
                raise PermissionError("this folder is closed while grading")
            if event in _CHANGES or (event == "open" and isinstance(args[2], int) and args[2] & writing):
                raise PermissionError("while grading, files can be written in the working folder only")
        elif event in _PROCESSES:
            raise PermissionError("while grading, no other program can be started or stopped")
        elif event in _NETWORK:
            raise PermissionError("while grading, there is no network")

    sys.addaudithook(hook)


def limit_resources(memory, file_size=64 << 20, processes=400):
    """Upper bounds by the operating system: memory and size of a file in bytes, number of processes of this user."""
    try:
        import resource

        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")  # when memory runs out, Linux ends this process first
    except ImportError:  # not on Windows
        return
    except OSError:
        pass
    limits = {"RLIMIT_AS": memory, "RLIMIT_FSIZE": file_size, "RLIMIT_CORE": 0, "RLIMIT_NPROC": processes}
    for name, value in limits.items():
        try:
            hard = resource.getrlimit(getattr(resource, name))[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(getattr(resource, name), (value, value))
        except (AttributeError, ValueError, OSError):
            pass


def main():
    job = json.loads(sys.stdin.buffer.read())
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    sys.path.append(job["root"])
    # Everything that judging needs is bound before the hand-in runs: it may patch what it likes afterwards.
    from cvhelpers.homework import attempt, exercises
    from cvhelpers.homework.compare import encode

    def report(*message, dumps=json.dumps):
        channel.write(dumps(message) + "\n")

    report("cell", 0)
    questions = exercises(job["homework"])
    keras = getattr(sys.modules[f"cvhelpers.homework.{job['homework']}"], "KERAS", False)
    plan = {name: all_cases(question, job["seed"], k) for k, (name, question) in enumerate(questions.items())}
    given = {}
    silence_checks(given)
    limit_resources(max(job["memory"], 12 << 30) if keras else job["memory"])
    guard(job["work"], job["closed"])
    namespace = fresh_namespace()
    run_cells(job["cells"], namespace, set(job["skip"]), report)
    for name in job["questions"]:
        report("question", name)
        answer = find_answer(questions[name], namespace, given)
        if answer is ... or answer is None:
            report("outcome", name, {"todo": True})
            continue
        for case in plan[name]:
            outcome = attempt(questions[name], answer, case)
            if outcome.error or outcome.todo:
                report("outcome", name, {"error": outcome.error, "todo": outcome.todo})
            else:
                report("outcome", name, {"value": encode(outcome.value), "changed": outcome.changed})
            if outcome.todo:
                break
    report("end")
    channel.flush()
    os._exit(0)  # threads that the hand-in left behind do not matter


if __name__ == "__main__":
    main()
