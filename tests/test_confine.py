"""Confinement of hand-ins: each guarantee is broken on purpose, without protection (it works) and with it (it must
not)."""

import json
import os
import platform
import socket
import subprocess
import sys
import time

import pytest

from cvhelpers.homework import FOLDER, keeper, runner

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="Linux only")
ENOUGH, LINES = runner.machine()
CONFINED = pytest.mark.skipif(not ENOUGH, reason=f"this machine confines nothing: {LINES}")

# Each program prints OUT when it has got what it should not get. {secret} is a file of the teacher that holds
# "treasure", {folder} where it lies, {parent} the number of the grader, {tcp}, {udp}, {unix} its sockets.
ATTEMPTS = {
    # reading
    "open": "print('OUT' if 'treasure' in open({secret!r}).read() else '')",
    "by dir_fd": "import os; d = os.open({folder!r}, os.O_RDONLY)\n"
    "print('OUT' if os.read(os.open('secret', os.O_RDONLY, dir_fd=d), 9) else '')",
    "by the C library": "import ctypes; c = ctypes.CDLL(None); f = c.open({secret!r}.encode(), 0)\n"
    "b = ctypes.create_string_buffer(9); c.read(f, b, 9); print('OUT' if b.value else '')",
    "by NumPy": "import numpy; print('OUT' if numpy.fromfile({secret!r}, 'u1').size else '')",
    "by a link": "import os; os.symlink({secret!r}, 'x'); print('OUT' if open('x').read() else '')",
    "by a hard link": "import os; os.link({secret!r}, 'y'); print('OUT' if open('y').read() else '')",
    "by the file's way through proc": "print('OUT' if open('/proc/self/root' + {secret!r}).read() else '')",
    "by a mapping": "import mmap, os; f = os.open({secret!r}, 0); print('OUT', mmap.mmap(f, 0, prot=1)[:3])",
    "by a database": "import sqlite3; c = sqlite3.connect('file:' + {base!r} + '?mode=ro', uri=True)\n"
    "print('OUT', c.execute('select * from t').fetchall())",
    "by the loader of modules": "import importlib.util as u; s = u.spec_from_file_location('m', {module!r})\n"
    "m = u.module_from_spec(s); s.loader.exec_module(m); print('OUT', m.x)",
    "a list of names": "import os; print('OUT', os.listdir({folder!r}))",
    "the grader's environment": "print('OUT', open('/proc/{parent}/environ').read()[:1])",
    "the grader's memory": "print('OUT', open('/proc/{parent}/mem', 'rb').seek(4096))",
    "the grader's open files": "import os; print('OUT', os.listdir('/proc/{parent}/fd'))",
    # writing
    "write": "open({folder!r} + '/new', 'w').write('x'); print('OUT')",
    "write by NumPy": "import numpy; numpy.ones(3).tofile({folder!r} + '/new'); print('OUT')",
    "write by the C library": "import ctypes; f = ctypes.CDLL(None).open(({folder!r} + '/n').encode(), 65, 420)\n"
    "print('OUT' if f >= 0 else '')",
    "append": "open({secret!r}, 'a').write('x'); print('OUT')",
    "truncate": "import os; os.truncate({secret!r}, 0); print('OUT')",
    "truncate while reading": "import os; os.open({secret!r}, os.O_RDONLY | os.O_TRUNC); print('OUT')",
    "rename": "import os; os.rename({secret!r}, {secret!r} + '2'); print('OUT')",
    "remove": "import os; os.remove({secret!r}); print('OUT')",
    "make a folder": "import os; os.mkdir({folder!r} + '/d'); print('OUT')",
    "shared memory": "from multiprocessing import shared_memory as s; s.SharedMemory('cvtest', True, 9).unlink()\n"
    "print('OUT')",
    # processes
    "fork": "import os; p = os.fork(); p and os.waitpid(p, 0); p and print('OUT')",
    "another interpreter": "import subprocess, sys; print(subprocess.run([sys.executable, '-c', 'print(\"OUT\")'],"
    " capture_output=True, text=True).stdout)",
    "posix_spawn": "import os, sys; os.waitpid(os.posix_spawn(sys.executable, ['p', '-c', ''], {{}}), 0); print('OUT')",
    "system": "import os; print('' if os.system('true') else 'OUT')",
    "outlive the grader": "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
    "        time.sleep(1)\n        open('alive', 'w'); os._exit(0)\n    os._exit(0)\nprint('OUT')",
    "a program from memory": "import os; f = os.memfd_create('x'); os.write(f, open('/bin/true', 'rb').read())\n"
    "os.execve(f, ['x'], {{}})",
    "stop the grader": "import os; os.kill({parent}, 0); print('OUT')",
    "slow the grader down": "import os; os.setpriority(os.PRIO_PROCESS, {parent}, 19); print('OUT')",
    "limits of the grader": "import resource as r; r.prlimit({parent}, r.RLIMIT_CORE, (0, 0)); print('OUT')",
    "cores of the grader": "import os; os.sched_setaffinity({parent}, os.sched_getaffinity(0)); print('OUT')",
    # network
    "TCP": "import socket; socket.create_connection(('127.0.0.1', {tcp})); print('OUT')",
    "UDP": "import socket; s = socket.socket(2, 2); s.sendto(b'x', ('127.0.0.1', {udp})); print('OUT')",
    "Unix socket": "import socket; s = socket.socket(1, 1); s.connect({unix!r}); print('OUT')",
    "a server": "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); print('OUT')",
    # corners of the kernel; numbers of the calls on x86-64
    "unmount": "import ctypes; c = ctypes.CDLL(None, use_errno=True); c.umount2(b'/nowhere', 2)\n"
    "print('' if ctypes.get_errno() == 1 else 'OUT')",
    "a new namespace": "import ctypes; print('' if ctypes.CDLL(None).unshare(0x10000000) else 'OUT')",
    "io_uring": "import ctypes as c; b = c.create_string_buffer(120)\n"
    "print('OUT' if c.CDLL(None).syscall(425, 4, b) >= 0 else '')",
    "keys": "import ctypes as c; print('OUT' if c.CDLL(None).syscall(250, 0, -3, 1) >= 0 else '')",
    "watch page faults": "import ctypes as c; print('OUT' if c.CDLL(None).syscall(323, 1) >= 0 else '')",
    "another way to open": "import ctypes as c, os; how = c.create_string_buffer(24)\n"
    "print('OUT' if c.CDLL(None).syscall(437, -100, {secret!r}.encode(), how, 24) >= 0 else '')",
}  # fmt: skip
# These succeed and do nothing, as libraries do not expect them to fail: what they were to change is looked at.
SILENT = {
    "rights": "import os; os.chmod({secret!r}, 0o777)",
    "dates": "import os; os.utime({secret!r}, (1, 1))",
}
MAY_FAIL_ANYWAY = {"the grader's memory", "unmount", "a new namespace", "io_uring", "keys", "watch page faults",
                   "a program from memory", "limits of the grader", "by a hard link", "another way to open",
                   "the grader's open files", "outlive the grader", "shared memory"}  # fmt: skip


@pytest.fixture
def target(tmp_path):
    """What an attempt is after, and the numbers in its program."""
    import sqlite3

    folder, work = tmp_path / "teacher", tmp_path / "work"
    folder.mkdir(), work.mkdir()
    (folder / "secret").write_text("treasure")
    (folder / "module.py").write_text("x = 1")
    with sqlite3.connect(folder / "base.db") as base:
        base.execute("create table t (x)")
    base.close()
    tcp, udp, unix = socket.create_server(("127.0.0.1", 0)), socket.socket(2, 2), socket.socket(1, 1)
    udp.bind(("127.0.0.1", 0))
    here = os.getcwd()
    os.chdir(folder), unix.bind("s"), os.chdir(here)
    unix.listen()
    yield work, dict(
        secret=str(folder / "secret"), folder=str(folder), parent=os.getpid(), base=str(folder / "base.db"),
        module=str(folder / "module.py"), tcp=tcp.getsockname()[1], udp=udp.getsockname()[1], unix=str(folder / "s"),
    )  # fmt: skip
    for one in (tcp, udp, unix):
        one.close()


def attempt(code, work, confined, **more):
    """What a program prints, with or without confinement; ``more`` are options of it."""
    command = [sys.executable, "-P", "-c", code]
    if confined:
        options = {"work": str(work), "read": runner._libraries(), "memory": 2 << 30, **more}
        command = [sys.executable, "-I", "-S", str(FOLDER / "confine.py"), json.dumps(options), "--", *command]
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, timeout=60)
    return done.stdout, done.stderr


@CONFINED
@pytest.mark.parametrize("name", ATTEMPTS)
def test_what_works_without_protection_fails_with_it(name, target, monkeypatch):
    work, numbers = target
    monkeypatch.chdir(FOLDER)
    if platform.machine() != "x86_64" and name in ("keys", "watch page faults"):
        pytest.skip("these numbers of system calls are those of x86-64")
    code = ATTEMPTS[name].format(**numbers)
    for options in ({}, {"abi": 1}):  # as much as this kernel gives, and what the oldest with Landlock gives
        out, errors = attempt(code, work, confined=True, **options)
        assert "OUT" not in out, f"{name} got out"
        for left in ("x", "y"):
            (work / left).unlink(missing_ok=True)
    assert os.path.exists(numbers["secret"]) and open(numbers["secret"]).read() == "treasure"
    if name == "outlive the grader":
        time.sleep(1.2)
        assert not (work / "alive").exists()
    if name not in MAY_FAIL_ANYWAY:  # the control: the attempt is a real one
        out, errors = attempt(code, work, confined=False)
        assert "OUT" in out, f"{name} proves nothing: {errors[-300:]}"


@CONFINED
@pytest.mark.parametrize("name", ["fork", "UDP", "Unix socket"])
def test_landlock_alone_lets_some_out(name, target, monkeypatch):
    work, numbers = target
    monkeypatch.chdir(FOLDER)
    out, _ = attempt(ATTEMPTS[name].format(**numbers), work, confined=True, use_seccomp=False)
    assert "OUT" in out  # so seccomp is needed, and the attempts above can succeed


@CONFINED
@pytest.mark.parametrize("name", SILENT)
def test_what_libraries_do_to_their_own_files_changes_nothing_outside(name, target, monkeypatch):
    work, numbers = target
    monkeypatch.chdir(FOLDER)
    before = os.stat(numbers["secret"])
    attempt(SILENT[name].format(**numbers), work, confined=True)
    after = os.stat(numbers["secret"])
    assert (before.st_mode, before.st_mtime) == (after.st_mode, after.st_mtime)
    attempt(SILENT[name].format(**numbers), work, confined=False)
    changed = os.stat(numbers["secret"])
    assert (before.st_mode, before.st_mtime) != (changed.st_mode, changed.st_mtime)


@CONFINED
def test_a_confined_process_writes_in_its_folder_and_uses_numpy_and_threads(target, monkeypatch):
    work, _ = target
    monkeypatch.chdir(FOLDER)
    code = "import numpy, threading; t = threading.Thread(target=numpy.save, args=('a', numpy.ones(3))); t.start()\n"
    assert "OUT 3.0" in attempt(code + "t.join(); print('OUT', numpy.load('a.npy').sum())", work, confined=True)[0]


@CONFINED
def test_memory_and_size_of_a_file_have_limits(target, monkeypatch):
    work, _ = target
    monkeypatch.chdir(FOLDER)
    assert "MemoryError" in attempt("x = bytearray(3 << 30)", work, confined=True)[1]
    out, errors = attempt("f = open('big', 'wb')\nfor _ in range(100): f.write(bytes(1 << 20))", work, confined=True)
    assert "File too large" in errors and (work / "big").stat().st_size <= 64 << 20


# Where there is no protection -----------------------------------------------------------------------------------------


def test_without_protection_the_grader_refuses_and_names_a_way(monkeypatch):
    monkeypatch.setattr(runner, "machine", lambda: (False, ["files: NO", "network: NO"]))
    with pytest.raises(SystemExit, match="WSL2.*container") as refused:
        runner.Runner(runner.Limits())
    assert "files: NO" in str(refused.value) and "--trust-handins" in str(refused.value)
    trusting = runner.Runner(runner.Limits(), trust=True)
    trusting.stop()
    assert "NONE" in trusting.isolation and not trusting.confined


def test_other_systems_give_nothing(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert runner.machine() == (False, ["darwin has no Landlock"])


@LINUX
def test_landlock_or_seccomp_alone_is_not_enough():
    from cvhelpers.homework.confine import promises

    assert promises(landlock=7, seccomp=True)[0]
    assert not promises(landlock=7, seccomp=False)[0] and not promises(landlock=0, seccomp=True, namespaces=True)[0]
    assert any(line.startswith("files: NO") for line in promises(landlock=0, seccomp=True)[1])


@CONFINED
def test_closed_folders_may_not_lie_where_hand_ins_read():
    with pytest.raises(SystemExit, match="put it elsewhere"):
        runner.Runner(runner.Limits(), closed=[FOLDER / "handins"])


# The grader's side ----------------------------------------------------------------------------------------------------


@LINUX
def test_a_giant_line_ends_the_conversation_and_costs_little_memory():
    code = "import sys\nsys.stdout.write('[1]\\n')\nfor _ in range(300): sys.stdout.write('x' * (1 << 20))"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert list(keeper.messages(process.stdout, longest=1 << 20)) == [b"[1]\n"]
    keeper.end(process)


@LINUX
def test_a_flood_of_files_is_stopped(tmp_path):
    code = "import time\nfor i in range(90): open(str(i), 'wb').write(bytes(1 << 20)); time.sleep(.05)\ntime.sleep(30)"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path)
    guard = keeper.watch(process, tmp_path, disk=20 << 20)
    process.wait(60)
    guard.join(30)
    assert guard.reason == "too much on disk" and sum(f.stat().st_size for f in tmp_path.iterdir()) < 60 << 20


@LINUX
def test_what_descends_from_a_process_ends_with_it(tmp_path):
    code = "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).wait()"
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    for _ in range(300):
        time.sleep(0.1)
        if len(pids := keeper.descendants(process.pid)) == 2:
            break
    keeper.end(process)
    assert len(pids) == 2 and not any(_alive(pid) for pid in pids)


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().split()[2] != "Z"
    except OSError:
        return False
