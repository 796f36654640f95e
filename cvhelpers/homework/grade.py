"""Grade a folder of hand-ins: ``python -m cvhelpers.homework.grade handins/ -o grades.csv``.

Each hand-in runs in a process and a temporary folder of its own, with limits on time and memory; it gets the inputs of
the exercises, never an answer. What its functions return comes back as JSON and is compared here with what the solution
notebook returns. A process that hangs or dies is replaced by a new one that leaves out the deadly cell or question.
"""

import argparse
import concurrent.futures
import csv
import hashlib
import json
import pathlib
import secrets
import sys
import time

from . import FOLDER, NOT_YET, RIGHT, exercises
from .build import ROOT, SOLUTIONS, code_cells, solution_notebooks
from .compare import difference
from .handins import homework_of, read_handin
from .runner import Limits, Runner
from .sandbox import all_cases


class Grader:
    """Grades hand-ins of any homework against the solution notebooks, with the same fresh cases for everybody.

    Args:
        solutions: folder of the solution notebooks; when a notebook is missing only the course's own cases count.
        seed: of the fresh cases.
        limits: :class:`~cvhelpers.homework.runner.Limits` of time and memory.
        closed: folders and files that no hand-in may read.
        questions: names of the questions to grade; all when empty.
    """

    def __init__(self, solutions=SOLUTIONS, seed=0, limits=None, closed=(), questions=()):
        self.solutions, self.seed = pathlib.Path(solutions), seed
        hidden = [self.solutions, SOLUTIONS, ROOT / "tests", ROOT / ".git", *closed]
        self.runner = Runner(limits or Limits(), hidden)
        self.only, self.references = set(questions), {}

    def questions(self, homework):
        """The exercises to grade, by name."""
        return {name: q for name, q in exercises(homework).items() if not self.only or name in self.only}

    def reference(self, homework):
        """Cases and wanted values of each question, from the solution notebook; it must solve everything itself.

        Raises:
            SystemExit: the solution notebook fails or differs from the table that students have.
        """
        if homework in self.references:
            return self.references[homework]
        paths = [path for path in solution_notebooks((), self.solutions) if path.name.startswith(homework + "_")]
        seed = self.seed if paths else None
        questions, everything = self.questions(homework), list(exercises(homework))
        cases = {name: all_cases(q, seed, everything.index(name)) for name, q in questions.items()}
        tables = {name: question.answers() for name, question in questions.items()}
        wants = {name: table[0] for name, table in tables.items()}
        if paths:
            results, notes = self.runner.run(code_cells(paths[0]), homework, questions, seed)
            for name, question in questions.items():
                outcomes = results.get(name, [])
                problem = next((o.error or "not attempted" for o in outcomes if o.error or o.todo), None)
                if problem or len(outcomes) != len(cases[name]):
                    raise SystemExit(f"{paths[0].name} does not solve {name} here: {problem or notes}")
                if question.limits:
                    state, message = question.judge(outcomes, tables[name][0], [])
                    if state != RIGHT:
                        raise SystemExit(f"{paths[0].name} does not solve {name} here: {message}")
                    continue
                for outcome, want in zip(outcomes, tables[name][0]):
                    if reason := difference(outcome.value, want, **question.accuracy):
                        raise SystemExit(f"{homework}.json is stale ({name}: {reason}): build it again")
                wants[name] = [outcome.value for outcome in outcomes]
        self.references[homework] = cases, wants, {name: table[1] for name, table in tables.items()}, bool(paths)
        return self.references[homework]

    def grade(self, path, homework=None):
        """Grade one file; returns a dict with points, state and message of each question, and notes. Never raises."""
        result = {"homework": homework or "", "points": 0, "of": 0, "questions": {}, "notes": []}
        cells, problem = read_handin(path)
        homework = homework or (homework_of(path, cells) if cells else None)
        if homework is None:
            result["notes"] = [problem or "which homework this is cannot be seen"]
            return result
        questions = self.questions(homework)
        cases, wants, mistakes, _ = self.reference(homework)
        result.update(homework=homework, of=sum(question.points for question in questions.values()))
        if problem:
            results, result["notes"] = {}, [problem]
        else:
            seed = self.seed if self.reference(homework)[3] else None
            results, result["notes"] = self.runner.run(cells, homework, questions, seed)
        for name, question in questions.items():
            outcomes = results.get(name)
            if not outcomes:
                state, message = NOT_YET, "nothing came back."
            elif not any(o.todo or o.error for o in outcomes) and len(outcomes) != len(cases[name]):
                state, message = NOT_YET, f"{len(outcomes)} of {len(cases[name])} cases came back."
            else:
                try:
                    upto = len(outcomes)
                    state, message = question.judge(outcomes, wants[name][:upto], mistakes[name], cases[name][:upto])
                except Exception as error:
                    state, message = NOT_YET, f"what came back cannot be compared ({type(error).__name__})."
            points = question.points if state == RIGHT else 0
            result["questions"][name] = {"points": points, "of": question.points, "state": state, "message": message}
            result["points"] += points
        return result


# Results -------------------------------------------------------------------------------------------------------------


def short(question):
    """One line of feedback for the table: state, then diagnosis or difference."""
    lines = question["message"].split("\n")
    for word in ("diagnosis", "raised", "difference"):
        for line in lines:
            if line.startswith(f"  {word} "):
                return f"{question['state']}: {line[12:].strip()}"
    return question["state"] if question["state"] == RIGHT else f"{question['state']}: {lines[0]}"


def report(name, result):
    """Readable report of one hand-in, in Markdown."""
    lines = [f"# {name}", "", f"**{result['points']:g} of {result['of']:g} points** {result['homework']}", ""]
    if result["questions"]:
        lines += ["| question | points | state |", "|---|---|---|"]
        for key, question in result["questions"].items():
            lines.append(f"| {key} | {question['points']:g} of {question['of']:g} | {question['state']} |")
    for key, question in result["questions"].items():
        if question["state"] != RIGHT:
            lines += ["", f"## {key}", "", "```text", question["message"].replace("```", "'''"), "```"]
    if result["notes"]:
        lines += ["", "## Notes", "", *(f"- {note}" for note in result["notes"])]
    return "\n".join(lines) + "\n"


def safe(text):
    """Text for a cell of a table: no control characters, and nothing that a spreadsheet takes for a formula."""
    text = "".join(c if c.isprintable() else " " for c in str(text))
    return "'" + text if text[:1] in ("=", "+", "-", "@") else text


def write_table(path, results, seed):
    """Write the CSV: one row for each hand-in."""
    names = {name for result in results.values() for name in result["questions"]}
    names = sorted(names, key=lambda name: int(name[1:]))
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        head = [column for name in names for column in (name, f"{name}_feedback")]
        table.writerow(["file", "homework", "points", "of", *head, "notes", "seed"])
        for file_name, result in sorted(results.items()):
            row = [safe(file_name), result["homework"], f"{result['points']:g}", f"{result['of']:g}"]
            for name in names:
                question = result["questions"].get(name)
                row += [f"{question['points']:g}", safe(short(question))] if question else ["", ""]
            table.writerow([*row, safe("; ".join(result["notes"])), seed])


class Progress:
    """What is graded already, one line for each hand-in in a file beside the table, so that a run can be resumed."""

    def __init__(self, path, key, seed):
        self.path, self.done, self.seed = path, {}, seed
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        try:
            head = json.loads(lines[0])
        except (IndexError, ValueError):
            head = {}
        if head.get("key") == key and seed in (None, head["seed"]):
            self.seed = head["seed"]
            for line in lines[1:]:
                try:
                    entry = json.loads(line)
                    self.done[entry["file"], entry["sha"]] = entry["result"]
                except (ValueError, KeyError):
                    continue  # the line that the interrupt cut
        else:
            self.seed = secrets.randbelow(1_000_000) if seed is None else seed
        path.write_text(
            "\n".join([json.dumps({"key": key, "seed": self.seed}), *self._lines(self.done)]) + "\n", "utf-8"
        )

    @staticmethod
    def _lines(done):
        return [json.dumps({"file": file, "sha": sha, "result": result}) for (file, sha), result in done.items()]

    def add(self, file, sha, result):
        """Remember one result at once."""
        self.done[file, sha] = result
        with open(self.path, "a", encoding="utf-8") as handle:
            handle.write(self._lines({(file, sha): result})[0] + "\n")


def fingerprint(*parts):
    """Short digest of files and texts."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.read_bytes() if isinstance(part, pathlib.Path) else str(part).encode())
    return digest.hexdigest()[:16]


def find_handins(folder, out):
    """All files of a folder at any depth, hidden ones and the results of grading left out."""
    skip = {out.resolve(), progress_path(out).resolve()}
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden and path.resolve() not in skip and reports_path(out) not in path.parents:
            yield path


def progress_path(out):
    return out.with_name(out.stem + ".progress.jsonl")


def reports_path(out):
    return out.with_name(out.stem + "_reports")


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m cvhelpers.homework.grade", description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=pathlib.Path, help="folder of hand-ins, any names, any depth")
    parser.add_argument("-o", "--out", type=pathlib.Path, default=pathlib.Path("grades.csv"), help="the table to write")
    parser.add_argument("--homework", help="for instance hw1; seen from each hand-in when not given")
    parser.add_argument("--questions", nargs="*", default=(), help="only these, for instance q1 q2")
    parser.add_argument("--solutions", type=pathlib.Path, default=SOLUTIONS, help="folder of the solution notebooks")
    parser.add_argument("--seed", type=int, help="of the fresh cases; chosen and printed when not given")
    parser.add_argument("--workers", type=int, default=2, help="how many hand-ins at once")
    parser.add_argument("--cell-limit", type=float, default=60, help="seconds for one cell")
    parser.add_argument("--question-limit", type=float, default=20, help="seconds for one question, all its cases")
    parser.add_argument("--total-limit", type=float, default=600, help="seconds for one hand-in")
    parser.add_argument("--memory", type=float, default=4, help="GiB for one hand-in; 12 where TensorFlow is needed")
    options = parser.parse_args(arguments)
    if not options.folder.is_dir():
        raise SystemExit(f"{options.folder} is no folder: name the folder that holds the hand-ins")
    limits = Limits(options.cell_limit, options.question_limit, options.total_limit, options.memory)
    sources = [*FOLDER.glob("*.py"), *FOLDER.glob("*.json"), *options.solutions.glob("hw*.ipynb")]
    key = fingerprint(limits, options.homework, sorted(options.questions), *sorted(sources))
    progress = Progress(progress_path(options.out), key, options.seed)
    closed = [options.folder, options.out, reports_path(options.out), progress.path]
    grader = Grader(options.solutions, progress.seed, limits, closed, options.questions)
    files = list(find_handins(options.folder, options.out))
    print(f"seed {progress.seed}; isolation: {grader.runner.isolation}; {len(files)} files")
    results = grade_all(grader, files, options, progress)
    write_table(options.out, results, progress.seed)
    reports_path(options.out).mkdir(exist_ok=True)
    for name, result in results.items():
        (reports_path(options.out) / (name.replace("/", "__") + ".md")).write_text(report(name, result), "utf-8")
    progress.path.unlink()
    print(f"{options.out}: {len(results)} rows; reports in {reports_path(options.out)}")
    return 0


def grade_all(grader, files, options, progress):
    """Grade files, several at once; returns results by name. Ctrl-C stops; the next run goes on where this one was."""
    results, waiting = {}, {}
    for path in files:
        name = path.relative_to(options.folder).as_posix()
        mark = (name, fingerprint(path))
        if mark in progress.done:
            results[name] = progress.done[mark]
        else:
            waiting[path] = mark
    if results:
        print(f"{len(results)} of {len(files)} were graded before the interrupt")
    kinds = {options.homework} if options.homework else {homework_of(path, read_handin(path)[0]) for path in waiting}
    for homework in sorted(filter(None, kinds)):
        grader.reference(homework)
    pool = concurrent.futures.ThreadPoolExecutor(max(1, options.workers))

    def timed(path):
        start = time.monotonic()
        return grader.grade(path, options.homework), time.monotonic() - start

    try:
        jobs = {pool.submit(timed, path): mark for path, mark in waiting.items()}
        for job in concurrent.futures.as_completed(jobs):
            result, seconds = job.result()
            name, sha = jobs[job]
            results[name] = result
            progress.add(name, sha, result)
            points = f"{result['points']:g}/{result['of']:g} points"
            print(f"[{len(results)}/{len(files)}] {name}: {points}, {seconds:.1f} s", flush=True)
    except KeyboardInterrupt:
        pool.shutdown(wait=False, cancel_futures=True)
        grader.runner.stop()
        print(f"stopped: {len(results)} of {len(files)} are graded; the same command goes on from here", flush=True)
        raise SystemExit(130) from None
    pool.shutdown()
    grader.runner.stop()
    return results


if __name__ == "__main__":
    sys.exit(main())
