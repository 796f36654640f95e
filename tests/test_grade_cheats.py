# ruff: noqa: E501  (code of students, as it is)
"""Cheats and accidents: what each of them earns, with protection and without (what protection itself stops is in
``test_confine.py``)."""

import json

import pytest

from cvhelpers.homework import build
from cvhelpers.homework.judging import Grader
from cvhelpers.homework.runner import Limits, machine

pytestmark = pytest.mark.skipif(not build.solution_notebooks(), reason="the solutions are kept elsewhere")

IMPORT = "from cvhelpers.homework.hw1 import q1, q2, q4, q7, q8\nimport numpy as np\n"
SIZE = "def conv_output_size(size, kernel, stride=1, padding=0):\n"
SIZE_OK = SIZE + "    return (size + 2 * padding - kernel) // stride + 1\n"
POOL = "def pool(maps, size=2, stride=2, kind='max'):\n"
POOL_ON = (  # right, and built on the student's own function of q1
    POOL + "    rows, columns = (conv_output_size(n, size, stride) for n in maps.shape[:2])\n"
    "    out = np.zeros((rows, columns, maps.shape[2]))\n    for i in range(rows):\n        for j in range(columns):\n"
    "            window = maps[i * stride : i * stride + size, j * stride : j * stride + size]\n"
    "            out[i, j] = window.max((0, 1)) if kind == 'max' else window.mean((0, 1))\n    return out\n"
)
FEATURES = "def features(images):\n"
ZEROS = FEATURES + "    return np.zeros((len(images), 5))\n"
# Everything that this process holds: frames, modules, objects.
SEARCH = """
import gc, sys
def everything():
    frame = sys._getframe()
    while frame:
        yield from list(frame.f_locals.values()) + list(frame.f_globals.values())
        frame = frame.f_back
    yield from gc.get_objects()
"""

# Name -> cells, then the points for q1 (1), q4 (2) and q8 (4)
CASES = {
    "right": ([SIZE_OK, POOL_ON, ZEROS], (1, 2, 0)),
    # accidents
    "a later variable of the same name": ([SIZE_OK, "q1.check(conv_output_size)", "conv_output_size = 7"], (1, 0, 0)),
    "a later function of the same name, wrong": ([SIZE_OK, "q1.check(conv_output_size)", SIZE + "    return 1"], (1, 0, 0)),
    "mended after the check": ([SIZE + "    return 1", "q1.check(conv_output_size)", SIZE_OK], (1, 0, 0)),
    "follow-on credit": ([SIZE + "    return (size - kernel) // stride", POOL_ON], (0, 2, 0)),
    "no follow-on credit for what is wrong itself": (
        [SIZE + "    return (size - kernel) // stride", POOL_ON.replace("mean", "sum")], (0, 0, 0)),
    # open exercises are scored outside, on data that nobody has seen
    "another way to measure": ([ZEROS, "q8.run = lambda *a: {'accuracy': 1.0, 'features': 5}"], (0, 0, 0)),
    "other limits": ([ZEROS, "q8.limits = q8.shares = {}\nq8.score = lambda *a: {'accuracy': 1.0, 'features': 1}"], (0, 0, 0)),
    "labels looked up": (
        ["from cvhelpers import samples\nimages, labels = samples.load_digits('train+validation+test')\n"
         "known = {image.tobytes(): label for image, label in zip(images[..., 0], labels)}\n" + FEATURES +
         "    return np.eye(11)[[known.get(np.asarray(image).tobytes(), 10) for image in images]]"], (0, 0, 0)),
    "labels searched in memory": (
        [SEARCH + FEATURES + "    for one in everything():\n"
         "        if isinstance(one, np.ndarray) and one.shape == (len(images),) and one.dtype.kind in 'iu':\n"
         "            return np.eye(256)[one % 256]\n    return np.zeros((len(images), 5))"], (0, 0, 0)),
    # the grader's own process holds no answer
    "answers searched in memory": (
        [SEARCH + SIZE + "    for one in everything():\n        if isinstance(one, dict) and 'want' in one:\n"
         "            return one['want'][0]\n    return 0"], (0, 0, 0)),
    "answers of the check at home": (
        [SIZE + "    import cvhelpers.homework as h\n    table = h._table('hw1')['q1']['want']\n    here = (size, kernel, stride, padding)\n"
         "    known = {(*c.args, c.kwargs.get('stride', 1), c.kwargs.get('padding', 0)): w for c, w in zip(q1.cases, table)}\n"
         "    return known.get(here, 0)"], (0, 0, 0)),
    "the solution stolen while follow-on credit is given": (
        [SEARCH + SIZE + "    return 0", POOL + "    conv_output_size(1, 1)\n    for one in everything():\n"
         "        text = str(one.get('stand_ins')) if isinstance(one, dict) and 'stand_ins' in one else ''\n"
         "        if 'def pool' in text:\n            space = {'np': np}\n            exec(one['stand_ins'][0][0], space)\n"
         "            return space['pool'](maps, size, stride, kind)\n    return maps"], (0, 0, 0)),
    # the channel
    "the end told too early": (
        [SIZE + "    import os\n    for f in range(3, 20):\n        try: os.write(f, b'[\"end\"]\\n')\n"
         "        except OSError: pass\n    return 0"], (0, 0, 0)),
    "a right outcome told a hundred times": (
        [SIZE + "    import os\n    for f in range(3, 20):\n        try: os.write(f, b'[\"outcome\", \"q1\", {\"value\": 5}]\\n' * 100)\n"
         "        except OSError: pass\n    return 5"], (0, 0, 0)),
    "a text of 100 MB": ([SIZE + "    return 'x' * 10**8", POOL_ON.replace("conv_output_size", "own"),
                          "def own(n, size, stride): return (n - size) // stride + 1"], (0, 2, 0)),
    "an array of 800 MB": ([SIZE + "    return np.zeros(10**8)"], (0, 0, 0)),
    # values that lie
    "a number that equals everything": (
        ["class L(int):\n    __eq__ = lambda s, o: True\n    __hash__ = None\n    __sub__ = __rsub__ = lambda s, o: 0", SIZE + "    return L(-1)"],
        (0, 0, 0)),
    "a list that changes": (
        ["class L(list):\n    def __iter__(self): return iter([5])\n    def __len__(self): return 1", SIZE + "    return L()"], (0, 0, 0)),
    "an object that imitates an array": (
        ["class A:\n    shape, dtype = (), np.dtype(int)\n    def __array__(self, *a, **k): raise KeyError\n    item = lambda s: 5",
         SIZE + "    return A()"], (0, 0, 0)),
    "three tries of which one fits": (
        [SIZE + "    return 5", "q1.check(conv_output_size)", "q1.check(lambda *a, **k: 3)\nq1.check(lambda *a, **k: 7)"], (0, 0, 0)),
    "another exercise's cases": (["q1.cases = q1.cases[:1]\nq1.fresh = None\nq1.partial = True", SIZE + "    return 5"], (0, 0, 0)),
}  # fmt: skip


@pytest.fixture(scope="module", params=["confined", "without protection"])
def graded(request, tmp_path_factory):
    """Points of every hand-in for q1, q4 and q8, and the messages of all of them."""
    if request.param == "confined" and not machine()[0]:
        pytest.skip(f"no confinement here: {machine()[1]}")
    folder = tmp_path_factory.mktemp("cheats")
    grader = Grader(seed=11, limits=Limits(cell=10, question=10, memory=2), questions=("q1", "q4", "q8"), trust=True)
    grader.runner.confined = request.param == "confined"
    found = {}
    try:
        for name, (cells, _) in CASES.items():
            path = folder / "hw1.ipynb"
            made = [{"cell_type": "code", "metadata": {}, "source": source} for source in [IMPORT, *cells]]
            path.write_text(json.dumps({"cells": made}), "utf-8")
            found[name] = grader.grade(path)
    finally:
        grader.runner.stop()
    return found


def test_each_cheat_earns_what_it_is_worth(graded):
    wrong = {}
    for name, (_, points) in CASES.items():
        got = tuple(question["points"] for question in graded[name]["questions"].values())
        if got != points:
            wrong[name] = got, points, [q["message"][:300] for q in graded[name]["questions"].values()], graded[name]["notes"]
    assert not wrong, json.dumps(wrong, indent=1)


def test_follow_on_credit_says_so_and_nothing_of_the_solution(graded):
    entry = graded["follow-on credit"]["questions"]["q4"]
    assert entry["state"] == "right (follow-on)" and "with a right one there it is right" in entry["message"]


def test_labelled_data_in_an_answer_are_noted(graded):
    assert any("q8" in note and "samples.load_digits" in note for note in graded["labels looked up"]["notes"])
    assert not any("load_" in note for note in graded["right"]["notes"])
