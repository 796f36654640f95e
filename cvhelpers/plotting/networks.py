"""Drawings of networks and receptive fields, from the models and lists of layers."""

import math
import re

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Circle, FancyArrowPatch, Polygon, Rectangle
from matplotlib.path import Path

from .style import COLORS, shade

LINE = "#444444"
# Layers that are drawn as a part of the one before them: they change values, not shapes.
ATTACHED = {
    "Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "GELU", "Softmax", "BatchNormalization", "Dropout", "Rescaling",
    "SpatialDropout2D", "LocalResponseNormalization", "LayerNormalization", "GroupNormalization",
}  # fmt: skip
MERGES = {"Add": "+", "Multiply": "×", "Subtract": "-", "Average": "ø", "Maximum": "max", "Concatenate": "||"}
SHORT = {
    "InputLayer": "input", "Conv2D": "conv", "Conv2DTranspose": "up-conv", "DepthwiseConv2D": "depthwise",
    "MaxPooling2D": "max", "AveragePooling2D": "average", "GlobalAveragePooling2D": "global avg",
    "GlobalMaxPooling2D": "global max", "UpSampling2D": "upsample", "ZeroPadding2D": "pad", "Dense": "dense",
    "Flatten": "flatten", "Concatenate": "concat", "Add": "add",
}  # fmt: skip
PITCH, GAP, RADIUS = 1.0, 0.19, 0.16  # inches: width of a column, height of a line of text, size of a merge


class _Block:
    """What the drawing knows of one layer, or of several that are drawn as one."""

    def __init__(self, layer):
        self.kind, self.parents, self.children = type(layer).__name__, [], []
        output = layer.output[0] if isinstance(layer.output, (list, tuple)) else layer.output
        self.shape = tuple(output.shape)[1:]
        self.parameters = layer.count_params()
        self.count, self.column, self.row, self.arc = 1, 0, 0.0, 0.0
        self.name = SHORT.get(self.kind) or re.sub(r"(?<=[a-z])(?=[A-Z])", "\n", self.kind)
        window = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
        if window:
            self.name += " " + "×".join(map(str, window))
            self.name += f" /{layer.strides[0]}" if "Conv" in self.kind and layer.strides[0] > 1 else ""

    @property
    def words(self):
        """Lines of text: what it does, what comes out, how many parameters."""
        name = f"{self.count} × {self.name}" if self.count > 1 else self.name
        if self.kind in MERGES and self.kind != "Concatenate":
            return name
        shape = "×".join("?" if n is None else f"{n:,}" for n in self.shape)
        return "\n".join([name, shape] + [f"{self.parameters:,}"] * (self.parameters > 0))

    @property
    def color(self):
        kinds = {"Conv": COLORS[0], "Pool": COLORS[1], "Dense": COLORS[2], "Input": "#999999", "Flatten": "#999999"}
        return next((color for part, color in kinds.items() if part in self.kind), COLORS[4])

    @property
    def above(self):
        """Inches from the middle to the upper end."""
        return self.height / 2 + 0.7 * self.depth

    @property
    def below(self):
        """Inches from the middle to the end of the text."""
        return self.height / 2 + 0.1 + GAP * (self.words.count("\n") + 1)

    def size(self, largest):
        """Depth, width and height in inches: sides grow with the map, the width with the channels."""
        if self.kind in MERGES:
            return 0.0, 2 * RADIUS, 2 * RADIUS
        if len(self.shape) < 3:
            return 0.08, 0.1, min(1.2, 0.3 + 0.07 * math.log2(1 + math.prod(n or 1 for n in self.shape)))
        side = 0.22 + 0.98 * math.sqrt((self.shape[0] or largest) / largest)
        return 0.2 * side, 0.05 + 0.04 * math.log2(1 + self.shape[-1]), side


def _blocks(model, collapse, repeats):
    """Blocks of a built Keras model in order, joined by parents and children, with their places."""
    layers = list(getattr(model, "layers", ()))
    if not layers:
        raise ValueError(f"got {type(model).__name__}: wanted a Keras model with layers")
    inputs = [tensor._keras_history.operation for tensor in getattr(model, "inputs", None) or ()]
    layers = [layer for layer in inputs if all(layer is not known for known in layers)] + layers
    try:
        owner = {id(layer): _Block(layer) for layer in layers}
    except (AttributeError, ValueError) as error:
        raise ValueError(f"the model has no shapes yet: start it with keras.Input ({error})") from None
    blocks = []
    for layer in layers:
        block = owner[id(layer)]
        for node in layer._inbound_nodes:
            parents = [owner.get(id(tensor._keras_history.operation)) for tensor in node.input_tensors]
            block.parents += [p for p in dict.fromkeys(parents) if p not in (None, block, *block.parents)]
        parent = block.parents[0] if len(block.parents) == 1 else None
        if collapse and parent and block.kind in ATTACHED and parent.kind != "InputLayer":
            owner[id(layer)] = parent
            parent.parameters += block.parameters
        else:
            blocks.append(block)
    for block in blocks:
        for parent in block.parents:
            parent.children.append(block)
    if repeats:
        blocks = _merge_repeats(blocks)
    largest = max([b.shape[0] or 1 for b in blocks if len(b.shape) >= 3], default=1)
    for block in blocks:
        block.depth, block.width, block.height = block.size(largest)
    _place(blocks)
    return blocks


def _merge_repeats(blocks):
    """Draw equal layers that follow one another as one block with their number."""
    kept = []
    for block in blocks:
        parent = block.parents[0] if len(block.parents) == 1 else None
        if parent and (parent.name, parent.shape, parent.children) == (block.name, block.shape, [block]):
            parent.count += 1
            parent.parameters += block.parameters
            parent.children = block.children
            for child in block.children:
                child.parents = [parent if p is block else p for p in child.parents]
        else:
            kept.append(block)
    return kept


def _branches(block):
    """The blocks that follow a block; branches that meet again stand in the order in which they are joined."""
    branches, ends = [child for child in block.children if len(child.parents) == 1], []
    for end in branches:
        while len(end.children) == 1 and len(end.children[0].parents) == 1:
            end = end.children[0]
        ends.append(end)
    if any(len(end.children) != 1 or end.children[0] is not ends[0].children[0] for end in ends):
        return branches
    order = {id(parent): place for place, parent in enumerate(ends[0].children[0].parents)} if ends else {}
    return [branch for _, branch in sorted(zip((order[id(end)] for end in ends), branches), key=lambda pair: pair[0])]


def _place(blocks):
    """Give every block a column (its distance from the input) and a row (branches below one another)."""
    taken = set()
    for block in blocks:
        block.column = max((parent.column + 1 for parent in block.parents), default=0)
        # The straight way to a merge, not the shortcut that left from a block with another child before.
        ways = [p for p in block.parents if p.children[0] is block or len(p.children) == 1] or block.parents
        if ways:
            block.row = sum(p.row for p in ways) / len(ways)
        if len(block.parents) == 1:
            siblings = _branches(block.parents[0])
            block.row += siblings.index(block) - (len(siblings) - 1) / 2
        while (block.column, block.row) in taken:
            block.row += 1
        taken.add((block.column, block.row))


def _lines(blocks, longest):
    """Split the blocks into lines of at most ``longest`` columns, where a single block leads on."""
    last = max(block.column for block in blocks)
    cuts = []
    for column in range(last):
        crossing = [(b, c) for b in blocks for c in b.children if b.column <= column < c.column]
        if len({id(b) for b, _ in crossing}) == 1 and all(c.column == column + 1 for _, c in crossing):
            cuts.append(column)
    start, lines = 0, []
    while start <= last:
        rest = [cut for cut in cuts if cut >= start + 2]
        fitting = [cut for cut in rest if cut < start + longest]
        end = last if last - start < longest or not rest else max(fitting, default=rest[0])
        lines.append([block for block in blocks if start <= block.column <= end])
        start = end + 1
    return lines


def draw_network(models, ax=None, titles=None, collapse=True, repeats=False, columns=9):
    """A network as boxes, drawn from the model itself: what each layer does, what comes out, how many parameters.

    Sides of the boxes grow with the map, their widths with the channels. Long networks go on in the next line.

    Args:
        models: a built Keras model (Sequential or with branches), or a list of models, drawn below one another.
        ax: Matplotlib axes to draw on; new ones of fitting size when None.
        titles: a text for each model; name and number of parameters when None.
        collapse: draw activations, normalization and dropout as a part of the layer before them.
        repeats: draw equal layers that follow one another as one box, "3 × conv 3×3".
        columns: boxes in one line, at most; longer where branches leave no place to cut.

    Returns:
        the Matplotlib axes.

    Raises:
        ValueError: not a model, a model without shapes, or titles of another number.

    Introduced in lesson 02.
    """
    models = list(models) if isinstance(models, (list, tuple)) else [models]
    titles = [titles] if isinstance(titles, str) else titles
    if titles and len(titles) != len(models):
        raise ValueError(f"{len(models)} models but {len(titles)} titles: wanted one title for each")
    top, width, groups = 0.0, 4.0, []
    for number, model in enumerate(models):
        blocks = _blocks(model, collapse, repeats)
        title = titles[number] if titles else f"{model.name}: {model.count_params():,} parameters"
        groups.append((title, top + 0.2, blocks))
        top += 0.45
        for line in _lines(blocks, columns):
            height, right = _arrange(line, blocks, top)
            top, width = top + height, max(width, right)
    if ax is None:
        ax = plt.subplots(figsize=(width, top))[1]
    ax.set(xlim=(0, width), ylim=(-top, 0), aspect="equal")
    ax.axis("off")
    for title, above, blocks in groups:
        ax.text(0.05, -above, title, fontsize=13, weight="bold", va="center")
        for block in blocks:
            for parent in block.parents:
                _draw_edge(ax, parent, block, _blocked(blocks, parent, block))
            _draw_block(ax, block)
    return ax


def _arrange(line, blocks, top):
    """Set x and y of the blocks of one line that begins ``top`` inches down; returns its height and width."""
    arcs = [(p, b) for b in line for p in b.parents if _blocked(blocks, p, b)]
    for parent, child in arcs:  # one above the other
        parent.arc = 0.16 * sum(parent.column < p.column and c.column < child.column for p, c in arcs)
    rows, above = [b.row for b in line], max(b.above for b in line)
    drop, first = above + max(b.below for b in line) + 0.1, line[0].column
    start, top = top, top + above + 0.1 + max((0.2 + p.arc for p, _ in arcs), default=0)
    left = 0.0
    for column in range(first, line[-1].column + 1):
        here = [b for b in line if b.column == column]
        letters = max(len(words) for b in here for words in b.words.split("\n"))
        room = max(PITCH if any("\n" in b.words for b in here) else 0.7 * PITCH, 0.09 * letters + 0.06)
        for block in here:
            block.left, block.x = left, left + room / 2
            block.y = -top - (block.row - min(rows)) * drop
            block.continues = column == first > 0
            block.arc += block.y + max(b.above for b in line if b.row == block.row) + 0.15
        left += room
    return max(b.below - b.y for b in line) + 0.15 - start, left


def _blocked(blocks, parent, child):
    """Whether other blocks of its row stand in the straight way from the parent to the child."""
    return any(b.row == parent.row and parent.column < b.column < child.column for b in blocks)


def _draw_edge(ax, parent, child, blocked):
    right = (parent.x + parent.width / 2 + parent.depth, parent.y)
    end = (child.x - child.width / 2 - 0.03, child.y)
    if child.continues:  # the line above ends with the parent
        points = [(child.left + 0.02, child.y), end]
        ax.plot([right[0], right[0] + 0.2], [right[1]] * 2, color=LINE, linewidth=1.5, linestyle=":", zorder=1)
    elif blocked:
        x, stop = parent.x + 0.1, child.x - 0.06
        points = [(x, parent.y), (x, parent.arc), (stop, parent.arc), (stop, child.y + RADIUS)]
    else:
        points = [right, (child.left, parent.y), (child.left, child.y), end]
    ax.add_patch(FancyArrowPatch(path=Path(points), arrowstyle="-|>", mutation_scale=11, color=LINE, linewidth=1.5,
                                 joinstyle="round", fill=False, zorder=1))  # fmt: skip


def _draw_block(ax, block):
    x, y, dx, dy, height = block.x, block.y, block.depth, 0.7 * block.depth, block.height
    if block.kind in MERGES:
        ax.add_patch(Circle((x, y), RADIUS, facecolor="white", edgecolor=LINE, linewidth=1.5, zorder=2))
        ax.text(x, y, MERGES[block.kind], ha="center", va="center_baseline", fontsize=12, zorder=3)
    else:
        left, right, low, high = x - block.width / 2, x + block.width / 2, y - height / 2, y + height / 2
        for tone, corners in {
            0.0: [(left, low), (right, low), (right, high), (left, high)],
            0.35: [(left, high), (right, high), (right + dx, high + dy), (left + dx, high + dy)],
            -0.25: [(right, low), (right + dx, low + dy), (right + dx, high + dy), (right, high)],
        }.items():
            color = shade(block.color, tone)
            ax.add_patch(Polygon(corners, facecolor=color, edgecolor="white", linewidth=0.8, zorder=2))
    ax.text(x, y - height / 2 - 0.08, block.words, ha="center", va="top", fontsize=10, linespacing=1.2, zorder=3)


def draw_receptive_field(layers, ax=None):
    """What one output pixel sees, map by map down to the input, cut through one row of each map.

    Args:
        layers: list of (kernel, stride), from the input to the output; no padding.
        ax: Matplotlib axes to draw on; new ones when None.

    Returns:
        the Matplotlib axes.

    Raises:
        ValueError: no layers, or something other than pairs of positive whole numbers.

    Introduced in lesson 11.

    >>> draw_receptive_field([(3, 1), (3, 1), (3, 1)]).texts[0].get_text()
    'input: 7 × 7 pixels'
    """
    layers = [tuple(np.ravel(layer)) for layer in layers]
    if not layers or any(len(layer) != 2 or min(layer) < 1 or any(n % 1 for n in layer) for layer in layers):
        raise ValueError(f"layers are {layers}: wanted a list of (kernel, stride), for instance [(3, 1), (2, 2)]")
    layers = [(int(kernel), int(stride)) for kernel, stride in layers]
    seen = [1]  # cells of each map that count, from the output down to the input
    for kernel, stride in reversed(layers):
        seen.append((seen[-1] - 1) * stride + kernel)
    seen, field = seen[::-1], seen[-1]
    margin = max(1.5, 0.12 * field)
    if ax is None:
        ax = plt.subplots(figsize=(9, 0.95 * len(seen) + 0.2))[1]
    start, jump, below = 0.5, 1, None  # centre of the first cell seen and distance of the cells, in input pixels
    for level, count in enumerate(seen):
        if level:
            kernel, stride = layers[level - 1]
            start, jump = start + (kernel - 1) / 2 * jump, jump * stride
        centres = start + jump * np.arange(-math.ceil((start + margin) / jump), math.ceil((field + margin) / jump) + 1)
        width = jump if field / jump > 60 else 0.9 * jump
        for centre in centres[(centres > -margin) & (centres < field + margin)]:
            inside = start - jump / 2 < centre < start + (count - 0.5) * jump
            color = "#E4E4E4" if not inside else COLORS[1] if level == 0 else COLORS[3] if count == 1 else COLORS[0]
            ax.add_patch(Rectangle((centre - width / 2, level - 0.2), width, 0.4, facecolor=color, linewidth=0))
        edges = (start - jump / 2, start + (count - 0.5) * jump)
        if below:
            corners = [*((x, level - 0.8) for x in below), (edges[1], level - 0.2), (edges[0], level - 0.2)]
            ax.add_patch(Polygon(corners, facecolor=shade(COLORS[0], 0.8), edgecolor=COLORS[0], linewidth=1))
            words = f"{kernel} × {kernel}" + (f", stride {stride}" if stride > 1 else "")
            ax.text(-margin - 0.02 * field, level - 0.5, words, ha="right", va="center")
        words = f"input: {field} × {field} pixels" if level == 0 else f"map {level}: {count} × {count}"
        ax.text(field + margin * 1.1 + 0.02 * field, level, words, ha="left", va="center")
        below = edges
    ax.set(xlim=(-margin - 0.35 * field, field * 1.4 + margin), ylim=(-0.4, len(seen) - 0.6))
    ax.axis("off")
    return ax
