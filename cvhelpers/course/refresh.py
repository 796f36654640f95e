"""Run notebooks and store their outputs so that diffs stay small and the tests can compare them.

``python -m cvhelpers.course refresh [NAMES]``. Needs nbclient and nbformat.
"""

import argparse
import base64
import os
import pathlib
import re
import sys
import time

from .._paths import ROOT

KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
COLAB = {"accelerator": "GPU", "colab": {"gpuType": "T4", "provenance": []}}

NOTES = "<details><summary>For the teacher</summary>\n\n{text}\n\n</details>"


def folded(text):
    """A speaker note as students see it: one line that a click unfolds.

    >>> folded(folded("Pause here.")).count("details")
    2
    """
    return text if text.startswith("<details>") else NOTES.format(text=text.strip())


def unfolded(text):
    """The words of a folded speaker note.

    >>> unfolded(folded("Pause here."))
    'Pause here.'
    """
    head, tail = NOTES.split("{text}")
    return text.removeprefix(head).removesuffix(tail)


def set_kernel_environment(root=ROOT):
    """Give the kernels that this process starts the conditions of the tests: one thread, no log lines, this package.

    One thread makes trained numbers the same on every number of cores. Existing variables win.
    """
    env = os.environ
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(root), env.get("PYTHONPATH")]))
    env["JUPYTER_PREFER_ENV_PATH"] = "1"  # not another Python's kernel of the same name
    env["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    defaults = {
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
        "CVHELPERS_PROGRESS": "0",
        "CVHELPERS_DEVICE": "cpu",
    }
    for key, value in defaults.items():
        env.setdefault(key, value)


def lessons():
    """Paths of all lessons, in order.

    >>> lessons()[0].name
    '01_computer_vision_tasks.ipynb'
    """
    return sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def sources():
    """Paths of all notebooks that lie here with their outputs: lessons, then solutions of the homework."""
    return lessons() + sorted((ROOT / "notebooks/homework/solutions").glob("hw*.ipynb"))


def find(names):
    """Paths of the notebooks whose file names start with one of the names; all when no name is given."""
    found = []
    for name in names:
        path = pathlib.Path(name)
        match = [path] if path.is_file() else [p for p in sources() if p.name.startswith(path.name)]
        if not match:
            raise SystemExit(f"no notebook is called {name!r}: wanted one of {', '.join(p.stem for p in sources())}")
        found += match
    return found or sources()


def execute(notebook, folder, progress=lambda done, total: None):
    """Run every code cell of a notebook in a fresh kernel in ``folder``; the outputs are stored in the notebook."""
    from nbclient import NotebookClient

    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in code:
        cell.outputs, cell.execution_count = [], None
    done = iter(range(1, len(code) + 1))
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        store_widget_state=False,
        skip_cells_with_tag="skip-execution",
        resources={"metadata": {"path": str(folder)}},
        on_cell_executed=lambda **_: progress(next(done, len(code)), len(code)),
    )
    client.execute()


def normalise(notebook):
    """Drop what changes from machine to machine; keep ids, tags and alt texts; mark the slides; number the cells."""
    import nbformat

    notebook.metadata = nbformat.from_dict({**KERNEL, **(COLAB if "accelerator" in notebook.metadata else {})})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    count = 0
    for cell in notebook.cells:
        kept = {k: v for k, v in cell.metadata.items() if k in ("tags", "alt", "slideshow") and v}
        if cell.cell_type == "markdown" and (heading := re.match(r"#{1,3} ", cell.source)):
            kept["slideshow"] = {"slide_type": "subslide" if len(heading[0]) == 4 else "slide"}
        if kept.get("slideshow", {}).get("slide_type") == "notes":
            cell.source = folded(cell.source)
        cell.metadata = nbformat.from_dict(kept)
        if cell.cell_type != "code":
            continue
        count += 1
        if cell.execution_count is not None:
            cell.execution_count = count
        for output in cell.outputs:
            # A widget is dead without its kernel, and its number is another one each time: its text stays.
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
            if "execution_count" in output:
                output.execution_count = count
            if "metadata" in output:
                alt = {"image/png": {"alt": kept["alt"]}} if "alt" in kept and "image/png" in output.data else {}
                output.metadata = nbformat.from_dict(alt)
    return notebook


def refresh(path, progress=lambda done, total: None):
    """Text of the notebook at ``path`` after running it; the file itself is not touched."""
    import nbformat

    notebook = nbformat.read(path, 4)
    execute(notebook, path.parent, progress)
    return nbformat.writes(normalise(notebook)) + "\n"


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m cvhelpers.course refresh", description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help="for instance 03, 03_convolutional_layer or a path; all when empty")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a notebook would change")
    options = parser.parse_args(arguments)
    return run_refresh(find(options.names), options.check)


def write_title_picture(notebook, folder):
    """Store the picture of the cell ``five-answers`` as the one that the README shows; nothing without such a cell."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []) if cell.id == "five-answers" else ():
            if "image/png" in output.get("data", {}):
                (folder / "five_tasks.png").write_bytes(base64.b64decode(output.data["image/png"]))


def run_refresh(paths, check=False):
    """Refresh each notebook; a file whose cells fail keeps its old content. Returns the number of problems."""
    import nbformat
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    os.environ["PYTEST_CURRENT_TEST"] = "refresh"  # ipykernel then treats the output of C++ code as under nbval
    set_kernel_environment()
    problems = 0
    for path in paths:
        start = time.time()

        def progress(done, total, name=path.stem):
            if sys.stderr.isatty():
                print(f"\r{name}: cell {done}/{total} ", end="", file=sys.stderr, flush=True)

        try:
            text = refresh(path, progress)
        except (CellExecutionError, DeadKernelError, TimeoutError) as error:
            problems += 1
            print(f"\r{path.stem}: FAILED, the file is unchanged\n{error}", flush=True)
            continue
        changed = text != path.read_text("utf-8")
        problems += check and changed
        if changed and not check:
            fresh = path.with_suffix(".tmp")
            fresh.write_text(text, "utf-8")
            fresh.replace(path)
            write_title_picture(nbformat.reads(text, 4), path.parent / "images")
        state = ("would change" if check else "stored") if changed else "unchanged"
        print(f"\r{path.stem}: {state}, {len(text) / 1024:.0f} KiB, {time.time() - start:.0f} s", flush=True)
    return problems
