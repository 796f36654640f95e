"""One command with verbs: ``python -m cvhelpers.course VERB``; each verb says more with ``--help``."""

import importlib
import sys

VERBS = {
    "refresh": ("refresh", "run notebooks and store their outputs"),
    "address": ("address", "write the address of the repository into every badge and setup cell"),
    "weights": ("weights", "train the networks of lessons 15 to 18 again and store their weights"),
    "site": ("site", "make pages and slides of all notebooks"),
    "try-it": ("try_it", "run every suggestion of Try it yourself and compare what the lesson says of it"),
    "class-copy": ("class_copy", "copy the lessons without outputs, for a class that predicts first"),
    "doctor": ("doctor", "say what keeps the course from starting here, and how to mend it"),
    "wheelhouse": ("wheelhouse", "fetch all packages for a class without internet"),
}


def main(arguments=None):
    arguments = sys.argv[1:] if arguments is None else arguments
    verb = arguments[0] if arguments else "--help"
    if verb in VERBS:
        return importlib.import_module(f".{VERBS[verb][0]}", __package__).main(arguments[1:])
    lines = [f"  {name:<10} {words}" for name, (_, words) in VERBS.items()]
    print("usage: python -m cvhelpers.course VERB", *lines, sep="\n")
    if verb in ("-h", "--help"):
        return 0
    print(f"there is no verb {verb!r}: wanted one of those above", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
