"""The course as a site and as slides, from stored outputs, nothing executed: ``python -m cvhelpers.course site OUT``.

Sphinx builds it (sphinx-book-theme, myst-nb) from a copy of the documents in which each notebook is prepared: the
alternative texts in cells' metadata are handed on, what is meant for a running notebook (badge, setup) is left out.
A reader needs no network: formulas are MathML, the search works from a folder. Needs ``pip install -e ".[site]"``.
"""

import argparse
import base64
import html
import pathlib
import re
import shutil
import tempfile

import nbformat

from .. import REPOSITORY, __version__
from .._paths import ROOT
from . import slides
from .address import BADGE
from .refresh import lessons

TITLE = "Computer vision, hands on"
DOCUMENTS = ["TEACHING.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "data/README.md", "notebooks/glossary.md"]
FILES = ["LICENSE", "notebooks/images", "data/efficientnet_lite0.LICENSE.txt"]  # what documents show or link to
STYLE = """
:not(pre) > code, :not(pre) > code .pre { white-space: normal; overflow-wrap: anywhere; }
.bd-header { display: none; }  /* the theme's bar with a second search field */
td img { min-width: 100px; }
.formula { overflow-x: auto; overflow-y: hidden; }
"""
CONTENTS = """

```{{toctree}}
:hidden:
:caption: {caption}

{names}
```
"""
SETTINGS = {
    "project": TITLE,
    "html_title": TITLE,
    "author": "The authors of the computer vision course",
    "release": __version__,
    "language": "en",
    "extensions": ["myst_nb", "cvhelpers.course.site"],
    "exclude_patterns": ["notebooks/images"],
    "html_static_path": ["style"],
    "html_css_files": ["course.css"],
    "html_theme": "sphinx_book_theme",
    "html_math_renderer": "mathml",
    "html_show_copyright": False,
    "html_copy_source": True,
    "html_theme_options": {
        "repository_url": REPOSITORY,
        "repository_branch": "main",
        "use_repository_button": True,
        "use_download_button": False,
        "launch_buttons": {"colab_url": "https://colab.research.google.com"},
        "show_toc_level": 2,
        "home_page_in_toc": True,
        "pygments_light_style": "a11y-high-contrast-light",
        "pygments_dark_style": "a11y-high-contrast-dark",
    },
    "myst_enable_extensions": ["dollarmath"],
    "myst_dmath_double_inline": True,
    "myst_heading_anchors": 3,
    "nb_execution_mode": "off",
    "nb_merge_streams": True,
    "suppress_warnings": ["myst.header", "toc.not_included"],
}


def _write_mathml(writer, node):
    """Write a formula as MathML, which browsers draw by themselves."""
    from docutils import nodes
    from latex2mathml.converter import convert

    block = isinstance(node, nodes.math_block)
    formula = convert(node.astext().strip(), display="block" if block else "inline")
    # A wide formula scrolls on a phone, also with the keyboard.
    writer.body.append(f'<div class="formula" tabindex="0">{formula}</div>' if block else formula)
    raise nodes.SkipNode


def setup(app):
    """Make this module a Sphinx extension: formulas without a script."""
    app.add_html_math_renderer("mathml", (_write_mathml, None), (_write_mathml, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def prepared(notebook, slideshow=None):
    """A notebook as its page needs it; the one given is changed.

    Args:
        notebook: the nbformat notebook.
        slideshow: address of its slides, seen from the page; None writes no link.

    Returns:
        the notebook without badge, setup cell and speaker notes, alternative texts where myst-nb looks for them, and a
        dict from the name of each attached picture to its PNG bytes.
    """
    pictures = {}
    notebook.cells = [cell for cell in notebook.cells if cell.id != "setup" and not slides.is_notes(cell)]
    for cell in notebook.cells:
        if "alt" in cell.metadata:
            cell.metadata["mystnb"] = {"image": {"alt": " ".join(cell.metadata["alt"].split())}}
        for name, data in cell.pop("attachments", {}).items():
            pictures[name] = base64.b64decode(data["image/png"])
        if cell.cell_type == "markdown":
            link = f'<a href="{slideshow}">Slides of this lesson</a>' if slideshow and cell.id == "title" else ""
            cell.source = re.sub(BADGE, link, cell.source)
            cell.source = re.sub(r"(?m)^(?=#+ )", "\n", cell.source).strip().replace("](attachment:", "](pictures/")
    return notebook, pictures


def stage(folder):
    """Lay the documents as Sphinx reads them into ``folder``, in the repository's own order of folders."""
    home = (ROOT / "README.md").read_text("utf-8")
    lesson_paths = lessons()
    homework_paths = sorted((ROOT / "notebooks/homework").glob("hw*.ipynb"))
    for path in [*lesson_paths, *homework_paths]:
        target = folder / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        show = f"../slides/{path.stem}.html" if path in lesson_paths else None
        notebook, pictures = prepared(nbformat.read(path, 4), show)
        for name, data in pictures.items():
            (target.parent / "pictures").mkdir(exist_ok=True)
            unique = f"{path.stem}-{name}"
            (target.parent / "pictures" / unique).write_bytes(data)
            for cell in notebook.cells:
                cell.source = cell.source.replace(f"](pictures/{name})", f"](pictures/{unique})")
        nbformat.write(notebook, target)
    for name in FILES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, folder / name)
    for name in DOCUMENTS:
        text = (ROOT / name).read_text("utf-8").replace("](README.md)", "](index.md)")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    page_names = {path: path.relative_to(ROOT).with_suffix("").as_posix() for path in lesson_paths + homework_paths}
    parts = {
        "Lessons": [*(page_names[path] for path in lesson_paths), "notebooks/glossary"],
        "Homework": [page_names[path] for path in homework_paths],
        "For teachers": ["TEACHING", "data/README"],
        "The project": ["CONTRIBUTING", "CHANGELOG", "SECURITY"],
    }
    for caption, names in parts.items():
        home += CONTENTS.format(caption=caption, names="\n".join(names))
    (folder / "style").mkdir()
    (folder / "style/course.css").write_text(STYLE, "utf-8")
    (folder / "index.md").write_text(home, "utf-8")


def build(out):
    """Write the site to the folder ``out``, the slides to ``out/slides``.

    Returns:
        list of what Sphinx complained about, one line each; empty when all links between pages hold.
    """
    try:
        from sphinx.application import Sphinx
        from sphinx.util.docutils import docutils_namespace
    except ImportError:
        raise SystemExit('the site needs a few packages more: pip install -e ".[site]"') from None
    import io

    out = pathlib.Path(out).resolve()
    complaints = io.StringIO()
    with tempfile.TemporaryDirectory() as scratch, docutils_namespace():
        source, cache = pathlib.Path(scratch, "source"), pathlib.Path(scratch, "cache")
        source.mkdir()
        stage(source)
        app = Sphinx(source, None, out, cache, "html", confoverrides=SETTINGS, status=None, warning=complaints)
        app.build()
    slides.build(out / "slides")
    return [html.unescape(line) for line in complaints.getvalue().splitlines() if line.strip()]


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m cvhelpers.course site", description=__doc__.split("\n")[0])
    parser.add_argument("out", type=pathlib.Path, help="folder for the site; made when missing")
    out = parser.parse_args(arguments).out
    complaints = build(out)
    print(*complaints, f"open {out / 'index.html'}", sep="\n")
    return int(bool(complaints))
