"""``python -m cvhelpers.homework build | pack | grade``."""

import argparse
import sys


def main(arguments=None):
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["grade"]:
        from .grade import main as grade

        return grade(arguments[1:])
    parser = argparse.ArgumentParser(prog="python -m cvhelpers.homework", description="Build, pack and grade homework.")
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("build", help="make the students' notebooks and the tables of answers")
    make.add_argument("names", nargs="*", help="for instance hw1; all when empty")
    make.add_argument("--solutions", default=None, help="folder of the solution notebooks, where it is kept elsewhere")
    make.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is stale")
    copy = commands.add_parser("pack", help="copy the course without solutions")
    copy.add_argument("out", help="a new folder")
    commands.add_parser("grade", help="grade a folder of hand-ins; python -m cvhelpers.homework grade --help")
    options = parser.parse_args(arguments)
    from . import build

    if options.command == "pack":
        return build.pack(options.out)
    return int(build.build(options.names, options.check, options.solutions or build.SOLUTIONS) > 0)


if __name__ == "__main__":
    sys.exit(main())
