"""The one look of all pictures: colours that colour-blind readers tell apart, text that a projector shows well."""

import math
import sys

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap, to_hex, to_rgb

# Okabe and Ito 2008, in the order in which curves take them; yellow, hard to see on white, comes last.
COLORS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000", "#F0E442")

# For classes in label maps, boxes and masks: thirteen colours chosen to be as far apart as possible for readers with
# normal sight, without red and without green receptors (simulated as Machado et al. 2009 do).
CLASS_COLORS = (
    "#00A46D", "#B63700", "#C8C8C8", "#FFDB00", "#005BA4", "#6DB6FF", "#371237", "#EDB65B", "#378092", "#120092",
    "#EDEDB6", "#491200", "#006DFF",
)  # fmt: skip

# Negative red, zero white, positive blue; without the ends of Matplotlib's map, which a projector shows as black.
SIGNS = ListedColormap(mpl.colormaps["RdBu"](np.linspace(0.14, 0.86, 255)), "signs")

STYLE = {
    "font.size": 12,
    "axes.titlesize": 13,
    "axes.labelsize": 12,
    "xtick.labelsize": 12,
    "ytick.labelsize": 12,
    "legend.fontsize": 12,
    "figure.titlesize": 14,
    "lines.linewidth": 2.5,
    "lines.markersize": 8,
    "axes.prop_cycle": mpl.cycler(color=COLORS),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "figure.figsize": (7, 4),
}


def use_style():
    """Give every Matplotlib figure of this session the look of the course; called when ``plotting`` is imported.

    In a notebook the stored pictures also lose the version of Matplotlib, so that they change only when they look
    different. Serves lesson 01. Colours: Okabe and Ito 2008.

    >>> use_style()
    >>> mpl.rcParams["font.size"]
    12.0
    """
    mpl.rcParams.update(STYLE)
    if "IPython" not in sys.modules or sys.modules["IPython"].get_ipython() is None:
        return
    try:
        from matplotlib_inline import backend_inline, config
    except ImportError:  # an IPython without inline pictures
        return
    settings = config.InlineBackend.instance()
    metadata = {**settings.print_figure_kwargs.get("metadata", {}), "Software": None}
    settings.print_figure_kwargs = {**settings.print_figure_kwargs, "metadata": metadata}
    backend_inline.set_matplotlib_formats(*settings.figure_formats)


def class_color(number):
    """Colour of the class with this number, as red, green, blue between 0 and 1; the list starts again at its end.

    >>> class_color(0) == class_color(len(CLASS_COLORS))
    True
    """
    return to_rgb(CLASS_COLORS[int(number) % len(CLASS_COLORS)])


def text_color(background):
    """Black or white, whichever reads better on the background colour.

    >>> text_color("yellow"), text_color("#0072B2")
    ('black', 'white')
    """
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(background))
    return "black" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.2 else "white"


def shade(color, amount):
    """The colour mixed with white (``amount`` above 0, up to 1) or with black (below 0, down to -1).

    >>> shade("#000000", 1.0), shade("#ffffff", -1.0)
    ('#ffffff', '#000000')
    """
    rgb = np.array(to_rgb(color))
    return to_hex(rgb + (1 - rgb) * amount if amount > 0 else rgb * (1 + amount))


def grid(count, columns, size, head=0.3):
    """New figure with ``count`` axes of ``size`` inches, ``columns`` in a row, ``head`` inches for titles.

    >>> len(grid(5, None, 1.0))
    5
    """
    columns = min(count, columns or 6)
    rows = math.ceil(count / columns)
    _, axes = plt.subplots(rows, columns, figsize=(columns * size, rows * (size + head)), squeeze=False)
    for ax in axes.flat[count:]:
        ax.remove()
    return axes.ravel()[:count]


def cells(ax, values, colors, low, high, numbers=True):
    """Draw a matrix as coloured cells, with its numbers in them; cells that are not a number stay empty.

    >>> [text.get_text() for text in cells(plt.figure().gca(), np.array([[0.5, 2.0]]), "gray", 0, 2).texts]
    ['0.5', '2']
    """
    picture = ax.imshow(values, cmap=colors, vmin=low, vmax=high, interpolation="nearest")
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(True)
    decimals = 2 if values.shape[1] <= 3 else 1
    for (row, column), value in np.ndenumerate(values):
        if numbers and not np.isnan(value):
            word = np.format_float_positional(np.round(value, decimals) + 0.0, trim="-")
            color = text_color(picture.cmap(picture.norm(value))[:3])
            ax.text(column, row, word, ha="center", va="center", color=color, fontsize=11)
    return ax
