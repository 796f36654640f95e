"""Write the course's web address into every badge and setup cell: ``python -m cvhelpers.course address URL``."""

import argparse
import pathlib
import re

from .. import REPOSITORY
from .._paths import ROOT
from .refresh import lessons

# The first code cell of every lesson and homework.
SETUP = """\
# Setup: run this cell first. Colab fetches the course; on your own computer the course is around this notebook.
import importlib.util, os, subprocess, sys
REPOSITORY = "{address}"
if "google.colab" in sys.modules and not os.path.isdir("/content/course"):
    subprocess.run(["git", "clone", "--quiet", "--depth=1", REPOSITORY, "/content/course"], check=True)
sys.path += [os.path.abspath(folder) for folder in ("..", "../..", "/content/course")]
assert importlib.util.find_spec("cvhelpers"), "Open this notebook inside the course folder: cvhelpers lies there."
"""


def setup_cell(address=REPOSITORY):
    """Source of the setup cell for a repository at ``address``.

    >>> len(setup_cell().splitlines())
    7
    """
    return SETUP.format(address=address).strip()


def badge(path, address=REPOSITORY):
    """Markdown of the Colab badge of the notebook at ``path``, relative to the repository.

    >>> badge("notebooks/06_pooling.ipynb", "https://github.com/you/course")
    '[![Open in Colab](images/colab.svg)](https://colab.research.google.com/github/you/course/blob/main/notebooks/06_pooling.ipynb)'
    """
    path = pathlib.PurePosixPath(path)
    image = "../" * (len(path.parts) - 2) + "images/colab.svg"
    repository = address.removeprefix("https://github.com/")
    return f"[![Open in Colab]({image})](https://colab.research.google.com/github/{repository}/blob/main/{path})"


def write_address(url=None):
    """Put the repository's address into ``cvhelpers/__init__.py`` and into the badge and setup cell of every notebook.

    Args:
        url: ``https://github.com/OWNER/NAME``; None keeps the present address and only mends the notebooks.

    Raises:
        SystemExit: the address has another form.
    """
    import nbformat

    url = (url or REPOSITORY).removesuffix("/").removesuffix(".git")
    if not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", url):
        raise SystemExit(f"got {url!r}: wanted an address like https://github.com/you/course")
    init = ROOT / "cvhelpers/__init__.py"
    init.write_text(init.read_text("utf-8").replace(f'"{REPOSITORY}"', f'"{url}"'), "utf-8")
    for path in [*lessons(), *sorted((ROOT / "notebooks/homework").glob("hw*.ipynb"))]:
        text = path.read_text("utf-8")
        notebook = nbformat.reads(text, 4)
        name = path.relative_to(ROOT).as_posix().replace("solutions/", "")
        for cell in notebook.cells:
            if cell.id == "setup":
                cell.source = setup_cell(url)
            if cell.id == "title":
                cell.source = re.sub(r"(?m)^\[!\[Open in Colab.*$", badge(name, url), cell.source)
        fresh = nbformat.writes(notebook) + "\n"
        if fresh != text:
            path.write_text(fresh, "utf-8")
            print(path.name)
    return 0


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m cvhelpers.course address", description=__doc__)
    parser.add_argument("url", nargs="?", help="for instance https://github.com/you/course; the present one when empty")
    return write_address(parser.parse_args(arguments).url)
