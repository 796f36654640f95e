"""A canvas for labelling inside the notebook; every change is written at once as LabelMe's json."""

import base64
import functools
import importlib
import io
import json
import pathlib

from .photographs import PICTURES, open_photo
from .things import AnnotationError

LONGEST = 1200  # pixels of the picture that the browser gets
STYLE = """
.cvhelpers-stage {position: relative; display: inline-block; outline: none; touch-action: none; cursor: crosshair}
.cvhelpers-stage img {display: block; max-width: 100%; max-height: 70vh; user-select: none}
.cvhelpers-stage svg {position: absolute; inset: 0; width: 100%; height: 100%}
.cvhelpers-stage text {font-weight: bold; fill: white; stroke: black; stroke-width: .25em; paint-order: stroke}
.cvhelpers-bar button {margin: 2px; border: 3px solid; border-radius: 4px; padding: 2px 8px}
.cvhelpers-bar button {background: white; color: black}
.cvhelpers-bar button.on {font-weight: bold; background: #ddd}
"""


def label_photos(folder, names):
    """A canvas for the photographs of a folder: boxes by dragging, outlines by clicking, saved as you go.

    Args:
        folder: with photographs, best those of :func:`cvhelpers.annotations.prepare_photos`. Beside ``NAME.jpg`` each
            change writes ``NAME.json``, which LabelMe and ``load_annotated`` read; a picture that was shown and left
            empty counts as *nothing on it*.
        names: of the kinds of things.

    Returns:
        an ipywidgets box with the canvas and two buttons; let it be the last line of a cell.

    Raises:
        AnnotationError: the package anywidget is missing, or the folder holds no photograph.
    """
    canvas_class = _canvas_class()
    widgets = importlib.import_module("ipywidgets")
    files = sorted(path for path in pathlib.Path(folder).iterdir() if path.suffix.lower() in PICTURES)
    if not files or not names:
        what = "names is empty: wanted some, such as ['cup', 'key']" if files else f"{folder} holds no photograph"
        raise AnnotationError(what)
    canvas, at = canvas_class(names=list(names)), {"place": 0, "showing": False, "scale": 1.0, "size": (0, 0)}
    back, further = widgets.Button(description="◀ back"), widgets.Button(description="next ▶")
    where = widgets.Label()

    def show(step):
        at["place"] = (at["place"] + step) % len(files)
        path = files[at["place"]]
        picture, at["size"] = open_photo(path, LONGEST)
        picture.thumbnail((LONGEST, LONGEST))
        at["scale"] = at["size"][0] / picture.width
        at["showing"] = True
        canvas.shapes = read_shapes(path, at["scale"])
        canvas.image = _as_address(picture)
        at["showing"] = False
        done = sum(one.with_suffix(".json").exists() for one in files)
        where.value = f"{at['place'] + 1} of {len(files)}: {path.name}; {done} labelled"

    def save(change):
        if not at["showing"]:
            write_shapes(files[at["place"]], change["new"], at["scale"], at["size"])

    def leave(step):
        if not files[at["place"]].with_suffix(".json").exists():
            write_shapes(files[at["place"]], [], at["scale"], at["size"])
        show(step)

    canvas.observe(save, "shapes")
    back.on_click(lambda _: leave(-1))
    further.on_click(lambda _: leave(1))
    show(0)
    return widgets.VBox([widgets.HBox([back, further, where]), canvas])


@functools.cache
def _canvas_class():
    """The widget, made once; an error that says what to do where anywidget is missing."""
    try:
        anywidget, traitlets = importlib.import_module("anywidget"), importlib.import_module("traitlets")
    except ImportError:
        raise AnnotationError(
            "the canvas needs the package anywidget: run  %pip install anywidget  and this cell again; or label with "
            "LabelMe (a program of its own: pip install labelme) or cvat.ai (in the browser)"
        ) from None

    class Canvas(anywidget.AnyWidget):
        """One photograph and its shapes, shared with the browser."""

        _esm = (pathlib.Path(__file__).parent / "canvas.js").read_text("utf-8")
        _css = STYLE
        image = traitlets.Unicode("").tag(sync=True)
        names = traitlets.List().tag(sync=True)
        shapes = traitlets.List().tag(sync=True)

    return Canvas


def _as_address(picture):
    """A Pillow picture as text that a browser shows."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def read_shapes(path, scale):
    """The shapes that LabelMe's json beside a photograph holds, in pixels of the picture on the canvas."""
    file = path.with_suffix(".json")
    if not file.exists():
        return []
    shapes = json.loads(file.read_text("utf-8"))["shapes"]
    return [shape | {"points": [[x / scale, y / scale] for x, y in shape["points"]]} for shape in shapes]


def write_shapes(path, shapes, scale, size):
    """LabelMe's json beside a photograph: points of the canvas in pixels of the photograph of this (width, height)."""
    shapes = [
        {"group_id": None, "flags": {}} | shape
        | {"points": [[round(x * scale, 2), round(y * scale, 2)] for x, y in shape["points"]]}
        for shape in shapes
    ]  # fmt: skip
    content = {"version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": path.name, "imageData": None}
    content |= {"imageWidth": size[0], "imageHeight": size[1]}
    path.with_suffix(".json").write_text(json.dumps(content, indent=1, ensure_ascii=False), "utf-8")
