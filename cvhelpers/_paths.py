"""Where files lie: in the course folder, or, when only the package is installed, inside it and in the user's cache."""

import os
import pathlib

_PACKAGE = pathlib.Path(__file__).resolve().parent
ROOT = _PACKAGE.parent  # of the repository
IN_COURSE = (ROOT / "data/README.md").is_file() and (ROOT / "notebooks").is_dir()
DATA = ROOT / "data" if IN_COURSE else _PACKAGE / "shipped"  # the wheel holds a copy of data/
CACHE = pathlib.Path(
    os.environ.get("CVHELPERS_CACHE") or (DATA / "cache" if IN_COURSE else pathlib.Path.home() / ".cache/cvhelpers")
)
