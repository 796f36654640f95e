"""The house keeps its plan: imports run one way, modules stay short, the map is complete, "introduced in" is true.

Each rule is a function of a folder that returns what breaks it, so each is also shown a house that breaks it.
"""

import ast
import functools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import textwrap
import tomllib

import pytest

from cvhelpers.homework.sandbox import python_source

ROOT = pathlib.Path(__file__).parents[1]
LINES = 400
NUMPY_ROOMS = ("ops", "shapes", "boxes", "metrics", "samples", "scenes")
# The name that one imports, where it differs from the name that one installs.
INSTALLED_AS = {"PIL": "pillow", "skimage": "scikit-image", "jupyter_client": "jupyter-client"}
INSTALLED_AS |= {"matplotlib_inline": "matplotlib-inline"}


parse = functools.cache(ast.parse)  # by the text, so that an edited copy is read again


def modules(house):
    """Every module of the package by its dotted name, with its parsed code."""
    found = {}
    for path in sorted(house.glob("cvhelpers/**/*.py")):
        parts = path.relative_to(house).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def source_of(node, name, path):
    """Full name of the module that a ``from … import`` in module ``name`` takes from."""
    package = (name if path.name == "__init__.py" else name.rpartition(".")[0]).split(".")
    above = package[: len(package) - node.level + 1] if node.level else []
    return ".".join([*above, *filter(None, [node.module])])


def imports(name, path, known):
    """Every module that ``name`` imports, at its top or inside a function; ours by their full name."""
    for node in ast.walk(parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
        elif isinstance(node, ast.ImportFrom):
            base = source_of(node, name, path)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield inner if inner in known else base


def circle(house):
    """The first circle of imports as a list of names, empty where there is none."""
    known = modules(house)
    edges = {name: {to for to in imports(name, path, known) if to in known} for name, path in known.items()}
    done = set()

    def visit(name, way):
        if name in way:
            return way[way.index(name) :] + [name]
        if name in done:
            return []
        for following in sorted(edges[name]):
            if found := visit(following, [*way, name]):
                return found
        done.add(name)
        return []

    return next((found for name in edges if (found := visit(name, []))), [])


def long_modules(house):
    return [name for name, path in modules(house).items() if len(path.read_text("utf-8").splitlines()) >= LINES]


def wrong_map(house):
    """Rooms that the map leaves out, and names in the map that are no room."""
    docstring = ast.get_docstring(parse((house / "cvhelpers/__init__.py").read_text("utf-8")))
    plan = "\n".join(line for line in docstring.splitlines() if line.startswith(("- ``", "  ")))
    plan = plan.split("- arrays are")[0]
    drawn = set(re.findall(r"``(\w+)``", plan))
    rooms = {name.split(".")[1] for name in modules(house) if "." in name}
    return sorted({room for room in rooms if not room.startswith("_")} ^ drawn)


def used_names(notebook):
    """Full names of ours that the code of a lesson uses: ``cvhelpers.plotting.show_images`` and so on."""
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    sources = ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    tree = parse("\n".join(map(python_source, sources)))
    alias, used = {}, set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "cvhelpers":
            for name in node.names:
                alias[name.asname or name.name] = f"{node.module}.{name.name}"
                used.add(f"{node.module}.{name.name}")
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in alias:
            used.add(f"{alias[node.value.id]}.{node.attr}")
    return used


def handed_on(house):
    """Where a module hands on what another defines: its own full name for each name of that kind."""
    known, doors = modules(house), {}
    for module, path in known.items():
        for node in parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ImportFrom) and node.level:
                for name in node.names:
                    doors[f"{module}.{name.asname or name.name}"] = f"{source_of(node, module, path)}.{name.name}"
    return doors


def wrong_introductions(house):
    """(name, lesson in the docstring, first lesson that uses the name) where the two differ.

    What a lesson calls by name is "Introduced in" the first of them; "Serves" is for what none calls by name.
    """
    lessons = {path.name[:2]: used_names(path) for path in sorted((house / "notebooks").glob("[0-9]*.ipynb"))}
    doors = handed_on(house)
    for used in lessons.values():
        for name in list(used):
            while name in doors and doors[name] not in used:
                name = doors[name]
                used.add(name)
    wrong = []
    for module, path in modules(house).items():
        for node in ast.walk(parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.FunctionDef | ast.ClassDef):
                continue
            said = re.search(r"(ntroduced in|erves) lesson (\d\d)", ast.get_docstring(node) or "")
            if said is None:
                continue
            first = next((number for number, used in lessons.items() if f"{module}.{node.name}" in used), None)
            if first != (said[2] if said[1] == "ntroduced in" else None):
                wrong.append((f"{module}.{node.name}", said[2], first))
    return wrong


def undeclared(house):
    """Third-party packages that a module imports and ``pyproject.toml`` does not name."""
    project = tomllib.loads((house / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *sum(project.get("optional-dependencies", {}).values(), [])]
    declared = {re.match(r"[\w.-]+", line)[0].lower() for line in wanted}
    known, missing = modules(house), set()
    for name, path in known.items():
        for imported in imports(name, path, known):
            top = imported.split(".")[0]
            if top not in sys.stdlib_module_names and top != "cvhelpers":
                if INSTALLED_AS.get(top, top).lower() not in declared:
                    missing.add((name, top))
    return sorted(missing)


def test_imports_have_no_circle():
    assert circle(ROOT) == []


def test_modules_stay_short():
    assert long_modules(ROOT) == []


def test_the_map_names_every_room():
    assert wrong_map(ROOT) == []


def test_introduced_in_is_the_first_lesson_that_uses_it():
    assert wrong_introductions(ROOT) == []


def test_every_import_is_declared():
    assert undeclared(ROOT) == []


@pytest.mark.parametrize("room", NUMPY_ROOMS)
def test_numpy_rooms_know_nothing_of_keras(room):
    known = modules(ROOT)
    seen, waiting = set(), {f"cvhelpers.{room}"}
    while waiting:
        name = waiting.pop()
        seen.add(name)
        waiting |= set(imports(name, known[name], known)) & set(known) - seen
        outside = {imported.split(".")[0] for imported in imports(name, known[name], known)}
        assert not outside & {"keras", "tensorflow"}, name
    assert "cvhelpers._quiet" not in seen


def test_samples_are_a_leaf():
    known = modules(ROOT)
    ours = set(imports("cvhelpers.samples", known["cvhelpers.samples"], known)) & set(known)
    assert {name for name in ours if not name.split(".")[1].startswith("_")} == set()


def wheel(house, target):
    """What ``pip install`` of the wheel alone puts into a folder, by the lists of ``pyproject.toml``."""
    settings = tomllib.loads((house / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    for package in settings["packages"]:
        source = house / settings["package-dir"].get(package, package.replace(".", "/"))
        folder = target / package.replace(".", "/")
        folder.mkdir(parents=True, exist_ok=True)
        for pattern in ["*.py", *settings["package-data"].get(package, [])]:
            for path in source.glob(pattern):
                place = folder / path.relative_to(source)
                place.parent.mkdir(exist_ok=True)
                shutil.copy(path, place)


def test_the_wheel_alone_runs_digits_scenes_augmentation_and_a_shipped_detector(tmp_path):
    wheel(ROOT, tmp_path)
    folders = {path.parent.relative_to(ROOT) for path in ROOT.glob("cvhelpers/**/*.py")}
    assert all((tmp_path / folder / "__init__.py").exists() for folder in folders)
    program = """
        import cvhelpers
        from cvhelpers import augmentation, backbone, data
        from cvhelpers.networks import detection
        scenes = augmentation.RandomFlip()(data.load_scenes("test", 2), training=True)
        detector = data.load_weights("16_one_stage", detection.build_detector())
        found = detection.detect(detector, scenes["images"])
        names = backbone.class_names() + data.load_annotated(data.DATA / "one_photograph")["names"]
        print(cvhelpers.__file__, len(data.load_digits("train")[0]), [len(f["boxes"]) > 0 for f in found], len(names))
    """
    answer = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path), "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert answer.stdout.split(" ", 1) == [str(tmp_path / "cvhelpers/__init__.py"), "3500 [True, True] 1005\n"], answer


@pytest.fixture
def broken(tmp_path):
    """A copy of the house to break."""
    shutil.copytree(ROOT / "cvhelpers", tmp_path / "cvhelpers", ignore=shutil.ignore_patterns("__pycache__", "*.json"))
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks", ignore=shutil.ignore_patterns("homework", "images"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def edit(path, old, new):
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_a_circle_is_found_even_inside_a_function(broken):
    with (broken / "cvhelpers/samples.py").open("a", encoding="utf-8") as module:
        module.write("\n\ndef late():\n    from .scenes import CLASSES\n    return CLASSES\n")
    assert {"cvhelpers.samples", "cvhelpers.scenes"} <= set(circle(broken))


def test_line_401_is_found(broken):
    module = broken / "cvhelpers/shapes.py"
    with module.open("a", encoding="utf-8") as text:
        text.write("#\n" * (LINES + 1 - len(module.read_text("utf-8").splitlines())))
    assert long_modules(broken) == ["cvhelpers.shapes"]


def test_a_room_that_the_map_leaves_out_is_found(broken):
    (broken / "cvhelpers/attic.py").write_text("", "utf-8")
    edit(broken / "cvhelpers/__init__.py", "``boxes``", "``cellar``")
    assert wrong_map(broken) == ["attic", "boxes", "cellar"]


def test_a_wrong_introduction_is_found(broken):
    edit(broken / "cvhelpers/ops.py", "Introduced in lesson 03", "Introduced in lesson 05")
    assert [said for _, said, _ in set(wrong_introductions(broken)) - set(wrong_introductions(ROOT))] == ["05"]


def test_an_import_that_nobody_declared_is_found(broken):
    edit(broken / "cvhelpers/samples.py", "import numpy as np", "import numpy as np\nimport pandas as pd")
    assert undeclared(broken) == [("cvhelpers.samples", "pandas")]
