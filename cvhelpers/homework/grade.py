"""Grade hand-ins: ``python -m cvhelpers.homework grade handins -o grades.csv``.

Each hand-in runs in a confined process and a temporary folder of its own; it gets the inputs of the exercises, never an
answer. What its functions return comes back as JSON and is judged here. A process that hangs or dies is replaced by a
new one that leaves out the deadly cell or question. ``grade merge`` puts the results of shards together.
"""

import argparse
import concurrent.futures
import contextlib
import pathlib
import signal
import sys
import tempfile
import threading
import time

from . import FOLDER, exercises
from .build import SOLUTIONS
from .class_report import write_page
from .handins import homework_of, read_handin
from .judging import Grader
from .roster import collect, read_roster, unpack
from .runner import Limits
from .similarity import write_pairs
from .store import Store, fingerprint, merge, write_reports, write_table


def beside(out, end):
    """A file or folder beside the table: ``grades.csv`` and ``_reports`` give ``grades_reports``."""
    return out.with_name(out.stem + end)


def shard_of(name, count):
    """Number of the shard of a hand-in, from 1: the same on every machine.

    >>> shard_of("ada.ipynb", 4) in (1, 2, 3, 4)
    True
    """
    return int(fingerprint(name), 16) % count + 1


def _shard(text):
    number, _, count = text.partition("/")
    if not (number.isdigit() and count.isdigit() and 1 <= int(number) <= int(count)):
        raise argparse.ArgumentTypeError(f"{text!r}: wanted for instance 3/10")
    return int(number), int(count)


def parser():
    """The command's options."""
    made = argparse.ArgumentParser(prog="python -m cvhelpers.homework grade", description=__doc__.split("\n")[0])
    made.add_argument("folder", type=pathlib.Path, help="folder or zip of hand-ins, any names, any depth")
    made.add_argument("-o", "--out", type=pathlib.Path, default=pathlib.Path("grades.csv"), help="the table to write")
    made.add_argument("--homework", help="for instance hw1; seen from each hand-in when not given")
    made.add_argument("--questions", nargs="*", default=(), help="only these, for instance q1 q2; the others stay")
    made.add_argument("--again", action="store_true", help="grade what was graded once more")
    made.add_argument("--solutions", type=pathlib.Path, default=SOLUTIONS, help="folder of the solution notebooks")
    made.add_argument("--roster", type=pathlib.Path, help="CSV with name, id and e-mail of the class")
    made.add_argument("--attempt", choices=("last", "best"), default="last", help="which of several hand-ins counts")
    made.add_argument("--separator", default=",", help="of the table; Excel in German or French wants ';'")
    made.add_argument("--seed", type=int, help="of the fresh cases; chosen at random and printed when not given")
    made.add_argument("--shard", type=_shard, help="for instance 3/10: only this part of the hand-ins; needs --seed")
    made.add_argument("--workers", type=int, default=2, help="how many hand-ins at once")
    made.add_argument("--cell-limit", type=float, default=60, help="seconds for one cell")
    made.add_argument("--question-limit", type=float, default=20, help="seconds for one question, all its cases")
    made.add_argument("--total-limit", type=float, default=600, help="seconds for one hand-in")
    made.add_argument("--memory", type=float, default=4, help="GiB for one hand-in; 12 where TensorFlow is needed")
    made.add_argument("--disk", type=float, default=200, help="MiB that one hand-in may write")
    made.add_argument("--trust-handins", action="store_true", help="run without protection where there is none")
    return made


def check_options(options):
    """Refuse what cannot be meant, in words.

    Raises:
        SystemExit: a folder, homework or question is not there.
    """
    if not options.folder.exists():
        raise SystemExit(f"{options.folder} is not there: name the folder or zip that holds the hand-ins")
    if not options.out.parent.is_dir():
        raise SystemExit(f"{options.out.parent} is not there: make this folder first, the table goes there")
    known = sorted(path.stem for path in FOLDER.glob("hw[0-9].py"))
    if options.homework and options.homework not in known:
        raise SystemExit(f"there is no homework {options.homework!r}: wanted one of {', '.join(known)}")
    names = {name for homework in ([options.homework] if options.homework else known) for name in exercises(homework)}
    if wrong := sorted(set(options.questions) - names):
        raise SystemExit(f"there is no question {wrong[0]!r}: wanted some of {', '.join(sorted(names))}")
    if not options.solutions.is_dir():
        raise SystemExit(f"{options.solutions} is not there: name the folder of the solution notebooks")
    if options.shard and options.seed is None:
        raise SystemExit("all shards need the same --seed: name one, for instance --seed 20250131")


SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


def _interrupt(number, frame):
    for other in SIGNALS:  # one is enough: another would break off the stopping
        signal.signal(other, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextlib.contextmanager
def ends_as_by_ctrl_c():
    """Inside, SIGTERM (a scheduler's) and SIGHUP (a closed terminal's) are Ctrl-C; only where signals can be set.

    What is ignored stays ignored: ``nohup`` does that with SIGHUP.
    """
    here = threading.current_thread() is threading.main_thread()
    numbers = [number for number in SIGNALS if here and signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, _interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def main(arguments=None):
    arguments = sys.argv[1:] if arguments is None else [*map(str, arguments)]
    if arguments[:1] == ["merge"]:
        return merge_command(arguments[1:])
    options = parser().parse_args(arguments)
    check_options(options)
    if options.shard:
        options.out = beside(options.out, f"-{options.shard[0]}of{options.shard[1]}.csv")
    with ends_as_by_ctrl_c(), tempfile.TemporaryDirectory(prefix="cvhandins-") as space:
        try:
            return _grade(options, unpack(options.folder, pathlib.Path(space)))
        except KeyboardInterrupt:
            print("stopped; the same command goes on from here", flush=True)
            raise SystemExit(130) from None


def _grade(options, folder):
    """Grade the hand-ins of a folder and write everything; nothing runs and no folder is left when it ends."""
    limits = Limits(options.cell_limit, options.question_limit, options.total_limit, options.memory, options.disk)
    store = Store(beside(options.out, ".jsonl"), options.seed)
    closed = [folder, options.out.resolve()]
    grader = Grader(options.solutions, store.seed, limits, closed, options.questions, options.trust_handins)
    try:
        return _grade_with(grader, options, folder, limits, store)
    finally:
        grader.runner.stop()


def _grade_with(grader, options, folder, limits, store):
    """Grade what the options choose, and write the table and what lies beside it."""
    sources = [*FOLDER.glob("*.py"), *FOLDER.glob("*.json"), *options.solutions.glob("hw*.ipynb")]
    key = fingerprint(limits, options.homework, grader.runner.confined, *sorted(sources))
    own = {options.out.resolve(), store.path.resolve(), beside(options.out, "_reports").resolve()}
    handins = collect(folder, read_roster(options.roster) if options.roster else [], own)
    if options.shard:
        handins = [handin for handin in handins if shard_of(handin.student, options.shard[1]) == options.shard[0]]
    print(f"seed {store.seed}; protection: {grader.runner.isolation}; {len(handins)} files")
    for line in grader.runner.promises:
        print(f"  {line}")
    grade_all(grader, handins, options, store, key)
    store.forget({handin.name for handin in choose(handins, store, options.attempt)})
    finish(options.out, store, grader.runner.isolation, options.separator)
    write_pairs(beside(options.out, "_similar.csv"), {h.name: h.path for h in handins if h.name in store.entries})
    print(f"{options.out}: {len(store.entries)} rows; class page, reports and similar hand-ins beside it")
    return 0


def finish(out, store, protection, separator=","):
    """Write the table, the reports and the page of the class."""
    write_table(out, store, protection, separator)
    write_reports(beside(out, "_reports"), store)
    write_page(beside(out, "_class.html"), store, protection)


def choose(handins, store, which):
    """One hand-in of each student: the last one, or the one with most points."""
    chosen = {}
    for handin in handins:  # earlier attempts come first
        other = chosen.get(handin.student)
        points = store.entries[handin.name]["result"]["points"] if handin.name in store.entries else -1
        if other is None or which == "last" or points > store.entries[other.name]["result"]["points"]:
            chosen[handin.student] = handin
    return list(chosen.values())


def merge_command(arguments):
    """``grade merge grades-1of4.jsonl … -o grades.csv``: what the shards wrote, as one table."""
    made = argparse.ArgumentParser(prog="python -m cvhelpers.homework grade merge", description=merge_command.__doc__)
    made.add_argument("parts", nargs="+", type=pathlib.Path, help="the .jsonl files that the shards wrote")
    made.add_argument("-o", "--out", type=pathlib.Path, default=pathlib.Path("grades.csv"))
    made.add_argument("--separator", default=",")
    options = made.parse_args(arguments)
    store = merge([part.with_suffix(".jsonl") for part in options.parts], beside(options.out, ".jsonl"))
    finish(options.out, store, "see the shards", options.separator)
    print(f"{options.out}: {len(store.entries)} rows from {len(options.parts)} parts")
    return 0


def grade_all(grader, handins, options, store, key):
    """Grade what is not graded yet, several at once. Ctrl-C or SIGTERM stops; the next run goes on from there."""
    waiting = {}
    for handin in handins:
        sha = fingerprint(handin.path)
        if not options.again and not options.questions and store.current(handin.name, sha, key):
            continue
        waiting[handin] = sha
    done = len(handins) - len(waiting)
    if done:
        print(f"{done} of {len(handins)} were graded before")
    kinds = {options.homework} if options.homework else {homework_of(h.path, read_handin(h.path)[0]) for h in waiting}
    pool = concurrent.futures.ThreadPoolExecutor(max(1, options.workers))

    def timed(handin):
        start = time.monotonic()
        return grader.grade(handin.path, options.homework), time.monotonic() - start

    try:
        for homework in sorted(filter(None, kinds)):
            pool.submit(grader.reference, homework).result()  # the main thread starts nothing: signals interrupt it
        jobs = {pool.submit(timed, handin): handin for handin in waiting}
        for job in concurrent.futures.as_completed(jobs):
            (result, seconds), handin = job.result(), jobs[job]
            store.add(handin.name, waiting[handin], key, result, handin.who)
            done += 1
            points = f"{result['points']:g}/{result['of']:g} points"
            name = handin.name.encode("utf-8", "replace").decode()
            print(f"[{done}/{len(handins)}] {name}: {points}, {seconds:.1f} s", flush=True)
    except BaseException as error:
        pool.shutdown(wait=False, cancel_futures=True)
        grader.runner.stop()
        if not isinstance(error, KeyboardInterrupt):
            raise
        print(f"stopped: {done} of {len(handins)} are graded; the same command goes on from here", flush=True)
        raise SystemExit(130) from None
    pool.shutdown()


if __name__ == "__main__":
    sys.exit(main())
