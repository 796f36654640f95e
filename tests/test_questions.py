"""*Check yourself*: every question has one right option, wrong ones lead back to a section, numbers are computed."""

import importlib.util
import pathlib
import re

import nbformat
import pytest

from cvhelpers.course import refresh

FOLDER = pathlib.Path(__file__).parent / "questions"
LESSONS = refresh.lessons()
QUESTION = re.compile(r"(?ms)^\*\*(\d+)\.\*\* (.*?)(?=^\*\*\d+\.\*\* |\Z)")
OPTION = re.compile(r"(?s)<details>\s*<summary>(.*?)</summary>\s*(.*?)\s*</details>")
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
every_lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


def read(path):
    """Headings of a lesson, and its questions: {number: [(option, comment), …]}."""
    notebook = nbformat.read(path, 4)
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    headings = {title.strip() for title in re.findall(r"(?m)^#{1,3} (.+)$", text)}
    cell = next((cell for cell in notebook.cells if cell.id == "check-yourself"), None)
    assert cell is not None, "the lesson has no cell check-yourself"
    assert cell.source.startswith("## Check yourself")
    return headings, {int(number): OPTION.findall(body) for number, body in QUESTION.findall(cell.source)}


def answers(path):
    """The computed answers of a lesson: {number: function}."""
    file = FOLDER / f"q{path.stem[:2]}.py"
    if not file.exists():
        return {}
    spec = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.ANSWERS


def is_number(option):
    """Whether an option is a number, perhaps with a unit or a word behind it."""
    return re.match(r"\s*`?-?\d", option) is not None


@every_lesson
def test_a_lesson_asks_at_least_six_questions_each_with_one_right_option(path):
    _, questions = read(path)
    assert len(questions) >= 6 and list(questions) == list(range(1, len(questions) + 1))
    for number, options in questions.items():
        assert 2 <= len(options) <= 4, number
        kinds = [comment.partition(":")[0] for _, comment in options]
        assert sorted(set(kinds)) == ["No", "Right"] and kinds.count("Right") == 1, (number, kinds)


@every_lesson
def test_a_wrong_option_leads_back_to_a_section(path):
    headings, questions = read(path)
    for number, options in questions.items():
        for option, comment in options:
            if comment.startswith("No:"):
                named = set(re.findall(r"\*([^*]+)\*", comment))
                assert named & headings, f"question {number}, {option!r} names none of the lesson's sections"


@every_lesson
def test_the_right_option_is_not_always_at_the_same_place(path):
    _, questions = read(path)
    places = {[comment.startswith("Right") for _, comment in options].index(True) for options in questions.values()}
    assert len(places) > 1


@every_lesson
def test_numeric_answers_are_computed(path):
    _, questions = read(path)
    computed = answers(path)
    assert set(computed) <= set(questions)
    for number, options in questions.items():
        right = next(option for option, comment in options if comment.startswith("Right"))
        if is_number(right):
            assert number in computed, f"question {number}: put its answer into tests/questions/q{path.stem[:2]}.py"
        if number in computed:
            value = computed[number]()
            of = {option: [float(n.replace(",", "")) for n in NUMBER.findall(option)] for option, _ in options}
            # As precise as the option is written: 0.67 stands for two thirds.
            exact = {option: [n for n in numbers if abs(n - value) <= 0.5 * 10 ** -_places(option)]
                     for option, numbers in of.items()}  # fmt: skip
            assert exact[right], f"question {number}: {value} does not stand in {right!r}"
            others = [option for option in of if option != right and exact[option]]
            assert not others, f"question {number}: {value} also stands in {others}"


def _places(option):
    """Digits behind the point of the longest number of an option; whole numbers must be exact."""
    behind = [len(n.partition(".")[2]) for n in NUMBER.findall(option)]
    return max(behind, default=0) or 9
