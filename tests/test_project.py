"""One version, one address, one truth about licences, actions that nobody can exchange."""

import pathlib
import re
import tomllib

import cvhelpers

ROOT = pathlib.Path(__file__).parents[1]


def read(name):
    return (ROOT / name).read_text("utf-8")


def test_version_stands_in_one_place_and_the_changelog_begins_with_it():
    versions = re.findall(r"(?m)^## (\S+) · (\d{4}-\d\d-\d\d|in progress)$", read("CHANGELOG.md"))
    assert versions[0][0] == cvhelpers.__version__
    released = next(version for version in versions if version[1] != "in progress")
    citation = read("CITATION.cff")
    assert (re.search(r"(?m)^version: (.+)$", citation)[1], re.search(r"(?m)^date-.*: (.+)$", citation)[1]) == released
    project = tomllib.loads(read("pyproject.toml"))
    assert "version" not in project["project"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "cvhelpers.__version__"}


def test_every_room_travels_in_the_package():
    listed = tomllib.loads(read("pyproject.toml"))["tool"]["setuptools"]["packages"]
    found = (path.parent.relative_to(ROOT).as_posix() for path in ROOT.glob("cvhelpers/**/__init__.py"))
    rooms = {name.replace("/", ".") for name in found}
    assert rooms | {"cvhelpers.shipped"} == set(listed)


def test_every_file_of_data_has_a_datasheet_and_the_licences_agree():
    sheet, licence = read("data/README.md"), read("LICENSE")
    for path in (ROOT / "data").iterdir():
        if path.is_file() and path.name not in ("README.md", "__init__.py"):
            assert path.name in sheet, path.name
    for text in (sheet, licence):
        assert "CC BY-SA 3.0" in text and "Apache License 2.0" in text and "efficientnet_lite0.LICENSE.txt" in text
    assert "Apache License" in read("data/efficientnet_lite0.LICENSE.txt")
    assert "weights in data/ are ours and under the MIT" not in licence


def test_actions_are_pinned_and_get_no_more_rights_than_they_need():
    for path in (ROOT / ".github/workflows").glob("*.yml"):
        text = path.read_text("utf-8")
        used = re.findall(r"uses: (\S+)", text)
        assert used and all(re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", name) for name in used), path.name
        assert re.search(r"(?m)^permissions:\n  contents: read$", text), path.name
        assert re.search(r"(?m)^concurrency:", text), path.name


def test_what_a_class_hands_in_never_enters_the_repository():
    ignored = read(".gitignore").splitlines()
    for line in (".venv/", "handins/", "grades*.csv", "grades*_reports/", "wheels/", "data/cache/"):
        assert line in ignored


def test_what_pytest_imports_leaves_the_environment_alone():
    """The kernels of all notebooks inherit it: MPLBACKEND, say, would take the pictures from every lesson."""
    for path in (*ROOT.glob("tests/*.py"), *ROOT.glob("cvhelpers/**/*.py"), ROOT / "conftest.py"):
        if path.name != "_quiet.py":
            assert not re.search(r"(?m)^os\.(environ|putenv|unsetenv)", path.read_text("utf-8")), path
