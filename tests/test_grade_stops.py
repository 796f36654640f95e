"""Grading that is interrupted, by a person, a scheduler or a closed terminal: nothing lives on, nothing is lost."""

import contextlib
import csv
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest
from test_grade import ALL, changed, pytestmark  # noqa: F401  (pytest reads the marks)

from cvhelpers.homework import build, grade, keeper


def hear_signals():
    """A test run in the background ignores Ctrl+C, one under nohup SIGHUP; its children would inherit that."""
    for number in grade.SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def run_grader(folder, *options, **settings):
    command = [
        sys.executable,
        "-m",
        "cvhelpers.homework.grade",
        str(folder / "in"),
        "-o",
        str(folder / "out.csv"),
        *options,
    ]
    if os.name == "posix":
        settings["preexec_fn"] = hear_signals
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=build.ROOT, **settings)


def test_an_interrupted_run_is_resumed_with_the_same_seed_and_the_same_result(tmp_path):
    (tmp_path / "in").mkdir()
    for k in range(8):
        (tmp_path / "in" / f"s{k}.ipynb").write_text(
            json.dumps(changed(last=f"import time\ntime.sleep(0.3)  # {k}")), "utf-8"
        )
    first = run_grader(tmp_path, start_new_session=True)
    seed = re.match(r"seed (\d+)", first.stdout.readline())[1]
    for line in first.stdout:
        if line.startswith("[2/8]"):
            os.kill(first.pid, signal.SIGINT)
            break
    rest = first.stdout.read()
    assert first.wait(60) == 130 and "stopped" in rest and not (tmp_path / "out.csv").exists()
    with open(tmp_path / "out.jsonl", "a", encoding="utf-8") as file:
        file.write('{"file": "cut')
    second = run_grader(tmp_path)
    text = second.communicate(timeout=300)[0]
    assert second.returncode == 0 and f"seed {seed};" in text and "were graded before" in text
    with open(tmp_path / "out.csv", encoding="utf-8-sig") as file:
        assert [float(row["points"]) for row in csv.DictReader(file)] == [ALL] * 8


# told to trust its hand-ins on a machine that it takes for one without protection: nothing else would end them
BLIND = """
import sys
from cvhelpers.homework import grade, runner
runner.machine = lambda: (False, [])
"""
# the signal comes between the start of a process and the note that it runs; the process reads nothing and lives on
EARLY = """
import os, signal, time
start = runner.subprocess.Popen
def popen(command, **settings):
    process = start([sys.executable, "-c", "import time; time.sleep(60)"], **settings)
    print("started", flush=True)
    for _ in range(4):  # impatient
        os.kill(os.getpid(), signal.{number})
        time.sleep(0.2)
    return process
runner.subprocess.Popen = popen
"""
RUN = "sys.exit(grade.main(sys.argv[1:]))"


def working_in(folder):
    """Processes that work in a grader's temporary folder."""
    found = []
    for place in pathlib.Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            found += [place] * os.readlink(place).startswith(f"{folder}/cvgrade-")
    return found


@pytest.mark.parametrize("early", [False, True], ids=["at work", "as it starts"])
@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_grader_that_is_told_to_end_takes_its_hand_ins_with_it(tmp_path, number, early):
    (tmp_path / "in").mkdir()
    loop = "import time\nwhile True: time.sleep(0.1)"
    (tmp_path / "in/s.ipynb").write_text(json.dumps(changed(first=loop)), "utf-8")
    code = BLIND + (EARLY.format(number=number) if early else "") + RUN
    command = [sys.executable, "-c", code, tmp_path / "in", "-o", tmp_path / "out.csv", "--trust-handins"]
    here = {"cwd": build.ROOT, "env": {**os.environ, "TMPDIR": str(tmp_path)}}
    here["preexec_fn"] = hear_signals
    first = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True, **here)
    while not early and not working_in(tmp_path):
        assert first.poll() is None
        time.sleep(0.05)
    if not early:
        first.send_signal(getattr(signal, number))
    printed = first.communicate(timeout=300)[0]
    assert "stopped: 0 of 1" in printed and ("started" in printed) == early and first.returncode == 130
    assert not working_in(tmp_path) and not list(tmp_path.glob("cvgrade-*"))


def test_what_nohup_ignores_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with grade.ends_as_by_ctrl_c():
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) is grade._interrupt
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_process_is_ended_once_since_its_number_may_belong_to_another_later(monkeypatch):
    process, sent = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True), []
    keeper.end(process)
    assert process.returncode == -signal.SIGKILL
    monkeypatch.setattr(keeper.os, "kill", lambda *call: sent.append(call))
    monkeypatch.setattr(keeper.os, "killpg", lambda *call: sent.append(call))
    keeper.end(process)
    assert not sent
