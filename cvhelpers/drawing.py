"""Drawings of networks, receptive fields and of a convolution in motion; reached through ``plotting``."""

import base64
import io
import math

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import AbstractMovieWriter, FuncAnimation
from matplotlib.patches import FancyArrowPatch, Polygon, Rectangle

from .style import COLORS, shade, text_color

EDGE = "#444444"
# Layers that belong to the block before them: they change values, not shapes.
ATTACHED = ("Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "GELU", "Softmax", "BatchNormalization", "Dropout",
            "SpatialDropout2D", "LocalResponseNormalization", "LayerNormalization", "GroupNormalization")  # fmt: skip
MERGES = ("Add", "Concatenate", "Multiply", "Average", "Maximum", "Subtract")


class _Block:
    """What the drawing knows of one layer, with the layers that follow it and keep its shape."""

    def __init__(self, layer):
        self.layer, self.kind, self.parents, self.children = layer, type(layer).__name__, [], []
        shape = getattr(layer, "output", None)
        shape = shape[0] if isinstance(shape, (list, tuple)) else shape
        self.shape = tuple(shape.shape)[1:]
        self.parameters = layer.count_params()
        self.column = self.row = 0

    @property
    def words(self):
        """Lines of text: what it does, what comes out, how many parameters."""
        layer, kind = self.layer, self.kind
        window = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
        name = {"InputLayer": "input", "GlobalAveragePooling2D": "global avg", "GlobalMaxPooling2D": "global max"}.get(kind, kind)
        for long, short in (("Conv2DTranspose", "up-conv"), ("DepthwiseConv2D", "depthwise"), ("Conv2D", "conv"),
                            ("MaxPooling2D", "max"), ("AveragePooling2D", "average"), ("UpSampling2D", "upsample"),
                            ("ZeroPadding2D", "pad"), ("Dense", "dense"), ("Flatten", "flatten"),
                            ("Concatenate", "concat")):  # fmt: skip
            name = short if kind == long else name
        if window:
            name += " " + "×".join(map(str, window))
            stride = max(getattr(layer, "strides", (1,)))
            name += f" /{stride}" if "Conv" in kind and stride > 1 else ""
        lines = [name, "×".join("?" if n is None else str(n) for n in self.shape)]
        return lines + ([f"{self.parameters:,}"] if self.parameters else [])

    @property
    def color(self):
        for part, number in (("Conv", 0), ("Pool", 1), ("Dense", 2), ("Input", 6), ("Flatten", 6)):
            if part in self.kind:
                return COLORS[number] if number != 6 else "#999999"
        return "#999999" if self.kind in MERGES else COLORS[4]


def _blocks(model, collapse):
    """Blocks of a built Keras model in order, joined by parents and children."""
    layers = list(getattr(model, "layers", ()))
    if not layers:
        raise ValueError(f"got {type(model).__name__}: wanted a Keras model with layers")
    try:
        blocks = {id(layer): _Block(layer) for layer in layers}
    except (AttributeError, ValueError) as error:
        raise ValueError(f"the model has no shapes yet: build it with an Input first ({error})") from None
    known = []
    for layer in layers:
        block = blocks[id(layer)]
        for node in layer._inbound_nodes:
            for tensor in node.input_tensors:
                parent = blocks.get(id(tensor._keras_history.operation))
                if parent is not None and parent is not block and parent not in block.parents:
                    block.parents.append(parent)
        if collapse and block.kind in ATTACHED and len(block.parents) == 1 and block.parents[0].kind != "InputLayer":
            parent = block.parents[0]
            parent.parameters += block.parameters
            blocks[id(layer)] = parent
            continue
        known.append(block)
    for block in known:
        for parent in block.parents:
            parent.children.append(block)
    return known


def _place(blocks):
    """Give every block a column (its distance from the input) and a row (branches side by side)."""
    for block in blocks:
        block.column = max((parent.column + 1 for parent in block.parents), default=0)
    for block in blocks:
        near = [parent for parent in block.parents if parent.column == block.column - 1] or block.parents
        if len(block.parents) > 1:
            ends = [p for p in block.parents if not (p.children[0] is not block and len(p.children) > 1)] or near
            block.row = sum(p.row for p in ends) / len(ends)
        elif near:
            siblings = [child for child in near[0].children if len(child.parents) == 1]
            block.row = near[0].row + siblings.index(block) - (len(siblings) - 1) / 2


def _size(block, largest):
    """Depth, width and height of a block in inches."""
    if len(block.shape) >= 3:
        side = 0.25 + 0.9 * math.sqrt((block.shape[0] or largest) / largest)
        return side * 0.4, 0.06 + 0.045 * math.log2(1 + block.shape[-1]), side
    return 0.06, 0.1, min(1.15, 0.25 + 0.09 * math.log2(1 + math.prod(n or 1 for n in block.shape)))


def draw_network(models, ax=None, collapse=True, title=None):
    """A network as a row of boxes, drawn from the model itself: what each layer does, its output, its parameters.

    Args:
        models: a built Keras model (Sequential or with branches), or a list of models, drawn below one another.
        ax: Matplotlib axes to draw on; new ones of fitting size when None.
        collapse: draw activations, normalization and dropout as a part of the layer before them.
        title: a text, or a list with one for each model; the models' names when None.

    Returns:
        the Matplotlib axes.

    Raises:
        ValueError: not a model, or a model without shapes.

    Introduced in lesson 02.
    """
    models = list(models) if isinstance(models, (list, tuple)) else [models]
    titles = [title] if isinstance(title, str) else title or [getattr(model, "name", "") for model in models]
    if len(titles) != len(models):
        raise ValueError(f"{len(models)} models but {len(titles)} titles: wanted one title for each")
    groups = [_blocks(model, collapse) for model in models]
    for blocks in groups:
        _place(blocks)
    pitch_x, pitch_y = 1.15, 2.1
    heights = [(max(b.row for b in g) - min(b.row for b in g) + 1) * pitch_y + 0.3 for g in groups]
    width = (max(b.column for g in groups for b in g) + 1) * pitch_x + 0.4
    if ax is None:
        ax = plt.subplots(figsize=(max(width, 4), sum(heights)))[1]
    ax.set(xlim=(-0.7, width - 0.7), ylim=(-sum(heights), 0), aspect="equal")
    ax.axis("off")
    top = 0.0
    for blocks, height, words in zip(groups, heights, titles):
        ax.text(-0.6, -top - 0.2, words, fontsize=13, weight="bold", va="center")
        first = min(block.row for block in blocks)
        _draw_blocks(ax, blocks, pitch_x, lambda row, top=top, first=first: -top - 1.05 - (row - first) * pitch_y)
        top += height
    return ax


def _draw_blocks(ax, blocks, pitch_x, y_of):
    largest = max([b.shape[0] or 1 for b in blocks if len(b.shape) >= 3], default=1)
    at = {id(b): (b.column * pitch_x, y_of(b.row), *_size(b, largest)) for b in blocks}
    for block in blocks:
        for parent in block.parents:
            x0, y0, depth, width, _ = at[id(parent)]
            x1, y1, _, width1, _ = at[id(block)]
            between = any(o.row == parent.row == block.row and parent.column < o.column < block.column for o in blocks)
            bend = f"arc3,rad={-0.45 if between else 0}"
            start = (x0, y0 + 0.45) if between else (x0 + width / 2 + depth * 0.5, y0)
            end = (x1, y1 + 0.45) if between else (x1 - width1 / 2, y1)
            arrow = FancyArrowPatch(start, end, connectionstyle=bend, arrowstyle="-|>", mutation_scale=12,
                                    color=EDGE, linewidth=1.5, shrinkA=0, shrinkB=0, zorder=1)  # fmt: skip
            ax.add_patch(arrow)
    for block in blocks:
        x, y, depth, width, height = at[id(block)]
        left, right, low, high = x - width / 2, x + width / 2, y - height / 2, y + height / 2
        dx, dy = depth * 0.5, depth * 0.35
        faces = {
            0.0: [(left, low), (right, low), (right, high), (left, high)],
            0.35: [(left, high), (right, high), (right + dx, high + dy), (left + dx, high + dy)],
            -0.25: [(right, low), (right + dx, low + dy), (right + dx, high + dy), (right, high)],
        }
        for tone, corners in faces.items():
            ax.add_patch(Polygon(corners, facecolor=shade(block.color, tone), edgecolor="white", linewidth=0.8, zorder=2))
        ax.text(x, y - 0.68, "\n".join(block.words), ha="center", va="top", fontsize=10, linespacing=1.2, zorder=3)


def draw_receptive_field(layers, ax=None):
    """What one output pixel sees, layer below layer, cut through one row of each map.

    Args:
        layers: list of (kernel, stride), from the input to the output; no padding.
        ax: Matplotlib axes to draw on; new ones when None.

    Returns:
        the Matplotlib axes.

    Raises:
        ValueError: no layers, or something other than pairs of positive whole numbers.

    Introduced in lesson 11.

    >>> draw_receptive_field([(3, 1), (3, 1), (3, 1)]).texts[-1].get_text()
    'input: sees 7 × 7'
    """
    layers = [tuple(layer) if np.iterable(layer) else (layer,) for layer in layers]
    if not layers or any(len(layer) != 2 or min(layer) < 1 or any(n % 1 for n in layer) for layer in layers):
        raise ValueError(f"layers are {layers}: wanted a list of (kernel, stride), for instance [(3, 1), (2, 2)]")
    jumps = np.cumprod([1] + [stride for _, stride in layers])
    fields = [1]  # cells seen in the map of each level, from the output down
    for kernel, stride in reversed(layers):
        fields.append((fields[-1] - 1) * stride + kernel)
    fields = fields[::-1]
    size = fields[0] + 2 * jumps[-1]
    ax = plt.subplots(figsize=(8, 0.9 * len(fields) + 0.4))[1] if ax is None else ax
    offset = 0.0  # left edge of the first cell of a level, in input pixels
    for level, (field, jump) in enumerate(zip(fields, jumps)):
        left = (size - ((field - 1) * jump + 1)) / 2 if level == 0 else left + (layers[level - 1][0] - 1) / 2 * jumps[level - 1]
        first, last = (-left) // jump + 1 if left >= 0 else 0, (size - left) // jump
        for i in range(int(first), int(last)):
            seen = 0 <= i < field
            color = COLORS[0 if level else 1] if seen else "#eeeeee"
            width = min(jump, 1) if level == 0 else jump
            centre = left + i * jump + 0.5
            ax.add_patch(Rectangle((centre - width / 2, level - 0.22), width, 0.44, facecolor=color, edgecolor="white"))
        if level:
            kernel, below = layers[level - 1][0], jumps[level - 1]
            for i in range(field):
                centre = left + i * jump + 0.5
                for side in (-1, 1):
                    foot = centre + side * kernel * below / 2
                    ax.plot([centre + side * jump / 2, foot], [level - 0.22, level - 0.78], color=EDGE, linewidth=0.8)
        words = f"layer {level}: {layers[level - 1][0]} × {layers[level - 1][0]}, stride {layers[level - 1][1]}" if level else ""
        seen = f"sees {field} × {field}"
        ax.text(size + 0.5, level, words or f"input: {seen}", va="center") if not level else None
        if level:
            ax.text(size + 0.5, level, words, va="center")
    ax.texts.sort(key=lambda t: -t.get_position()[1]) if isinstance(ax.texts, list) else None
    ax.set(xlim=(-0.5, size * 1.6), ylim=(-0.6, len(fields) - 0.4))
    ax.axis("off")
    return ax


def _slide(image, kernel, stride, padding):
    """Padded image, kernel, output and the upper left corners of all windows, checked."""
    image, kernel = np.asarray(image, float), np.asarray(kernel, float)
    if image.ndim != 2 or kernel.ndim != 2:
        raise ValueError(f"image {image.shape} and kernel {kernel.shape}: wanted two arrays (height, width)")
    if stride < 1 or padding < 0:
        raise ValueError(f"stride {stride}, padding {padding}: wanted a stride of at least 1, a padding of at least 0")
    padded = np.pad(image, padding)
    if kernel.shape[0] > padded.shape[0] or kernel.shape[1] > padded.shape[1]:
        raise ValueError(f"the kernel {kernel.shape} is larger than the image {padded.shape}: wanted a smaller one")
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape)[::stride, ::stride]
    return padded, kernel, (windows * kernel).sum((-2, -1))


def _frame(axes, padded, kernel, output, stride, padding, position):
    """Draw the state after ``position`` windows: the image with the window, the kernel, the output so far."""
    row, column = divmod(position, output.shape[1])
    for ax in axes:
        ax.clear()
    limit = np.abs(kernel).max() or 1
    _cells(axes[0], padded, "gray", min(0, padded.min()), padded.max() or 1, "image")
    if padding:
        height, width = np.array(padded.shape) - 2 * padding
        axes[0].add_patch(Rectangle((padding - 0.5,) * 2, width, height, fill=False, edgecolor=COLORS[1], linestyle=":", linewidth=2))
    axes[0].add_patch(Rectangle((column * stride - 0.5, row * stride - 0.5), kernel.shape[1], kernel.shape[0],
                                fill=False, edgecolor=COLORS[3], linewidth=4))  # fmt: skip
    _cells(axes[1], kernel, "RdBu", -limit, limit, "kernel")
    done = np.where(np.arange(output.size).reshape(output.shape) <= position, output, np.nan)
    _cells(axes[2], done, "cividis", output.min(), output.max() + 1e-9, "output")
    axes[2].add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=COLORS[3], linewidth=4))


def _cells(ax, values, cmap, low, high, title):
    picture = ax.imshow(values, cmap=cmap, vmin=low, vmax=high, interpolation="nearest")
    ax.set(xticks=[], yticks=[], title=title)
    ax.spines[:].set_visible(True)
    if max(values.shape) <= 8:
        for (y, x), value in np.ndenumerate(values):
            if np.isfinite(value):
                text = f"{value:.1f}".removesuffix(".0")
                ground = picture.cmap(picture.norm(value))[:3]
                ax.text(x, y, text, ha="center", va="center", color=text_color(ground), fontsize=11)


def animate_convolution(image, kernel, stride=1, padding=0, interval=600):
    """A kernel that slides over an image while the output fills up: a Matplotlib animation.

    Args:
        image: array (height, width), best at most 8 × 8: then the numbers stand in the cells.
        kernel: array (height, width).
        stride: step of the kernel in pixels.
        padding: rows and columns of zeros on every side.
        interval: milliseconds for each position.

    Returns:
        a ``FuncAnimation`` with one frame for each output pixel; ``animation_html`` makes it play in a notebook.

    Raises:
        ValueError: the arrays are not two-dimensional, or the kernel does not fit.

    Introduced in lesson 03.

    >>> animation = animate_convolution(np.eye(4), np.ones((3, 3)))
    >>> len(list(animation.new_frame_seq()))
    4
    """
    padded, kernel, output = _slide(image, kernel, stride, padding)
    figure, axes = plt.subplots(1, 3, figsize=(8, 3.2), width_ratios=[padded.shape[1], kernel.shape[1], output.shape[1]])

    def draw(position):
        _frame(axes, padded, kernel, output, stride, padding, position)
        return axes

    draw(0)
    plt.close(figure)  # or a notebook shows the first frame as a second picture
    return FuncAnimation(figure, draw, frames=output.size, interval=interval)


def convolution_strip(image, kernel, positions=None, stride=1, padding=0):
    """The same as ``animate_convolution``, as still frames below one another.

    Args:
        image, kernel, stride, padding: as for ``animate_convolution``.
        positions: numbers of the output pixels to show, row by row from 0; the first, two between and the last when None.

    Returns:
        array (frames, 3) of the axes: image, kernel and output of each frame.

    Raises:
        ValueError: as for ``animate_convolution``, or a position that does not exist.

    Introduced in lesson 03.

    >>> convolution_strip(np.eye(4), np.ones((3, 3)), positions=[0, 3]).shape
    (2, 3)
    """
    padded, kernel, output = _slide(image, kernel, stride, padding)
    if positions is None:
        positions = sorted({round(share * (output.size - 1)) for share in (0, 1 / 3, 2 / 3, 1)})
    if any(not 0 <= position < output.size for position in positions):
        raise ValueError(f"positions {positions}: wanted numbers from 0 to {output.size - 1}")
    widths = [padded.shape[1], kernel.shape[1], output.shape[1]]
    _, axes = plt.subplots(len(positions), 3, figsize=(8, 3.2 * len(positions)), width_ratios=widths, squeeze=False)
    for row, position in zip(axes, positions):
        _frame(row, padded, kernel, output, stride, padding, position)
    return axes


class _Frames(AbstractMovieWriter):
    """Collects the frames of an animation as PNG pictures."""

    def __init__(self):
        super().__init__(fps=1, metadata={})
        self.pictures = []

    def setup(self, fig, outfile, dpi=None):
        super().setup(fig, outfile, dpi)

    def grab_frame(self, **settings):
        buffer = io.BytesIO()
        self.fig.savefig(buffer, format="png", dpi=self.dpi, metadata={"Software": None})
        self.pictures.append(buffer.getvalue())

    def finish(self):
        pass


PLAYER = """\
<div id="{name}" style="max-width:{width}px"><img alt="{alt}" style="width:100%" src="{first}"><br>
<button>play</button> <input type="range" min="0" max="{last}" value="0" style="width:70%"></div>
<script>(function() {{
  const root = document.getElementById("{name}"), image = root.querySelector("img");
  const button = root.querySelector("button"), slider = root.querySelector("input");
  const frames = {frames};
  let timer = null;
  const show = function(i) {{ slider.value = i; image.src = "data:image/png;base64," + frames[i]; }};
  slider.oninput = function() {{ show(+slider.value); }};
  button.onclick = function() {{
    if (timer) {{ clearInterval(timer); timer = null; button.textContent = "play"; return; }}
    button.textContent = "pause";
    timer = setInterval(function() {{ show((+slider.value + 1) % frames.length); }}, {interval});
  }};
}})();</script>"""


def animation_html(animation, name="animation", alt="An animation: press play or move the slider.", dpi=60):
    """An animation as a small player for a notebook: play, pause and a slider; needs no running kernel and no network.

    Args:
        animation: a Matplotlib animation with few frames.
        name: identifier of the player on the page, another one for each; the same name gives the same text.
        alt: one sentence that describes what moves.
        dpi: resolution of the frames.

    Returns:
        an ``IPython.display.HTML`` object; put a static strip beside it for readers of the stored page.

    Introduced in lesson 03.
    """
    from IPython.display import HTML

    writer = _Frames()
    animation.save("frames", writer=writer, dpi=dpi)
    frames = [base64.b64encode(picture).decode() for picture in writer.pictures]
    width = round(animation._fig.get_figwidth() * dpi)
    return HTML(PLAYER.format(name=name, alt=alt, width=width, last=len(frames) - 1, first="data:image/png;base64," + frames[0],
                              frames=str(frames).replace("'", '"'), interval=animation._interval))  # fmt: skip
