"""Homework whose check trains a network: each mistake gets its own diagnosis. Apart from the rest: it takes long."""

import pytest
from test_homework import SETS, diagnosis, solution, trains

from cvhelpers.homework import NOT_YET, exercises

TRAINED = [(homework, name) for homework in SETS for name, question in exercises(homework).items() if trains(question)]


@pytest.mark.parametrize("homework, name", TRAINED)
def test_each_mistake_gets_its_own_diagnosis(homework, name):
    question, (_, _, known) = exercises(homework)[name], solution(homework)
    for variant, answer, says in known[name]:
        if says is not None:  # the solution notebook's own test runs the right answers
            state, message = question.verdict(answer)
            assert (state, diagnosis(message)) == (NOT_YET, says), f"{variant}: {message}"
