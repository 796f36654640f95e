"""Run notebooks as strangers do: ``python tests/emulate.py colab``, ``oldest``, ``next`` or ``processor``.

``colab``: the versions of Google Colab, an empty folder that holds only the one notebook, a home without the course, a
stand-in for the module ``google.colab``, and the course's address answered by a local clone. The setup cell has to
fetch the rest.
``oldest``: the oldest TensorFlow and Keras that the course supports, in the course folder.
``next``: the newest of everything, TensorFlow's release candidate included, in the course folder.
``processor``: the environment that runs this, on an x86 processor, with the instructions of one of 2008 and without
oneDNN. Sums are then rounded otherwise, and whatever a long training makes of that must not stand in compared text.

All compare every output with the stored one; ``--status FILE`` writes the result as a dated page. Needs the network
once, for the packages.
"""

import argparse
import datetime
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import venv

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from cvhelpers import REPOSITORY  # noqa: E402
from cvhelpers.course import refresh  # noqa: E402

TOOLS = ["nbval==0.11.*", "pytest"]
VERSIONS = {
    "colab": [
        "tensorflow==2.20.0", "keras==3.13.2", "numpy==2.1.3", "matplotlib==3.10.0", "scikit-image==0.25.2",
        "scipy==1.16.3", "ipython==7.34.0", "ipywidgets==7.7.1",
        "ipykernel==6.17.1", "pycocotools>=2.0.8",
    ],
    "oldest": [
        "tensorflow==2.19.*", "keras==3.10.*", "numpy==2.0.*", "matplotlib==3.10.*", "scikit-image==0.25.*",
        "ipywidgets>=8.1", "ipykernel", "pycocotools>=2.0.8",
    ],
    "next": [
        "tensorflow>=2.21.0rc0", "keras", "numpy", "matplotlib", "scikit-image", "scipy", "pillow", "ipywidgets",
        "ipykernel", "pycocotools", "nbclient", "nbformat",
    ],
}  # fmt: skip
VARIABLES = {
    "processor": {
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "OPENBLAS_CORETYPE": "Nehalem",
        "XLA_FLAGS": "--xla_cpu_max_isa=SSE4_2",
    }
}
COLAB_MODULE = "import sys, types\nsys.modules['google.colab'] = types.ModuleType('google.colab')\n"


def make_environment(kind, folder):
    """A virtual environment with the versions of ``kind``; an existing one is used as it is."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        venv.create(folder, with_pip=True, symlinks=os.name != "nt")
        subprocess.run([python, "-m", "pip", "install", "-q", *VERSIONS[kind], *TOOLS], check=True)
    return python


def clone_of_course(folder):
    """A bare clone of the working tree's last commit, and the environment that makes git take it for the address."""
    clone = folder / "origin.git"
    subprocess.run(["git", "clone", "--quiet", "--bare", str(ROOT), str(clone)], check=True)
    return {
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": f"url.{clone.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": REPOSITORY,
        "GIT_CONFIG_KEY_1": "safe.directory",
        "GIT_CONFIG_VALUE_1": "*",
    }


def run(python, path, environment):
    """Strict nbval over one notebook; returns its exit code."""
    command = [python, "-m", "pytest", "-q", "--color=no", "-c", os.devnull, "--rootdir", path.parent]
    command += ["-p", "no:cacheprovider", "--nbval", "--nbval-current-env", "--nbval-cell-timeout=600", path]
    return subprocess.run(list(map(str, command)), env=environment, cwd=path.parent).returncode


def status(kind, python, failed, total):
    """A page that says on which day, with which versions, which notebooks gave the stored numbers."""
    names = ["tensorflow", "keras", "numpy", "matplotlib"]
    look = f"import importlib.metadata as m, sys; print(sys.version.split()[0], *map(m.version, {names}))"
    done = subprocess.run([python, "-c", look], capture_output=True, text=True)
    versions = done.stdout.split() or ["?"] * 5
    rows = [f"| {name} | {version} |" for name, version in zip(["Python", *names], versions)]
    result = f"{total - len(failed)} of {total} notebooks give the stored numbers."
    if total == 0:
        result = "The packages could not be installed: there are no wheels yet."
    head = [f"# Emulation `{kind}`, {datetime.date.today()}", "", result, "", "| package | version |", "|---|---|"]
    return "\n".join([*head, *rows, "", *(f"- differs or fails: {name}" for name in failed)]).rstrip() + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=[*VERSIONS, *VARIABLES])
    parser.add_argument("names", nargs="*", help="which notebooks, for instance 03 hw1; all when empty")
    parser.add_argument("--environment", type=pathlib.Path, help="folder of a virtual environment to keep")
    parser.add_argument("--status", type=pathlib.Path, help="file for a dated page of the result")
    options = parser.parse_intermixed_args()
    if options.environment and options.kind not in VERSIONS:
        parser.error(f"--environment does not go with {options.kind}, which takes the environment that runs this")
    failed, scratch = [], pathlib.Path(tempfile.mkdtemp(prefix="emulate-"))
    chosen, python = [], sys.executable
    try:
        if options.kind in VERSIONS:
            python = make_environment(options.kind, (options.environment or scratch / "environment").absolute())
        refresh.set_kernel_environment()
        environment = {**os.environ, **VARIABLES.get(options.kind, {})}
        if options.kind == "colab":
            environment.update(clone_of_course(scratch))
            environment["HOME"] = str(scratch / "home")
            (scratch / "home").mkdir()
            (scratch / "modules").mkdir()
            (scratch / "modules/sitecustomize.py").write_text(COLAB_MODULE)
            environment["PYTHONPATH"] = str(scratch / "modules")  # the course itself must come from the clone
        chosen = refresh.find(options.names)
        for path in chosen:
            print(f"== {path.stem}", flush=True)
            if options.kind == "colab":
                folder = scratch / path.stem
                folder.mkdir()
                path = pathlib.Path(shutil.copy2(path, folder))
            if run(python, path, environment):
                failed.append(path.stem)
    except subprocess.CalledProcessError as error:  # pip said why
        failed.append(f"the installation ({error.returncode})")
    finally:
        if options.status:
            options.status.write_text(status(options.kind, python, failed, len(chosen)), "utf-8")
        shutil.rmtree(scratch, ignore_errors=True)
    print(f"{len(failed)} failed: {', '.join(failed)}" if failed else "all passed")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
