"""Fetch all packages for a class without internet: ``python -m cvhelpers.course wheelhouse wheels``.

The folder holds wheels for each system and Python that is named, and a requirements.txt with the exact versions. Put
it into the course folder as ``wheels``; the README's first line with ``-r wheels/requirements.txt`` installs from it.
Needs a network once, here. The versions are chosen by uv, which can do so for another system than its own.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from .._paths import ROOT

MANYLINUX = ["_2_28", "_2_27", "_2_26", "_2_24", "_2_17", "2014", "_2_12", "2010", "_2_5", "1"]
# uv's name of a system, Python's name of it, and the tags of the wheels that run there.
SYSTEMS = {
    "windows": ("x86_64-pc-windows-msvc", "win32", ["win_amd64"]),
    "linux": ("x86_64-manylinux_2_28", "linux", [f"manylinux{tag}_x86_64" for tag in MANYLINUX]),
    "macos": ("aarch64-apple-darwin", "darwin", ["macosx_14_0_arm64"]),
}
PYTHONS = ("3.11", "3.12", "3.13")
HEAD = """\
# Made by `python -m cvhelpers.course wheelhouse` for {systems}; Python {pythons}. Nothing is fetched from a network.
--no-index
--find-links .
"""


def fetched_uv(folder):
    """Path of the program uv, which is put into ``folder`` for this one run."""
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", f"--target={folder}", "uv"], check=True)
    return next(path for path in folder.glob("bin/uv*") if path.stem == "uv")


def resolved(uv, system, python, folder):
    """Write the exact versions for a system and a Python into ``folder``; returns the path of that list."""
    path = folder / f"{system}-{python}.txt"
    command = [uv, "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--output-file", path]
    command += ["--python-platform", SYSTEMS[system][0], "--python-version", python, "--only-binary", ":all:"]
    subprocess.run([*map(str, command), str(ROOT / "requirements.txt")], check=True)
    return path


def pip_download(listed, system, python, out):
    """The command that fetches the listed wheels for a system and a Python."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", f"--dest={out}"]
    command += [f"--python-version={python}", "--implementation=cp", "-r", str(listed)]
    command += [f"--abi={abi}" for abi in ("cp" + python.replace(".", ""), "abi3", "none")]
    return command + [f"--platform={tag}" for tag in SYSTEMS[system][2]]


def merged(lists):
    """Lines of one requirements file from the exact versions for several systems and Pythons.

    Args:
        lists: dict from (system, python) to the lines ``name==version`` for it.

    Returns:
        list of lines; a version that does not hold everywhere carries the marker that says where.

    >>> merged({("linux", "3.11"): ["a==1", "b==2"], ("windows", "3.11"): ["a==1"]})
    ['a==1', "b==2 ; sys_platform == 'linux' and python_version == '3.11'"]
    """
    where = {}
    for key, lines in lists.items():
        for line in lines:
            where.setdefault(line.split(";")[0].strip(), []).append(key)
    out = []
    for line in sorted(where):
        if len(where[line]) == len(lists):
            out.append(line)
            continue
        for system, python in where[line]:
            out.append(f"{line} ; sys_platform == '{SYSTEMS[system][1]}' and python_version == '{python}'")
    return out


def write_wheelhouse(out, systems, pythons):
    """Fetch the wheels into the folder ``out`` and write its requirements.txt; returns the number of wheels."""
    out.mkdir(parents=True, exist_ok=True)
    lists = {}
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        uv = fetched_uv(scratch / "tools")
        for system in systems:
            for python in pythons:
                listed = resolved(uv, system, python, scratch)
                lines = [line for line in listed.read_text("utf-8").splitlines() if re.match(r"\w", line)]
                lists[system, python] = lines
                subprocess.run(pip_download(listed, system, python, out), check=True)
                print(f"{system}, Python {python}: {len(lines)} packages", flush=True)
    head = HEAD.format(systems=", ".join(systems), pythons=", ".join(pythons))
    (out / "requirements.txt").write_text(head + "\n".join(merged(lists)) + "\n", "utf-8")
    return len(list(out.glob("*.whl")))


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m cvhelpers.course wheelhouse", description=__doc__.split("\n")[0])
    parser.add_argument("out", type=pathlib.Path, help="folder for the wheels, for instance wheels")
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--pythons", nargs="+", choices=PYTHONS, default=["3.12"])
    options = parser.parse_args(arguments)
    count = write_wheelhouse(options.out, options.systems, options.pythons)
    size = sum(path.stat().st_size for path in options.out.iterdir())
    line = os.path.join(options.out.name, "requirements.txt")
    print(f"{count} wheels, {size / 1e6:.0f} MB; copy the folder into the course and install with -r {line}")
    return 0
