"""Start the process of one hand-in, listen to it, stop it in time. The process itself runs :mod:`.sandbox`."""

import json
import os
import pathlib
import queue
import shutil
import signal
import site
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass

from . import FOLDER, Outcome
from .compare import decode

_UNSHARE = ["unshare", "--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc"]
_HIDE = 'while [ "$1" != -- ]; do mount -t tmpfs -o size=4k none "$1" || exit 9; shift; done; shift; exec "$@"'
_LARGEST = 300 << 20  # bytes that one process may send


@dataclass(frozen=True)
class Limits:
    """Seconds for one cell, for one question, for one hand-in; GiB of memory (TensorFlow gets at least 12)."""

    cell: float = 60
    question: float = 20
    total: float = 600
    memory: float = 4


class Runner:
    """Runs hand-ins, each in a temporary folder of its own; ``closed`` files and folders cannot be read there."""

    def __init__(self, limits, closed=()):
        self.limits, self.running, self.stopped = limits, set(), False
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cvgrade-"))
        needed = [FOLDER, pathlib.Path(sys.prefix), pathlib.Path(sys.base_prefix)]
        paths = {pathlib.Path(path).resolve() for path in (*closed, self.folder)}
        self.closed = sorted(str(path) for path in paths if not any(place.is_relative_to(path) for place in needed))
        self.prefix = self._prefix()
        self.isolation = "own user, network and process space" if self.prefix else "Python's audit hook only"

    def _prefix(self):
        """Command that gives a process its own network, process numbers and view of the files, where Linux allows
        it."""
        hidden = [path for path in self.closed if os.path.isdir(path) and path != str(self.folder)]
        command = [*_UNSHARE, "sh", "-c", _HIDE, "sh", *hidden, "--"]
        try:
            works = subprocess.run([*command, "true"], capture_output=True, timeout=20).returncode == 0
        except (OSError, subprocess.TimeoutExpired):
            works = False
        return command if works else []

    def run(self, cells, homework, questions, seed):
        """Run a hand-in to the end, if need be in several processes.

        Args:
            cells: list of sources.
            homework, questions: ``"hw1"`` and its exercises by name.
            seed: of the fresh cases; None for none.

        Returns:
            results: dict from the question to a list of outcomes.
            notes: list of texts about cells that failed.
        """
        results, notes, skip, pending = {}, [], [], list(questions)
        end = time.monotonic() + self.limits.total
        while pending and not self.stopped:
            job = dict(homework=homework, cells=cells, skip=skip, questions=pending, seed=seed)
            where, reason = self._one_process(job, questions, results, notes, end)
            if where is None:
                break
            if time.monotonic() >= end or where == ("cell", 0):
                notes.append(f"stopped: {reason}")
                break
            if where[0] == "cell":
                skip.append(where[1])
                notes.append(f"cell {where[1]} was left out: {reason}")
            else:
                results.setdefault(where[1], []).append(Outcome(error=reason))
                pending = pending[pending.index(where[1]) + 1 :]
        return results, list(dict.fromkeys(notes))

    def _one_process(self, job, questions, results, notes, end):
        """Follow one process; returns where it hung or died and why, or (None, "") when it came to the end."""
        work = tempfile.mkdtemp(dir=self.folder)
        job = dict(
            job, root=str(FOLDER.parents[1]), work=work, closed=self.closed, memory=int(self.limits.memory * 2**30)
        )
        where, limit = ("cell", 0), self.limits.cell + 30
        deadline = min(end, time.monotonic() + limit)
        process = self._start(work, job)
        lines = queue.Queue()
        threading.Thread(target=_listen, args=(process, lines), daemon=True).start()
        try:
            while True:
                try:
                    message = lines.get(timeout=max(0.0, deadline - time.monotonic()))
                except queue.Empty:
                    return where, f"it took longer than {limit:g} s" if deadline < end else "the hand-in took too long"
                if message is None:
                    return where, "the process ended (out of memory, or it ended itself)"
                if not isinstance(message, list) or not message:
                    continue
                kind, values = message[0], message[1:]
                if kind == "end":
                    return None, ""
                if kind in ("cell", "question") and values and (kind == "cell" or values[0] in job["questions"]):
                    where = (kind, values[0])
                    limit = self.limits.cell
                    if kind == "question":
                        limit = max(self.limits.question, questions[values[0]].seconds)
                    deadline = min(end, time.monotonic() + limit)
                elif kind == "error" and len(values) == 2:
                    notes.append(f"cell {values[0]}: {values[1]}")
                elif kind == "outcome" and len(values) == 2 and where == ("question", values[0]):
                    results.setdefault(values[0], []).append(_outcome(values[1]))
        finally:
            self._kill(process)
            shutil.rmtree(work, ignore_errors=True)

    def _start(self, work, job):
        keep = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "LD_LIBRARY_PATH", "KERAS_BACKEND")
        env = {key: value for key, value in os.environ.items() if key in keep}
        env |= {"HOME": work, "TMPDIR": work, "PYTHONUSERBASE": site.getuserbase(), "PYTHONHASHSEED": "0"}
        env |= {"MPLBACKEND": "Agg", "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3", "CVHELPERS_PROGRESS": "0"}
        env |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"), "1")
        env |= {"TF_NUM_INTEROP_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
        command = [*self.prefix, sys.executable, "-P", "-B", str(FOLDER / "sandbox.py")]
        process = subprocess.Popen(
            command, cwd=work, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        self.running.add(process)
        try:
            process.stdin.write(json.dumps(job).encode())
            process.stdin.close()
        except OSError:
            pass  # it died at once; the reader sees the end
        return process

    def _kill(self, process):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (OSError, AttributeError):
            process.kill()
        process.wait()
        self.running.discard(process)

    def stop(self):
        """End everything that still runs and remove the temporary folder."""
        self.stopped = True
        for process in list(self.running):
            self._kill(process)
        shutil.rmtree(self.folder, ignore_errors=True)


def _listen(process, lines):
    """Put each message of a process into a queue, None at its end."""
    received = 0
    for line in process.stdout:
        received += len(line)
        if received > _LARGEST:
            break
        try:
            lines.put(json.loads(line))
        except (ValueError, RecursionError):
            continue
    lines.put(None)


def _outcome(packed):
    """An outcome from what a process sent; nothing that it sent is trusted."""
    try:
        if packed.get("todo"):
            return Outcome(todo=True)
        if packed.get("error"):
            return Outcome(error=str(packed["error"])[:400])
        changed = packed.get("changed")
        return Outcome(decode(packed["value"]), changed=str(changed)[:60] if changed else None)
    except Exception as error:
        return Outcome(error=f"what came back cannot be read ({type(error).__name__})")
