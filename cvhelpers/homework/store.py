"""Results of grading: a file that keeps everything, and the table, reports and feedback that are made from it.

``grades.jsonl`` beside the table holds the seed and one line for each result; a later line of the same hand-in counts.
So a run can be interrupted and resumed, a part can be graded again, and shards can be put together.
"""

import csv
import hashlib
import json
import os
import pathlib
import secrets

from . import RIGHT
from .judging import total

LONGEST = 1000  # characters of one cell of the table


class Store:
    """Results by the name of the hand-in, in a file that grows by one line for each.

    Args:
        path: the file; made when it is not there.
        seed: of the fresh cases; None for that of the file, or a new one.

    Raises:
        SystemExit: the file was made with another seed, or is no file of results.
    """

    def __init__(self, path, seed=None):
        self.path, self.entries = pathlib.Path(path), {}
        lines = self.path.read_text("utf-8").splitlines() if self.path.exists() else []
        if lines:
            try:
                known = json.loads(lines[0])["seed"]
            except (ValueError, KeyError, TypeError):
                raise SystemExit(f"{self.path} holds no results: name another table with -o") from None
            if seed not in (None, known):
                raise SystemExit(f"{self.path} has the seed {known}, not {seed}: name another table with -o")
            self.seed = known
        else:
            self.seed = secrets.randbelow(10**12) if seed is None else seed  # long: it cannot be guessed from the cases
        for line in lines[1:]:
            try:
                entry = json.loads(line)
                self.entries[entry["name"]] = entry
            except (ValueError, KeyError, TypeError):
                continue  # the line that an interrupt cut
        self.write()

    def write(self):
        """Write the file anew, one line for each hand-in."""
        lines = [{"seed": self.seed}, *(self.entries[name] for name in sorted(self.entries))]
        beside = self.path.with_name(self.path.name + ".part")  # a disk that fills up leaves the old file as it was
        beside.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
        os.replace(beside, self.path)

    def current(self, name, sha, key):
        """Whether this very file was graded with this very grader."""
        entry = self.entries.get(name)
        return bool(entry) and (entry["sha"], entry["key"]) == (sha, key)

    def add(self, name, sha, key, result, who=None):
        """Keep a result; of questions that were not graded now the earlier result stays, when the file is the same."""
        old = self.entries.get(name)
        before = None
        if old:
            before = old["result"] if old["result"] != result else old["before"]
            if old["sha"] == sha and old["result"]["homework"] == result["homework"]:
                kept = {q: v for q, v in old["result"]["questions"].items() if q not in result["questions"]}
                questions = {**kept, **result["questions"]}
                result = {**result, "questions": dict(sorted(questions.items(), key=lambda item: int(item[0][1:])))}
                if kept:
                    result["notes"] = list(dict.fromkeys([*old["result"]["notes"], *result["notes"]]))
        entry = {"name": name, "sha": sha, "key": key, "result": total(result), "before": before, "who": who or {}}
        self.entries[name] = entry
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    def forget(self, names):
        """Keep only these hand-ins: the others are not there any more."""
        self.entries = {name: entry for name, entry in self.entries.items() if name in names}
        self.write()


def merge(paths, out):
    """One store from those of shards.

    Raises:
        SystemExit: seeds differ, or a hand-in is in two of them with different results.
    """
    stores = [Store(path) for path in paths if pathlib.Path(path).exists() or _missing(path)]
    if len({store.seed for store in stores}) != 1:
        raise SystemExit(f"the seeds differ: {[store.seed for store in stores]}; grade all with one --seed")
    merged = Store(out, stores[0].seed)
    for store in stores:
        for name, entry in store.entries.items():
            if merged.entries.get(name, entry)["result"] != entry["result"]:
                raise SystemExit(f"{name} has two different results: which one counts?")
            merged.entries[name] = entry
    merged.write()
    return merged


def _missing(path):
    raise SystemExit(f"{path} is not there: name the .jsonl files that the shards wrote")


def fingerprint(*parts):
    """Short digest of files and texts."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.read_bytes() if isinstance(part, pathlib.Path) else str(part).encode("utf-8", "replace"))
    return digest.hexdigest()[:16]


# The table -----------------------------------------------------------------------------------------------------------


def short(question):
    """One line of feedback for the table: state, then diagnosis or difference."""
    lines = question["message"].split("\n")
    for word in ("diagnosis", "raised", "difference"):
        for line in lines:
            if line.startswith(f"  {word} "):
                return f"{question['state']}: {line[12:].strip()}"
    return question["state"] if question["state"].startswith(RIGHT) else f"{question['state']}: {lines[0]}"


def safe(text):
    """Text for a cell of a table: no control characters, not too long, and nothing that a spreadsheet takes for a
    formula.

    >>> safe("=1+1"), safe("a" + chr(0) + "b")
    ("'=1+1", 'a b')
    """
    text = str(text).encode("utf-8", "replace").decode()
    text = "".join(c if c.isprintable() else " " for c in text[: LONGEST + 1])
    text = text if len(text) <= LONGEST else text[: LONGEST - 2] + " …"
    return "'" + text if text[:1] in ("=", "+", "-", "@") else text


def write_table(path, store, protection, separator=","):
    """Write the CSV, one row for each hand-in: UTF-8 with a mark at its beginning, as Excel wants it."""
    entries = [store.entries[name] for name in sorted(store.entries)]
    names = sorted({q for entry in entries for q in entry["result"]["questions"]}, key=lambda name: int(name[1:]))
    people = any(entry["who"] for entry in entries)
    with open(path, "w", newline="", encoding="utf-8-sig") as file:
        table = csv.writer(file, delimiter=separator)
        head = [column for name in names for column in (name, f"{name}_feedback")]
        head = ["file", *(["name", "id", "email"] if people else []), "homework", "points", "of", *head]
        table.writerow([*head, "before", "notes", "seed", "protection"])
        for entry in entries:
            result, who = entry["result"], entry["who"]
            row = [safe(entry["name"]), *([safe(who.get(k, "")) for k in ("name", "id", "email")] if people else [])]
            row += [result["homework"], f"{result['points']:g}", f"{result['of']:g}"]
            for name in names:
                question = result["questions"].get(name)
                row += [f"{question['points']:g}", safe(short(question))] if question else ["", ""]
            before = f"{entry['before']['points']:g}" if entry["before"] else ""
            table.writerow([*row, before, safe("; ".join(result["notes"])), store.seed, protection])


# Reports -------------------------------------------------------------------------------------------------------------


def report(name, result):
    """Readable report of one hand-in, in Markdown."""
    lines = [f"# {name}", "", f"**{result['points']:g} of {result['of']:g} points** {result['homework']}", ""]
    if result["questions"]:
        lines += ["| question | points | state |", "|---|---|---|"]
        for key, question in result["questions"].items():
            lines.append(f"| {key} | {question['points']:g} of {question['of']:g} | {question['state']} |")
    for key, question in result["questions"].items():
        if question["state"] != RIGHT:
            text = question["message"].replace("```", "'''")
            lines += ["", f"## {key}", "", "```text", text if len(text) < 4000 else text[:4000] + " …", "```"]
    if result["notes"]:
        lines += ["", "## Notes", "", *(f"- {note}" for note in result["notes"])]
    return "\n".join(lines) + "\n"


def report_name(name):
    """File name of a report, as deep as the hand-in was: folders of a learning platform stay as they are.

    >>> report_name("Ada_12_assignsubmission_file_/hw1.ipynb")
    'Ada_12_assignsubmission_file_/hw1.ipynb.md'
    """
    parts = []
    for part in name.split("/"):
        short = part.encode("utf-8", "replace").decode()
        while len(short.encode()) > 200:
            short = short[:-1]
        short = "".join(c if c.isprintable() and c not in '<>:"\\|?*' else "_" for c in short).strip(" .") or "_"
        parts.append(short if short == part else f"{short}-{fingerprint(part)[:8]}")
    return "/".join(parts) + ".md"


def write_reports(folder, store):
    """Write one Markdown file for each hand-in, in folders named as those that came in."""
    folder.mkdir(exist_ok=True)
    for name, entry in store.entries.items():
        path = folder / report_name(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        title = entry["who"].get("name") or name.encode("utf-8", "replace").decode()
        path.write_text(report(title, entry["result"]), "utf-8")
