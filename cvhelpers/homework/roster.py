"""Hand-ins as a learning platform gives them: zips, folder names, several attempts, and who is who."""

import csv
import io
import os
import pathlib
import re
import unicodedata
import zipfile
from dataclasses import dataclass, field

from .handins import LARGEST

IGNORED = {"onlinetext.html", "thumbs.db", "desktop.ini", "comments.txt"}
MOST = 2 << 30  # bytes that a zip of hand-ins may unpack to
# Moodle: Ada Lovelace_12345_assignsubmission_file_/hw1.ipynb, or _file_hw1.ipynb without folders
_MOODLE = re.compile(r"^(?P<name>[^/]+?)_(?P<id>\d+)_assignsubmission_(?P<kind>file|onlinetext)_?(?P<rest>.*)$")
# Canvas: lovelaceada_LATE_123_45678_hw1-2.ipynb
_CANVAS = re.compile(r"^(?P<name>[^\W_]+)_(?:LATE_)?(?P<id>\d+)_(?P<file>\d+)_(?P<rest>.+)$")
# Blackboard: hw1_lovelace_attempt_2025-01-31-10-15-00_hw1.ipynb
_BOARD = re.compile(r"^.+?_(?P<id>[^_]+)_attempt_(?P<when>\d{4}(?:-\d\d){5})_?(?P<rest>.*)$")


@dataclass(frozen=True, eq=False)
class Handin:
    """One file of one student.

    Attributes:
        name: path from the folder of hand-ins.
        path: where it lies.
        student: what all attempts of one student have in common.
        order: sorts the attempts of one student in time.
        who: dict with name, id and e-mail, as far as known.
    """

    name: str
    path: pathlib.Path
    student: str
    order: tuple = ()
    who: dict = field(default_factory=dict)


def unpack(source, space):
    """The folder of a source: itself, or what a zip holds, unpacked into ``space``; zips inside it too.

    Raises:
        SystemExit: the zip is broken or too large.
    """
    if source.is_dir():
        inner = [path for path in source.rglob("*.zip") if path.is_file()]
        if not inner:
            return source
        for path in source.rglob("*"):
            relative = path.relative_to(source)
            if path.is_file() and path not in inner and not _ignored(relative):
                target = space / "in" / relative
                target.parent.mkdir(parents=True, exist_ok=True)
                os.link(path, target) if _same_disk(path, space) else target.write_bytes(path.read_bytes())
        for path in inner:
            try:
                _unzip(path, (space / "in" / path.relative_to(source)).with_suffix(""))
            except zipfile.BadZipFile:
                continue  # a student's broken zip hurts nobody else; the missing row shows it
        return space / "in"
    try:
        _unzip(source, space / "zip")
    except zipfile.BadZipFile:
        raise SystemExit(f"{source} is no zip: name the folder or the zip that the platform gave") from None
    return unpack(space / "zip", space)


def _same_disk(path, space):
    """Whether a hard link can be made."""
    try:
        return path.stat().st_dev == space.stat().st_dev and not path.is_symlink()
    except OSError:
        return False


def _unzip(path, target):
    """Unpack a zip without links, without ways out of the folder, and only as much as is reasonable."""
    target.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path) as archive:
        left = MOST
        for info in archive.infolist():
            parts = [part[:120] for part in pathlib.PurePosixPath(info.filename).parts if part not in ("..", "/", ".")]
            if info.is_dir() or not parts or info.file_size > LARGEST or _ignored(pathlib.PurePath(*parts)):
                continue
            left -= info.file_size
            if left < 0:
                raise SystemExit(f"{path} unpacks to more than {MOST >> 30} GiB")
            place = target.joinpath(*parts)
            place.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(info) as file:
                place.write_bytes(file.read(info.file_size + 1)[: info.file_size])


def _ignored(relative):
    """Whether a file is none of the student's answers: hidden, or what platforms and systems put there."""
    parts = relative.parts
    hidden = any(part.startswith((".", "~$", "__MACOSX")) for part in parts)
    return hidden or parts[-1].lower() in IGNORED or parts[-1].lower().endswith("_onlinetext.html")


def collect(folder, roster, own=()):
    """All hand-ins of a folder at any depth, attempts of one student in the order of time.

    Args:
        folder: where they lie.
        roster: list of dicts with name, id, email: :func:`read_roster`.
        own: paths that grading itself writes.
    """
    found = []
    for path in sorted(folder.rglob("*"), key=lambda path: os.fsencode(path)):
        relative = path.relative_to(folder)
        if not path.is_file() or _ignored(relative) or any(path.resolve().is_relative_to(place) for place in own):
            continue
        if re.search(r"_(reports|class|similar)[/.]|\.jsonl$", relative.as_posix()) and "grades" in relative.as_posix():
            continue
        found.append(_handin(path, relative, roster))
    return sorted(found, key=lambda handin: (handin.student, handin.order))


def _handin(path, relative, roster):
    """A hand-in with its student, from the names that platforms give."""
    name, order = relative.as_posix(), (path.stat().st_mtime,)
    for part in relative.parts:
        if match := _MOODLE.match(part):
            who = _known(roster, match["id"], match["name"]) or {"name": match["name"], "id": match["id"]}
            return Handin(name, path, "moodle " + match["id"], _number(name, order), who)
        if match := _BOARD.match(part):
            who = _known(roster, match["id"], match["id"]) or {"id": match["id"]}
            return Handin(name, path, "blackboard " + match["id"], (match["when"], name), who)
    if match := _CANVAS.match(relative.name):
        who = _known(roster, match["id"], match["name"]) or {"name": match["name"], "id": match["id"]}
        attempt = re.search(r"-(\d+)\.\w+$", match["rest"])
        return Handin(name, path, "canvas " + match["id"], (int(attempt[1]) if attempt else 0, int(match["file"])), who)
    who = next((w for part in relative.parts[:-1] + (relative.stem,) if (w := _known(roster, part, part))), {})
    return Handin(name, path, who.get("id") or who.get("name") or name, _number(name, order), who)


def _number(name, order):
    """Order of attempts: by a number like ``attempt 2`` or ``(2)``, then by time."""
    match = re.search(r"(?i)(?:attempt|versuch|try)[ _-]?(\d+)|\((\d+)\)|-(\d+)\.\w+$", name)
    return int(next(filter(None, match.groups()))) if match else 0, *order, name


# Who is who ----------------------------------------------------------------------------------------------------------

_COLUMNS = {
    "id": ("id", "userid", "studentid", "sisuserid", "sisid", "idnumber", "matrikelnummer", "username", "loginid"),
    "email": ("email", "emailaddress", "mail", "emailadresse"),
    "name": ("name", "fullname", "student", "studentname"),
    "first": ("firstname", "vorname", "first"),
    "last": ("lastname", "surname", "nachname", "last"),
    "platform": ("participant", "identifier", "participantnumber", "platformid", "canvasid"),
}


def _plain(text):
    """Letters and digits alone, without accents, small."""
    text = unicodedata.normalize("NFKD", str(text).replace("ß", "ss")).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]", "", text.lower())


def read_roster(path):
    """People of a CSV with any separator and the usual names of columns: list of dicts with name, id, email.

    Raises:
        SystemExit: the file is not there, or no column is known.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig", "replace")
    except OSError:
        raise SystemExit(f"{path} is not there: name the CSV with name, id and e-mail of the class") from None
    first = text.split("\n", 1)[0]
    rows = list(csv.reader(io.StringIO(text), delimiter=max(",;\t", key=first.count)))
    head = [_plain(cell) for cell in rows[0]] if rows else []
    where = {key: next((i for i, cell in enumerate(head) if cell in names), None) for key, names in _COLUMNS.items()}
    if where["name"] is None and where["last"] is None and where["id"] is None:
        raise SystemExit(f"{path}: no column is called name, id or e-mail; the first line is {first.strip()!r}")
    people = []
    for row in rows[1:]:
        person = {key: row[i].strip() if i is not None and i < len(row) else "" for key, i in where.items()}
        if not person["name"]:
            person["name"] = f"{person['first']} {person['last']}".strip()
        if person["name"] or person["id"]:
            person["platform"] = re.sub(r"\D", "", person["platform"])
            people.append(person)
    return people


def _known(roster, number, name):
    """The person of the roster with this number, or else with this name in any order of its parts; None if nobody or
    more than one."""
    wanted = _plain(name)
    words = "".join(sorted(re.findall(r"[a-z0-9]+", _spaced(name))))
    tests = [
        lambda p: str(number) in (p["id"], p["platform"]) and bool(number),
        lambda p: wanted and wanted in (_plain(p["email"]), _plain(p["email"].split("@")[0])),
        lambda p: words and "".join(sorted(re.findall(r"[a-z0-9]+", _spaced(p["name"])))) == words,
        lambda p: wanted and wanted in _orders(p["name"]),
    ]
    for test in tests:
        fits = [person for person in roster if test(person)]
        if len(fits) == 1:
            return {key: fits[0][key] for key in ("name", "id", "email")}
    return None


def _spaced(text):
    """Small letters without accents, words apart."""
    text = unicodedata.normalize("NFKD", str(text).replace("ß", "ss")).encode("ascii", "ignore").decode()
    return text.lower()


def _orders(name):
    """A name written together, forwards and with its last word first, as Canvas does."""
    words = [_plain(word) for word in re.split(r"[\s,]+", str(name)) if _plain(word)]
    return {"".join(words), "".join([*words[-1:], *words[:-1]]), "".join([*words[1:], *words[:1]])}
