"""Homework that checks itself: ``q3.check(my_function)`` says what is right, what is not, and the likely mistake.

For students::

    from cvhelpers.homework.hw1 import q1
    q1.check(my_function)      # not attempted, not yet, or right
    q1.hint()                  # one hint more at each call

For authors. A homework is four files, and three of them are written by hand:

1. ``notebooks/homework/solutions/hw1_components.ipynb``: the notebook with solutions;
2. ``notebooks/homework/solutions/hw1_mistakes.py``: known mistakes and other right answers, one function each. The
   docstring of ``q1_wrong_one_side`` is the diagnosis that the student reads; ``q1_right_loops`` must pass;
3. ``cvhelpers/homework/hw1.py``: for each exercise an :class:`Exercise` with its cases (inputs only) and its hints;
4. ``cvhelpers/homework/hw1.json``: what the solution and each known mistake return on each case. Made by
   ``python -m cvhelpers.homework build hw1``, with the student's notebook. So a student's computer has the answers to
   a few small cases, and no solution; grading adds fresh cases whose answers it takes from the solution notebook.

With ``CV_HOMEWORK_STRICT=1`` a check raises :class:`Unsolved` unless the answer is right: that is how tests read it.
"""

import base64
import copy
import functools
import inspect
import json
import os
import pathlib
import re

import numpy as np

from .causes import explain, pattern
from .compare import Unknown, as_array, decode, describe, describe_kind, difference, first_difference, plain

FOLDER = pathlib.Path(__file__).resolve().parent
RIGHT, NOT_YET, NOT_ATTEMPTED = "right", "not yet", "not attempted"
_CHANCE = "The same arguments give another result at each call: is something drawn at random, or a weight never set?"
_MARKS = {RIGHT: "✅", NOT_YET: "🔸", NOT_ATTEMPTED: "⬜"}


class Unsolved(AssertionError):
    """An answer is not right yet; raised by ``check`` in strict mode only."""


class Case:
    """One call of the student's function: ``Case(7, 3, stride=2)`` is ``function(7, 3, stride=2)``.

    >>> Case(7, np.ones((2, 9)), stride=2).call("size")
    'size(7, <float64 array of shape (2, 9)>, stride=2)'
    """

    def __init__(self, *args, **kwargs):
        self.args, self.kwargs = args, kwargs

    def call(self, name):
        """The call as text, long arrays by their shape."""
        named = [f"{key}={_short(value)}" for key, value in self.kwargs.items()]
        return f"{name}({', '.join([*map(_short, self.args), *named])})"

    def copy(self):
        """Arguments of their own, which the student's function may write into."""
        return copy.deepcopy((self.args, self.kwargs))

    def size(self):
        """How many numbers the array arguments hold: the smallest failing case is shown."""
        return sum(np.size(value) for value in (*self.args, *self.kwargs.values()) if isinstance(value, np.ndarray))


def _short(value):
    value = value if isinstance(value, tuple) else plain(value)
    if not isinstance(value, np.ndarray):
        text = repr(value)
        return text if len(text) <= 60 else text[:50] + " …"
    if value.size <= 16:
        return " ".join(np.array2string(value, separator=", ", precision=4).split())
    return f"<{value.dtype} array of shape {value.shape}>"


class Outcome:
    """What one case gave: a value, an error, a changed argument, or nothing yet."""

    def __init__(self, value=None, error=None, todo=False, changed=None):
        self.value, self.error, self.todo, self.changed = value, error, todo, changed


class Exercise:
    """One exercise: its cases, hints and points. Authors make it, students call ``check`` and ``hint``.

    Args:
        name: homework and question, ``"hw1.q2"``.
        target: the name that the student defines.
        points: what a right answer is worth.
        hints: texts, from a nudge to nearly everything; at least two.
        cases: list of :class:`Case`, small ones of every kind of shape; None when the answer is no function but a
            value (number, array, dict, model), which is then never shown.
        fresh: function of a NumPy generator that gives more cases, for grading only.
        summarise: turns what the function returned into plain data, for example a Keras model into a dict.
        run: calls the answer instead: ``run(answer, *args, **kwargs)`` returns plain data; for layers, for functions
            that draw random numbers, and for measured exercises.
        tolerance: relative tolerance of numbers.
        absolute: absolute tolerance, in addition.
        dtype: whether the dtype of arrays counts too.
        empty_shape: whether an empty answer needs the exact shape; otherwise an empty list stands for no boxes.
        may_change: whether the function may change its arguments.
        show: whether a message shows what was wanted.
        partial: whether a part of the cases earns a part of the points in grading.
        seconds: how long grading waits at least for this question, when the answer trains a network.
    """

    limits = None  # of open exercises: see :mod:`.measured`

    def __init__(self, name, target, points, hints, cases=None, *, fresh=None, summarise=None, run=None, tolerance=1e-4,
                 absolute=0.0, dtype=False, empty_shape=False, may_change=False, show=None,
                 partial=False, seconds=0):  # fmt: skip
        self.homework, self.name = name.split(".")
        self.target, self.points, self.hints, self.fresh = target, points, list(hints), fresh
        self.is_value = cases is None
        self.cases = [Case()] if cases is None else list(cases)
        self.summarise, self.run = summarise, run
        self.accuracy = dict(tolerance=tolerance, absolute=absolute, dtype=dtype, empty_shape=empty_shape)
        self.may_change, self.partial, self.seconds = may_change, partial, seconds
        self.show = (not self.is_value) if show is None else show
        self.hints_given = 0

    # What the student calls ------------------------------------------------------------------------------------------

    def check(self, answer=...):
        """Say whether the answer is right and, if not, where it first fails and why. Never raises in class."""
        try:
            state, message = self.verdict(answer)
        except Exception as error:
            state, message = NOT_YET, f"the check could not judge this answer ({_error_text(error)})"
        print(f"{_MARKS[state]} {self.name} {state}: {message}")
        if state == NOT_YET:
            print(f"  stuck?      {self.name}.hint()")
        if state != RIGHT and os.environ.get("CV_HOMEWORK_STRICT", "0") not in ("", "0"):
            raise Unsolved(f"{self.name}: {state}")

    def hint(self):
        """Print the next hint; the last one again when there is no other."""
        self.hints_given = min(self.hints_given + 1, len(self.hints))
        print(f"💡 {self.name}, hint {self.hints_given} of {len(self.hints)}: {self.hints[self.hints_given - 1]}")

    # How it is judged ------------------------------------------------------------------------------------------------

    def verdict(self, answer):
        """State and message for an answer, on the cases that come with the course."""
        if answer is ... or answer is None:
            return NOT_ATTEMPTED, f"write `{self.target}`, then run this cell again."
        if not self.is_value and not callable(answer):
            kind = plain(answer)
            return NOT_YET, f"give the function itself, `{self.name}.check({self.target})`: this is {describe(kind)}."
        outcomes = []
        for case in self.cases:
            outcomes.append(attempt(self, answer, case))
            if outcomes[-1].todo:
                break
        state, message = self.judge(outcomes, *self.answers())
        if state == NOT_YET and not (self.run or self.is_value) and self._by_chance(answer, outcomes[0]):
            message = re.sub(r"\n  diagnosis .*", "", message) + f"\n  diagnosis   {_CHANCE}"
        return state, message

    def _by_chance(self, answer, outcome):
        """Whether a second call with the same arguments gives other numbers."""
        values = outcome.value if isinstance(outcome.value, list) else [outcome.value]
        kinds = [getattr(as_array(value), "dtype", np.dtype("O")).kind for value in values]
        if outcome.error or not all(kind in "biuf" for kind in kinds):
            return False
        again = attempt(self, answer, self.cases[0])
        return bool(again.error or difference(again.value, outcome.value, **self.accuracy))

    def answers(self):
        """What the solution returns on each case, and the known mistakes; from the table beside the module."""
        table = _table(self.homework).get(self.name)
        if table is None or len(table["want"]) != len(self.cases):
            raise LookupError(f"{self.homework}.json is stale: run python -m cvhelpers.homework build {self.homework}")
        return [decode(want) for want in table["want"]], table["mistakes"]

    def judge(self, outcomes, wants, mistakes, cases=None):
        """State and message from the outcomes of the cases; grading calls this with more cases than the check has."""
        cases = cases or self.cases
        if any(outcome.todo for outcome in outcomes):
            return NOT_ATTEMPTED, f"write `{self.target}`, then run this cell again."
        failing = [i for i, outcome in enumerate(outcomes) if self._wrong(outcome, wants[i])]
        if not failing:
            count = len(cases)
            return RIGHT, "well done." if count == 1 else f"all {count} cases agree."
        first = min(failing, key=lambda i: (cases[i].size(), i))
        outcome, want = outcomes[first], wants[first]
        lines = ["" if self.is_value else cases[first].call(self.target)]
        diagnosis = explain(outcomes, wants, mistakes, self)
        found = None if outcome.error else first_difference(outcome.value, want, **self.accuracy, show=self.show)
        if outcome.error:
            lines.append(f"  raised      {outcome.error}")
        elif not found:
            lines.append("  difference  the value is right, but the function changes its argument")
            diagnosis = f"`{outcome.changed}` is not yours to write into: work on a copy."
        else:
            where, text, got, wanted = found
            place = ": ".join([*where, ""])
            if self.show:
                lines.append(f"  expected    {place}{describe(wanted)}")
            lines.append(f"  got         {place}{describe(got)}")
            lines.append(f"  difference  {place}{text}")
        if diagnosis:
            lines.append(f"  diagnosis   {diagnosis}")
        if len(cases) > 1:
            which = pattern(cases, failing)
            lines.append(
                f"  cases       {len(cases) - len(failing)} of {len(cases)} agree{f'; {which}' if which else '.'}"
            )
        return NOT_YET, "\n".join(lines)

    def _wrong(self, outcome, want):
        """Whether an outcome is not what was wanted."""
        changed = outcome.changed and not self.may_change
        return bool(outcome.error or changed or difference(outcome.value, want, **self.accuracy))


def attempt(exercise, answer, case):
    """Run an answer on one case; the arguments are copies. Returns an :class:`Outcome`, never raises."""
    args, kwargs = case.copy()
    try:
        if exercise.run:
            value = exercise.run(answer, *args, **kwargs)
        elif exercise.is_value:
            value = answer
        else:
            value = answer(*args, **kwargs)
        if exercise.summarise:
            value = exercise.summarise(value)
        value = plain(value)
        changed = None if exercise.run or exercise.may_change else _changed(case, args, kwargs, answer)
        return Outcome(_frozen(value), changed=changed)
    except NotImplementedError:
        return Outcome(todo=True)
    except (Exception, SystemExit) as error:
        return Outcome(error=_error_text(error))


def _frozen(value):
    """A copy that later calls cannot change; of an object that cannot be copied only its kind."""
    try:
        return copy.deepcopy(value)
    except Exception:
        return Unknown(describe_kind(value))


def _error_text(error):
    try:
        text = str(error)
    except Exception:
        text = ""
    return f"{type(error).__name__}: {' '.join(text.split())[:300]}"


def _changed(case, args, kwargs, answer):
    """Name of the first argument that the call has changed, or None."""
    before = [*case.args, *case.kwargs.values()]
    for i, (old, new) in enumerate(zip(before, [*args, *kwargs.values()])):
        if isinstance(old, (np.ndarray, list, dict)) and difference(new, old, tolerance=0) is not None:
            names = [*case.kwargs]
            if i >= len(case.args):
                return names[i - len(case.args)]
            try:
                return list(inspect.signature(answer).parameters)[i]
            except (TypeError, ValueError, IndexError):
                return f"argument {i + 1}"
    return None


@functools.cache
def _table(homework):
    path = FOLDER / f"{homework}.json"
    if not path.exists():
        return {}
    return {name: unseal(question) for name, question in json.loads(path.read_text("utf-8")).items()}


def seal(question):
    """Text that hides the answer of a value exercise from a casual look; it is no secret.

    >>> unseal(seal({"want": [5]}))
    {'want': [5]}
    """
    return base64.b64encode(json.dumps(question).encode()).decode()


def unseal(question):
    """The opposite of :func:`seal`; anything else stays as it is."""
    return json.loads(base64.b64decode(question)) if isinstance(question, str) else question


def exercises(homework):
    """The exercises of one homework, by name.

    >>> list(exercises("hw1"))[:2]
    ['q1', 'q2']
    """
    import importlib

    module = importlib.import_module(f"cvhelpers.homework.{homework}")
    found = {value.name: value for value in vars(module).values() if isinstance(value, Exercise)}
    return dict(sorted(found.items(), key=lambda item: int(item[0][1:])))
