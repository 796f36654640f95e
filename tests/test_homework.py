"""The check engine, the sets of homework and what is built from them."""

import functools
import json
import re
import subprocess
import sys

import numpy as np
import pytest

from cvhelpers.homework import (
    FOLDER,
    NOT_ATTEMPTED,
    NOT_YET,
    RIGHT,
    Case,
    Exercise,
    Outcome,
    Unsolved,
    attempt,
    build,
    exercises,
    judging,
)
from cvhelpers.homework.compare import decode, difference, encode, plain
from cvhelpers.homework.matching import Matching
from cvhelpers.homework.measured import Measured
from cvhelpers.homework.sandbox import fresh_namespace, run_cells

SETS = [path.name.split("_")[0] for path in build.solution_notebooks()]


@functools.cache
def solution(homework):
    path = build.solution_notebooks([homework])[0]
    return path, build.solved(path), build.variants(path)


def diagnosis(message):
    return next((line.split("diagnosis")[1].strip() for line in message.split("\n") if "  diagnosis " in line), None)


def trains(question):
    """Whether checking it trains a network, as ``test_homework_training`` does and the solution notebook's own test."""
    return question.limits and question.seconds


# Comparing ---------------------------------------------------------------------------------------------------------


class AlwaysEqual:
    def __eq__(self, other):
        return True

    __hash__ = None


class LyingFloat(float):
    __eq__ = __le__ = __ge__ = lambda self, other: True
    __sub__ = __rsub__ = lambda self, other: 0.0
    __hash__ = float.__hash__


class LyingArray(np.ndarray):
    __eq__ = lambda self, other: np.ones(self.shape, bool)  # noqa: E731
    __array_ufunc__ = lambda self, ufunc, *a, **k: True  # noqa: E731


@pytest.mark.parametrize(
    "got, want, words",
    [
        (np.zeros((2, 3)), np.zeros((3, 2)), "shape is (2, 3), wanted (3, 2)"),
        (np.zeros(3), np.ones(3), "3 of 3 values differ"),
        (None, 3, "it is None"),
        (None, np.ones(2), "it is None"),
        (3.5, 3, "it is 3.5, wanted 3"),
        (float("nan"), 1.0, "it is nan"),
        (float("inf"), 1.0, "it is inf"),
        (1.0, float("inf"), "wanted inf"),
        (np.array([1.0, np.nan]), np.ones(2), "1 of 2"),
        ("3", 3, "wanted a whole number"),
        (True, 1, "it is a truth value"),
        (np.array([1, 0]), np.array([True, False]), "dtype is int64, wanted bool"),
        ((1, 2), [1, 2, 3], "2 items, wanted 3"),
        ({"a": 1}, {"a": 2}, "a: it is 1, wanted 2"),
        ({"b": 1}, {"a": 2}, "'a' is missing"),
        ({"a": 2, "b": 1}, {"a": 2}, "'b' is not wanted"),
        (AlwaysEqual(), 3, "object of type AlwaysEqual"),
        (AlwaysEqual(), np.ones(2), "object of type AlwaysEqual"),
        ([AlwaysEqual()], [3], "item 0"),
        (LyingFloat(7), 3.0, "it is 7, wanted 3"),
        (np.ones(2).view(LyingArray), np.zeros(2), "2 of 2"),
        ([[1, 2], [3]], np.ones((2, 2)), "different lengths"),
        (np.array(["a", "b"]), np.ones(2), "wanted an array of numbers"),
        (np.array([1.0]), 1.0, "wanted a single number"),
        (np.ma.masked_array([5.0, 2.0], [True, False]), np.array([1.0, 2.0]), "1 of 2"),
    ],
)
def test_what_differs_is_refused_with_a_reason(got, want, words):
    assert words in difference(got, want)


@pytest.mark.parametrize(
    "got, want",
    [
        (np.float32(2), 2),
        (2, np.int64(2)),
        (np.array(3), 3),
        (4.0, 4),
        (1 + 1e-6, 1.0),
        ([[1.0, 2.0]], np.array([[1.0, 2.0]])),
        ((1, 2), [1, 2]),
        (np.array([1, 2]), [1, 2]),
        (np.ones(2, "float64"), np.ones(2, "float32")),
        (np.array([np.nan, np.inf]), np.array([np.nan, np.inf])),
        ({"a": np.int64(1), "b": 2.0}, {"b": 2, "a": 1}),
        (np.ma.masked_array([1.0, 2.0], [False, False]), np.array([1.0, 2.0])),
    ],
)
def test_equal_values_of_another_kind_are_accepted(got, want):
    assert difference(got, want) is None


def test_dtype_counts_when_the_exercise_says_so():
    assert "dtype is float64, wanted uint8" in difference(np.ones(2), np.ones(2, np.uint8), dtype=True)
    assert difference(np.ones(2), np.ones(2, np.uint8)) is None


def test_packing_keeps_values_through_json():
    value = {
        "a": np.arange(6, dtype=np.uint8).reshape(2, 3),
        "b": [1, 2.5, None, "x", True],
        "c": np.zeros((0, 4), np.float32),
    }
    for digits in (None, 8):
        back = decode(json.loads(json.dumps(encode(value, digits))))
        assert difference(back, value, dtype=True) is None


def test_forged_packing_raises():
    with pytest.raises((ValueError, TypeError, KeyError)):
        decode({"dtype": "O", "shape": [1], "values": "AA=="})


def test_tensors_become_arrays():
    class Tensor:
        def __array__(self, dtype=None, copy=None):
            return np.ones((2, 2), np.float32)

    assert plain(Tensor()).shape == (2, 2)


# The engine --------------------------------------------------------------------------------------------------------


class Toy(Exercise):
    """An exercise without a table: the right answer is given in the test."""

    def __init__(self, right, cases, **settings):
        super().__init__("toy.q1", "answer", 1, ["think", "think harder"], cases, **settings)
        self.right = right

    def answers(self):
        return [plain(attempt(self, self.right, case).value) for case in self.cases], []


DOUBLE = Toy(lambda x: 2 * x, [Case(np.arange(1.0, 7).reshape(2, 3)), Case(np.arange(1.0, 5).reshape(2, 2))])


def changed_arguments():
    def answer(x, y):
        return x

    return answer


def in_place(x):
    x *= 2
    return x


@pytest.mark.parametrize(
    "answer, words",
    [
        (lambda x: None, "`return` is missing"),
        (lambda x: 0 * x, "All values are zero"),
        (lambda x: 6 * x, "Every value is 3 times"),
        (lambda x: 2 * x + 5, "off by the same amount, 5"),
        (lambda x: (2 * x).T, "rows and columns are exchanged"),
        (lambda x: 2 * x[::-1], "reverse order along axis 0"),
        (lambda x: (2 * x).ravel(), "the shape is not"),
        (lambda x: x / 0 * 0, "NaN"),
        (lambda x: 6, "wanted (2, 2)"),
        (changed_arguments(), "The `def` line was changed"),
        (lambda x: undefined_name, "NameError"),  # noqa: F821
        (lambda x: exit(), "SystemExit"),
        (lambda x: AlwaysEqual(), "object of type AlwaysEqual"),
        (lambda x: x + np.random.default_rng().normal(size=x.shape), "another result at each call"),
        (lambda x: (2 * x)[None], "an axis of length 1 too many"),
        (lambda x: x[:0], "Nothing is left, though something should stay"),
        (in_place, "changes its argument"),
        (3, "give the function itself"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_wrong_answers_get_a_message_that_helps(answer, words, capsys):
    DOUBLE.check(answer)
    text = capsys.readouterr().out
    assert text.startswith("🔸 q1 not yet") and words in text and "q1.hint()" in text


def test_the_smallest_failing_case_is_shown(capsys):
    DOUBLE.check(lambda x: x)
    assert "[[1., 2.], [3., 4.]]" in capsys.readouterr().out


def not_implemented(x):
    raise NotImplementedError


@pytest.mark.parametrize("answer", [..., None, not_implemented])
def test_an_open_stub_is_not_attempted(answer, capsys):
    DOUBLE.check(answer)
    assert capsys.readouterr().out.startswith("⬜ q1 not attempted")


@pytest.mark.parametrize("answer", [lambda x: x + x, lambda x: (2 * x).tolist(), lambda x: (2 * x).astype(np.float32)])
def test_other_right_answers_pass(answer, capsys):
    DOUBLE.check(answer)
    assert capsys.readouterr().out == "✅ q1 right: all 2 cases agree.\n"


class Hostile:
    def __getattribute__(self, name):
        raise RuntimeError("no")

    __call__ = __repr__ = __array__ = __str__ = lambda self, *values: 1 / 0


def test_a_check_never_raises_in_class(capsys):
    for answer in (Hostile(), Hostile, lambda x: Hostile(), type("E", (Exception,), {"__str__": Hostile.__str__})):
        DOUBLE.check(answer)
        assert "q1 not yet" in capsys.readouterr().out


def test_strict_mode_raises_unless_right(monkeypatch):
    monkeypatch.setenv("CV_HOMEWORK_STRICT", "1")
    DOUBLE.check(lambda x: 2 * x)
    with pytest.raises(Unsolved, match="q1: not attempted"):
        DOUBLE.check()
    with pytest.raises(Unsolved, match="q1: not yet"):
        DOUBLE.check(lambda x: x)


def test_hints_come_one_by_one_and_the_last_stays(capsys):
    for words in ("hint 1 of 2: think", "hint 2 of 2: think harder", "hint 2 of 2"):
        DOUBLE.hint()
        assert words in capsys.readouterr().out


def test_a_value_is_never_shown(capsys):
    exercise = Toy(None, None)
    exercise.answers = lambda: ([1234.5], [])
    exercise.check(99)
    text = capsys.readouterr().out
    assert "1234" not in text and "99 is not it" in text


def test_a_layer_or_model_is_judged_by_its_summary(capsys):
    model = type("Model", (), {"layers": [1, 2], "count_params": lambda self: 306})
    exercise = Toy(None, [Case()], summarise=lambda m: {"layers": len(m.layers), "parameters": m.count_params()})
    exercise.answers = lambda: ([{"layers": 2, "parameters": 314}], [])
    exercise.check(lambda: model())
    assert "parameters: it is 306, wanted 314" in capsys.readouterr().out


def measured(**options):
    """An open exercise whose answer hands back numbers; the truth is that only their sum counts."""
    return Measured(
        "toy.q1", "network", 1, ["a", "b"], material=lambda rng: ([Case(3 if rng is None else 4)], 100),
        score=lambda values, truth: {"accuracy": values[0]["right"] / truth, "parameters": values[0]["parameters"]},
        limits={"accuracy": (0.97, None), "parameters": (None, 60_000)}, advice=lambda m: "too large", **options,
    )  # fmt: skip


def test_limits_say_what_was_measured(capsys):
    exercise = measured()
    exercise.check(lambda x: {"right": 98, "parameters": 70_000})
    assert "70,000, wanted at most 60,000" in (text := capsys.readouterr().out) and "too large" in text
    exercise.check(lambda x: {"right": float("nan"), "parameters": 1})
    assert "not yet" in capsys.readouterr().out
    exercise.check(lambda x: 3)
    assert "cannot be measured" in capsys.readouterr().out
    exercise.check(lambda x: {"right": 98, "parameters": 50_000})
    assert capsys.readouterr().out.startswith("✅")


def test_an_open_exercise_judges_raw_answers_and_the_truth_stays_outside():
    exercise, seen = measured(), []
    outcome = attempt(exercise, lambda *args: seen.append(args) or {"right": 97, "parameters": 1}, exercise.cases[0])
    assert seen == [(3,)] and outcome.value == {"right": 97, "parameters": 1}
    assert exercise.judge([outcome], 100)[0] == RIGHT and exercise.judge([outcome], 101)[0] == NOT_YET
    assert exercise.material(np.random.default_rng(0))[0][0].args == (4,)


@pytest.mark.parametrize(
    "right, points, words", [(97, 4, ""), (96, 3, "earns       3 of 4 points"), (80, 3, ""), (79, 1, ""), (9, 0, "")]
)
def test_an_open_exercise_can_have_steps(right, points, words):
    exercise = measured(shares={0.75: {"accuracy": (0.8, None)}, 0.25: {"accuracy": (0.1, None)}})
    exercise.points = 4
    outcomes = [attempt(exercise, lambda x: {"right": right, "parameters": 1}, exercise.cases[0])]
    got, _, message = judging.verdict(exercise, outcomes, 100, [], exercise.cases)
    assert got == points and words in message and ("earns" in message) == (0 < points < 4)


def test_steps_move_with_the_reference_as_the_limit_does():
    exercise = measured(shares={0.5: {"accuracy": (0.8, None)}})
    moved = judging.moved(exercise, {"accuracy": 0.99}, {"accuracy": 0.96})
    assert moved.limits["accuracy"] == (0.93, None) and moved.shares[0.5]["accuracy"] == (0.76, None)
    assert exercise.limits["accuracy"] == (0.97, None) and moved.limits["parameters"] == (None, 60_000)


class Sheets(Matching):
    """Two pictures at home, two in grading; the truth is given here."""

    def answers(self):
        says = [{"says": f"looks like {k}", "got": [{"value": encode(dict.fromkeys("AB", k), 8)}]} for k in (1, 2)]
        return [{"A": 2, "B": 1}], says


SHEETS = Sheets("toy.q1", "bugs", 1, ["look", "look again"], "AB", "CD")


@pytest.mark.parametrize(
    "answer, state, words",
    [
        ({"A": 2, "B": 1, "C": 1, "D": 2}, RIGHT, "C to D are noted"),
        ({"A": 2, "B": 1, "C": 2, "D": 1}, RIGHT, "C to D are noted"),  # the second sheet is wrong: nobody says so
        ({"A": 2, "B": 2, "C": 1, "D": 2}, NOT_YET, "right       A"),
        ({"A": 2, "B": 2, "C": 1, "D": 2}, NOT_YET, "looks like 2"),
        ({"A": 1, "B": 2, "C": 1, "D": 2}, NOT_YET, "none yet"),
        ({"A": 2, "B": 1}, NOT_YET, "A to B are right. C, D: no number yet"),
        ({"A": 2, "B": 1, "C": 1, "D": 1}, NOT_YET, "want each number once"),
        ({"A": 2}, NOT_YET, "B: no number yet"),
        ([2, 1, 1, 2], NOT_YET, "give a dict"),
        ({"A": 2.0, "B": np.int64(1), "C": 1.0, "D": np.int32(2)}, RIGHT, ""),
        ({"A": AlwaysEqual(), "B": 1, "C": 1, "D": 2}, NOT_YET, "right       B"),
        (..., NOT_ATTEMPTED, ""),
    ],
)
def test_of_matched_pictures_the_first_sheet_is_judged_at_home(answer, state, words):
    got, message = SHEETS.verdict(answer)
    assert got == state and words in message


@pytest.mark.parametrize("pictures, points", [("12", 2), ("21", 0), ("11", 1)])
def test_of_matched_pictures_the_second_sheet_is_judged_in_grading(pictures, points):
    question = Sheets("toy.q1", "bugs", 2, ["look", "look again"], "AB", "CD")
    cases = [*question.cases, *question.fresh(None)]
    answer = {"A": 2, "B": 1, "C": int(pictures[0]), "D": int(pictures[1])}
    wants = [{"A": 2, "B": 1}, {"C": 1}, {"D": 2}]
    outcomes = [attempt(question, answer, case) for case in cases]
    assert judging.verdict(question, outcomes, wants, question.answers()[1], cases)[0] == points


@pytest.mark.parametrize("homework", SETS)
def test_letters_can_not_be_tried_out_they_have_a_second_sheet(homework):
    _, answers, _ = solution(homework)
    lettered = [name for name, answer in answers.items() if isinstance(answer, dict) and {"A", "B"} <= answer.keys()]
    assert lettered
    for name in lettered:
        question = exercises(homework)[name]
        assert isinstance(question, Matching) and sorted(answers[name]) == sorted(question.home + question.graded)
        home, graded = ([answers[name][letter] for letter in sheet] for sheet in (question.home, question.graded))
        assert home != graded  # the same order twice would give the second sheet away


@pytest.mark.parametrize("scale, share", [(1, 1), (0.95, 1), (0.8, 0.5), (0.6, 0)])  # IoU 1, 0.9, 0.64, 0.36
def test_points_of_a_detector_follow_from_how_well_its_boxes_fit(scale, share):
    question = exercises("hw5")["q9"]
    (case,), truth = question.material(np.random.default_rng(3))
    assert [np.shape(value) for value in case.args] == [(200, 64, 64, 3)]  # images go in, no box
    answers = np.full((200, 8, 8, 5), -4.0)
    for image, things in zip(answers, truth):
        for x1, y1, x2, y2 in things:
            row, column = int((y1 + y2) / 16), int((x1 + x2) / 16)
            x, y = 8 * column + 4, 8 * row + 4
            image[row, column] = 4, *np.log(np.expm1(scale * np.array([x - x1, y - y1, x2 - x, y2 - y]) / 10))
    measured = question.measure([Outcome(answers)], truth)
    assert question.share(measured) == share and (measured["wrong boxes"] == 0) == (scale > 0.7)


# The sets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("homework", SETS)
def test_every_exercise_is_complete(homework):
    _, answers, known = solution(homework)
    questions = exercises(homework)
    assert 5 <= len(questions) <= 9
    for name, question in questions.items():
        assert question.points > 0 and len(question.hints) >= 2, name
        assert sum(says is not None for _, _, says in known[name]) >= 3, f"{name} needs three known mistakes"
        assert any(says is None for _, _, says in known[name]), f"{name} needs another right answer"
        assert answers[name] is not ..., name


@pytest.mark.parametrize("homework", SETS)
def test_right_answers_pass_and_each_mistake_gets_its_own_diagnosis(homework):
    _, answers, known = solution(homework)
    for name, question in exercises(homework).items():
        texts = [says for _, _, says in known[name] if says]
        assert len(set(texts)) == len(texts), f"{name}: two mistakes have the same words"
        if trains(question):
            continue
        assert question.verdict(answers[name])[0] == RIGHT, name
        for variant, answer, says in known[name]:
            state, message = question.verdict(answer)
            if says is None:
                assert state == RIGHT, f"{name} {variant}: {message}"
            else:
                assert (state, diagnosis(message)) == (NOT_YET, says), f"{name} {variant}: {message}"


@pytest.mark.parametrize("homework", SETS)
def test_fresh_cases_are_repeatable_and_the_other_right_answers_agree_on_them(homework):
    _, answers, known = solution(homework)
    for name, question in exercises(homework).items():
        if not question.fresh:
            continue
        one, two = (question.fresh(np.random.default_rng(5)) for _ in range(2))
        assert [difference(a.args, b.args) or difference(a.kwargs, b.kwargs) for a, b in zip(one, two)] == [None] * len(
            one
        )
        wants = [attempt(question, answers[name], case) for case in one]
        assert not any(outcome.error for outcome in wants), name
        for variant, answer, says in known[name]:
            state, message = question.judge(
                [attempt(question, answer, case) for case in one], [w.value for w in wants], [], one
            )
            assert state == RIGHT or says, f"{name} {variant}: {message}"


@pytest.mark.parametrize("homework", SETS)
def test_student_files_are_in_step_with_their_sources(homework):
    path, _, known = solution(homework)
    assert (build.STUDENTS / path.name).read_text("utf-8") == build.student_text(path), "build it again"
    for name, question in exercises(homework).items():
        if not question.limits:  # the values of the table are compared where right and wrong answers are judged
            says = [mistake["says"] for mistake in question.answers()[1]]
            assert says == [text for _, _, text in known[name] if text], f"{name}: build it again"


def test_building_what_is_built_changes_nothing(capsys):
    assert build.build(["hw1"], check=True) == 0, capsys.readouterr().out


@pytest.mark.parametrize("homework", SETS)
def test_student_notebook_holds_no_solution_and_keeps_its_ids(homework):
    import nbformat

    path = solution(homework)[0]
    old, new = nbformat.read(path, 4), nbformat.read(build.STUDENTS / path.name, 4)
    nbformat.validate(new)
    ids = [cell.id for cell in new.cells]
    assert len(set(ids)) == len(ids) and set(ids) <= {cell.id for cell in old.cells}
    text = "\n".join(cell.source for cell in new.cells) + (FOLDER / f"{homework}.py").read_text("utf-8")
    assert "SOLUTION" not in text and not any(cell.get("outputs") for cell in new.cells)
    for cell in old.cells:
        for block in re.findall(r"BEGIN SOLUTION\n(.*?)\n[^\n]*END SOLUTION", cell.source, re.S):
            lines = [line.strip() for line in block.split("\n") if "STUB" not in line]
            assert not [line for line in lines if len(line) > 25 and line in text]


@pytest.mark.parametrize("homework", SETS)
def test_unsolved_notebook_runs_to_the_end_and_strict_mode_tells(homework, monkeypatch, capsys):
    cells = build.code_cells(build.STUDENTS / solution(homework)[0].name)
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    for strict in ("0", "1"):
        monkeypatch.setenv("CV_HOMEWORK_STRICT", strict)
        errors = []
        run_cells(cells, fresh_namespace(), report=lambda *m, e=errors: m[0] == "error" and e.append(m[2]))
        wanted = [f"Unsolved: {name}: not attempted" for name in exercises(homework)] if strict == "1" else []
        assert errors == wanted
    assert capsys.readouterr().out.count(NOT_ATTEMPTED) == 2 * len(exercises(homework))


def test_a_numpy_homework_imports_neither_tensorflow_nor_notebook_packages():
    code = (
        "import sys, cvhelpers.homework.hw1 as hw\n"
        "hw.q1.check(lambda size, kernel, stride=1, padding=0: 0)\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} - set(sys.stdlib_module_names) - {'numpy', 'cvhelpers', "
        "'__main__'}"
        "& {'tensorflow', 'keras', 'matplotlib', 'nbformat', 'IPython', 'scipy', 'skimage', 'mlxtend'}))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.endswith("[]\n")


# Building ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["# BEGIN SOLUTION\n# BEGIN SOLUTION\n# END SOLUTION", "# END SOLUTION", "# BEGIN SOLUTION\n1"]
)
def test_bad_markers_raise_and_name_the_cell(text):
    with pytest.raises(ValueError, match="q1-answer"):
        build.strip_source(text, "q1-answer")


def test_stub_lines_keep_the_indent():
    text = "if True:\n    # BEGIN SOLUTION\n    # STUB: model = ...\n    model = 3\n    # END SOLUTION"
    assert build.strip_source(text) == "if True:\n    # TODO: your code here\n    model = ..."


def test_targets_move_into_the_text_and_teacher_cells_go():
    import nbformat.v4 as v4

    picture = v4.new_output("display_data", {"image/png": "AAAA"})
    cells = [
        v4.new_markdown_cell("task", id="q1"),
        v4.new_code_cell("x", id="q1-target", metadata={"tags": ["target"], "alt": "A map."}, outputs=[picture]),
        v4.new_markdown_cell("why", id="q1-why", metadata={"tags": ["solution"]}),
    ]
    student = build.student_notebook(v4.new_notebook(cells=cells))
    assert [cell.id for cell in student.cells] == ["q1"]
    assert student.cells[0].source == "task\n\n![A map.](attachment:q1-target.png)"
    assert student.cells[0].attachments == {"q1-target.png": {"image/png": "AAAA"}}


def test_tables_differ_by_values_and_words_but_not_by_rounding():
    table = {"q1": {"want": [1.0, encode(np.ones(2), 8)], "mistakes": [{"says": "a", "got": [None, {"value": 2.0}]}]}}
    text = json.dumps(table)
    assert build.same_table(table, json.loads(text.replace("2.0", "2.0000001")))
    assert not build.same_table(table, json.loads(text.replace("2.0", "2.1")))
    assert not build.same_table(table, json.loads(text.replace('"a"', '"b"')))


def test_packed_course_has_no_solution_and_runs_hw1_with_numpy_alone(tmp_path, capsys):
    out = tmp_path / "student"
    build.pack(out)
    assert "no solutions" in capsys.readouterr().out
    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert "notebooks/homework/hw1_components.ipynb" in files and "cvhelpers/homework/hw1.json" in files
    assert not [name for name in files if "solutions" in name or "mistakes" in name or name.startswith("tests")]
    # Only NumPy, the standard library and the packed course can be imported: everything else is refused.
    code = (
        "import json, sys, numpy, os; os.chdir(sys.argv[1])\n"
        "allowed = {'numpy', 'cvhelpers'} | set(sys.stdlib_module_names)\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] not in allowed: raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Refuse())\n"
        "sys.path[:] = [p for p in sys.path if not p.endswith('main')]\n"
        "cells = json.load(open('hw1_components.ipynb', encoding='utf-8'))['cells']\n"
        "space = {'__name__': '__main__'}\n"
        "for cell in cells:\n"
        "    if cell['cell_type'] == 'code': exec(''.join(cell['source']), space)\n"
        "import cvhelpers; print(cvhelpers.__file__)\n"
    )
    result = subprocess.run(
        [sys.executable, "-I", "-c", code, str(out / "notebooks/homework")], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.count(NOT_ATTEMPTED) == 9 and result.stdout.endswith(f"{out / 'cvhelpers/__init__.py'}\n")
