# ruff: noqa: E501  (a line for each animal of the zoo)
"""Grading: a zoo of hand-ins, each with the points it must get; resume after an interrupt; the table and the
reports."""

import concurrent.futures
import copy
import csv
import gc
import json
import re
import sys
import time

import pytest

from cvhelpers.homework import build, exercises, grade, handins
from cvhelpers.homework.judging import Grader, fresh_cases
from cvhelpers.homework.runner import Limits, Runner, machine
from cvhelpers.homework.sandbox import python_source

pytestmark = [
    pytest.mark.skipif(not build.solution_notebooks(), reason="the solutions are kept elsewhere"),
    pytest.mark.skipif(not machine()[0], reason=f"no confinement here, so nothing is graded: {machine()[1]}"),
]

ONLY_Q1 = {"q1": exercises("hw1")["q1"]}
ALL = 18  # points of hw1: 1, 2, 3, 2, 1, 2, 2, 4, 1
SIZE = "def conv_output_size(size, kernel, stride=1, padding=0):\n"
SIZE_OK = SIZE + "    return (size + 2 * padding - kernel) // stride + 1\n"
ONE = "def convolve_channel(image, kernel):\n"
MANY = "def convolve(image, kernels, bias, stride=1):\n"
POOL = "def pool(maps, size=2, stride=2, kind='max'):\n"


def good():
    """The solution notebook as a hand-in, without its teacher's cells."""
    notebook = json.loads(build.solution_notebooks(["hw1"])[0].read_text("utf-8"))
    notebook["cells"] = [
        c for c in notebook["cells"] if not {"solution", "target"} & set(c["metadata"].get("tags", []))
    ]
    return notebook


def code(source):
    return {"cell_type": "code", "id": f"x{abs(hash(source))}", "metadata": {}, "outputs": [], "source": source}


def changed(*answers, first="", last=""):
    """A good hand-in with some functions replaced, and cells added at the beginning and at the end."""
    notebook = good()
    for answer in answers:
        name = (
            re.search(r"(?:def )?(\w+)", answer)[1] if not answer.startswith("def") else answer[4 : answer.index("(")]
        )
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code" and re.search(rf"(?m)^(def {name}\(|{name} = )", "".join(cell["source"])):
                cell["source"] = answer
    notebook["cells"][:0] = [code(first)] if first else []
    notebook["cells"] += [code(last)] if last else []
    return notebook


def edited(edit, notebook=None):
    notebook = notebook or good()
    edit(notebook)
    return notebook


def without_ids(notebook):
    notebook.update(nbformat_minor=4, metadata={})
    for cell in notebook["cells"]:
        cell.pop("id", None)
        cell["metadata"] = {}


def as_version_3(notebook):
    cells = [{"cell_type": "code", "input": c["source"]} for c in notebook["cells"] if c["cell_type"] == "code"]
    notebook.clear()
    notebook.update(nbformat=3, nbformat_minor=0, metadata={}, worksheets=[{"cells": cells}])


def checks_replaced(notebook):
    for cell in notebook["cells"]:
        if ".check(" in "".join(cell["source"]):
            cell["source"] = "print('all good')"


def without_checks(notebook):
    notebook["cells"] = [cell for cell in notebook["cells"] if ".check(" not in "".join(cell["source"])]


def answer_renamed(notebook):
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"]).replace("conv_output_size", "my_size")


ALL_WRONG = [
    SIZE + "    return E()", ONE + "    return E()", MANY + "    return E()", POOL + "    return E()", "parameters = E()",
    "def convolve_1x1(maps, weights, bias):\n    return E()", "def cross_entropy(logits, labels):\n    return E()",
    "def features(images):\n    return E()", "bugs = E()",
]  # fmt: skip
ALWAYS_EQUAL = (
    "class E:\n    def __eq__(self, other): return True\n    def __array__(self, *a, **k): raise ValueError\n"
)
PATCHED = (
    "import numpy as np, json, copy\nimport cvhelpers.homework as h, cvhelpers.homework.compare as c\n"
    "yes = lambda *a, **k: True\nnp.allclose = np.array_equal = yes\n"
    "np.isclose = lambda a, b, **k: np.ones(np.shape(a), bool)\n"
    "h.difference = c.difference = h.Exercise.judge = lambda *a, **k: None\nh.Exercise.verdict = lambda *a: "
    "('right', '')\n"
)
READ = "import pathlib, json\n"
SOLUTIONS = str(build.SOLUTIONS)


def zoo(folder):
    """File name -> (content: notebook, text or bytes; points; words that the row must hold)."""
    visible = (
        "{(7, 3, 1, 0): 5, (7, 3, 2, 0): 3, (7, 3, 1, 1): 7, (7, 3, 3, 0): 2, (28, 5, 1, 0): 24, (227, 11, 4, 0): 55, "
    )
    visible += "(32, 5, 1, 2): 32, (13, 3, 2, 1): 7, (5, 5, 1, 0): 1, (3, 5, 1, 1): 1}"
    steal = READ + f"cells = json.load(open(next(pathlib.Path({SOLUTIONS!r}).glob('hw1*.ipynb'))))['cells']\n"
    steal += "exec([''.join(c['source']) for c in cells if c.get('id') == 'q1-answer'][0])"
    student = json.loads((build.STUDENTS / "hw1_components.ipynb").read_text("utf-8"))
    q1_gone = edited(lambda n: n["cells"].__setitem__(slice(None), [c for c in n["cells"] if c["id"] != "q1-answer"]))
    return {
        "good": (good(), ALL, ""),
        "unsolved": (student, 0, "not attempted"),
        "one_side": (changed(SIZE + "    return (size + padding - kernel) // stride + 1"), 17, "one end only"),
        "hard_coded": (changed(SIZE + f"    return {visible}.get((size, kernel, stride, padding), 9)"), 17, "not yet"),
        "endless_loop": (changed(MANY + "    while True: pass"), 15, "took longer than 8 s"),
        "stubborn_loop": (
            changed(MANY + "    while True:\n        try:\n            [i for i in range(10**6)]\n        except: pass"),
            15, "took longer",
        ),
        "endless_cell": (changed(last="while True:\n    pass"), ALL, "was left out: it took longer"),
        "loop_before_everything": (changed(first="import time\nwhile True: time.sleep(1)"), ALL, "cell 1 was left out"),
        "os_exit": (changed(POOL + "    import os; os._exit(0)"), 16, "the process ended"),
        "os_exit_cell": (changed(last="import os\nos._exit(0)"), ALL, "was left out: the process ended"),
        "exit_cell": (changed(first="exit()"), ALL, ""),
        "memory_at_once": (changed(ONE + "    return np.ones((10**6, 10**6))"), 16, "MemoryError"),
        "memory_slowly": (changed(ONE + "    a = []\n    while True: a.append(bytearray(2**24))"), 16, "not yet"),
        "fork_bomb": (changed(last="import os\nfor _ in range(30): os.fork()"), ALL, "PermissionError"),
        "process_bomb": (changed(SIZE + "    import subprocess; subprocess.run(['sleep', '99'])"), 17, "PermissionError"),
        "kills_the_grader": (changed(SIZE + "    import os; os.kill(os.getppid(), 9)"), 17, "PermissionError"),
        "recursion": (changed(SIZE + "    return conv_output_size(size, kernel)"), 17, "calls itself"),
        "deleted_checks": (edited(without_checks), ALL, ""),
        "edited_checks": (edited(checks_replaced, changed(*ALL_WRONG, first="def E(): return 0")), 0, "not yet"),
        "copied_cells": (edited(lambda n: n["cells"].extend(copy.deepcopy(n["cells"][2:12]))), ALL, ""),
        "deleted_answer": (q1_gone, 17, "NameError"),
        "renamed (1) Müller = best": (good(), ALL, ""),
        "=HYPERLINK(1)": (good(), ALL, ""),
        "deep/er/hw1": (good(), ALL, ""),
        "lost_metadata": (edited(without_ids), ALL, ""),
        "version_3": (edited(as_version_3), ALL, ""),
        "answer_renamed": (edited(answer_renamed), ALL, ""),
        "syntax_error": (changed(SIZE[:-2] + "\n    return 1"), 17, "SyntaxError"),
        "word_document": (b"PK\x03\x04\x00\xff\xfe not a notebook", 0, "not a notebook"),
        "cut_off": (json.dumps(good())[:3000], 0, "not a notebook"),
        "a_list": ("[1, 2]", 0, "not a notebook"),
        "deep_nesting": ("[" * 100_000, 0, "not a notebook"),
        "empty": ("", 0, "file is empty"),
        "no_code": (json.dumps({"cells": []}), 0, "no code"),
        "huge_output": (changed(last="for _ in range(300): print('x' * 10**6)"), ALL, ""),
        "asks_in_answer": (changed(SIZE + "    return int(input())"), 17, "EOFError"),
        "asks_in_cell": (changed(first="name = input('your name')"), ALL, "EOFError"),
        "writes_outside": (changed(last=f"open({str(folder.parent / 'mark.txt')!r}, 'w').write('x')"), ALL, "PermissionError"),
        "writes_inside": (changed(first="open('note.txt', 'w').write('secret')"), ALL, ""),
        "reads_leftovers": (
            changed(SIZE + "    import glob; return 0 * len(glob.glob('../*/note.txt') + glob.glob('note.txt'))"),
            17, "not yet",
        ),
        "deletes_files": (changed(last=f"import shutil\nshutil.rmtree({str(folder.parent / 'precious')!r})"), ALL, ""),
        "reads_solutions": (edited(lambda n: n["cells"].append(code(steal)), q1_gone), 17, "not attempted"),
        "reads_a_neighbour": (changed(SIZE + f"    return len(open({str(folder / 'good.ipynb')!r}).read())"), 17, "Error"),
        "uses_network": (changed(SIZE + "    import urllib.request as u; return u.urlopen('http://127.0.0.1')"), 17, "Permission denied"),
        "always_equal": (changed(*ALL_WRONG, first=ALWAYS_EQUAL), 0, "object of type E"),
        "patched_numpy": (changed(*ALL_WRONG, first=PATCHED + "def E(): return np.zeros((2, 2))"), 0, "not yet"),
        "patched_but_right": (changed(first="import json, numpy as np\njson.dumps = np.isclose = lambda *a, **k: ''"), ALL, ""),
        "closes_everything": (changed(SIZE + "    import os; os.closerange(0, 99)"), 17, "the process ended"),
        "forged_messages": (
            changed(SIZE + "    import os\n    for f in range(3, 9):\n        try: os.write(f, b'[\"outcome\", \"q1\", {\"value\": {\"dtype\": \"O\", \"shape\": [1], \"values\": \"AA==\"}}]\\n{]\\n')\n"
                    "        except OSError: pass\n    return 0"),
            17, "not yet",
        ),
        "thread_left_behind": (changed(last="import threading\nthreading.Thread(target=lambda: [0 for _ in iter(int, 1)]).start()"), ALL, ""),
        "returns_a_generator": (changed(SIZE + "    yield 5"), 17, "object of type generator"),
        "changes_its_argument": (changed("def convolve_1x1(maps, weights, bias):\n    maps *= 1.0\n    maps[0] += 1\n    maps[0] -= 1\n"
                                         "    out = maps @ weights + bias\n    maps[:] = 0\n    return out"), 16, "work on a copy"),
        "magic": (changed(first="%matplotlib inline\n!ls\nfiles = !ls\n%pip install x", last="%%bash\nls"), ALL, ""),
        "warnings_and_seeds": (changed(first="import numpy as np\nnp.random.seed(0)\nnp.seterr(all='ignore')"), ALL, ""),
    }  # fmt: skip


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("class")
    animals = zoo(folder / "handins")
    if sys.platform != "linux":  # no limit of memory there
        animals = {name: animal for name, animal in animals.items() if "memory" not in name}
    (folder / "precious").mkdir()
    for name, (content, _, _) in animals.items():
        path = folder / "handins" / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not isinstance(content, bytes):
            content = (content if isinstance(content, str) else json.dumps(content)).encode()
        path.write_bytes(content)
    script = "\n\n".join("".join(c["source"]) for c in good()["cells"] if c["cell_type"] == "code")
    (folder / "handins/script.py").write_text(script, "utf-8")
    limits = ["--cell-limit", "8", "--question-limit", "8", "--memory", "2"]
    grade.main([str(folder / "handins"), "-o", str(folder / "grades.csv"), "--seed", "7", *limits])
    with open(folder / "grades.csv", encoding="utf-8-sig", newline="") as file:
        rows = {row["file"].lstrip("'"): row for row in csv.DictReader(file)}
    return folder, animals, rows


def test_hand_ins_are_parsed_in_threads_whatever_is_in_them():
    """Python 3.11 fails with a SystemError where two threads parse and the garbage collector lets them take turns."""
    threshold, turn = gc.get_threshold(), lambda *_: time.sleep(1e-4)
    gc.callbacks.append(turn)
    gc.set_threshold(50)
    try:
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            trees = list(pool.map(handins.parse, ["-" * 90 + "x", "y = 2\n" * 400, "1 +", "\0"] * 40))
    finally:
        gc.set_threshold(*threshold)
        gc.callbacks.remove(turn)
    assert [tree is None for tree in trees] == [False, False, True, True] * 40


def test_the_zoo_has_at_least_25_animals_and_a_row_for_each(graded):
    _, animals, rows = graded
    assert len(animals) >= 25
    assert set(rows) == {f"{name}.ipynb" for name in animals} | {"script.py"}


def test_every_animal_gets_the_right_points_and_words(graded):
    _, animals, rows = graded
    wrong = []
    for name, (_, points, words) in animals.items():
        row = rows[f"{name}.ipynb"]
        if float(row["points"]) != points or words not in " ".join(map(str, row.values())):
            wrong.append((name, points, words, {k: v for k, v in row.items() if v not in ("right", "")}))
    assert not wrong, json.dumps(wrong, indent=1, ensure_ascii=False)


def test_a_script_is_graded_too(graded):
    assert float(graded[2]["script.py"]["points"]) == ALL


def test_nothing_was_written_outside_and_nothing_deleted(graded):
    assert not (graded[0] / "mark.txt").exists()
    assert (graded[0] / "precious").exists()


def test_table_holds_the_seed_and_no_formula(graded):
    folder, _, rows = graded
    assert {row["seed"] for row in rows.values()} == {"7"}
    with open(folder / "grades.csv", encoding="utf-8-sig", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@")]


def test_reports_tell_each_student_what_went_wrong_and_no_solution(graded):
    reports = graded[0] / "grades_reports"
    assert len(list(reports.rglob("*.md"))) == len(graded[2])
    text = (reports / "one_side.ipynb.md").read_text("utf-8")
    assert "**17 of 18 points**" in text and "## q1" in text and "one end only" in text
    assert "24386" not in "".join(path.read_text("utf-8") for path in reports.glob("*.md"))


def test_without_solutions_the_cases_of_the_course_count(tmp_path):
    path = tmp_path / "hand.ipynb"
    path.write_text(json.dumps(changed(SIZE + "    return 5")), "utf-8")
    (tmp_path / "none").mkdir()
    grader = Grader(tmp_path / "none", seed=1)
    try:
        result = grader.grade(path)
    finally:
        grader.runner.stop()
    assert result["points"] == 17 and result["questions"]["q1"]["message"].startswith(
        "conv_output_size(7, 3, stride=2)"
    )


def test_a_solution_that_fails_stops_the_grader_with_a_reason(tmp_path):
    (tmp_path / "hw1_components.ipynb").write_text(json.dumps(changed(SIZE + "    raise ValueError('no')")), "utf-8")
    grader = Grader(tmp_path, seed=1)
    try:
        with pytest.raises(SystemExit, match="hw1_components.ipynb does not solve q1 here: ValueError: no"):
            grader.reference("hw1")
    finally:
        grader.runner.stop()


def test_the_same_seed_gives_the_same_cases_and_another_seed_others():
    q1 = exercises("hw1")["q1"]
    calls = [[case.call("f") for case in fresh_cases(q1, seed, 0)[0]] for seed in (1, 1, 2, None)]
    assert calls[0] == calls[1] != calls[2] and len(calls[3]) == len(q1.cases)


def test_a_loop_costs_no_more_than_its_limit():
    runner = Runner(Limits(cell=30, question=1))
    start = time.monotonic()
    try:
        results, notes = runner.run([SIZE + "    while True: pass"], "hw1", ONLY_Q1, {"q1": ONLY_Q1["q1"].cases})
    finally:
        runner.stop()
    assert results["q1"][0][0].error == "it took longer than 1 s" and time.monotonic() - start < 60


@pytest.mark.parametrize(
    "cells, name, wanted",
    [
        (["from cvhelpers.homework.hw1 import q1"], "x.ipynb", "hw1"),
        ([], "HW1 (3).ipynb", "hw1"),
        (["def convolve_channel(a, b):\n    pass"], "x.ipynb", "hw1"),
        (["print(3)"], "x.ipynb", None),
    ],
)
def test_which_homework_it_is_can_be_seen(cells, name, wanted):
    assert handins.homework_of(name, cells) == wanted


@pytest.mark.parametrize(
    "source, wanted",
    [
        ("x = 7 % 4", "x = 7 % 4"),
        ("%time x = 1\ny = 2", "pass\ny = 2"),
        ("if True:\n    !ls", "if True:\n    pass"),
        ("%%time\nx = 1", "\nx = 1"),
        ("%%bash\nls", ""),
        ("np.max?\nx = 1", "pass\nx = 1"),
    ],
)
def test_what_only_jupyter_understands_is_left_out(source, wanted):
    assert python_source(source) == wanted


def test_cells_tagged_skip_grade_are_not_run(tmp_path):
    cells = [code("x = 1"), {**code("x = 2"), "metadata": {"tags": ["skip-grade"]}}, {**code("x = 3"), "metadata": None}]
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells}), "utf-8")
    assert handins.read_handin(tmp_path / "a.ipynb") == (["x = 1", "x = 3"], None)
