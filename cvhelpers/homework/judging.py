"""From what a hand-in's functions returned to points: fresh cases, the reference's values, partial and follow-on
credit.

Everything here happens outside of the process of a hand-in.
"""

import copy
import functools
import pathlib

import numpy as np

from . import NOT_ATTEMPTED, NOT_YET, RIGHT, exercises
from .build import SOLUTIONS, code_cells, solution_notebooks
from .compare import difference
from .handins import builds_on, homework_of, read_handin, stand_in, uses_course
from .runner import Limits, Runner

SLACK = 0.01  # an open exercise's limit in grading: measured on other data than at home, so a little less will do


def fresh_cases(question, seed, position):
    """Cases of the course and fresh ones, and for an open exercise the truth, which never leaves this process.

    >>> from cvhelpers.homework.hw1 import q1
    >>> len(fresh_cases(q1, 1, 0)[0]) > len(fresh_cases(q1, None, 0)[0])
    True
    """
    rng = None if seed is None else np.random.default_rng([seed, position])
    if question.limits:
        return question.material(rng)
    return [*question.cases, *(question.fresh(rng) if rng and question.fresh else [])], None


class Grader:
    """Grades hand-ins of any homework against the solution notebooks, with the same fresh cases for everybody.

    Args:
        solutions: folder of the solution notebooks; when a notebook is missing only the course's own cases count.
        seed: of the fresh cases.
        limits: :class:`~cvhelpers.homework.runner.Limits` of time and memory.
        closed: folders and files that no hand-in may read.
        questions: names of the questions to grade; all when empty.
        trust: run hand-ins without protection where the machine gives none.
    """

    def __init__(self, solutions=SOLUTIONS, seed=0, limits=None, closed=(), questions=(), trust=False):
        self.solutions, self.seed = pathlib.Path(solutions), seed
        self.runner = Runner(limits or Limits(), trust, [self.solutions, *closed])
        self.only, self.references = set(questions), {}

    def questions(self, homework):
        """The exercises to grade, by name."""
        return {name: q for name, q in exercises(homework).items() if not self.only or name in self.only}

    @functools.cache  # noqa: B019  (a grader lives as long as the command)
    def reference(self, homework):
        """What a homework is judged with: questions, cases, wanted values, mistakes, cells of the solution.

        Raises:
            SystemExit: the solution notebook fails or differs from the table that students have.
        """
        paths = [path for path in solution_notebooks((), self.solutions) if path.name.startswith(homework + "_")]
        seed = self.seed if paths else None
        names, questions = list(exercises(homework)), self.questions(homework)
        made = {name: fresh_cases(q, seed, names.index(name)) for name, q in questions.items()}
        cases = {name: made[name][0] for name in questions}
        tables = {name: question.answers() for name, question in questions.items()}
        wants = {name: made[name][1] if questions[name].limits else tables[name][0] for name in questions}
        if not paths:
            return questions, cases, wants, {name: table[1] for name, table in tables.items()}, None
        cells = code_cells(paths[0])
        results, notes = self.runner.run(cells, homework, questions, cases)
        for name, question in questions.items():
            outcomes = max(results.get(name, [[]]), key=lambda some: sum(not o.error and not o.todo for o in some))
            problem = next((o.error or "not attempted" for o in outcomes if o.error or o.todo), None)
            if problem or len(outcomes) != len(cases[name]):
                raise SystemExit(f"{paths[0].name} does not solve {name} here: {problem or notes}")
            if question.limits:
                fresh = question.measure(outcomes, wants[name])
                questions[name] = moved(question, self._at_home(cells, question), fresh)
                continue
            for outcome, want in zip(outcomes, tables[name][0]):
                if reason := difference(outcome.value, want, **question.accuracy):
                    raise SystemExit(f"{homework}.json is stale ({name}: {reason}): build it again")
            wants[name] = [outcome.value for outcome in outcomes]
        return questions, cases, wants, {name: table[1] for name, table in tables.items()}, cells

    def _at_home(self, cells, question):
        """What the reference measures on the data of the check at home; None for what trains: that would take long."""
        if question.seconds:
            return None
        name = question.name
        results, _ = self.runner.run(cells, question.homework, {name: question}, {name: question.cases})
        return question.measure(results[name][-1], question.answers()[0])

    def grade(self, path, homework=None):
        """Grade one file; returns a dict with points, state and message of each question, and notes. Never raises."""
        result = {"homework": homework or "", "points": 0, "of": 0, "questions": {}, "notes": []}
        cells, problem = read_handin(path)
        homework = homework or (homework_of(path, cells) if cells else None)
        if homework is None:
            result["notes"] = [problem or "which homework this is cannot be seen"]
            return result
        result["homework"] = homework
        questions, cases, wants, mistakes, solution = self.reference(homework)
        results = {}
        if problem:
            result["notes"] = [problem]
        else:
            results, result["notes"] = self.runner.run(cells, homework, questions, cases)
        for name, question in questions.items():
            judge = functools.partial(verdict, question, wants=wants[name], mistakes=mistakes[name], cases=cases[name])
            tried = [judge(outcomes) for outcomes in results.get(name, [])]
            points, state, message = max(tried, key=_rank) if tried else (0, NOT_YET, "nothing came back.")
            result["questions"][name] = {"points": points, "of": question.points, "state": state, "message": message}
        if solution and not problem:
            self._follow_on(cells, result, questions, cases, wants, solution)
        result["notes"] += uses_course(cells, questions)
        return total(result)

    def _follow_on(self, cells, result, questions, cases, wants, solution):
        """Judge what builds on an earlier wrong answer once more, with the solution's function in its place.

        The process gets the functions that were wrong and no other part of the solution, so that it does not hold what
        it is asked for; and nothing but right or wrong comes back, so that no report tells the solution.
        """
        wrong, again = set(), {}
        for name, entry in result["questions"].items():
            if entry["state"] == NOT_YET and (used := builds_on(cells, questions[name].target, wrong)):
                again[name] = used
            if entry["state"] != RIGHT:
                wrong.add(questions[name].target)
        for name, used in again.items():
            only = {name: questions[name]}
            given = [stand_in(solution, used)], sorted(used)
            results, _ = self.runner.run(cells, result["homework"], only, cases, stand_ins=given)
            for outcomes in results.get(name, []):
                points, state, _ = verdict(only[name], outcomes, wants[name], [], cases[name])
                entry = result["questions"][name]
                if points > entry["points"]:
                    words = ", ".join(f"`{target}`" for target in sorted(used))
                    entry |= {"points": points, "state": f"{state} (follow-on)"}
                    entry["message"] += f"\n  credit      it builds on {words}; with a right one there it is {state}."


def verdict(question, outcomes, wants, mistakes, cases):
    """Points, state and message for the outcomes of one answer."""
    if not outcomes:
        return 0, NOT_YET, "nothing came back."
    if not any(o.todo or o.error for o in outcomes) and len(outcomes) != len(cases):
        return 0, NOT_YET, f"{len(outcomes)} of {len(cases)} cases came back."
    try:
        whole = bool(question.limits)
        upto = len(outcomes)
        some = (wants, cases) if whole else (wants[:upto], cases[:upto])
        state, message = question.judge(outcomes, some[0], mistakes, some[1])
        return question.points * _share(question, state, outcomes, wants, len(cases)), state, message
    except Exception as error:  # whatever a hand-in returned must not stop the grading of others
        return 0, NOT_YET, f"what came back cannot be compared ({type(error).__name__})."


def _share(question, state, outcomes, wants, count):
    """Share of the points: all, a part where an open exercise comes near, or the share of cases where that is fair."""
    if state == RIGHT:
        return 1
    if state == NOT_ATTEMPTED:
        return 0
    if question.limits:
        try:
            return question.share(question.measure(outcomes, wants))
        except ValueError:
            return 0
    if not question.partial or any(o.todo for o in outcomes):
        return 0
    agree = sum(not question._wrong(o, want) for o, want in zip(outcomes, wants))
    share = int(agree / count * 2 * question.points) / (2 * question.points)  # in steps of half a point
    return share if agree >= count / 2 else 0


def moved(question, home, fresh):
    """An open exercise whose limits are as hard on this fresh data as those at home: moved as the reference moved.

    Args:
        question: a :class:`~.measured.Measured`.
        home, fresh: what the reference measured on both; ``home`` is None for what trains, and nothing is moved then.

    Returns:
        a copy with lower limits of fractions lowered by what the reference lost, and by ``SLACK``.
    """
    question = copy.copy(question)

    def lower(limits):
        limits = dict(limits)
        for name, (low, high) in limits.items():
            if isinstance(low, float):
                lost = max(0.0, home[name] - fresh[name]) if home else 0.0
                limits[name] = round(low - lost - SLACK, 4), high
        return limits

    question.limits = lower(question.limits)
    question.shares = {share: lower(limits) for share, limits in question.shares.items()}
    return question


def _rank(judged):
    """Of several answers to one question the better one counts: by points, then by state."""
    return judged[0], {RIGHT: 2, NOT_YET: 1}.get(judged[1], 0)


def total(result):
    """The result with its sums."""
    result["points"] = sum(question["points"] for question in result["questions"].values())
    result["of"] = sum(question["of"] for question in result["questions"].values())
    return result
