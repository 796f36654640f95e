"""One page about a class: what was right, which mistakes were made how often, and the lesson that cures each.

Plain HTML without a script or a file from elsewhere: it opens offline, prints, and fits a phone.
"""

import collections
import html
import json
import re

from . import FOLDER, NOT_ATTEMPTED, RIGHT, exercises

_STYLE = """
:root { color-scheme: light; } * { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 52rem; padding: 1rem; color: #1c2733; }
h1 { font-size: 1.6rem; margin: 0 0 .2rem; } h2 { font-size: 1.25rem; margin: 2rem 0 .5rem; }
.small { color: #55616d; font-size: .9rem; } .warn { background: #fde8e6; padding: .5rem .8rem; border-radius: .4rem; }
section { border: 1px solid #d5dce3; border-radius: .5rem; padding: .8rem 1rem; margin: .8rem 0; break-inside: avoid; }
section h3 { margin: 0; font-size: 1.05rem; overflow-wrap: anywhere; }
.bar { display: flex; height: .9rem; border-radius: .3rem; overflow: hidden; margin: .4rem 0; background: #e6eaee; }
.bar i { display: block; }
.right { background: #2f7d5b; } .wrong { background: #d9822b; } .none { background: #c3ccd5; }
ul { padding-left: 1.1rem; margin: .4rem 0 0; } li { margin: .3rem 0; overflow-wrap: anywhere; }
b.count { display: inline-block; min-width: 4.6rem; } .cure { display: block; color: #174f8a; font-size: .95rem; }
@media (max-width: 30rem) { body { padding: .6rem; } section { padding: .6rem .7rem; } }
@media print { body { max-width: none; font-size: 11pt; } section { border-color: #999; } }
* { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
"""


def lesson_sections(homework):
    """The lesson section that each exercise belongs to: dict from the question to a text, as far as it is known.

    The text of an exercise in the notebook names the lesson; the section is the heading of that lesson that shares most
    words with the exercise.
    """
    root = FOLDER.parents[1] / "notebooks"
    paths = sorted((root / "homework").glob(f"{homework}_*.ipynb"))
    if not paths:
        return {}
    default = _lessons((exercises(homework) and _module_text(homework)) or "")
    found = {}
    for name, source in _texts(paths[0]).items():
        numbers = _lessons(source) or default
        headings = [(number, heading) for number in numbers for heading in _headings(root, number)]
        words = _words(source)
        best = max(headings, key=lambda item: len(words & _words(item[1])) / (2 + len(_words(item[1]))), default=None)
        if best and words & _words(best[1]):
            found[name] = f"lesson {best[0]}, {best[1]}"
        elif numbers:
            found[name] = f"lesson {numbers[0]}"
    return found


def _module_text(homework):
    """First line of the homework's module: it names the lessons."""
    return (FOLDER / f"{homework}.py").read_text("utf-8").split('"""')[1]


def _texts(path):
    """Markdown of each exercise of a homework notebook, by its question."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    found = {}
    for cell in cells:
        if cell["cell_type"] == "markdown" and re.fullmatch(r"q\d+", cell.get("id", "")):
            found[cell["id"]] = "".join(cell["source"])
    return found


def _lessons(text):
    """Numbers of the lessons that a text names, two digits each.

    >>> _lessons("Lessons 10 to 12; lesson 15, and 02")
    ['10', '11', '12', '15']
    """
    numbers = []
    for first, last in re.findall(r"(?i)lessons?\s+(\d\d)(?:\s*(?:to|–|-)\s*(\d\d))?", text):
        numbers += [f"{n:02}" for n in range(int(first), int(last or first) + 1)]
    for pair in re.findall(r"(?i)lessons\s+(\d\d)\s+and\s+(\d\d)", text):
        numbers += pair
    return list(dict.fromkeys(numbers))


def _headings(root, number):
    """Headings of the sections of a lesson."""
    found = []
    for path in sorted(root.glob(f"{number}_*.ipynb"))[:1]:
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            if cell["cell_type"] == "markdown":
                found += re.findall(r"(?m)^##\s+(.+?)\s*$", "".join(cell["source"]))
    return found


def _words(text):
    """The longer words of a text, small, plurals cut."""
    return {word.lower().rstrip("s") for word in re.findall(r"[A-Za-zÀ-ÿ]{4,}", text)}


def count(results):
    """What a class did: dict from (homework, question) to a dict of counts and a counter of mistakes.

    Args:
        results: list of results of :meth:`~.judging.Grader.grade`.
    """
    found = collections.defaultdict(lambda: {"right": 0, "wrong": 0, "none": 0, "timeouts": 0, "of": 0,
                                             "mistakes": collections.Counter()})  # fmt: skip
    for result in results:
        for name, question in result["questions"].items():
            entry = found[result["homework"], name]
            entry["of"] += 1
            if question["state"].startswith(RIGHT) and "follow-on" not in question["state"]:
                entry["right"] += 1
            elif question["state"] == NOT_ATTEMPTED:
                entry["none"] += 1
            else:
                entry["wrong"] += 1
                if "took longer than" in question["message"] or "took too long" in question["message"]:
                    entry["timeouts"] += 1
                elif says := re.search(r"(?m)^  diagnosis +(.*)$", question["message"]):
                    entry["mistakes"][says[1].strip()] += 1
                elif raised := re.search(r"(?m)^  raised +(\w+)", question["message"]):
                    entry["mistakes"][f"{raised[1]} (an error in the code)"] += 1
                else:
                    entry["mistakes"]["no known mistake"] += 1
    return dict(sorted(found.items(), key=lambda item: (item[0][0], int(item[0][1][1:]))))


def page(store, protection=""):
    """The page of a class as HTML.

    Args:
        store: :class:`~.store.Store`.
        protection: how the hand-ins were confined.
    """
    entries = list(store.entries.values())
    now = count([entry["result"] for entry in entries])
    twice = [entry for entry in entries if entry["before"]]
    before = count([entry["before"] for entry in twice])
    after = count([entry["result"] for entry in twice])
    unread = [entry for entry in entries if not entry["result"]["questions"]]
    points = [entry["result"]["points"] / entry["result"]["of"] for entry in entries if entry["result"]["of"]]
    out = ["<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
           f"<title>Class page</title><style>{_STYLE}</style><h1>What this class did</h1>"]  # fmt: skip
    mean = f"{sum(points) / len(points):.0%} of the points on average" if points else "nothing could be graded"
    facts = f"{len(entries)} hand-ins; {mean}; seed {store.seed}; protection: {_text(protection)}"
    out.append(f"<p class=small>{facts}</p>")
    if "NONE" in protection:
        out.append("<p class=warn>Run without protection: hand-ins could read and change what the teacher can.</p>")
    nobody = [f"{homework} {name}" for (homework, name), entry in now.items() if not entry["right"]]
    if nobody:
        names = _text(", ".join(nobody))
        out.append(f"<p class=warn>Nobody got {names}: is the exercise clear, is its check right?</p>")
    if unread:
        out.append(f"<p class=small>{len(unread)} could not be read: see their rows in the table.</p>")
    for homework in dict.fromkeys(key[0] for key in now):
        cures = lesson_sections(homework)
        questions = exercises(homework)
        out.append(f"<h2>{_text(homework)}</h2>")
        for (_, name), entry in ((key, entry) for key, entry in now.items() if key[0] == homework):
            target = questions[name].target if name in questions else ""
            out.append(_section(name, target, entry, cures.get(name), before.get((homework, name)),
                                after.get((homework, name))))  # fmt: skip
    out.append("<p class=small>A mistake is counted when an answer gives the very results of a known one.</p></html>")
    return "\n".join(out)


def _section(name, target, entry, cure, before, after):
    """One exercise of the page."""
    shares = {key: entry[key] / entry["of"] for key in ("right", "wrong", "none")}
    bar = "".join(f"<i class={key} style='width:{share:.2%}'></i>" for key, share in shares.items())
    label = f"{entry['right']} of {entry['of']} right, {entry['wrong']} not yet, {entry['none']} not attempted"
    lines = [f"<section><h3>{_text(name)} · {_text(target)}: {shares['right']:.0%} right</h3>",
             f"<div class=bar role=img aria-label='{label}'>{bar}</div><div class=small>{label}</div>"]  # fmt: skip
    if before and after:
        was, became = (part["right"] / part["of"] for part in (before, after))
        lines.append(f"<p>Before and after, {after['of']} hand-ins: {was:.0%} → {became:.0%} right.</p>")
    items = [(number, text) for text, number in entry["mistakes"].most_common(8)]
    if entry["timeouts"]:
        items.append((entry["timeouts"], "took too long"))
    if items:
        cured = f"<span class=cure>→ {_text(cure)}</span>" if cure else ""
        rows = "".join(
            f"<li><b class=count>{number} of {entry['of']}</b> {_text(text)}"
            f"{cured if text not in ('took too long', 'no known mistake') else ''}</li>"
            for number, text in items
        )
        lines.append(f"<ul>{rows}</ul>")
    return "".join([*lines, "</section>"])


def _text(value):
    """Text that HTML shows as it is."""
    return html.escape(str(value).encode("utf-8", "replace").decode())


def write_page(path, store, protection=""):
    """Write the page of a class."""
    path.write_text(page(store, protection), "utf-8")
