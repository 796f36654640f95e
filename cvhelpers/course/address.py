"""Write the course's web address into every badge and setup cell: ``python -m cvhelpers.course address URL``."""

import argparse
import re

from .. import REPOSITORY, __version__
from .._paths import ROOT
from .refresh import COLAB, sources

DOCUMENTS = ["cvhelpers/__init__.py", "README.md", "TEACHING.md", "CITATION.cff", "pyproject.toml"]
# The first code cell of every lesson and homework.
SETUP = """\
# Setup: run this cell first. Where the course does not lie around this notebook (Colab, Kaggle, a hub), git fetches it.
# On Colab, choose File > Save a copy in Drive before you write: anything else is lost when you close the page.
import importlib.util, os, sys
REPOSITORY, RELEASE = "{address}", "v{version}"
COURSE = os.path.expanduser(f"~/cvhelpers-{{RELEASE}}")
sys.path += [os.path.abspath(folder) for folder in ("..", "../..", COURSE)]
if not importlib.util.find_spec("cvhelpers"):
    clone = f"rm -rf '{{COURSE}}.part'; git clone --quiet --depth=1 {{REPOSITORY}} '{{COURSE}}.part'"
    os.system(f"({{clone}} -b {{RELEASE}} || ({{clone}})) && mv -T '{{COURSE}}.part' '{{COURSE}}'")
    importlib.invalidate_caches()
    importlib.util.find_spec("cvhelpers") or sys.exit("The course was not found and could not be fetched: open this "
        f"notebook inside the course folder, or connect (Kaggle: Internet on), remove {{COURSE}} and run it again.")
"""
BADGE = r"(?m)^\[(?:!\[)?Open in Colab.*$"  # that line, in its present form and in an older one


def setup_cell(address=REPOSITORY, version=__version__):
    """Source of the setup cell for a repository at ``address``; it fetches the release ``version``, or else the newest.

    >>> len(setup_cell().splitlines())
    12
    """
    return SETUP.format(address=address, version=version).strip()


def colab(path, address=REPOSITORY):
    """Web address under which Colab opens the notebook at ``path``, relative to the repository.

    >>> colab("notebooks/06_pooling.ipynb", "https://github.com/you/course")
    'https://colab.research.google.com/github/you/course/blob/main/notebooks/06_pooling.ipynb'
    """
    return f"https://colab.research.google.com/github/{address.removeprefix('https://github.com/')}/blob/main/{path}"


def badge(path, address=REPOSITORY):
    """The line under the title of a notebook: words instead of a picture, so that it also reads in a copy in Drive.

    >>> badge("notebooks/06_pooling.ipynb", "https://github.com/you/course").partition("(")[0]
    '[Open in Colab]'
    """
    return f"[Open in Colab]({colab(path, address)})"


def write_address(url=None):
    """Put the repository's address into the documents that name it and into every notebook's title and setup cell.

    A notebook with a section *On a GPU* is also told to ask Colab for one.

    Args:
        url: ``https://github.com/OWNER/NAME``; None keeps the present address and only mends the notebooks.

    Raises:
        SystemExit: the address has another form.
    """
    import nbformat

    url = (url or REPOSITORY).removesuffix("/").removesuffix(".git")
    if not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", url):
        raise SystemExit(f"got {url!r}: wanted an address like https://github.com/you/course")
    old, new = (name.removeprefix("https://github.com/") for name in (REPOSITORY, url))
    for name in DOCUMENTS:
        if (ROOT / name).is_file():
            text = (ROOT / name).read_text("utf-8")
            (ROOT / name).write_text(text.replace(old, new), "utf-8")
    for path in [*sources(), *sorted((ROOT / "notebooks/homework").glob("hw*.ipynb"))]:
        text = path.read_text("utf-8")
        notebook = nbformat.reads(text, 4)
        name = path.relative_to(ROOT).as_posix().replace("solutions/", "")
        if any(cell.source.startswith("## On a GPU") for cell in notebook.cells):
            notebook.metadata.update(COLAB)
        for cell in notebook.cells:
            if cell.id == "setup":
                cell.source = setup_cell(url)
            if cell.id == "title":
                cell.source = re.sub(BADGE, badge(name, url), cell.source)
        fresh = nbformat.writes(notebook) + "\n"
        if fresh != text:
            path.write_text(fresh, "utf-8")
            print(path.name)
    return 0


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m cvhelpers.course address", description=__doc__)
    parser.add_argument("url", nargs="?", help="for instance https://github.com/you/course; the present one when empty")
    return write_address(parser.parse_args(arguments).url)
