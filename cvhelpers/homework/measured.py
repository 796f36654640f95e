"""Open exercises: there are many right ways, and what an answer gives is measured.

A :class:`Measured` exercise has two halves. ``material`` makes what the answer gets and, apart from it, the truth;
``score`` compares what came back with the truth. Grading runs the answer in a process of its own that never sees the
truth, nor the random numbers that the material was made with, and scores outside of it.
"""

import functools

from . import NOT_ATTEMPTED, NOT_YET, RIGHT, Exercise
from .causes import raised
from .compare import describe


class Measured(Exercise):
    """An exercise without a table of answers.

    Args:
        name, target, points, hints, run, seconds: as for :class:`~cvhelpers.homework.Exercise`. ``run(answer, *args)``
            returns what came out, raw: predictions, never a score.
        material: function of a NumPy generator, or of None for what the check at home uses, that returns a list of
            :class:`~cvhelpers.homework.Case` (what the answer gets) and the truth, anything.
        score: function of the list of values that came back (one for each case, plain data) and the truth, that returns
            a dict of measured numbers. Raises ValueError in words for the student when something has the wrong shape.
        limits: dict from the name of a measured number to (lowest, highest), None for no limit.
        shares: dict from a share of the points to the limits that earn it when ``limits`` are missed; none by default.
        advice: function of the measured dict that returns a diagnosis or None.
    """

    def __init__(self, name, target, points, hints, *, material, score, limits, shares=None, advice=None, run=None,
                 seconds=0):  # fmt: skip
        super().__init__(name, target, points, hints, [], run=run, may_change=True, seconds=seconds)
        del self.cases  # made when first asked for
        self.material, self.score, self.limits, self.advice = material, score, limits, advice
        self.shares = shares or {}

    @functools.cached_property
    def _home(self):
        """Cases and truth of the check at home."""
        return self.material(None)

    @functools.cached_property
    def cases(self):
        """What the answer gets at home."""
        return self._home[0]

    def answers(self):
        """The truth in the place of a table of answers; known mistakes are in ``advice``."""
        return self._home[1], []

    def measure(self, outcomes, truth):
        """The measured numbers of outcomes. Raises ValueError in words when nothing can be measured."""
        if error := next((outcome.error for outcome in outcomes if outcome.error), None):
            raise ValueError(error)
        try:
            return self.score([outcome.value for outcome in outcomes], truth)
        except (TypeError, KeyError, IndexError, AttributeError) as error:  # of a shape that nobody thought of
            got = describe(outcomes[0].value) if outcomes else "nothing"
            raise ValueError(f"what came back cannot be measured ({type(error).__name__}): {got}") from error

    def share(self, measured):
        """Share of the points that measured numbers earn, 0 to 1."""
        if within(measured, self.limits):
            return 1
        return max((share for share, limits in self.shares.items() if within(measured, limits)), default=0)

    def judge(self, outcomes, wants, mistakes=(), cases=None):
        """State and message; ``wants`` is the truth that belongs to the cases."""
        if any(outcome.todo for outcome in outcomes):
            return NOT_ATTEMPTED, f"write `{self.target}`, then run this cell again."
        error = next((outcome.error for outcome in outcomes if outcome.error), None)
        try:
            measured = self.measure(outcomes, wants)
        except ValueError as problem:  # of the student's function, or in words about what it returns
            said = raised(error, self.target) if error else problem
            lines = [f"  raised      {error}"] * bool(error) + [f"  diagnosis   {said}"] * bool(said)
            return NOT_YET, "\n".join([self.target, *lines])
        if within(measured, self.limits):
            return RIGHT, "; ".join(f"{name} {_words(limit)}" for name, limit in self.limits.items()) + "."
        lines = []
        for name, limit in self.limits.items():
            value = measured[name]
            shown = f"{value:,}" if isinstance(value, int) else f"{value:.3f}"
            fine = within(measured, {name: limit})
            lines.append(f"  {name:<12}{shown}" + ("" if fine else f", wanted {_words(limit)}"))
        if share := self.share(measured):
            lines.append(f"  earns       {share * self.points:g} of {self.points} points")
        diagnosis = self.advice(measured) if self.advice else None
        return NOT_YET, "\n".join([self.target, *lines, *([f"  diagnosis   {diagnosis}"] if diagnosis else [])])


def check_model(model):
    """Raise TypeError in words for the student unless this is something that predicts."""
    if not hasattr(model, "predict"):
        raise TypeError(f"return the trained Keras model, not {type(model).__name__}")


def with_accuracy(value, truth, classes):
    """What a trained classifier gave back, and the share of its scores (n, classes) that name the true class."""
    scores = value["scores"]
    if scores.shape != (len(truth), classes):
        raise ValueError(f"for {len(truth)} images the network gives {scores.shape}, wanted ({len(truth)}, {classes})")
    return {**value, "accuracy": float((scores.argmax(-1) == truth).mean())}


def within(measured, limits):
    """Whether all measured numbers keep their limits; NaN keeps none.

    >>> within({"accuracy": 0.9}, {"accuracy": (0.8, None)}), within({"accuracy": float("nan")}, {"accuracy": (0, 1)})
    (True, False)
    """
    return all(
        measured[name] == measured[name]
        and (lowest is None or measured[name] >= lowest)
        and (highest is None or measured[name] <= highest)
        for name, (lowest, highest) in limits.items()
    )


def _words(limits):
    """A limit in words.

    >>> _words((0.97, None))
    'at least 0.97'
    """
    words = zip(("at least", "at most"), limits)
    return " and ".join(f"{word} {limit:,}" for word, limit in words if limit is not None)
