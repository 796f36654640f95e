"""Hand-ins of three learning platforms through roster, grading, class page, feedback and regrade; regrading, merging,
file names, and which homework it is."""

import csv
import json
import os
import pathlib
import random
import re
import zipfile

import pytest

from cvhelpers.homework import build, grade, handins, roster, store
from cvhelpers.homework.class_report import count, lesson_sections, page
from cvhelpers.homework.runner import machine

pytestmark = [
    pytest.mark.skipif(not build.solution_notebooks(), reason="the solutions are kept elsewhere"),
    pytest.mark.skipif(not machine()[0], reason=f"no confinement here, so nothing is graded: {machine()[1]}"),
]

SIZE = "def conv_output_size(size, kernel, stride=1, padding=0):\n"
RIGHT = SIZE + "    return (size + 2 * padding - kernel) // stride + 1\n"
ONE_SIDE = SIZE + "    return (size + padding - kernel) // stride + 1\n"
IMPORT = "from cvhelpers.homework.hw1 import q1\nimport numpy as np\n"


def notebook(*cells, note=""):
    """A small hand-in of homework 1 as bytes."""
    sources = [IMPORT + f"# {note}", *cells]
    made = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": source} for source in sources]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}).encode()


def rows(path):
    """The table by file name."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        return {row["file"].lstrip("'"): row for row in csv.DictReader(file)}


def run(source, out, *options):
    return grade.main([source, "-o", out, "--homework", "hw1", "--questions", "q1", *options])


@pytest.fixture(scope="module")
def platforms(tmp_path_factory):
    """40 hand-ins: 14 of Moodle (a zip), 13 of Canvas, 13 of Blackboard; 5 of them second attempts."""
    folder, people = tmp_path_factory.mktemp("lms"), []
    firsts = ["Ada", "Jürgen", "Émile", "Mary Ann", "Søren", "Li", "José"]
    lasts = ["Lovelace", "Groß", "Noether", "O'Neil", "Kovalevskaya"]
    for k in range(35):
        people.append((f"{firsts[k % 7]} {lasts[k // 7]}", str(5000 + k), f"s{k}@example.org"))
    (folder / "in").mkdir()

    def answer(k, late=False):
        return notebook(RIGHT if late or k % 3 else ONE_SIDE, note=str(k))

    with zipfile.ZipFile(folder / "in/moodle.zip", "w") as archive:
        for k in range(12):
            name, number, _ = people[k]
            place = f"{name}_{number}_assignsubmission_file_"
            archive.writestr(f"{place}/hw1.ipynb", answer(k))
            archive.writestr(f"{place}/Thumbs.db", b"x")
            archive.writestr(f"{name}_{number}_assignsubmission_onlinetext_/onlinetext.html", "<p>my text</p>")
            if k < 2:
                archive.writestr(f"{place}/hw1 (2).ipynb", answer(k, late=True))
    for k in range(12, 24):
        name, number, _ = people[k]
        words = re.sub(r"[^a-z ]", "", roster._spaced(name)).split()
        joined = "".join([words[-1], *words[:-1]])
        late = "LATE_" if k % 4 == 0 else ""
        (folder / f"in/{joined}_{late}{number}_{9000 + k}_hw1.ipynb").write_bytes(answer(k))
        if k == 12:
            (folder / f"in/{joined}_{number}_{9900 + k}_hw1-2.ipynb").write_bytes(answer(k, late=True))
    for k in range(24, 35):
        mail = people[k][2].split("@")[0]
        (folder / f"in/hw1_{mail}_attempt_2025-01-31-10-15-00_hw1.ipynb").write_bytes(answer(k))
        if k in (24, 25):
            (folder / f"in/hw1_{mail}_attempt_2025-02-01-10-15-00_hw1.ipynb").write_bytes(answer(k, late=True))
    with open(folder / "roster.csv", "w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file, delimiter=";")
        table.writerow(["Full name", "ID number", "Email address"])
        table.writerows(random.Random(1).sample(people, len(people)))
    return folder, people


def test_forty_hand_ins_of_three_platforms_become_one_table_a_page_and_feedback(platforms):
    folder, people = platforms
    out = folder / "grades.csv"
    run(folder / "in", out, "--roster", folder / "roster.csv", "--seed", "7", "--separator", ";")
    raw = out.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbffile;name;id;email;homework;points;of;q1;")
    text = raw.decode("utf-8-sig").splitlines()
    table = list(csv.DictReader(text, delimiter=";"))
    assert len(table) == 35 and {(r["name"], r["id"], r["email"]) for r in table} == set(people)
    late = {"5000", "5001", "5012", "5024", "5025"}
    for row in table:
        assert row["q1"] == ("1" if int(row["id"]) % 5000 % 3 or row["id"] in late else "0"), row
    # feedback lies in the folders that the platform knows
    reports = folder / "grades_reports"
    moodle = list(reports.glob("moodle/Ada Lovelace_5000_assignsubmission_file_/*.md"))
    assert len(moodle) == 1 and "1 of 1 points" in moodle[0].read_text("utf-8")
    assert len(list(reports.rglob("*.md"))) == 35 and not list(reports.rglob("*onlinetext*"))
    # the page of the class: the mistake by name, its count, and what cures it
    html = (folder / "grades_class.html").read_text("utf-8")
    wrong = sum(row["q1"] == "0" for row in table)
    assert f"{wrong} of 35" in html and "one end only" in html and "lesson 0" in html
    assert "http" not in html and "<script" not in html
    # one hands in again, and the same command grades what is new and says what it was before
    path = next((folder / "in").glob("*_5015_*.ipynb"))
    path.write_bytes(notebook(RIGHT, note="better"))
    run(folder / "in", out, "--roster", folder / "roster.csv", "--separator", ";")
    again = list(csv.DictReader(out.read_text("utf-8-sig").splitlines(), delimiter=";"))
    pairs = [(old, new) for old, new in zip(table, again) if old["points"] != new["points"]]
    changed = [(new["id"], new["q1"], new["before"]) for _, new in pairs]
    assert changed == [("5015", "1", "0")] and len(again) == 35
    assert "Before and after" in (folder / "grades_class.html").read_text("utf-8")


def test_with_best_the_better_attempt_counts(platforms, tmp_path):
    folder, _ = platforms
    worse = tmp_path / "in"
    worse.mkdir()
    (worse / "ada_1_10_hw1.ipynb").write_bytes(notebook(RIGHT))
    (worse / "ada_1_11_hw1-1.ipynb").write_bytes(notebook(ONE_SIDE))
    for which, points in (("last", "0"), ("best", "1")):
        run(worse, tmp_path / f"{which}.csv", "--attempt", which, "--seed", "1")
        assert [row["points"] for row in rows(tmp_path / f"{which}.csv").values()] == [points]


def test_a_regrade_keeps_what_is_right_and_tells_before_and_after(tmp_path):
    (tmp_path / "in").mkdir()
    for k in range(3):
        (tmp_path / f"in/s{k}.ipynb").write_bytes(notebook(RIGHT if k else ONE_SIDE, note=str(k)))
    out = tmp_path / "grades.csv"
    grade.main([tmp_path / "in", "-o", out, "--questions", "q1", "q2", "--seed", "3"])
    table = [(row["q1"], row["q2"], row["of"]) for row in rows(out).values()]
    assert table == [("0", "0", "3"), ("1", "0", "3"), ("1", "0", "3")]
    convolve = (
        "def convolve_channel(image, kernel):\n    h, w = kernel.shape\n"
        "    windows = np.lib.stride_tricks.sliding_window_view(image, (h, w))\n"
        "    return (windows * kernel).sum((2, 3))"
    )
    (tmp_path / "in/s0.ipynb").write_bytes(notebook(RIGHT, convolve))
    (tmp_path / "in/s1.ipynb").unlink()
    run(tmp_path / "in", out)  # only q1: what s2 has in q2 stays, and nothing is forgotten but s1
    after = rows(out)
    assert list(after) == ["s0.ipynb", "s2.ipynb"]
    assert (after["s0.ipynb"]["q1"], after["s0.ipynb"]["before"]) == ("1", "0")
    assert (after["s2.ipynb"]["q1"], after["s2.ipynb"]["q2"], after["s2.ipynb"]["of"]) == ("1", "0", "3")
    grade.main([tmp_path / "in", "-o", out, "--questions", "q2"])
    assert rows(out)["s0.ipynb"]["q2"] == "2" and rows(out)["s0.ipynb"]["points"] == "3"
    assert "Before and after" in (tmp_path / "grades_class.html").read_text("utf-8")


@pytest.mark.parametrize(
    "options, words",
    [
        (["--questions", "q33"], "there is no question 'q33'"),
        (["--homework", "hw9"], "there is no homework 'hw9'"),
        (["--solutions", "nowhere"], "nowhere is not there"),
        (["-o", "no/where/grades.csv"], "make this folder first"),
        (["--roster", "nobody.csv"], "nobody.csv is not there"),
        (["--shard", "1/2"], "the same --seed"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(options, words, tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(SystemExit, match=re.escape(words)):
        grade.main([tmp_path / "in", "-o", tmp_path / "grades.csv", *options])
    with pytest.raises(SystemExit, match="is not there"):
        grade.main([tmp_path / "in2", "-o", tmp_path / "grades.csv"])


def test_another_seed_never_mixes_with_what_is_there(tmp_path):
    store.Store(tmp_path / "a.jsonl", 1)
    with pytest.raises(SystemExit, match="has the seed 1, not 2"):
        store.Store(tmp_path / "a.jsonl", 2)


def test_a_full_disk_leaves_the_results_as_they_were(tmp_path, monkeypatch):
    path = tmp_path / "a.jsonl"
    store.Store(path, 1)
    before = path.read_bytes()

    def full(self, *text):
        self.write_bytes(b"{")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pathlib.Path, "write_text", full)
    with pytest.raises(OSError, match="No space"):
        store.Store(path, 1)
    assert path.read_bytes() == before



def test_shards_merged_equal_one_run(tmp_path):
    (tmp_path / "in").mkdir()
    for k in range(int(os.environ.get("CV_HANDINS", "24"))):
        (tmp_path / f"in/s{k:03}.ipynb").write_bytes(notebook(RIGHT if k % 4 else ONE_SIDE, note=str(k)))
    run(tmp_path / "in", tmp_path / "one.csv", "--seed", "5")
    for k in range(1, 5):
        run(tmp_path / "in", tmp_path / "part.csv", "--seed", "5", "--shard", f"{k}/4")
    parts = sorted(tmp_path.glob("part-*.jsonl"))
    grade.main(["merge", *parts, "-o", tmp_path / "merged.csv"])
    one, merged = rows(tmp_path / "one.csv"), rows(tmp_path / "merged.csv")
    assert len(parts) == 4 and one.keys() == merged.keys()
    for name, row in one.items():
        assert {**row, "protection": ""} == {**merged[name], "protection": ""}
    with pytest.raises(SystemExit, match="is not there"):
        grade.main(["merge", tmp_path / "part-9of4.csv", "-o", tmp_path / "again.csv"])


@pytest.mark.skipif(os.name != "posix", reason="file names are bytes there")
def test_any_file_name_is_graded_and_hurts_nobody(tmp_path):
    folder = os.fsencode(tmp_path / "in")
    os.makedirs(os.path.join(folder, b"a"))
    names = [b"not \xff utf.ipynb", b"x" * 240 + b".ipynb", b"a/b.ipynb", b"a__b.ipynb", "Ünï=cødé (1).ipynb".encode(),
             b"new\nline.ipynb", b"@SUM(1).ipynb", b"quote'\".ipynb"]  # fmt: skip
    for k, name in enumerate(names):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(notebook(RIGHT, note=str(k)))
    run(tmp_path / "in", tmp_path / "grades.csv", "--seed", "1")
    table = rows(tmp_path / "grades.csv")
    assert len(table) == len(names) and all(row["points"] == "1" for row in table.values())
    reports = [path for path in (tmp_path / "grades_reports").rglob("*.md")]
    assert len(reports) == len(names)


def test_a_cell_of_the_table_stays_short_and_a_zip_stays_inside(tmp_path):
    assert len(store.safe("x" * 3_000_000)) == store.LONGEST
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("../../escaped.ipynb", notebook(RIGHT))
        archive.writestr("__MACOSX/._hw1.ipynb", b"x")
    space = tmp_path / "deep" / "space"
    space.mkdir(parents=True)
    found = roster.collect(roster.unpack(tmp_path / "bad.zip", space), [])
    assert [handin.name for handin in found] == ["escaped.ipynb"] and not (tmp_path / "escaped.ipynb").exists()
    (tmp_path / "no.zip").write_bytes(b"PK nothing")
    with pytest.raises(SystemExit, match="is no zip"):
        roster.unpack(tmp_path / "no.zip", space)


HOMEWORK_2 = "def flip_horizontal(image, boxes): pass\ndef crop(image): pass"


@pytest.mark.parametrize(
    "name, cells, wanted",
    [
        ("a.ipynb", ["from cvhelpers.homework.hw1 import as_text", HOMEWORK_2], "hw2"),
        ("hw1.ipynb", ["from cvhelpers.homework.hw1 import load_digits", HOMEWORK_2], "hw2"),
        ("a.ipynb", ["from cvhelpers.homework import hw3"], "hw3"),
        ("homework_5.ipynb", ["x = 1"], "hw5"),
        ("hw12.ipynb", ["x = 1"], None),
        ("a.ipynb", ["def nms(a): pass\ndef average_precision(a): pass"], "hw5"),
        ("a.ipynb", ["from cvhelpers.homework.hw6 import *", "def average_precision(a): pass"], "hw6"),
    ],
)
def test_which_homework_it_is_by_what_it_defines(name, cells, wanted):
    assert handins.homework_of(name, cells) == wanted


def test_answers_that_merely_call_the_course_are_noted_and_those_of_the_solutions_are_not():
    from cvhelpers.homework import exercises

    calls = ["import cvhelpers.ops as o", "def helper(m): return o.pool(m)", "def pool(maps, **k): return helper(maps)"]
    assert handins.uses_course(calls, exercises("hw1")) == ["q4 calls cvhelpers.ops: is that allowed?"]
    hidden = ["def pool(maps):\n    import importlib\n    return importlib.import_module('cvhelpers.ops').pool(maps)"]
    assert handins.uses_course(hidden, exercises("hw1")) == ["q4 calls cvhelpers.ops: is that allowed?"]
    for path in build.solution_notebooks():
        homework = path.name.split("_")[0]
        assert handins.uses_course(handins.read_handin(path)[0], exercises(homework)) == [], path.name


# The page -----------------------------------------------------------------------------------------------------------


def question(state, message="", points=0):
    return {"points": points, "of": 1, "state": state, "message": message}


def test_the_page_counts_mistakes_and_time_outs_and_what_nobody_got():
    diagnosed = question("not yet", "f(1)\n  diagnosis   The intersection is counted twice.")
    late = question("not yet", "f\n  raised      it took longer than 20 s")
    answers = [(diagnosed, question("right")), (diagnosed, question("not attempted")), (late, question("right"))]
    made = [{"q1": first, "q2": second} for first, second in answers]
    results = [{"homework": "hw5", "points": 0, "of": 2, "notes": [], "questions": questions} for questions in made]
    counted = count(results)
    assert counted["hw5", "q1"]["mistakes"] == {"The intersection is counted twice.": 2}
    assert (counted["hw5", "q1"]["timeouts"], counted["hw5", "q2"]["right"], counted["hw5", "q2"]["none"]) == (1, 2, 1)

    class Held:
        seed, entries = 1, {str(i): {"result": result, "before": None} for i, result in enumerate(results)}

    html = page(Held, "NONE: <b>")
    assert "Nobody got hw5 q1" in html and "2 of 3" in html and "without protection" in html and "<b>" not in html


def test_every_exercise_has_a_lesson_that_cures_its_mistakes():
    for homework in ("hw1", "hw2", "hw3", "hw4", "hw5", "hw6", "hw7"):
        from cvhelpers.homework import exercises

        cures = lesson_sections(homework)
        assert set(cures) == set(exercises(homework)) and all(re.match(r"lesson \d\d", text) for text in cures.values())
