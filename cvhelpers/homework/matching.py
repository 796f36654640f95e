"""Wrong pictures and the bugs that made them: one sheet is judged at home, a second one in grading alone."""

from . import NOT_YET, RIGHT, Case, Exercise
from .compare import difference, plain


class Matching(Exercise):
    """An exercise whose answer is a dict from the letter of a picture to the number of its bug.

    Whoever tries all numbers at the check solves the sheet at home without looking. So there is a second sheet: other
    pictures, the same bugs. The check notes it; what is right there stands in the solution notebook only.

    Args:
        name, target, points, hints: as for :class:`~cvhelpers.homework.Exercise`.
        home, graded: letters of the pictures of the two sheets, each with one picture for each bug.
    """

    def __init__(self, name, target, points, hints, home="ABCDE", graded="FGHIJ"):
        super().__init__(name, target, points, hints, [Case(home)], fresh=lambda rng: [Case(one) for one in graded],
                         run=_pick, show=False, partial=True)  # fmt: skip
        self.is_value, self.home, self.graded = True, home, graded

    def verdict(self, answer):
        """State and message for an answer: the first sheet is judged, the second one only has to be complete."""
        state, message = super().verdict(answer)
        if state != RIGHT:
            return state, message
        try:
            noted = plain([*_pick(answer, self.graded).values()])
        except ValueError as error:
            return NOT_YET, f"{_words(self.home)} are right. {error}."
        if not all(sum(difference(one, k + 1) is None for one in noted) == 1 for k in range(len(noted))):
            return NOT_YET, f"{_words(self.home)} are right; {_words(self.graded)} want each number once."
        return RIGHT, f"{_words(self.home)} are right. {_words(self.graded)} are noted: grading judges them."

    def judge(self, outcomes, wants, mistakes, cases=None):
        """State and message, with the letters that are right already."""
        state, message = super().judge(outcomes, wants, mistakes, cases)
        if state == NOT_YET:
            values = [outcome.value if isinstance(outcome.value, dict) else {} for outcome in outcomes]
            pairs = [(key, value.get(key), want[key]) for value, want in zip(values, wants) for key in want]
            right = [key for key, got, want in pairs if difference(got, want) is None]
            message += f"\n  right       {', '.join(right) or 'none yet'}"
        return state, message


def _pick(answer, letters):
    """The numbers that an answer gives to these letters; raises ValueError when some have none."""
    if not isinstance(answer, dict):
        raise ValueError('give a dict, {"A": 1, "B": 2, …}')
    missing = [letter for letter in letters if letter not in answer]
    if missing:
        raise ValueError(f"{', '.join(missing)}: no number yet")
    return {letter: answer[letter] for letter in letters}


def _words(letters):
    """The first and the last letter in words.

    >>> _words("ABCDE")
    'A to E'
    """
    return f"{letters[0]} to {letters[-1]}"
