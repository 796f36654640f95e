"""Slide shows of the lessons from stored outputs: code first, what it prints at the next click, the reading at a third.

That is what nbconvert's own slides cannot do. A slide is filled with as many blocks (paragraph, code, output) as fit
into 1280×720 pixels in letters that are read from the last row. Formulas become MathML, pictures lie inside, reveal.js
lies beside the slides: no request to another host. A phone is sent to the page of the lesson.
"""

import base64
import dataclasses
import html
import importlib.util
import math
import pathlib
import re

import nbformat

from .._paths import ROOT
from .address import BADGE
from .refresh import lessons, unfolded

HEIGHT = 645  # pixels that blocks may fill; below them are the arrows
LETTERS = 88  # that fit across a slide in text
COLUMNS = 98  # characters of code that fit across a slide
BESIDE = 46  # characters of code that fit into half a slide
STYLE = """
:root { --ink: #1b1b1b; --paper: #ffffff; --soft: #f3f4f6; --line: #c9ccd1; --accent: #00629b; }
body { color: var(--ink); background: var(--paper); font: 18px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
a { color: var(--accent); }
pre, code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: 8px 12px; border-radius: 6px; margin: 6px 0; }
.highlight pre { background: var(--soft); }
.output pre { border-left: 4px solid var(--accent); border-radius: 0; }
img { max-width: 100%; height: auto; }
table { border-collapse: collapse; } td, th { border: 1px solid var(--line); padding: 3px 10px; }
.reveal { font: 26px/36px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: var(--ink); }
.reveal .slides { text-align: left; }
.reveal :is(h1, h2, h3) { text-transform: none; color: var(--ink); margin: 0 0 12px; line-height: 1.2; }
.reveal h1 { font-size: 48px; } .reveal h2 { font-size: 40px; } .reveal h3 { font-size: 32px; }
.reveal pre { width: auto; box-shadow: none; font-size: 20px; line-height: 26px; margin: 6px 0; }
.reveal pre code { max-height: none; overflow: hidden; padding: 0; } .reveal :not(pre) > code { font-size: 23px; }
.reveal .slides section { padding: 0; height: 700px; box-sizing: border-box; }
.reveal p { margin: 6px 0 12px; } .reveal ul, .reveal ol { margin: 0 0 6px 30px; display: block; }
.reveal table { font-size: 22px; line-height: 30px; margin: 6px 0; } .reveal td, .reveal th { padding: 3px 10px; }
.reveal button, .reveal input, .reveal label { font-size: 20px; }
.reveal details { margin: 0 0 6px; }
.reveal .controls { font-size: 6px; }
.page { display: flex; flex-direction: column; height: 700px; }
.step { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 24px; align-items: start; }
.reveal .picture { flex: 1 1 0; min-height: 0; text-align: center; }
.reveal .picture img { height: 100%; max-width: 100%; object-fit: contain; margin: 0; }
.reveal .step .picture img { height: auto; max-height: 420px; }
.reveal p img { max-height: 280px; width: auto; margin: 0; }
.output.long pre { columns: 2; }
"""
SHELL = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: slides</title>{head}<style>{style}</style></head><body>
{body}
</body></html>
"""
REVEAL_START = """<script src="reveal/reveal.js"></script><script src="reveal/notes.js"></script><script>
if (window.innerWidth < 600) location.replace("../notebooks/" + location.pathname.split("/").pop());
Reveal.initialize({hash: true, width: 1280, height: 720, margin: 0.03, center: false, transition: "none",
                   slideNumber: true, plugins: [RevealNotes]});</script>"""
HIDDEN_ON_SLIDES = {"setup", "navigation"}


@dataclasses.dataclass
class Block:
    """A piece of a slide: its HTML, the pixels it fills from top to bottom, and what it is.

    ``click``: it appears at a click. ``question``: text that may stand before a piece of code.
    """

    body: str
    height: float
    click: bool = False
    heading: bool = False
    picture: bool = False
    question: bool = False

    def html(self):
        """The block as a slide holds it."""
        kind = " ".join(["fragment"] * self.click + ["picture"] * self.picture)
        return f'<div class="{kind}">{self.body}</div>' if kind else self.body


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


def paragraphs(source):
    """Pieces of Markdown that a slide may be cut between: paragraphs, items of lists, tables, folds.

    >>> paragraphs("One.\\n\\n- a\\n- b\\n\\n<details>\\n\\nfold\\n\\n</details>")
    ['One.', '- a', '- b', '<details>\\n\\nfold\\n\\n</details>']
    """
    whole = r"<details>.*?</details>|```.*?```|\$\$.*?\$\$|(?:^\|[^\n]*\n?)+"
    item = r"^(?:[-*]|\d+\.) .*?(?=\n(?:[-*]|\d+\.) |\n\n(?! )|\Z)"
    found = re.finditer(rf"{whole}|{item}|^(?!\s*$).+?(?=\n\n|\n\||\n[-*] |\n\d+\. |\Z)", source, re.S | re.M)
    return [match[0].strip() for match in found if match[0].strip()]


class Renderer:
    """Turns cells into blocks: Markdown as nbconvert reads it, code in colours that keep their contrast."""

    def __init__(self):
        from pygments.formatters import HtmlFormatter

        self.style = STYLE + HtmlFormatter(style="a11y-high-contrast-light").get_style_defs(".highlight")

    def markdown(self, source):
        """HTML of Markdown; links to notebooks lead to their pages."""
        from nbconvert.filters import markdown2html

        page = re.sub(r'<a class="anchor-link".*?</a>', "", markdown2html(mathml(source)))
        page = re.sub(r'src="(images/[\w.-]+\.png)"', lambda m: f'src="{inside(m[1])}"', page)
        return re.sub(r'href="([\w./-]*)\.(ipynb|md)((?:#[\w-]+)?)"', lambda m: f'href="{page_of(m[1])}{m[3]}"', page)

    def text(self, source):
        """Blocks of the paragraphs of a Markdown cell."""
        for part in paragraphs(source):
            words = re.sub(r"<details>.*?</summary>.*?</details>", "", part, flags=re.S)
            words = re.sub(r"\]\([^)]*\)|<[^>]*>|[*`$\\{}]", "", words)
            lines = sum(math.ceil(max(len(line), 1) / LETTERS) for line in [words.replace("\n", " ")])
            height = 36 * lines + (8 if re.match(r"[-*] |\d+\. ", part) else 20)
            height += 52 * part.count("<details")
            if part.startswith("#"):
                height = 70 * math.ceil(len(words) / 52)
            elif part.startswith("|"):
                height = 24 + sum(38 * math.ceil(len(line) / 115) for line in part.splitlines())
            elif part.startswith("```"):
                height = 30 + 26 * part.count("\n")
            elif "$$" in part:
                height = 110
            elif part.startswith("<details"):
                height = 52
            elif "![" in part or "<svg" in part:
                height = 320
            heading = part.startswith("#")
            yield Block(self.markdown(part), height, heading=heading, question=not heading)

    def source(self, cell):
        """Blocks of the code of a cell: one, or several where it is longer than a slide."""
        from pygments import highlight
        from pygments.formatters import HtmlFormatter
        from pygments.lexers import PythonLexer

        for piece in pieces(cell.source):
            yield Block(highlight(piece, PythonLexer(), HtmlFormatter()), code_height(piece))

    def outputs(self, cell):
        """Blocks of what a code cell printed and drew; a widget shows its static fallback in the next cell."""
        for output in cell.outputs:
            data = output.get("data", {})
            text = output.get("text", data.get("text/plain", ""))
            if output.output_type == "error":
                text = f"{output.ename}: {output.evalue}"
            if "image/png" in data:
                alt = html.escape(cell.metadata.get("alt", ""), quote=True)
                body = f'<img alt="{alt}" src="data:image/png;base64,{data["image/png"].strip()}">'
                width, height = size_of(data["image/png"])
                yield Block(body, min(max(300, 0.6 * height), height * 1240 / width, 480), picture=True)
            elif "text/html" in data:
                page = data["text/html"]
                yield Block(f'<div class="output">{page}</div>', 560 if "<img" in page else 300)
            elif text.strip():
                lines = text.rstrip().split("\n")
                for start in range(0, len(lines), 46):
                    yield printed(lines[start : start + 46])


def code_height(source):
    """Pixels that code fills on a slide."""
    return 28 + 26 * sum(math.ceil(max(len(line), 1) / COLUMNS) for line in source.split("\n"))


def pieces(source):
    """Code cut at blank lines between statements into pieces that fit on a slide."""
    kept = []
    cut = r"\n\n+(?=\S)" if re.search(r"\n\n+(?=\S)", source) else r"\n(?=[^\s)\]}])"
    gap = "\n\n" if cut.startswith("\\n\\n") else "\n"
    for part in re.split(cut, source) if code_height(source) > HEIGHT else [source]:
        if kept and code_height(kept[-1] + gap + part) <= HEIGHT:
            kept[-1] += gap + part
        else:
            kept.append(part)
    return kept


def printed(lines):
    """Block of printed lines; many short ones stand in two columns."""
    two = len(lines) > 22 and max(map(len, lines)) <= BESIDE
    rows = math.ceil(len(lines) / 2) if two else sum(math.ceil(max(len(line), 1) / COLUMNS) for line in lines)
    body = f'<div class="output{" long" * two}"><pre>{html.escape(chr(10).join(lines))}</pre></div>'
    return Block(body, 28 + 26 * rows)


def inside(name):
    """A picture of the notebooks' folder as text that stands in the page itself."""
    return "data:image/png;base64," + base64.b64encode((ROOT / "notebooks" / name).read_bytes()).decode()


def page_of(name):
    """Address of the site's page for a link in a notebook, seen from the slides.

    >>> page_of("06_pooling"), page_of("homework/hw1_components"), page_of("../README")
    ('../notebooks/06_pooling.html', '../notebooks/homework/hw1_components.html', '../index.html')
    """
    path = name.removeprefix("../") if name.startswith("../") else f"notebooks/{name}"
    path = "index" if path == "README" else path
    return f"../{path}.html"


def is_notes(cell):
    """Whether a cell holds words for the speaker."""
    return cell.metadata.get("slideshow", {}).get("slide_type") == "notes"


def size_of(picture):
    """Pixels across and down of a base64-encoded PNG."""
    head = base64.b64decode(picture.strip()[:40])
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


class Deck:
    """Reveal.js sections: a column for each heading, slides filled from the top; speaker notes join their slide."""

    def __init__(self):
        self.columns, self.blocks, self.notes = [], [], []

    def room(self):
        return HEIGHT - sum(block.height for block in self.blocks)

    def add(self, *blocks):
        """Put blocks on the present slide, together, or on the next one when they do not fit."""
        if sum(block.height for block in blocks) > self.room() and not all(block.heading for block in self.blocks):
            self.turn()
        self.blocks += blocks

    def turn(self, column=False):
        """Begin a new slide, in a new column for a new heading."""
        if self.blocks:
            notes = "".join(f'<aside class="notes">{note}</aside>' for note in self.notes)
            body = "".join(block.html() for block in self.blocks)
            self.columns[-1].append(f'<section><div class="page">{body}</div>{notes}</section>')
            self.blocks, self.notes = [], []
        if column:
            self.columns.append([])

    def html(self):
        columns = ["<section>" + "\n".join(column) + "</section>" for column in self.columns if column]
        return f'<div class="reveal"><div class="slides">{"".join(columns)}</div></div>{REVEAL_START}'


def add_code(deck, cell, renderer):
    """Put a code cell on the deck; what it gives appears at a click, beside it where both are narrow."""
    lines = cell.source.split("\n")
    (code, *rest), shown = renderer.source(cell), [*renderer.outputs(cell)]
    for block in shown:
        block.click = True
    narrow = max(map(len, lines)) <= BESIDE
    texts = [line for output in cell.outputs for line in output.get("text", "").split("\n")]
    if narrow and len(shown) == 1 and not shown[0].picture and len(cell.outputs[0].get("text", "")) > 0:
        if max(map(len, texts)) <= BESIDE and "long" not in shown[0].body:
            body = f'<div class="step"><div>{code.body}</div>{shown[0].html()}</div>'
            return deck.add(Block(body, max(code.height, shown[0].height)))
    if code.height > deck.room() and deck.blocks and deck.blocks[-1].question:
        question = deck.blocks.pop()  # it goes with its code
        if question.height + code.height > HEIGHT or all(block.heading for block in deck.blocks):
            deck.blocks.append(question)
        else:
            deck.turn()
            deck.add(question)
    for block in (code, *rest, *shown):
        deck.add(block)


def slides(notebook, renderer):
    """One lesson as reveal.js sections: what a cell prints comes at a click, the sentence that reads it at another."""
    deck, after_output = Deck(), False
    deck.columns.append([])
    for cell in notebook.cells:
        if cell.id in HIDDEN_ON_SLIDES:
            continue
        if is_notes(cell):
            deck.notes.append(renderer.markdown(unfolded(cell.source)))
        elif cell.cell_type == "markdown":
            source = re.sub(BADGE, "", cell.source)
            if re.match(r"##? ", source):
                deck.turn(column=True)
                after_output = False
            for block in renderer.text(source):
                block.click = after_output
                deck.add(block)
                after_output = False
        else:
            add_code(deck, cell, renderer)
            after_output = bool(cell.outputs)
    deck.turn()
    return deck.html()


def copy_reveal(folder):
    """Put reveal.js beside the slides; it ships with the package sphinx-revealjs."""
    package = importlib.util.find_spec("sphinx_revealjs")
    if package is None or importlib.util.find_spec("latex2mathml") is None:
        raise SystemExit('the slides need two small packages more: pip install -e ".[site]"')
    source = pathlib.Path(package.origin).parent / "_static/revealjs"
    folder.mkdir(parents=True, exist_ok=True)
    files = ("dist/reveal.js", "dist/reveal.css", "dist/reset.css", "dist/theme/white.css")
    for name in (*files, "plugin/notes/notes.js", "plugin/notes/speaker-view.html"):
        text = (source / name).read_text("utf-8")
        text = re.sub(r"@import url\([^)]*\);", "", text)  # the theme's web font: ours come from the system
        (folder / pathlib.Path(name).name).write_text(text, "utf-8")


def build(out):
    """Write the slide show of every lesson to the folder ``out``; returns the paths written."""
    copy_reveal(out / "reveal")
    renderer, written = Renderer(), []
    head = "".join(f'<link rel="stylesheet" href="reveal/{name}.css">' for name in ("reset", "reveal", "white"))
    for path in lessons():
        notebook = nbformat.read(path, 4)
        title = notebook.cells[0].source.splitlines()[0].removeprefix("# ")
        text = SHELL.format(title=html.escape(title), head=head, style=renderer.style, body=slides(notebook, renderer))
        written.append(out / f"{path.stem}.html")
        written[-1].write_text(text, "utf-8")
    return written
