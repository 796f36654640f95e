"""The setup cell on every kind of host: nothing there, half of it, another folder of that name, no network, twice."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from cvhelpers import REPOSITORY, __version__
from cvhelpers.course import address

ROOT = pathlib.Path(__file__).parents[1]
NAME = f"cvhelpers-v{__version__}"
pytestmark = pytest.mark.skipif(
    shutil.which("git") is None or sys.platform == "win32", reason="a host of notebooks has git and a Unix shell"
)
LOOK = "\nimport cvhelpers, os; print(os.path.realpath(cvhelpers.__file__))"


def git(*command, folder):
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *command], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def host(tmp_path):
    """A bare host: an empty folder with the notebook, a home, and the course's address answered by a small repository.

    Returns the function that runs the cell there; ``host.home`` and ``host.origin`` are folders.
    """
    origin, home, work = tmp_path / "origin", tmp_path / "home of a student", tmp_path / "content"
    for folder in (origin / "cvhelpers", home, work):
        folder.mkdir(parents=True)
    (origin / "cvhelpers/__init__.py").write_text("AGE = 'September'\n")
    git("init", "-q", "-b", "main", folder=origin)
    git("add", ".", folder=origin)
    git("commit", "-q", "-m", "one", folder=origin)

    def run(code=LOOK, network=True, folder=work, **more):
        variables = {"HOME": str(home), "PATH": os.environ["PATH"], "GIT_TERMINAL_PROMPT": "0"}
        if network:
            variables |= {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_VALUE_0": REPOSITORY,
                          "GIT_CONFIG_KEY_0": f"url.{origin.as_uri()}.insteadOf"}  # fmt: skip
        else:
            variables |= {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_VALUE_0": REPOSITORY,
                          "GIT_CONFIG_KEY_0": "url.file:///no/such/place.insteadOf"}  # fmt: skip
        command = [sys.executable, "-I", "-S", "-c", address.setup_cell() + code]
        return subprocess.run(command, cwd=folder, env=variables | more, capture_output=True, text=True)

    run.home, run.origin, run.work = home, origin, work
    return run


def in_a_sentence(done):
    """Whether a run ended in our sentence, after what git said, without a traceback."""
    last = done.stderr.splitlines()[-1]
    return done.returncode == 1 and last.startswith("The course was not found") and "Traceback" not in done.stderr


def test_a_bare_host_fetches_the_course_once_and_a_restart_finds_it(host):
    done = host()
    assert done.stdout == f"{host.home}/{NAME}/cvhelpers/__init__.py\n", done.stderr
    again = host(LOOK + f"\nexec({address.setup_cell()!r})" + LOOK, network=False)  # a new kernel, the cell twice
    assert again.stdout == done.stdout * 2 and again.stderr == ""


def test_inside_the_course_nothing_is_fetched(host):
    folder = ROOT / "notebooks/homework"
    done = host(network=False, folder=folder)
    assert done.stdout == f"{ROOT}/cvhelpers/__init__.py\n" and done.stderr == "" and not list(host.home.iterdir())


def test_what_a_broken_connection_left_is_replaced(host):
    half = host.home / f"{NAME}.part/cvhelpers"
    half.mkdir(parents=True)
    (half / "__init__.py").write_text("1 / 0")
    done = host()
    assert done.returncode == 0 and not half.exists(), done.stderr


def test_no_network_ends_in_a_sentence_and_a_later_run_succeeds(host):
    done = host(network=False)
    assert in_a_sentence(done) and "connect (Kaggle: Internet on)" in done.stderr and done.stdout == ""
    assert host().returncode == 0


def test_no_git_ends_in_a_sentence(host, tmp_path):
    (tmp_path / "bin").mkdir()
    for name in ("sh", "rm", "mv"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    assert in_a_sentence(host(PATH=str(tmp_path / "bin")))


def test_another_folder_of_that_name_is_left_alone_and_named(host):
    (host.home / NAME).mkdir()
    (host.home / NAME / "thesis.txt").write_text("three years of work")
    done = host()
    assert in_a_sentence(done) and f"remove {host.home / NAME}" in done.stderr
    assert (host.home / NAME / "thesis.txt").read_text() == "three years of work"


def test_a_copy_from_september_fetches_the_release_of_september(host):
    git("tag", f"v{__version__}", folder=host.origin)
    (host.origin / "cvhelpers/__init__.py").write_text("AGE = 'December'\n")
    git("commit", "-q", "-a", "-m", "two", folder=host.origin)
    look = "\nimport cvhelpers; print(cvhelpers.AGE)"
    assert host(look).stdout == "September\n"
    shutil.rmtree(host.home / NAME)
    git("tag", "-d", f"v{__version__}", folder=host.origin)  # not released yet: the newest
    assert host(look).stdout == "December\n"


def test_the_cell_reminds_of_drive_and_is_short():
    lines = address.setup_cell().splitlines()
    assert "Save a copy in Drive" in lines[1] and len(lines) <= 12 and max(map(len, lines)) <= 120
