"""Which hand-ins are alike, whatever their names, comments and order of statements: a hint for a conversation, never a
verdict.

Short exercises have few right answers, so two honest ones may well be equal. What counts is how much of the unusual
code of two hand-ins is shared: pieces that many hand-ins have, and those of the handed-out notebook, count little or
nothing.
"""

import ast
import collections
import copy
import csv
import math
import re

from .handins import parse, read_handin

LEAST = 0.6  # share of the unusual code that makes a pair worth a look
HINT = "a hint for a conversation, never a verdict"


class _Anonymous(ast.NodeTransformer):
    """Own names become one sign; what libraries are called stays."""

    def __init__(self, own):
        self.own = own

    def visit_Name(self, node):
        return ast.Name("_" if node.id in self.own else node.id, ast.Load())

    def visit_arg(self, node):
        return ast.arg("_", None)

    def visit_keyword(self, node):
        return ast.keyword(node.arg, self.visit(node.value))


def pieces(cells):
    """Structure of a hand-in: counter of statements and of expressions of some size, names and order left out.

    >>> pieces(["def f(x):\\n    return 2 * x + 1"]) == pieces(["def g(value):  # mine\\n    return 2 * value + 1"])
    True
    """
    found = collections.Counter()
    for source in cells:
        tree = parse(source)
        if tree is None:
            continue
        own = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        own |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
        own |= {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
        for function in ast.walk(tree):
            if not isinstance(function, ast.FunctionDef):
                continue
            for node in ast.walk(function):
                if isinstance(node, (ast.stmt, ast.expr)) and not isinstance(node, (ast.FunctionDef, ast.Name)):
                    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                        continue  # a docstring
                    size = sum(1 for _ in ast.walk(node))
                    if size >= 6:
                        found[_text(node, own)] += 1
    return found


def _text(node, own):
    """A statement's or expression's structure as text."""
    body = getattr(node, "body", None)
    if isinstance(node, (ast.For, ast.While, ast.If, ast.With)) and isinstance(body, list):
        head = node.iter if isinstance(node, ast.For) else getattr(node, "test", None)  # its statements count alone
        text = type(node).__name__ + (ast.dump(_Anonymous(own).visit(copy.deepcopy(head))) if head is not None else "")
    else:
        text = ast.dump(_Anonymous(own).visit(copy.deepcopy(node)))
    return re.sub(r"ctx=\w+\(\)", "", text)


def similar(handins, skeleton=(), least=LEAST):
    """Pairs of hand-ins that share much of their unusual code, the most alike first.

    Args:
        handins: dict from the name to its cells.
        skeleton: cells that everybody was given.
        least: smallest share that is told, 0 to 1.

    Returns:
        list of (share, name, other name, number of shared pieces).
    """
    given = set(pieces(skeleton))
    sets = {name: frozenset(pieces(cells)) - given for name, cells in handins.items()}
    seen = collections.Counter(piece for held in sets.values() for piece in held)
    count = max(len(sets), 2)
    weight = {piece: math.log((1 + count) / number) ** 2 * len(piece) ** 0.5 for piece, number in seen.items()}
    whole = {name: sum(weight[piece] for piece in held) for name, held in sets.items()}
    holders = collections.defaultdict(list)
    for name, held in sets.items():
        for piece in held:
            holders[piece].append(name)
    shared, number = collections.Counter(), collections.Counter()
    for piece, names in holders.items():
        if 1 < len(names) <= max(3, count // 4):
            for i, name in enumerate(names):
                for other in names[i + 1 :]:
                    shared[name, other] += weight[piece]
                    number[name, other] += 1
    pairs = []
    for (name, other), value in shared.items():
        share = value / max(min(whole[name], whole[other]), 1e-9)
        if share >= least and number[name, other] >= 5:
            pairs.append((share, name, other, number[name, other]))
    return sorted(pairs, reverse=True)


def write_pairs(path, paths, skeleton=()):
    """Write the pairs of a class as CSV; its first line says what they are, and what they are not."""
    handins = {name: read_handin(place)[0] for name, place in paths.items()}
    with open(path, "w", newline="", encoding="utf-8-sig") as file:
        table = csv.writer(file)
        table.writerow(["share of unusual code", "hand-in", "other hand-in", "shared pieces", HINT])
        for share, name, other, number in similar(handins, skeleton):
            names = (text.encode("utf-8", "replace").decode() for text in (name, other))
            table.writerow([f"{share:.2f}", *("'" + n if n[:1] in "=+-@" else n for n in names), number])
