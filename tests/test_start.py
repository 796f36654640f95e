"""The first click, the second day, and everything that can stand in the way: README, doctor, wheelhouse."""

import os
import pathlib
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tomllib
import venv
import zipfile

import pytest

from cvhelpers import REPOSITORY
from cvhelpers.course import doctor, wheelhouse
from cvhelpers.course import refresh as notebooks

ROOT = pathlib.Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
LINUX_ONLY = pytest.mark.skipif(sys.platform != "linux", reason="a network is switched off by Linux' unshare")

# The README -----------------------------------------------------------------------------------------------------------


def blocks(language):
    return re.findall(rf"(?s)```{language}\n(.*?)\n```", README)


def test_first_day_installs_and_opens_later_days_only_open():
    first, later, tests = blocks("bash")
    assert "requirements.txt" in first and first.endswith("notebooks/01_computer_vision_tasks.ipynb")
    assert later == ".venv/bin/jupyter lab"
    assert tests.startswith(first.partition("&& .venv/bin/jupyter")[0]) and tests.endswith("-m pytest")
    windows = blocks("powershell")[0].splitlines()
    assert len(windows) == 2 and windows[1] == r".venv\Scripts\jupyter lab"
    windows = windows[0].replace("\\", "/").replace("Scripts", "bin").replace("; ", " && ")
    assert windows.replace("py ", "python3 ", 1) == first


def test_requirements_need_no_build_tools():
    """A line such as ``-e .`` would ask the network for setuptools each time, so the second day would fail."""
    lines = [line for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines() if line and line[0] != "#"]
    assert all(re.match(r"[a-z]", line) for line in lines)


def test_requirements_hold_what_the_package_needs():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needed = {re.match(r"[\w-]+", line)[0] for line in project["dependencies"]}
    assert needed <= set(doctor.requirements())


def test_readme_has_a_row_and_a_badge_for_every_lesson():
    for path in notebooks.lessons():
        name = path.relative_to(ROOT).as_posix()
        row = next((line for line in README.splitlines() if f"]({name})" in line), "")
        owner = REPOSITORY.removeprefix("https://github.com/")
        assert f"colab.research.google.com/github/{owner}/blob/main/{name})" in row, f"the README lacks {name}"


@pytest.mark.parametrize("name", ["README.md", "TEACHING.md", "CONTRIBUTING.md"])
def test_links_of_the_documents_lead_somewhere(name):
    for link in re.findall(r"\]\(([^)\s]+)\)", (ROOT / name).read_text("utf-8")):
        if not re.match(r"https?://|#|mailto:", link):
            assert (ROOT / link.split("#")[0]).exists(), link


def test_a_copy_of_the_repository_has_its_own_address():
    """On GitHub: a fork that was not told its address would send its students to somebody else's notebooks."""
    here = os.environ.get("GITHUB_REPOSITORY")
    if not here:
        pytest.skip("only GitHub says under which address the tests run")
    assert REPOSITORY == f"https://github.com/{here}", f"run: python -m cvhelpers.course address https://github.com/{here}"


# The second day -------------------------------------------------------------------------------------------------------

OFFLINE = """
import subprocess, sys, time, urllib.request
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
try:
    urllib.request.urlopen("http://192.0.2.1", timeout=2)
    sys.exit("there is a network")
except OSError:
    pass
done = subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-compile", "-r", "requirements.txt"])
token, port, out = sys.argv[1:]
server = subprocess.Popen([sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", "--ip=127.0.0.1",
                           f"--port={port}", f"--IdentityProvider.token={token}"], stderr=open(out, "w"))
page = ""
for _ in range(120):
    try:
        address = f"http://127.0.0.1:{port}/lab/tree/notebooks/06_pooling.ipynb?token={token}"
        page = urllib.request.urlopen(address, timeout=5).read().decode()
        break
    except OSError:
        time.sleep(0.5)
server.terminate()
server.wait(20)
print("installed" if done.returncode == 0 else "not installed", "JupyterLab" if "jupyter-config-data" in page else page)
"""


def offline(*command, **options):
    """Run a command without any network."""
    return subprocess.run(["unshare", "-rn", *map(str, command)], capture_output=True, text=True, **options)


needs_unshare = pytest.mark.skipif(
    not (shutil.which("unshare") and shutil.which("ip") and offline("true").returncode == 0),
    reason="this machine cannot switch a network off for one program",
)


@LINUX_ONLY
@needs_unshare
def test_second_day_starts_without_a_network(tmp_path):
    """The first line again finds everything installed, and JupyterLab answers with a lesson's page."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    done = offline(sys.executable, "-c", OFFLINE, secrets.token_hex(8), port, tmp_path / "log", cwd=ROOT, timeout=180)
    assert done.stdout.strip() == "installed JupyterLab", done.stdout + done.stderr + (tmp_path / "log").read_text()


# The doctor: each case with its mend ----------------------------------------------------------------------------------


def course(folder):
    """A course folder with the files that the doctor looks for."""
    for name in doctor.FILES:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


CASES = {
    "too old": (doctor.check_python, dict(version=(3, 10), bits=64), "3.10 is too old", "Install Python 3.12"),
    "too new": (doctor.check_python, dict(version=(3, 14), bits=64), "3.14 is too new", "Install Python 3.12"),
    "32 bits": (doctor.check_python, dict(version=(3, 12), bits=32), "32 bits", "64-bit Python 3.12"),
    "Intel Mac": (doctor.check_platform, dict(system="Darwin", machine="x86_64"), "Intel", "Colab"),
    "Windows on ARM": (doctor.check_platform, dict(system="Windows", machine="ARM64"), "ARM", "Intel and AMD"),
    "Alpine": (doctor.check_platform, dict(system="Linux", machine="x86_64", libc=""), "musl", "Debian"),
    "Raspberry Pi, 32 bits": (doctor.check_platform, dict(system="Linux", machine="armv7l"), "armv7l", "Colab"),
    "no ensurepip": (doctor.check_venv_module, dict(found=False), "ensurepip", "apt install python3-venv"),
    "another Python's kernel": (doctor.check_kernel, dict(argv=["/usr/bin/python3"]), "/usr/bin/python3", "kernelspec"),
    "half installed": (doctor.check_packages, dict(names=["pip", "no-such"], inside=True), "no-such is", "goes on"),
}
FINE = {
    "oldest": (doctor.check_python, dict(version=(3, 11), bits=64)),
    "newest": (doctor.check_python, dict(version=(3, 13), bits=64)),
    "Apple chip": (doctor.check_platform, dict(system="Darwin", machine="arm64")),
    "Windows": (doctor.check_platform, dict(system="Windows", machine="AMD64")),
    "Linux": (doctor.check_platform, dict(system="Linux", machine="x86_64", libc="glibc")),
    "own kernel": (doctor.check_kernel, dict(argv=[sys.executable])),
    "kernel found on the path": (doctor.check_kernel, dict(argv=["python"])),
    "installed": (doctor.check_packages, dict(names=["pip"], inside=True)),
    "outside of an environment": (doctor.check_packages, dict(names=["no-such"], inside=False)),
}


@pytest.mark.parametrize("name", CASES)
def test_doctor_names_what_is_in_the_way_and_its_mend(name):
    check, facts, problem, mend = CASES[name]
    finding = check(**facts)
    assert problem in finding and mend in finding.mend
    assert finding.endswith(".") and finding.mend.endswith((".", ")"))


@pytest.mark.parametrize("name", FINE)
def test_doctor_is_silent_where_all_is_well(name):
    check, facts = FINE[name]
    assert check(**facts) is None


def test_doctor_measures_paths_on_windows():
    name = "computer-vision-course-main"
    downloads = pathlib.PurePosixPath("C:/Users/katharina.musterfrau/Downloads") / name / name
    finding = doctor.check_path_length(downloads, "Windows", long_paths=False)
    assert f"{len(str(downloads)) + 1 + doctor.LONGEST} characters" in finding and r"C:\cv" in finding.mend
    assert doctor.check_path_length(downloads, "Windows", long_paths=True) is None
    assert doctor.check_path_length(downloads, "Linux", long_paths=False) is None
    assert doctor.check_path_length(pathlib.PurePosixPath("C:/cv"), "Windows", long_paths=False) is None


def test_doctor_looks_at_disk_and_folder(tmp_path):
    assert "1.5 GB are free" in doctor.check_disk(tmp_path, free=1.5e9)
    assert doctor.check_disk(tmp_path, free=9e9) is None
    assert "lacks requirements.txt" in doctor.check_folder(tmp_path)
    assert doctor.check_folder(course(tmp_path)) is None


def test_doctor_asks_for_a_network_only_before_the_installation(tmp_path):
    assert "wheelhouse" in doctor.check_network(tmp_path, download=lambda: False).mend
    assert doctor.check_network(tmp_path, download=lambda: True) is None
    (tmp_path / ".venv").mkdir()
    assert doctor.check_network(tmp_path, download=lambda: False) is None


def test_doctor_finds_an_environment_that_was_moved_broken_or_lost_its_python(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    venv.create(old / ".venv", with_pip=False, symlinks=os.name != "nt")
    assert doctor.check_moved(old) is None and doctor.check_moved(new) is None
    shutil.copytree(old, new, symlinks=True)
    assert f"was made at {old / '.venv'}" in doctor.check_moved(new)
    assert "delete the folder .venv" in doctor.check_moved(new).mend
    settings = old / ".venv/pyvenv.cfg"
    settings.write_text(re.sub("home = .*", "home = /no/such/python", settings.read_text()))
    assert "is gone from" in doctor.check_moved(old)
    settings.unlink()
    assert "is broken" in doctor.check_moved(old)


def test_doctor_prints_one_line_for_each_check_and_the_mend(capsys):
    findings = doctor.examine({"Python": lambda: doctor.check_python((3, 14), 64), "disk": lambda: None})
    lines = capsys.readouterr().out.splitlines()
    assert len(findings) == 1 and lines[1] == "ok  disk"
    assert lines[0].startswith("!!  Python: Python 3.14 is too new") and "Install Python 3.12" in lines[0]


def test_table_of_troubles_knows_what_the_doctor_knows():
    table = README.partition("## When something does not work")[2]
    words = "3.14", "32 bits", "Intel", "ARM", "Alpine", "ensurepip", "260", "space", "moved", "kernel", "wheelhouse"
    assert [word for word in words if word not in table] == []


# A room without internet ----------------------------------------------------------------------------------------------


def test_wheelhouse_asks_for_wheels_of_the_named_system_and_python(tmp_path):
    command = wheelhouse.pip_download(tmp_path / "list.txt", "windows", "3.11", tmp_path)
    assert "--platform=win_amd64" in command and "--python-version=3.11" in command and "--abi=cp311" in command
    assert "--only-binary=:all:" in command and not [part for part in command if "manylinux" in part]
    tags = wheelhouse.SYSTEMS["linux"][2]
    assert "manylinux2014_x86_64" in tags and "manylinux_2_17_x86_64" in tags


def wheel(folder, name):
    """A wheel with one empty module."""
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as packed:
        packed.writestr(f"{name}.py", "")
        packed.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        packed.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        packed.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")


@LINUX_ONLY
@needs_unshare
def test_readme_line_installs_from_a_wheelhouse_without_a_network(tmp_path, monkeypatch):
    """The command's own requirements file, over two small wheels, from another folder than that of the wheels."""

    def fetch(command, **options):
        wheel(wheels, "lesson")
        wheel(wheels, "homework")

    wheels = tmp_path / "wheels"
    listed = tmp_path / "listed.txt"
    listed.write_text("# made by hand\nhomework==1.0\nlesson==1.0\n")
    (tmp_path / "tools/bin").mkdir(parents=True)
    (tmp_path / "tools/bin/uv").touch()
    monkeypatch.setattr(wheelhouse.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(wheelhouse, "fetched_uv", lambda folder: tmp_path / "tools/bin/uv")
    monkeypatch.setattr(wheelhouse, "resolved", lambda *arguments: listed)
    monkeypatch.setattr(wheelhouse.subprocess, "run", fetch)
    assert wheelhouse.write_wheelhouse(wheels, ["linux", "windows"], ["3.12"]) == 2
    monkeypatch.undo()
    line = blocks("bash")[0].partition(" && .venv/bin/jupyter")[0].replace("-r requirements", "-r wheels/requirements")
    line = line.replace("python3", sys.executable, 1)
    look = ".venv/bin/python -c 'import lesson, homework; print(lesson.__file__)'"
    done = offline("bash", "-c", f"{line} && {look}", cwd=tmp_path)
    assert done.returncode == 0 and str(tmp_path / ".venv") in done.stdout, done.stderr
