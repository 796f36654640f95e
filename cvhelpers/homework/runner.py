"""Start the confined process of one hand-in, listen to it, stop it in time. The process itself runs :mod:`.sandbox`."""

import base64
import contextlib
import json
import os
import pathlib
import pickle
import queue
import shutil
import site
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass

from . import FOLDER, Outcome, keeper
from .compare import decode

ROOT = FOLDER.parents[1]
REFUSAL = """This machine cannot confine the code of strangers, so nothing is graded.
  {found}
Linux with Landlock (kernel 5.13 or newer) is needed: on Windows use WSL2, on macOS or an old kernel a container or a
virtual machine with a recent Linux. --trust-handins runs them without protection: they can then read and change what
you can, and the table says so."""


@dataclass(frozen=True)
class Limits:
    """Seconds for one cell, for one question, for one hand-in; GiB of memory (TensorFlow gets at least 12); MiB of
    disk."""

    cell: float = 60
    question: float = 20
    total: float = 600
    memory: float = 4
    disk: float = 200


def machine():
    """What this machine gives, tried and not guessed: whether it is enough to grade, and the lines that say it."""
    if sys.platform != "linux":
        return False, [f"{sys.platform} has no Landlock"]
    command = [sys.executable, "-I", "-S", str(FOLDER / "confine.py"), "--describe"]
    try:
        lines = subprocess.run(command, capture_output=True, text=True, timeout=30).stdout.splitlines()
    except (OSError, subprocess.TimeoutExpired):
        lines = []
    return bool(lines) and lines[-1] == "enough for strangers' code", lines[1:-1] or ["it cannot be tried here"]


class Runner:
    """Runs hand-ins, each confined and in a temporary folder of its own.

    Args:
        limits: :class:`Limits`.
        trust: run hand-ins without protection where the machine gives none.
        closed: folders and files that must not lie where a hand-in may read.

    Raises:
        SystemExit: the machine gives no protection and the hand-ins are not trusted.
    """

    def __init__(self, limits, trust=False, closed=()):
        self.limits, self.running, self.stopped = limits, set(), False
        self.starting = threading.Lock()  # held from a process's start until it stands in ``running``
        enough, self.promises = machine()
        if not enough and not trust:
            raise SystemExit(REFUSAL.format(found="\n  ".join(self.promises)))
        self.confined = enough
        self.isolation = "Landlock and seccomp" if enough else "NONE: hand-ins run without protection"
        self.read = [str(FOLDER.parent), str(ROOT / "data"), *_libraries()]
        for path in map(os.path.realpath, closed):
            if inside := next((place for place in self.read if pathlib.Path(path).is_relative_to(place)), None):
                raise SystemExit(f"{path} lies in {inside}, which every hand-in can read: put it elsewhere")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cvgrade-"))

    def run(self, cells, homework, questions, cases, stand_ins=None):
        """Run a hand-in to the end, if need be in several processes.

        Args:
            cells: list of sources.
            homework, questions: ``"hw1"`` and its exercises by name.
            cases: dict from the question to its list of cases.
            stand_ins: for follow-on credit: (cells of the solution, names to take from them), None for none.

        Returns:
            results: dict from the question to a list of answers that were tried, each a list of outcomes.
            notes: list of texts about cells that failed.
        """
        results, notes, skip, pending = {}, [], [], list(questions)
        end = time.monotonic() + self.limits.total
        packed = base64.b64encode(pickle.dumps({name: [c.copy() for c in cases[name]] for name in questions})).decode()
        while pending and not self.stopped:
            job = dict(homework=homework, cells=cells, skip=skip, questions=pending, cases=packed, stand_ins=stand_ins)
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
                results.setdefault(where[1], [[]])[-1].append(Outcome(error=reason))
                pending = [name for name in pending if name != where[1]]
        return results, list(dict.fromkeys(notes))[:50]

    def _one_process(self, job, questions, results, notes, end):
        """Follow one process; returns where it hung or died and why, or (None, "") when it came to the end."""
        where, limit = ("cell", 0), self.limits.cell + 30
        deadline = min(end, time.monotonic() + limit)
        with self.starting:
            if self.stopped:
                return None, ""
            work = tempfile.mkdtemp(dir=self.folder)
            process = self._start(work, job)
        lines = queue.Queue(maxsize=64)
        threading.Thread(target=_listen, args=(process, lines), daemon=True).start()
        guard = keeper.watch(process, work, disk=int(self.limits.disk * 2**20), memory=_memory(self.limits, job) * 2)
        try:
            while True:
                try:
                    message = lines.get(timeout=max(0.0, deadline - time.monotonic()))
                except queue.Empty:
                    return where, f"it took longer than {limit:g} s" if deadline < end else "the hand-in took too long"
                if message is None:
                    return where, guard.reason or "the process ended (out of memory, or it ended itself)"
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
                        if len(tried := results.setdefault(values[0], [])) < 8:
                            tried.append([])
                    deadline = min(end, time.monotonic() + limit)
                elif kind == "error" and len(values) == 2:
                    notes.append(f"cell {str(values[0])[:20]}: {str(values[1])[:300]}")
                elif kind == "outcome" and len(values) == 2 and where == ("question", values[0]):
                    results[values[0]][-1].append(_outcome(values[1]))
        finally:
            self._kill(process)
            shutil.rmtree(work, ignore_errors=True)

    def _start(self, work, job):
        """The process of a hand-in; its job goes to its standard input."""
        keep = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "LD_LIBRARY_PATH", "KERAS_BACKEND")
        env = {key: value for key, value in os.environ.items() if key in keep}
        env |= {"HOME": work, "TMPDIR": work, "PYTHONUSERBASE": site.getuserbase(), "PYTHONHASHSEED": "0"}
        env |= {"MPLBACKEND": "Agg", "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3", "CVHELPERS_PROGRESS": "0"}
        env |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"), "1")
        env |= {"TF_NUM_INTEROP_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
        for fonts in pathlib.Path.home().glob(".cache/matplotlib/fontlist-*.json"):  # or Matplotlib looks for seconds
            (cache := pathlib.Path(work) / ".cache/matplotlib").mkdir(parents=True, exist_ok=True)
            shutil.copy(fonts, cache)
        command = [sys.executable, "-P", "-B", str(FOLDER / "sandbox.py")]
        if self.confined:
            options = {"work": work, "read": self.read, "python": sys.executable, "memory": _memory(self.limits, job)}
            options["cpu"] = int(2 * self.limits.total)
            confine = [sys.executable, "-I", "-S", str(FOLDER / "confine.py"), json.dumps(options), "--"]
            command = [*confine, *command]
        process = subprocess.Popen(
            command, cwd=work, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        self.running.add(process)
        threading.Thread(target=_send, args=(process, job), daemon=True).start()
        return process

    def _kill(self, process):
        """End a process with all that descends from it."""
        keeper.end(process)
        self.running.discard(process)

    def stop(self):
        """End everything that still runs and remove the temporary folder."""
        self.stopped = True
        with self.starting:  # what another thread starts just now stands in ``running`` then
            pass
        for process in list(self.running):
            self._kill(process)
        shutil.rmtree(self.folder, ignore_errors=True)


def _libraries():
    """Folders of Python's own files and of what is installed: what a hand-in has to read."""
    places = [pathlib.Path(prefix) / "lib" for prefix in (sys.prefix, sys.base_prefix)]
    places += [pathlib.Path(sys.prefix) / "pyvenv.cfg", *map(pathlib.Path, site.getsitepackages())]
    if site.ENABLE_USER_SITE:
        places.append(pathlib.Path(site.getusersitepackages()))
    return sorted({os.path.realpath(place) for place in places if place.exists()})


def _memory(limits, job):
    """Bytes for the hand-in of a job."""
    source = (FOLDER / f"{job['homework']}.py").read_text("utf-8")
    return int((max(limits.memory, 12) if "\nKERAS = True" in source else limits.memory) * 2**30)


def _send(process, job):
    """Write the job; a process that died does not read it, and the reader sees its end."""
    try:
        process.stdin.write(json.dumps(job).encode())
        process.stdin.close()
    except OSError:
        pass


def _listen(process, lines):
    """Put each message of a process into a queue, None at its end."""
    try:
        for line in keeper.messages(process.stdout):
            try:
                lines.put(json.loads(line), timeout=600)
            except (ValueError, RecursionError):
                continue
    except (ValueError, OSError, queue.Full):
        pass
    finally:
        keeper.end(process)
        with contextlib.suppress(queue.Full):
            lines.put(None, timeout=600)


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
