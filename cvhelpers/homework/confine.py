"""Confine this process and whatever it becomes, then exec a command.

``python -I -S confine.py '{"work": "..."}' -- command``; ``python confine.py --describe`` says what this machine gives.

Files by Landlock, system calls by seccomp, capabilities dropped, limits set; with ``"own": true`` also an own user,
mount, network, process and IPC namespace. Standard library only; no root needed. Linux on x86-64 and ARM64.
"""

import ctypes
import errno
import json
import os
import platform
import resource
import signal
import struct
import sys

LIBC = ctypes.CDLL(None, use_errno=True)


def syscall(number, *args):
    """A raw system call; raises OSError."""
    result = LIBC.syscall(ctypes.c_long(number), *[ctypes.c_long(a) if isinstance(a, int) else a for a in args])
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def prctl(option, *args):
    if LIBC.prctl(ctypes.c_int(option), *[ctypes.c_ulong(a) for a in (*args, 0, 0, 0, 0)[:4]]) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


# Files: Landlock -----------------------------------------------------------------------------------------------------

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
_FS_OF_ABI = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # how many of the rights this version knows
_FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | 1 << 14 | 1 << 15
READ = READ_FILE | READ_DIR
WRITE = READ | WRITE_FILE | 0b111 << 4 & ~(1 << 6) | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 12 | 1 << 13 | 1 << 14


def landlock_abi():
    """Version of Landlock in this kernel; 0 where there is none."""
    try:
        return syscall(444, None, 0, 1)
    except (OSError, AttributeError):
        return 0


def landlock(rules, abi):
    """Allow only ``rules``, a list of (path, rights); no TCP; no signal or abstract socket to the outside."""
    handled = (1 << _FS_OF_ABI[min(abi, 5)]) - 1
    attr = struct.pack("QQQ", handled, 3 if abi >= 4 else 0, 3 if abi >= 6 else 0)
    attr = attr[: 8 if abi < 4 else 16 if abi < 6 else 24]
    ruleset = syscall(444, ctypes.c_char_p(attr), len(attr), 0)
    for path, rights in rules:
        try:
            fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        rights &= handled if os.path.isdir(path) else handled & _FILE_RIGHTS
        syscall(445, ruleset, 1, ctypes.c_char_p(struct.pack("=Qi", rights, fd)), 0)
        os.close(fd)
    syscall(446, ruleset, 0)
    os.close(ruleset)


def default_rules(work, read=(), python=sys.executable):
    """What an interpreter with NumPy, Matplotlib, TensorFlow needs to read, and the one folder to write."""
    real = os.path.realpath(python)
    base = os.path.dirname(os.path.dirname(real))
    system = ["/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/local/lib", "/usr/share/fonts",
              "/usr/local/share/fonts", "/usr/share/zoneinfo", "/usr/share/locale", "/usr/share/fontconfig",
              "/etc/fonts", "/etc/ld.so.cache", "/etc/localtime", "/var/cache/fontconfig", "/sys/devices/system/cpu",
              "/sys/devices/system/node", "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat",
              "/proc/filesystems", "/proc/version", "/proc/sys/vm/overcommit_memory", "/dev/urandom", "/dev/random",
              "/dev/zero"]  # fmt: skip
    if base not in ("/usr", "/", "/usr/local"):
        system.append(base + "/lib")
    rules = [(path, READ) for path in [*system, *read]]
    rules += [(real, READ_FILE | EXECUTE), (os.path.realpath(_loader()), READ_FILE | EXECUTE)]
    return [*rules, ("/dev/null", READ_FILE | WRITE_FILE | 1 << 14), (work, WRITE)]


def _loader():
    names = {"x86_64": "/lib64/ld-linux-x86-64.so.2", "aarch64": "/lib/ld-linux-aarch64.so.1"}
    musl = f"/lib/ld-musl-{platform.machine()}.so.1"
    return next((p for p in (names.get(platform.machine()), musl) if p and os.path.exists(p)), musl)


# System calls: seccomp -----------------------------------------------------------------------------------------------

# name: number on x86-64, number on ARM64 (one number: the same on both; None: not there)
_DENY = dict(
    ptrace=(101, 117), process_vm_readv=(310, 270), process_vm_writev=(311, 271), mount=(165, 40), umount2=(166, 39),
    pivot_root=(155, 41), chroot=(161, 51), open_tree=428, move_mount=429, fsopen=430, fsconfig=431, fsmount=432,
    fspick=433, mount_setattr=442, open_tree_attr=467, unshare=(272, 97), setns=(308, 268), add_key=(248, 217),
    request_key=(249, 218), keyctl=(250, 219), bpf=(321, 280), perf_event_open=(298, 241), userfaultfd=(323, 282),
    kexec_load=(246, 104), kexec_file_load=(320, 294), init_module=(175, 105), finit_module=(313, 273),
    delete_module=(176, 106), io_uring_setup=425, io_uring_enter=426, io_uring_register=427,
    open_by_handle_at=(304, 265), name_to_handle_at=(303, 264), reboot=(169, 142), swapon=(167, 224),
    swapoff=(168, 225), acct=(163, 89), settimeofday=(164, 170), clock_settime=(227, 112), adjtimex=(159, 171),
    clock_adjtime=(305, 266), sethostname=(170, 161), setdomainname=(171, 162), iopl=(172, None), ioperm=(173, None),
    quotactl=(179, 60), quotactl_fd=443, syslog=(103, 116), vhangup=(153, 58), kcmp=(312, 272), pidfd_open=434,
    pidfd_getfd=438, pidfd_send_signal=424, fanotify_init=(300, 262), process_madvise=440, process_mrelease=448,
    migrate_pages=(256, 238), move_pages=(279, 239), shmget=(29, 194), shmat=(30, 196), semget=(64, 190),
    msgget=(68, 186), mq_open=(240, 180), mq_unlink=(241, 181), rt_sigqueueinfo=(129, 138),
    rt_tgsigqueueinfo=(297, 240), tkill=(200, 130), truncate=(76, 45), mknod=(133, None), mknodat=(259, 33),
)  # fmt: skip
# Landlock does not look at these; libraries call them for files of their own, so they do nothing and report success.
_PRETEND = dict(
    chmod=(90, None), fchmod=(91, 52), fchmodat=(268, 53), fchmodat2=452, chown=(92, None), fchown=(93, 55),
    lchown=(94, None), fchownat=(260, 54), utime=(132, None), utimes=(235, None), futimesat=(261, None),
    utimensat=(280, 88), setxattr=(188, 5), lsetxattr=(189, 6), fsetxattr=(190, 7), removexattr=(197, 14),
    lremovexattr=(198, 15), fremovexattr=(199, 16), setxattrat=463, removexattrat=466, file_setattr=469,
)  # fmt: skip
# (name, numbers, argument, values that pass); "pid" stands for 0 and the number of this process
_ONLY = [("kill", (62, 129), 0, "self"), ("tgkill", (234, 131), 0, "self"), ("prlimit64", (302, 261), 0, "pid"),
         ("sched_setaffinity", (203, 122), 0, "pid"), ("sched_setscheduler", (144, 119), 0, "pid"),
         ("sched_setparam", (142, 118), 0, "pid"), ("sched_setattr", (314, 274), 0, "pid"),
         ("setpriority", (141, 140), 0, [0]), ("ioprio_set", (251, 30), 1, "pid")]  # fmt: skip
_NEVER = [("fcntl", (72, 25), 1, [8, 10, 15]),  # F_SETOWN, F_SETSIG, F_SETOWN_EX send signals
          ("ioctl", (16, 29), 1, [0x5412, 0x541C, 0x8901, 0x8902, 0x40086602, 0x401C5820])]  # fmt: skip
_THREAD, _NEW = 0x10000, 0x7E020080  # CLONE_THREAD; all CLONE_NEW* but NEWTIME


def seccomp():
    """Deny what a hand-in never needs: sockets, new processes, and the corners of the kernel."""
    column, arch = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}[platform.machine()]
    pid = os.getpid()
    allow, eperm, nosys, kill = 0x7FFF0000, 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS, 0x80000000
    LD, JEQ, JGE, JSET, RET = 0x20, 0x15, 0x35, 0x45, 0x06
    code = [(LD, 0, 0, 4), (JEQ, 1, 0, arch), (RET, 0, 0, kill), (LD, 0, 0, 0)]
    if column == 0:
        code += [(JGE, 0, 1, 0x40000000), (RET, 0, 0, nosys)]  # the x32 calls

    def number(entry):
        return entry[column] if isinstance(entry, tuple) else entry

    def on(entry, body):
        if number(entry) is not None:
            code.extend([(JEQ, 0, len(body), number(entry)), *body])

    def argument(k):
        return (LD, 0, 0, 16 + 8 * k)

    for entry in _DENY.values():
        on(entry, [(RET, 0, 0, eperm)])
    for entry in _PRETEND.values():
        on(entry, [(RET, 0, 0, 0x50000)])
    for _, entry, k, values in _ONLY:
        values = {"self": [pid], "pid": [0, pid]}.get(values, values) if isinstance(values, str) else values
        tests = [(JEQ, len(values) - i, 0, value) for i, value in enumerate(values)]
        on(entry, [argument(k), *tests, (RET, 0, 0, eperm), (RET, 0, 0, allow)])
    for _, entry, k, values in _NEVER:
        tests = [(JEQ, len(values) - i, 0, value) for i, value in enumerate(values)]
        on(entry, [argument(k), *tests, (RET, 0, 0, allow), (RET, 0, 0, eperm)])
    on((41, 198), [(RET, 0, 0, 0x50000 | errno.EACCES)])  # socket
    for entry, k in (((2, None), 1), ((257, 56), 2)):  # O_RDONLY with O_TRUNC empties a file that may only be read
        emptying = [(JSET, 0, 2, 0x200), (0x54, 0, 0, 3), (JEQ, 1, 0, 0), (RET, 0, 0, allow), (RET, 0, 0, eperm)]
        on(entry, [argument(k), *emptying])
    on(437, [(RET, 0, 0, nosys)])  # openat2 hides its flags in memory
    on(435, [(RET, 0, 0, nosys)])  # clone3 hides its flags in memory; the C library falls back to clone
    news = [argument(0), (JSET, 0, 1, _NEW), (RET, 0, 0, eperm)]
    on((56, 220), [*news, (JSET, 1, 0, _THREAD), (RET, 0, 0, eperm), (RET, 0, 0, allow)])
    on((57, None), [(RET, 0, 0, eperm)])
    on((58, None), [(RET, 0, 0, eperm)])
    code.append((RET, 0, 0, allow))
    raw = b"".join(struct.pack("HBBI", *line) for line in code)
    buffer = ctypes.create_string_buffer(raw, len(raw))
    program = struct.pack("HxxxxxxQ", len(code), ctypes.addressof(buffer))
    LIBC.prctl.argtypes = None
    if LIBC.prctl(22, ctypes.c_ulong(2), ctypes.c_char_p(program), ctypes.c_ulong(0), ctypes.c_ulong(0)) < 0:
        raise OSError(ctypes.get_errno(), "seccomp")


# Privileges, namespaces, limits --------------------------------------------------------------------------------------


def drop_capabilities():
    """None now, none after an exec, not even for root."""
    for capability in range(64):
        try:
            prctl(24, capability)  # the bounding set; needs CAP_SETPCAP, who lacks it has nothing to lose
        except OSError:
            pass
    try:
        prctl(47, 4)  # the ambient set
    except OSError:
        pass
    number = {"x86_64": 126, "aarch64": 91}[platform.machine()]
    syscall(number, ctypes.c_char_p(struct.pack("Ii", 0x20080522, 0)), ctypes.c_char_p(bytes(24)))
    prctl(38, 1)  # no new privileges: a set-user-ID program gives none


def namespaces(work, sockets="/run"):
    """Own user, mount, network, process, IPC namespace; everything read-only but ``work``. Returns in the child."""
    uid, gid = os.getuid(), os.getgid()
    number = {"x86_64": 272, "aarch64": 97}[platform.machine()]
    syscall(number, 0x10000000 | 0x20000 | 0x40000000 | 0x20000000 | 0x08000000 | 0x04000000)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open("/proc/self/" + name, "w") as file:
            file.write(text)
    inner = os.fork()
    if inner:
        for fd in (0, 1, 2):
            os.close(fd)
        os._exit(os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1]) & 255)
    prctl(1, signal.SIGKILL)  # dies with the outer process, and then all of its namespace
    os.setsid()
    mount = LIBC.mount

    def do(source, target, kind, flags, data=None):
        if mount(source, target, kind, ctypes.c_ulong(flags), data) < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), target)

    def set_flags(path, on, off=0, recursive=False):
        attr = ctypes.c_char_p(struct.pack("QQQQ", on, off, 0, 0))
        syscall(442, ctypes.c_int(-100), ctypes.c_char_p(path), 0x8000 if recursive else 0, attr, 32)

    where = os.fsencode(work)
    do(b"none", b"/", None, 0x4000 | 0x40000)  # private, recursively
    do(where, where, None, 0x1000)
    set_flags(b"/", 1 | 2, recursive=True)  # read-only, no set-user-ID; needs Linux 5.12
    set_flags(where, 0, 1)
    do(b"proc", b"/proc", b"proc", 2 | 4 | 8)
    for place in (b"/dev/shm", os.fsencode(sockets)):
        if os.path.isdir(place):
            do(b"none", place, b"tmpfs", 2 | 4 | 8, b"size=16m")
    os.chdir(work)


def limit(memory, file_size=64 << 20, files=256, cpu=900):
    """Upper bounds by the operating system. No bound on processes: that one counts the whole user."""
    bounds = {"AS": memory, "FSIZE": file_size, "NOFILE": files, "CPU": cpu, "CORE": 0, "MSGQUEUE": 0, "MEMLOCK": 0}
    for name, value in bounds.items():
        kind = getattr(resource, "RLIMIT_" + name)
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        pass


def confine(work, read=(), python=sys.executable, memory=4 << 30, abi=None, use_seccomp=True, own=False,
            file_size=64 << 20, files=256, cpu=900):  # fmt: skip
    """Take rights away from this process for good. Raises OSError when something asked for is not possible."""
    os.closerange(3, 4096)
    work = os.path.realpath(work)
    limit(memory, file_size, files, cpu)
    if own:
        namespaces(work)
    rules = default_rules(work, read, python)
    drop_capabilities()
    abi = landlock_abi() if abi is None else min(abi, landlock_abi())
    if abi:
        landlock(rules, abi)
    if use_seccomp:
        seccomp()
    if not abi and not own:
        raise OSError("neither Landlock nor namespaces")


def machine():
    """What this machine offers: version of Landlock, seccomp, namespaces; each tried, not guessed."""

    def works(body):
        child = os.fork()
        if not child:
            try:
                body()
                os._exit(0)
            except BaseException:
                os._exit(1)
        return os.waitpid(child, 0)[1] == 0

    def filtered():
        prctl(38, 1)
        seccomp()
        try:
            syscall({"x86_64": 165, "aarch64": 40}[platform.machine()], None, None, None, 0, None)
        except OSError as error:
            os._exit(0 if error.errno == errno.EPERM else 1)

    linux = sys.platform == "linux"
    return dict(
        landlock=landlock_abi() if linux else 0,
        seccomp=linux and works(filtered),
        namespaces=linux and works(lambda: namespaces(os.path.realpath(os.environ.get("TMPDIR", "/tmp")))),
    )


def promises(landlock=0, seccomp=False, namespaces=False):
    """Whether that is enough to grade strangers' code, and plain words about what holds."""
    yes = {True: "yes", False: "NO"}
    lines = [
        f"files: {yes[landlock > 0]}, nothing but its own folder, libraries and course is open (Landlock {landlock})",
        f"network: {yes[seccomp]}, no socket can be made (seccomp)",
        f"processes: {yes[seccomp]}, none can be started, none outside can be signalled (seccomp)",
        f"privileges: {yes[landlock > 0]}, no capability, no set-user-ID program",
        "memory, time, size of a file: yes, limits; the whole folder is looked at 5 times a second",
        "not promised: sizes and dates of files whose path a hand-in guesses; faults of the kernel itself",
    ]
    return bool(seccomp and landlock), lines


def main():
    if sys.argv[1:] == ["--describe"]:
        found = machine()
        enough, lines = promises(**found)
        print(found, *lines, "enough for strangers' code" if enough else "NOT enough: grading refuses", sep="\n")
        return
    options, command = json.loads(sys.argv[1]), sys.argv[3:]
    confine(**options)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
