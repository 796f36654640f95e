"""Does a check say why an answer is wrong? A set of wrong answers that was written before anybody looked at what the
checks say about them.

``wrong_answers.txt`` holds them: the exercise, the words that a right diagnosis has, and the code. A diagnosis without
any of these words counts as misleading. Those that begin with ``#?`` were kept aside while the causes and the known
mistakes were improved. The others were looked at, so their rate is what has been reached, not what students will see:
of those added last, 151 common and 52 rarer mistakes, 67 % and 42 % had a right diagnosis when they were written.
"""

import collections
import functools
import pathlib
import re

import numpy as np
import pytest

from cvhelpers.homework import RIGHT, build, exercises

pytestmark = pytest.mark.skipif(not build.solution_notebooks(), reason="the solutions are kept elsewhere")

TABLE = pathlib.Path(__file__).with_name("wrong_answers.txt")


def entries():
    """Exercise, words and code of each wrong answer, and whether it is one of those kept aside."""
    parts = re.split(r"(?m)^#([:?]) ", TABLE.read_text("utf-8"))[1:]
    for mark, part in zip(parts[::2], parts[1::2]):
        head, _, source = part.partition("\n")
        exercise, _, words = head.partition(" | ")
        yield exercise, words, source, mark == "?"


@functools.cache
def namespace(homework):
    """What a student has when an answer is written: the right answers to all other exercises."""
    names = {"np": np}
    if homework in ("hw2", "hw3", "hw4"):
        from cvhelpers._quiet import keras

        names["keras"] = keras
    solved = build.solved(build.solution_notebooks([homework])[0])
    return names | {question.target: solved[name] for name, question in exercises(homework).items()}


def said(exercise, source):
    """State and diagnosis of an answer."""
    homework, name = exercise.split(".")
    question, names = exercises(homework)[name], dict(namespace(homework))
    exec(source, names)
    state, message = question.verdict(names[question.target])
    return state, (re.findall(r"(?m)^  diagnosis +(.*)$", message) or [None])[0]


@functools.cache
def verdicts():
    """For each entry: exercise, words, state, diagnosis, whether it was kept aside."""
    return [(exercise, words, *said(exercise, source), aside) for exercise, words, source, aside in entries()]


def rates(results):
    """Shares of right, misleading and no diagnoses."""
    kinds = collections.Counter(
        "none" if not text else "right" if re.search(words, text, re.IGNORECASE) else "misleading"
        for _, words, _, text, _ in results
    )
    return {kind: kinds[kind] / len(results) for kind in ("right", "misleading", "none")}


def test_the_set_is_large_and_every_answer_is_refused():
    assert len(verdicts()) >= 400
    assert not [(exercise, words) for exercise, words, state, _, _ in verdicts() if state == RIGHT]


@pytest.mark.parametrize("aside", [False, True])
def test_most_diagnoses_are_right_and_hardly_any_misleads(aside, record_property):
    shares = rates([result for result in verdicts() if result[-1] is aside])
    record_property("rates", shares)
    print({kind: f"{share:.1%}" for kind, share in shares.items()})
    assert shares["right"] >= 0.6 and shares["misleading"] <= 0.05


def test_the_rates_can_fail():
    results = [("q", "padding", "not yet", text, False) for text in ("the padding is late", "the stride", None, None)]
    assert rates(results) == {"right": 0.25, "misleading": 0.25, "none": 0.5}
