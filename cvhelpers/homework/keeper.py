"""What the grader itself does: read bounded lines, watch disk and memory, end everything of one hand-in."""

import os
import signal
import threading
import time


def messages(stream, longest=16 << 20, total=300 << 20):
    """Lines of a pipe; ends at a line longer than ``longest`` bytes or after ``total`` bytes."""
    received = 0
    while line := stream.readline(longest + 1):
        received += len(line)
        if len(line) > longest or received > total:
            return
        yield line


def descendants(pid):
    """Numbers of a process and of all that it started, as far as they can be seen (where ``/proc`` is: on Linux)."""
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc") if os.path.isdir("/proc") else ()):
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                parents.setdefault(int(file.read().rpartition(b")")[2].split()[1]), []).append(int(name))
        except OSError:
            pass
    found = [pid]
    for one in found:
        found += parents.get(one, [])
    return found


def alive(pid):
    """Whether a process of this number is there and not only waits to be read."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except OSError:
        return False


def _blocks(info):
    """Blocks of 512 bytes on disk; Windows tells the size only."""
    return getattr(info, "st_blocks", -(-info.st_size // 512))


def used(folder, pids, most=20_000):
    """Bytes on disk in a folder and in deleted files that the processes still hold open; bytes of memory."""
    blocks = entries = memory = 0
    stack = [folder]
    while stack and entries < most:
        try:
            with os.scandir(stack.pop()) as scan:
                for entry in scan:
                    entries += 1
                    blocks += _blocks(entry.stat(follow_symlinks=False))
                    if entry.is_dir(follow_symlinks=False):
                        stack.append(entry.path)
        except OSError:
            pass
    for pid in pids:
        try:
            with open(f"/proc/{pid}/statm") as file:
                memory += int(file.read().split()[1]) * 4096
            for fd in os.listdir(f"/proc/{pid}/fd"):
                info = os.stat(f"/proc/{pid}/fd/{fd}")
                blocks += _blocks(info) if info.st_nlink == 0 else 0
        except OSError:
            pass
    return blocks * 512 if entries < most else 1 << 60, memory


def end(process, patience=10):
    """Kill a process, its group, and what descends from it; back when all are gone, ``patience`` seconds at most.

    Once only: later the numbers may belong to others.
    """
    if getattr(process, "ended", False):
        return
    if os.name != "posix":
        process.kill()
        process.wait()
        return
    killed = set()
    for _ in range(3):
        for pid in reversed(descendants(process.pid)):
            killed.add(pid)
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except OSError:
        pass
    process.wait()
    latest = time.monotonic() + patience
    while any(map(alive, killed)) and time.monotonic() < latest:  # a signal is sent at once and obeyed a little later
        time.sleep(0.01)
    process.ended = True


def watch(process, folder, disk=200 << 20, memory=4 << 30, every=0.2):
    """Thread that ends the process when its folder or its memory grows too large; ``.reason`` says so."""

    def look():
        while process.poll() is None:
            size, resident = used(folder, descendants(process.pid))
            if size > disk or resident > memory:
                thread.reason = "too much on disk" if size > disk else "too much memory"
                end(process)
                return
            time.sleep(every)

    thread = threading.Thread(target=look, daemon=True)
    thread.reason = ""
    thread.start()
    return thread
