# ruff: noqa: E501  (code of students, as it is)
"""Similar hand-ins: copied and renamed ones are found, independent right answers are left alone."""

import ast
import copy
import itertools
import random

import pytest

from cvhelpers.homework.similarity import HINT, pieces, similar, write_pairs

# Ways to write the exercises of homework 1, each right; a student takes one of them for each exercise.
WAYS = {
    "size": [
        "def conv_output_size(size, kernel, stride=1, padding=0):\n    return (size + 2 * padding - kernel) // stride + 1",
        "def conv_output_size(size, kernel, stride=1, padding=0):\n    total = size + padding + padding\n"
        "    places = total - kernel + 1\n    return -(-places // stride)",
        "def conv_output_size(size, kernel, stride=1, padding=0):\n    count, start = 0, -padding\n"
        "    while start + kernel <= size + padding:\n        count += 1\n        start += stride\n    return count",
        "def conv_output_size(size, kernel, stride=1, padding=0):\n"
        "    return len(range(0, size + 2 * padding - kernel + 1, stride))",
        "def conv_output_size(size, kernel, stride=1, padding=0):\n"
        "    return int(np.floor((size - kernel + 2 * padding) / stride)) + 1",
    ],
    "channel": [
        "def convolve_channel(image, kernel):\n    h, w = kernel.shape\n"
        "    out = np.zeros((image.shape[0] - h + 1, image.shape[1] - w + 1))\n    for i in range(out.shape[0]):\n"
        "        for j in range(out.shape[1]):\n            out[i, j] = np.sum(image[i:i + h, j:j + w] * kernel)\n"
        "    return out",
        "def convolve_channel(image, kernel):\n"
        "    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)\n"
        "    return np.einsum('ijkl,kl->ij', windows, kernel)",
        "def convolve_channel(image, kernel):\n    height, width = image.shape\n    a, b = kernel.shape\n    total = 0\n"
        "    for r in range(a):\n        for c in range(b):\n"
        "            total = total + kernel[r, c] * image[r:height - a + r + 1, c:width - b + c + 1]\n    return total",
        "def convolve_channel(image, kernel):\n    kh, kw = kernel.shape\n"
        "    rows = range(image.shape[0] - kh + 1)\n    cols = range(image.shape[1] - kw + 1)\n"
        "    return np.array([[np.vdot(image[y:y + kh, x:x + kw], kernel) for x in cols] for y in rows])",
        "def convolve_channel(image, kernel):\n    flat = kernel.ravel()\n    result = []\n"
        "    for top in range(len(image) - len(kernel) + 1):\n        line = []\n"
        "        for left in range(len(image[0]) - len(kernel[0]) + 1):\n"
        "            patch = image[top:top + len(kernel), left:left + len(kernel[0])].ravel()\n"
        "            line.append(float(patch.dot(flat)))\n        result.append(line)\n    return np.array(result)",
    ],
    "pool": [
        "def pool(maps, size=2, stride=2, kind='max'):\n    rows = (maps.shape[0] - size) // stride + 1\n"
        "    cols = (maps.shape[1] - size) // stride + 1\n    out = np.zeros((rows, cols, maps.shape[2]))\n"
        "    for i in range(rows):\n        for j in range(cols):\n"
        "            window = maps[i * stride:i * stride + size, j * stride:j * stride + size]\n"
        "            out[i, j] = window.max(axis=(0, 1)) if kind == 'max' else window.mean(axis=(0, 1))\n    return out",
        "def pool(maps, size=2, stride=2, kind='max'):\n"
        "    view = np.lib.stride_tricks.sliding_window_view(maps, (size, size), axis=(0, 1))\n"
        "    view = view[::stride, ::stride]\n    if kind == 'max':\n        return view.max(axis=(3, 4))\n"
        "    return view.mean(axis=(3, 4))",
        "def pool(maps, size=2, stride=2, kind='max'):\n    reduce = {'max': np.amax, 'average': np.mean}[kind]\n"
        "    tops = range(0, maps.shape[0] - size + 1, stride)\n    lefts = range(0, maps.shape[1] - size + 1, stride)\n"
        "    return np.array([[reduce(maps[t:t + size, l:l + size], axis=(0, 1)) for l in lefts] for t in tops])",
        "def pool(maps, size=2, stride=2, kind='max'):\n    h, w, c = maps.shape\n    parts = []\n"
        "    for a in range(size):\n        for b in range(size):\n"
        "            parts.append(maps[a:h - size + a + 1:stride, b:w - size + b + 1:stride])\n"
        "    stacked = np.stack(parts)\n    return np.max(stacked, 0) if kind == 'max' else np.mean(stacked, 0)",
    ],
    "mix": [
        "def convolve_1x1(maps, weights, bias):\n    h, w, c = maps.shape\n"
        "    table = maps.reshape(h * w, c)\n    return (table @ weights + bias).reshape(h, w, weights.shape[1])",
        "def convolve_1x1(maps, weights, bias):\n    return np.tensordot(maps, weights, axes=1) + bias",
        "def convolve_1x1(maps, weights, bias):\n    return np.einsum('hwc,cf->hwf', maps, weights) + bias[None, None]",
        "def convolve_1x1(maps, weights, bias):\n    out = np.zeros(maps.shape[:2] + (len(bias),))\n"
        "    for f in range(len(bias)):\n        out[..., f] = (maps * weights[:, f]).sum(axis=2) + bias[f]\n    return out",
    ],
    "loss": [
        "def cross_entropy(logits, labels):\n    z = logits - logits.max(axis=1, keepdims=True)\n"
        "    logs = z - np.log(np.exp(z).sum(axis=1, keepdims=True))\n"
        "    return -logs[np.arange(len(labels)), labels].mean()",
        "def cross_entropy(logits, labels):\n    losses = []\n    for row, label in zip(logits, labels):\n"
        "        top = max(row)\n        losses.append(np.log(sum(np.exp(row - top))) + top - row[label])\n"
        "    return sum(losses) / len(losses)",
        "def cross_entropy(logits, labels):\n    total = np.logaddexp.reduce(logits, axis=1)\n"
        "    picked = np.take_along_axis(logits, labels[:, None], axis=1)[:, 0]\n    return np.mean(total - picked)",
        "def cross_entropy(logits, labels):\n    hot = np.eye(logits.shape[1])[labels]\n"
        "    shifted = logits - np.max(logits, 1)[:, None]\n    norm = np.log(np.sum(np.exp(shifted), 1))\n"
        "    return float(np.sum(norm - np.sum(hot * shifted, 1)) / hot.shape[0])",
    ],
    "kernels": [
        "def features(images):\n    x = images / 255\n    right = np.maximum(x[:, :, 1:] - x[:, :, :-1], 0)\n"
        "    left = np.maximum(x[:, :, :-1] - x[:, :, 1:], 0)\n"
        "    maps = np.stack([right[:, :28, :24], left[:, :28, :24]], -1)\n"
        "    return maps.reshape(len(x), 7, 4, 6, 4, 2).mean((2, 4)).reshape(len(x), -1)",
        "def features(images):\n    out = []\n    for image in images.astype(float):\n        g = np.gradient(image)\n"
        "        angle = np.arctan2(g[0], g[1])\n        strength = np.hypot(*g)\n"
        "        hist = [np.where(np.abs(angle - k) < 0.5, strength, 0) for k in np.linspace(-3, 3, 7)]\n"
        "        out.append(np.concatenate([h.reshape(4, 7, 4, 7).sum((1, 3)).ravel() for h in hist]))\n"
        "    return np.array(out)",
        "def features(images):\n    bank = np.random.default_rng(3).normal(size=(3, 3, 12))\n"
        "    windows = np.lib.stride_tricks.sliding_window_view(images / 255.0, (3, 3), axis=(1, 2))\n"
        "    maps = np.clip(np.tensordot(windows, bank, 2), 0, None)[:, :24, :24]\n"
        "    return maps.reshape(-1, 6, 4, 6, 4, 12).max(axis=(2, 4)).reshape(len(images), -1)",
        "def features(images):\n    sobel = np.array([[1, 2, 1], [0, 0, 0], [-1, -2, -1]])\n    found = []\n"
        "    for turn in range(4):\n        kernel = np.rot90(sobel, turn)\n        total = 0\n"
        "        for dy in range(3):\n            for dx in range(3):\n"
        "                total = total + kernel[dy, dx] * images[:, dy:26 + dy, dx:26 + dx].astype(float)\n"
        "        found.append(pooled(np.maximum(total, 0)))\n    return np.concatenate(found, axis=1)\n"
        "def pooled(x):\n    return x[:, 1:25, 1:25].reshape(len(x), 8, 3, 8, 3).mean(4).mean(2).reshape(len(x), 64)",
    ],
}


class Renamed(ast.NodeTransformer):
    """What somebody does who copies: other names for everything that is one's own, no comments."""

    def __init__(self, chance):
        self.names, self.chance = {}, chance

    def new(self, name):
        return self.names.setdefault(name, "v" + "".join(self.chance.choices("abcdefgh", k=6)))

    def visit_FunctionDef(self, node):
        for arg in node.args.args:
            arg.arg = self.new(arg.arg)
        stored = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        for name in sorted(stored):
            self.new(name)
        return self.generic_visit(node)

    def visit_Name(self, node):
        return ast.Name(self.names.get(node.id, node.id), node.ctx)


class Own(ast.NodeTransformer):
    """What makes the same way two hands' work: order of operands, methods or functions, results that get a name."""

    def __init__(self, chance):
        self.chance, self.hoisted = chance, []

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if isinstance(node.op, (ast.Add, ast.Mult)) and self.chance.random() < 0.5:
            node.left, node.right = node.right, node.left
        return node

    def visit_Compare(self, node):
        self.generic_visit(node)
        turned = {ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE, ast.Eq: ast.Eq}
        if len(node.ops) == 1 and type(node.ops[0]) in turned and self.chance.random() < 0.5:
            return ast.Compare(node.comparators[0], [turned[type(node.ops[0])]()], [node.left])
        return node

    def visit_Call(self, node):
        self.generic_visit(node)
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr in ("max", "mean", "sum", "reshape", "ravel"):
            if not (isinstance(function.value, ast.Name) and function.value.id == "np") and self.chance.random() < 0.5:
                numpy = ast.Attribute(ast.Name("np", ast.Load()), function.attr, ast.Load())
                return ast.Call(numpy, [function.value, *node.args], node.keywords)
        return node

    def body(self, statements):
        made = []
        for statement in statements:
            for name in ("body", "orelse"):
                if isinstance(getattr(statement, name, None), list):
                    setattr(statement, name, self.body(getattr(statement, name)))
            value = getattr(statement, "value", None)
            parts = [n for n in ast.walk(value) if isinstance(n, (ast.BinOp, ast.Call))] if value else []
            if any(isinstance(n, (ast.ListComp, ast.GeneratorExp, ast.Lambda)) for n in ast.walk(statement)):
                parts = []
            parts = [part for part in parts if 4 <= sum(1 for _ in ast.walk(part))]
            if parts and self.chance.random() < 0.6:
                part, name = self.chance.choice(parts), f"part{self.chance.randrange(999)}"
                made.append(ast.Assign([ast.Name(name, ast.Store())], copy.deepcopy(part)))
                part.__class__, part.__dict__ = ast.Name, {"id": name, "ctx": ast.Load()}
            made.append(statement)
        return made


def student(number):
    """An independent hand-in: a way for each exercise, written down in an own hand."""
    chance, cells = random.Random(number), []
    for ways in WAYS.values():
        tree = Own(chance).visit(ast.parse(chance.choice(ways)))
        for function in tree.body:
            function.body = Own(chance).body(function.body)
        cells.append(f"# {number}\n" + ast.unparse(ast.fix_missing_locations(tree)))
    return cells


def copied(cells, seed):
    """The hand-in renamed, its cells in another order, with a helper nobody needs."""
    chance = random.Random(seed)
    made = [ast.unparse(Renamed(chance).visit(ast.parse(cell))) for cell in cells]
    chance.shuffle(made)
    return [*made, f"def helper_{seed}(x):\n    return x + {seed} * (x - {seed})"]


@pytest.fixture(scope="module")
def flagged():
    """Pairs of a class of 40 independent hand-ins, and of 20 more that were copied from some of those."""
    handins = {f"s{k:02}": student(k) for k in range(40)}
    handins |= {f"c{k:02}": copied(handins[f"s{k:02}"], k) for k in range(20)}
    skeleton = ["import numpy as np"]
    return {frozenset(pair[1:3]) for pair in similar(handins, skeleton)}


def test_copied_and_renamed_hand_ins_are_flagged_and_independent_ones_hardly_ever(flagged):
    copies = [frozenset((f"s{k:02}", f"c{k:02}")) for k in range(20)]
    found = sum(pair in flagged for pair in copies) / len(copies)
    independent = [frozenset(pair) for pair in itertools.combinations([f"s{k:02}" for k in range(40)], 2)]
    false = sum(pair in flagged for pair in independent) / len(independent)
    print(f"copied {found:.1%} flagged, independent {false:.1%} of {len(independent)}")
    assert found >= 0.95 and false <= 0.02


def test_names_comments_and_the_order_of_cells_do_not_matter():
    cells = student(1)
    assert pieces(copied(cells, 5)[:-1]) == pieces(cells)


def test_the_file_says_that_it_is_a_hint(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.py").write_text("\n".join(student(1)), "utf-8")
    write_pairs(tmp_path / "pairs.csv", {name: tmp_path / f"{name}.py" for name in "ab"})
    lines = (tmp_path / "pairs.csv").read_text("utf-8-sig").splitlines()
    assert HINT in lines[0] and lines[1].startswith("1.00,") and len(lines) == 2
