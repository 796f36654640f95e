"""Say in one sentence each what keeps the course from starting here: ``python -m cvhelpers.course doctor``.

Needs nothing but Python, whichever version, so that it also runs where the installation failed. Introduced with the
README's table of troubles; the two name the same cases.
"""

import argparse
import importlib.metadata
import importlib.util
import os
import pathlib
import platform
import re
import shutil
import struct
import subprocess
import sys
import tempfile

from .._paths import ROOT

PYTHONS = ((3, 11), (3, 13))  # the oldest and the newest Python that TensorFlow has wheels for
DISK = 3.0  # GB that an installation needs, its download included
LONGEST = 187  # characters of the longest path of an installation, .venv included (measured on the wheels for Windows)
WINDOWS_LIMIT = 259  # characters that a path may have there, unless long paths are switched on
FILES = ("requirements.txt", "notebooks/01_computer_vision_tasks.ipynb", "data/digits.npz", "cvhelpers/data.py")
FIRST_LINE = "paste the first line of the README again"
ANEW = f"delete the folder .venv and {FIRST_LINE}"
COLAB = "use the Colab badges in the README"


class Finding(str):
    """What is wrong, as one sentence; ``mend`` is the sentence that says what to do."""

    def __new__(cls, problem, mend):
        finding = super().__new__(cls, problem)
        finding.mend = mend
        return finding


def check_python(version=None, bits=None):
    """Whether the packages exist for this Python; version (3, 12), bits 32 or 64."""
    version, bits = tuple(version or sys.version_info[:2]), bits or struct.calcsize("P") * 8
    name, (low, high) = ".".join(map(str, version)), PYTHONS
    if not low <= version <= high:
        kind = "old" if version < low else "new"
        return Finding(f"Python {name} is too {kind}: TensorFlow has no wheels for it.",
                       f"Install Python 3.12 (3.11 and 3.13 will do), then {ANEW} with that Python.")  # fmt: skip
    if bits != 64:
        return Finding(f"This Python has {bits} bits: TensorFlow has wheels for 64 only.",
                       f"Install the 64-bit Python {name}, then {ANEW} with that Python.")  # fmt: skip


def check_platform(system=None, machine=None, libc=None):
    """Whether TensorFlow has wheels for this system and processor."""
    system, machine = system or platform.system(), (machine or platform.machine()).lower()
    libc = platform.libc_ver()[0] if libc is None else libc
    if system == "Darwin" and machine == "x86_64":
        return Finding("This Python is made for Macs with an Intel processor: TensorFlow has no wheels for them.",
                       f"On an Intel Mac {COLAB}; on a Mac with an Apple chip install Python from python.org, "
                       f"then {ANEW}.")  # fmt: skip
    if system == "Windows" and machine == "arm64":
        return Finding("This Python is made for ARM: TensorFlow has no wheels for Windows on ARM.",
                       f"Install the 64-bit Python for Intel and AMD (Windows runs it), then {ANEW}.")  # fmt: skip
    if system == "Linux" and (machine not in ("x86_64", "aarch64") or libc != "glibc"):
        return Finding(f"TensorFlow has no wheels for Linux on {machine} with the C library {libc or 'musl'}.",
                       f"Use a common Linux such as Debian or Ubuntu, or {COLAB}.")  # fmt: skip


def check_venv_module(found=None):
    """Whether this Python can make virtual environments: Debian and Ubuntu leave a part of it out."""
    if not (importlib.util.find_spec("ensurepip") if found is None else found):
        return Finding("This Python cannot make a virtual environment: ensurepip is missing.",
                       f"Run `sudo apt install python3-venv`, then {FIRST_LINE}.")  # fmt: skip


def check_folder(folder=ROOT):
    """Whether the course is complete: a zip that was opened but not unpacked, or a download cut short, is not."""
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        return Finding(f"The course folder lacks {missing[0]}.", "Unpack the whole zip, or clone again.")
    if not os.access(folder, os.W_OK):
        return Finding(f"Nothing can be written to {folder}.", "Move the course folder into your own home folder.")


def check_path_length(folder=ROOT, system=None, long_paths=None):
    """Whether the paths of an installation in this folder stay within what Windows allows.

    Args:
        folder: the course folder.
        system: as ``platform.system()`` says it.
        long_paths: whether Windows' long paths are switched on; None looks it up.
    """
    length = len(str(folder)) + 1 + LONGEST
    if (system or platform.system()) != "Windows" or length <= WINDOWS_LIMIT:
        return None
    if not (_long_paths() if long_paths is None else long_paths):
        return Finding(f"Paths would be {length} characters long; Windows allows {WINDOWS_LIMIT}.",
                       f"Move the course to a short place such as C:\\cv, then {ANEW}.")  # fmt: skip


def _long_paths():
    """Whether the switch for long paths is set in Windows' registry."""
    try:
        import winreg

        key = winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SYSTEM\CurrentControlSet\Control\FileSystem")
        return winreg.QueryValueEx(key, "LongPathsEnabled")[0] == 1
    except (ImportError, OSError):
        return False


def check_disk(folder=ROOT, free=None):
    """Whether there is room for the installation; asked only while there is none. free in bytes."""
    free = shutil.disk_usage(folder).free if free is None else free
    if not (folder / ".venv").is_dir() and free < DISK * 1e9:
        return Finding(f"{free / 1e9:.1f} GB are free on this disk; the installation needs {DISK:.0f}.",
                       f"Make room, or move the course folder to another disk, then {FIRST_LINE}.")  # fmt: skip


def environment_python(folder=ROOT):
    """Path of the Python in the course's environment."""
    return folder / (".venv/Scripts/python.exe" if os.name == "nt" else ".venv/bin/python")


def check_moved(folder=ROOT):
    """Whether the environment was made where it lies: its programs hold the path of their Python."""
    settings = folder / ".venv/pyvenv.cfg"
    if not (folder / ".venv").is_dir():
        return None
    if not settings.is_file():
        return Finding("The environment .venv is broken: pyvenv.cfg is missing.", f"Please {ANEW}.")
    values = dict(re.findall(r"(?m)^(\w[\w-]*) = (.*)$", settings.read_text("utf-8")))
    here = folder / ".venv"
    scripts = [here / "bin/activate", here / "Scripts/activate.bat"]
    text = "".join(path.read_text("utf-8", errors="replace") for path in scripts if path.is_file())
    made = (re.findall(r"VIRTUAL_ENV=[\"']?(/[^\"'\n]+|[A-Za-z]:[^\"'\n]+)", text) or [""])[0]
    if made and os.path.realpath(made) != os.path.realpath(here):
        return Finding(f"The environment was made at {made} and moved or copied here: it does not run.",
                       f"Please {ANEW}; without a network, use a wheelhouse (TEACHING.md).")  # fmt: skip
    home = pathlib.Path(values.get("home", folder))
    if not home.is_dir() or not environment_python(folder).exists():
        return Finding(f"The Python that the environment was made with is gone from {home}.", f"Please {ANEW}.")


def requirements(folder=ROOT):
    """Names of the packages that the course installs, as requirements.txt lists them.

    >>> "tensorflow" in requirements()
    True
    """
    lines = (folder / "requirements.txt").read_text("utf-8").splitlines()
    return [re.match(r"[\w.-]+", line)[0] for line in lines if re.match(r"\w", line)]


def check_packages(names=None, inside=None):
    """Whether all packages of the course are installed; asked of the environment's own Python.

    Args:
        names: packages to look for; None takes those of requirements.txt.
        inside: whether this is the Python of an environment; None looks.
    """
    if not (sys.prefix != sys.base_prefix if inside is None else inside):
        return None
    missing = []
    for name in requirements() if names is None else names:
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return Finding(f"The installation was not finished: {', '.join(missing[:3])} is missing.",
                       f"With a network, {FIRST_LINE}: it goes on where it stopped.")  # fmt: skip


def check_kernel(argv=None):
    """Whether notebooks are run by this Python; argv is the command of the kernel ``python3``, None looks it up."""
    if argv is None:
        if importlib.util.find_spec("jupyter_client") is None:
            return None
        from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

        try:
            argv = KernelSpecManager().get_kernel_spec("python3").argv
        except NoSuchKernel:
            return Finding("Jupyter knows no kernel `python3`.", f"Please {ANEW}.")
    program = argv[0]
    if os.path.isabs(program) and os.path.abspath(program) != os.path.abspath(sys.executable):
        same = pathlib.Path(program).parent == pathlib.Path(sys.executable).parent
        if not same:
            return Finding(f"Notebooks would be run by another Python, {program}.",
                           "Run `jupyter kernelspec remove python3`; in VS Code choose the kernel .venv.")  # fmt: skip


def check_network(folder=ROOT, download=None):
    """Whether packages can be fetched; asked only while there is no environment.

    Args:
        folder: the course folder.
        download: function that fetches one small package and returns whether it came.
    """
    if not (folder / ".venv").is_dir() and not (download or _download)():
        return Finding("No package can be fetched: no network, or a proxy stands before it.",
                       "Connect and try again, or install from a wheelhouse (TEACHING.md).")  # fmt: skip


def _download():
    """Fetch a small one of the course's packages with pip, from wherever pip is told to."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--retries=0", "--timeout=15", "--no-deps"]
        done = subprocess.run([*command, "--dest", folder, "nbval"], capture_output=True)
    return done.returncode == 0


CHECKS = {
    "Python": check_python,
    "system and processor": check_platform,
    "venv": check_venv_module,
    "course folder": check_folder,
    "length of paths": check_path_length,
    "disk": check_disk,
    "environment": check_moved,
    "packages": check_packages,
    "kernel": check_kernel,
    "network": check_network,
}


def examine(checks=CHECKS):
    """Run the checks in order, print one line for each; returns the findings."""
    findings = []
    for name, check in checks.items():
        finding = check()
        print(f"{'!!' if finding else 'ok'}  {name}" + (f": {finding} {finding.mend}" if finding else ""))
        findings += [finding] if finding else []
    return findings


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m cvhelpers.course doctor", description=__doc__.split("\n")[0])
    parser.parse_args(arguments)
    print(f"{platform.platform()}, Python {platform.python_version()}, {sys.executable}")
    inner = environment_python()
    inside = os.path.abspath(sys.prefix) == os.path.abspath(ROOT / ".venv")
    if inner.exists() and not inside and not check_moved():
        print(f"The course has its own Python; asking that one: {inner}")
        return subprocess.run([str(inner), "-m", "cvhelpers.course", "doctor"], cwd=str(ROOT)).returncode
    findings = examine()
    print(f"{len(findings)} to mend" if findings else "Nothing stands in the way.")
    return int(bool(findings))
