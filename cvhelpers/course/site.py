"""The course as pages and slides, from stored outputs: ``python -m cvhelpers.course site OUT``; nothing is executed.

Every page is one file with its pictures inside; formulas become MathML, slides use a local copy of reveal.js, so a
reader needs no network. Needs the extra packages of ``pip install -e ".[site]"``.
"""

import argparse
import base64
import html
import importlib.util
import pathlib
import re
import shutil

import nbformat

from .. import REPOSITORY
from .._paths import ROOT
from .refresh import lessons, unfolded

STYLE = """
:root { --ink: #1b1b1b; --paper: #ffffff; --soft: #f3f4f6; --line: #c9ccd1; --accent: #0072b2; }
body { color: var(--ink); background: var(--paper); font: 18px/1.55 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
a { color: var(--accent); }
pre, code { font: 0.86em/1.45 ui-monospace, "DejaVu Sans Mono", monospace; }
pre { overflow-x: auto; padding: .6em .8em; border-radius: 6px; margin: .4em 0; }
.highlight pre { background: var(--soft); }
.output pre { border-left: 4px solid var(--accent); border-radius: 0; }
img { max-width: 100%; height: auto; }
table { border-collapse: collapse; } td, th { border: 1px solid var(--line); padding: .25em .6em; }
.anchor-link, .prompt { display: none; }
"""
PAGE_STYLE = """
body { max-width: 50rem; margin: 0 auto; padding: 1rem; } h2 { margin-top: 2.2em; }
.table { overflow-x: auto; }
nav.top { display: flex; flex-wrap: wrap; gap: 1em; border-bottom: 1px solid var(--line); padding-bottom: .5em; }
"""
SLIDE_STYLE = """
.reveal { font: 26px/1.4 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: var(--ink); }
.reveal .slides { text-align: left; } .reveal h1, .reveal h2, .reveal h3 { text-transform: none; color: var(--ink); }
.reveal h1 { font-size: 1.9em; } .reveal h2 { font-size: 1.5em; } .reveal h3 { font-size: 1.2em; }
.reveal pre { width: 100%; box-shadow: none; font-size: 0.62em; margin: .3em 0; } .reveal pre code { max-height: none; }
.reveal .slides section { height: 700px; overflow-y: auto; box-sizing: border-box; }
.reveal p { margin: .35em 0; } .reveal ul { margin-left: 1.1em; } .reveal table { font-size: .75em; }
.step { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 24px; align-items: start; }
.step.wide { grid-template-columns: minmax(0, 1fr); gap: 6px; }
.alone img { display: block; margin: 0 auto; max-height: 500px; width: auto; min-width: 70%; object-fit: contain; }
.step img { max-height: 470px; margin: 0; } .step.wide img { max-height: 400px; }
"""
SHELL = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>{head}<style>{style}</style></head><body>
{body}
</body></html>
"""
REVEAL_START = """<script src="reveal/reveal.js"></script><script src="reveal/notes.js"></script><script>
Reveal.initialize({hash: true, width: 1280, height: 720, margin: 0.03, center: false, transition: "none",
                   slideNumber: true, plugins: [RevealNotes]});</script>"""
HIDDEN_ON_SLIDES = {"setup", "navigation"}
COLUMN = 62  # characters that fit beside what a cell prints
WIDE = 620  # pixels of a picture that gets a slide of its own


def mathml(source):
    """Markdown with its TeX formulas replaced by MathML, which browsers draw by themselves; code is left alone."""
    from latex2mathml.converter import convert

    def replace(match):
        if match["code"]:
            return match["code"]
        tex = match["block"] or match["inline"]
        return convert(tex.strip(), display="block" if match["block"] else "inline").replace("\n", "")

    code = r"(?P<code>```.*?```|`[^`\n]*`)"
    block, inline = r"\$\$(?P<block>.+?)\$\$", r"(?<![\\\w])\$(?P<inline>[^\s$](?:[^$\n]*[^\s$])?)\$(?!\d)"
    return re.sub(f"{code}|{block}|{inline}", replace, source, flags=re.S)


class Renderer:
    """Turns cells into HTML by nbconvert's basic template, which writes alternative texts."""

    def __init__(self):
        from nbconvert import HTMLExporter
        from pygments.formatters import HtmlFormatter

        self.exporter = HTMLExporter(template_name="basic", exclude_input_prompt=True, exclude_output_prompt=True)
        self.style = STYLE + HtmlFormatter(style="friendly").get_style_defs(".highlight")

    def _run(self, cell):
        notebook = nbformat.v4.new_notebook(cells=[cell])
        return self.exporter.from_notebook_node(notebook)[0]

    def markdown(self, source):
        page = self._run(nbformat.v4.new_markdown_cell(mathml(source)))
        page = re.sub(r"(<table.*?</table>)", r'<div class="table">\1</div>', page, flags=re.S)
        return re.sub(r'href="([\w./-]*)\.ipynb"', lambda m: f'href="{self.page_of(m[1])}"', page)

    @staticmethod
    def page_of(name):
        """Address of the page for a link to a notebook: lessons have pages, homework is opened from the repository."""
        name = name.removeprefix("../")
        if name.startswith("homework/"):
            return f"{REPOSITORY}/blob/main/notebooks/{name}.ipynb"
        return f"{name}.html"

    def source(self, cell):
        from pygments import highlight
        from pygments.formatters import HtmlFormatter
        from pygments.lexers import PythonLexer

        return highlight(cell.source, PythonLexer(), HtmlFormatter())

    def outputs(self, cell):
        """HTML of what a code cell printed and drew; a widget shows its static fallback in the next cell."""
        parts = []
        for output in cell.outputs:
            data = output.get("data", {})
            if output.output_type == "stream":
                parts.append(f"<pre>{html.escape(output.text.rstrip())}</pre>")
            elif "image/png" in data:
                alt = html.escape(cell.metadata.get("alt", ""), quote=True)
                parts.append(f'<img alt="{alt}" src="data:image/png;base64,{data["image/png"].strip()}">')
            elif "text/html" in data:
                parts.append(data["text/html"])
            elif "application/vnd.jupyter.widget-view+json" in data:
                parts.append("<p><em>An interactive control appears here in the live notebook.</em></p>")
            elif "text/plain" in data:
                parts.append(f"<pre>{html.escape(data['text/plain'])}</pre>")
            elif output.output_type == "error":
                parts.append(f"<pre>{html.escape(output.ename)}: {html.escape(output.evalue)}</pre>")
        return f'<div class="output">{"".join(parts)}</div>' if parts else ""


def is_notes(cell):
    return cell.metadata.get("slideshow", {}).get("slide_type") == "notes"


def page(notebook, renderer, name):
    """One lesson as a page that reads on a phone: text, code and stored outputs in order."""
    parts = [f'<nav class="top"><a href="index.html">Contents</a><a href="{name}.slides.html">Slides</a></nav>']
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and not is_notes(cell):
            parts.append(renderer.markdown(re.sub(r"(?m)^\[!\[Open in Colab.*$", "", cell.source)))
        elif cell.cell_type == "code" and cell.id != "setup":
            parts.append(renderer.source(cell) + renderer.outputs(cell))
    return "\n".join(parts)


def width_of(cell):
    """Pixels across the widest picture of a code cell; 0 without one."""
    pictures = [output.data["image/png"] for output in cell.outputs if "image/png" in output.get("data", {})]
    return max((int.from_bytes(base64.b64decode(text[:40])[16:20], "big") for text in pictures), default=0)


def longest_line(cell):
    """Characters in the longest line of a code cell and of the text that it prints."""
    texts = [cell.source, *(output.get("text", "") for output in cell.outputs)]
    return max(len(line) for text in texts for line in text.split("\n"))


def is_tall(body, picture=0):
    """Whether a slide has no room left below for more: counts its lines of code, of text, and of tables."""
    code = "".join(re.findall(r"(?s)<pre.*?</pre>", body))
    words = re.sub(r"(?s)<pre.*?</pre>|<img[^>]*>|<[^>]*>", "", body)
    return code.count("\n") + 2 * len(words) / 90 + body.count("<tr>") + (16 if picture else 0) > 22


class Deck:
    """Reveal.js sections: columns of slides; speaker notes join the next slide."""

    def __init__(self):
        self.columns, self.notes = [[]], []

    def add(self, body):
        if body:
            notes = "".join(f'<aside class="notes">{note}</aside>' for note in self.notes)
            self.columns[-1].append(f"<section>{body}{notes}</section>")
            self.notes = []

    def html(self):
        columns = ["<section>" + "\n".join(column) + "</section>" for column in self.columns if column]
        return f'<div class="reveal"><div class="slides">{"".join(columns)}</div></div>{REVEAL_START}'


def slides(notebook, renderer):
    """One lesson as reveal.js sections: a column for each heading; what a cell prints appears at the second click.

    A wide picture gets a slide of its own. The sentence that reads a result appears below it at the next click.
    """
    deck, text, figure = Deck(), "", ""
    for cell in notebook.cells:
        if cell.id in HIDDEN_ON_SLIDES:
            continue
        if is_notes(cell):
            deck.notes.append(renderer.markdown(unfolded(cell.source)))
        elif cell.cell_type == "markdown":
            source = re.sub(r"(?m)^\[!\[Open in Colab.*$", "", cell.source)
            if re.match(r"##? ", source):
                deck.add(figure)
                deck.add(text)
                text, figure = "", ""
                deck.columns.append([])
            elif figure:
                reading, _, source = source.partition("\n\n")
                deck.add(f'{figure}<div class="fragment">{renderer.markdown(reading)}</div>')
                figure = ""
            text += renderer.markdown(source) if source.strip() else ""
        else:
            deck.add(figure)
            if is_tall(text):
                deck.add(text)
                text = ""
            code, output = renderer.source(cell), renderer.outputs(cell)
            picture, long = width_of(cell), longest_line(cell) > COLUMN
            if picture > WIDE or "animation" in output or (picture and long):
                deck.add(f"{text}{code}")
                figure = f'<div class="alone">{output}</div>'
            else:
                wide = " wide" if "<table" in output or len(output) < 60 or long else ""
                shown = f'<div class="fragment">{output}</div>' if output else ""
                figure = f'{text}<div class="step{wide}"><div>{code}</div>{shown}</div>'
                if is_tall(figure, picture):
                    deck.add(figure)
                    figure = ""
            text = ""
    deck.add(figure)
    deck.add(text)
    return deck.html()


def copy_reveal(folder):
    """Put reveal.js beside the slides; it ships with the package sphinx-revealjs."""
    package = importlib.util.find_spec("sphinx_revealjs")
    if package is None or importlib.util.find_spec("latex2mathml") is None:
        raise SystemExit('the site needs two small packages more: pip install -e ".[site]"')
    source = pathlib.Path(package.origin).parent / "_static/revealjs"
    folder.mkdir(parents=True, exist_ok=True)
    files = ("dist/reveal.js", "dist/reveal.css", "dist/reset.css", "dist/theme/white.css")
    for name in (*files, "plugin/notes/notes.js", "plugin/notes/speaker-view.html"):
        text = (source / name).read_text("utf-8")
        text = re.sub(r"@import url\([^)]*\);", "", text)  # the theme's web font: ours come from the system
        (folder / pathlib.Path(name).name).write_text(text, "utf-8")


def build(out):
    """Write index, pages and slides of all lessons to the folder ``out``; returns the paths written."""
    out = pathlib.Path(out)
    copy_reveal(out / "reveal")
    renderer, rows, written = Renderer(), [], []
    head = "".join(f'<link rel="stylesheet" href="reveal/{name}.css">' for name in ("reset", "reveal", "white"))
    for path in [path for path in lessons() if "homework" not in path.parts]:
        notebook = nbformat.read(path, 4)
        title = notebook.cells[0].source.splitlines()[0].removeprefix("# ")
        versions = {
            f"{path.stem}.html": ("", PAGE_STYLE, page(notebook, renderer, path.stem)),
            f"{path.stem}.slides.html": (head, SLIDE_STYLE, slides(notebook, renderer)),
        }
        for name, (links, style, body) in versions.items():
            text = SHELL.format(title=html.escape(title), head=links, style=renderer.style + style, body=body)
            (out / name).write_text(text, "utf-8")
            written.append(out / name)
        rows.append(f'<li><a href="{path.stem}.html">{title}</a> · <a href="{path.stem}.slides.html">slides</a></li>')
        print(f"{path.stem}: page and slides")
    title = "Computer vision, hands on"
    body = f"<h1>{title}</h1>{picture(out)}<ul style='list-style: none; padding: 0'>{''.join(rows)}</ul>"
    (out / "index.html").write_text(SHELL.format(title=title, head="", style=STYLE + PAGE_STYLE, body=body), "utf-8")
    return [out / "index.html", *written]


def picture(out):
    """The README's picture, copied beside the index."""
    source = ROOT / "notebooks/images/five_tasks.png"
    if not source.exists():
        return ""
    shutil.copy(source, out / source.name)
    return f'<p><img src="{source.name}" alt="One scene and the five answers of computer vision"></p>'


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m cvhelpers.course site", description=__doc__.split("\n")[0])
    parser.add_argument("out", type=pathlib.Path, help="folder for the pages; made when missing")
    paths = build(parser.parse_args(arguments).out)
    print(f"{len(paths)} files; open {paths[0]}")
