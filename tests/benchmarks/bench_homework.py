"""How fast homework answers: import, check, grading of 40 hand-ins. ``python tests/benchmarks/bench_homework.py``"""

import contextlib
import io
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from cvhelpers.homework import build, exercises, grade

HANDINS = 40


def seconds(function):
    """Wall time of one call; its output is dropped."""
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        function()
    return time.perf_counter() - start


def import_time(code):
    """Seconds that a fresh Python takes for ``code``, start of the interpreter left out; the best of five."""
    program = f"import time\nstart = time.perf_counter()\n{code}\nprint(time.perf_counter() - start)"
    runs = [subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout for _ in range(5)]
    return min(map(float, runs))


def main():
    ours, numpy = import_time("import cvhelpers.homework.hw1"), import_time("import numpy")
    print(f"import of hw1        {ours:.3f} s, of which NumPy {numpy:.3f} s (wanted: below 0.3 s)")
    path = build.solution_notebooks(["hw1"])[0]
    answers = build.solved(path)
    times = {
        name: min(seconds(lambda q=q, a=answers[name]: q.check(a)) for _ in range(3))
        for name, q in exercises("hw1").items()
    }
    slowest = max(times, key=times.get)
    print(f"one check            {times[slowest]:.3f} s at most ({slowest}), wanted: below 0.5 s")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "in").mkdir()
        for k in range(HANDINS):
            shutil.copy(path, folder / f"in/student{k:02d}.ipynb")
        each = (
            seconds(lambda: grade.main([str(folder / "in"), "-o", str(folder / "grades.csv"), "--seed", "1"])) / HANDINS
        )
    print(f"grading, per hand-in {each:.2f} s ({HANDINS} of hw1, two at once), wanted: at most 2 s")


if __name__ == "__main__":
    main()
