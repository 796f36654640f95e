"""Label files as the tools write them: one truth written in every way, and every way to be broken with its sentence."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_masks

from cvhelpers import annotations

WIDTH, HEIGHT = 80, 60
BOX = (10, 20, 30, 50)  # the cup
CORNERS = [(40, 10), (60, 10), (60, 20), (50, 20), (50, 40), (40, 40)]  # the key, a letter L
FLAT = [float(number) for corner in CORNERS for number in corner]
MASK = np.zeros((HEIGHT, WIDTH), bool)
MASK[10:20, 40:60] = MASK[10:40, 40:50] = True


def photo(path, size=(WIDTH, HEIGHT), mode="RGB", exif=None, **settings):
    """A picture file: red on the left half, blue on the right."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.zeros((size[1], size[0], 3), np.uint8)
    values[:, : size[0] // 2, 0] = values[:, size[0] // 2 :, 2] = 250
    if exif:
        entries = Image.Exif()
        entries[0x0112] = exif
        settings["exif"] = entries
    Image.fromarray(values).convert(mode).save(path, **settings)


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def as_json(path, content):
    write(path, json.dumps(content))


# --- what the tools write; each gets a folder that holds a.jpg ------------------------------------------------------


def coco(folder, outline=None, crowd=0, box=True, name="a.jpg", ids=(1, 2), file="instances.json", **image):
    key = {"id": 2, "image_id": 7, "category_id": ids[1], "iscrowd": crowd}
    key["segmentation"] = [FLAT] if outline is None else outline
    cup = {"id": 1, "image_id": 7, "category_id": ids[0], "iscrowd": 0, "segmentation": [], "bbox": [10, 20, 20, 30]}
    as_json(folder / file, {
        "images": [{"id": 7, "file_name": name, "width": WIDTH, "height": HEIGHT} | image],
        "categories": [{"id": ids[0], "name": "cup"}, {"id": ids[1], "name": "key"}],
        "annotations": [cup, key | ({"bbox": [40, 10, 20, 30]} if box else {})],
    })  # fmt: skip


def runs(order):
    """Lengths of the runs of MASK, row by row ("C") or column by column ("F"), the first one off."""
    flat = MASK.ravel(order)
    return np.diff(np.flatnonzero(np.diff(flat, prepend=False, append=True)), prepend=0).tolist()


def coco_runs(folder, packed, crowd):
    counts = coco_masks.encode(np.asfortranarray(MASK))["counts"].decode() if packed else runs("F")
    coco(folder, {"size": [HEIGHT, WIDTH], "counts": counts}, crowd, box=not crowd)


def labelme(folder, cup=(BOX[:2], BOX[2:]), key=None, path="a.jpg", size=(WIDTH, HEIGHT), file="a.json", **more):
    keys = key or [{"shape_type": "polygon", "points": CORNERS}]
    as_json(folder / file, {
        "version": "5.5.0", "flags": {}, "imagePath": path, "imageData": None,
        "imageWidth": size[0], "imageHeight": size[1],
        "shapes": [{"label": "cup", "shape_type": "rectangle", "group_id": None, "points": cup}]
        + [{"label": "key", "group_id": None} | shape for shape in keys],
    } | more)  # fmt: skip


def labelme_mask(folder):
    file = io.BytesIO()
    Image.fromarray(MASK[10:41, 40:61]).save(file, "PNG")  # LabelMe stores the last row and column too
    mask = base64.b64encode(file.getvalue()).decode()
    labelme(folder, key=[{"shape_type": "mask", "points": [[40, 10], [60, 40]], "mask": mask}])


def labelme_group(folder):
    upper, lower = [(40, 10), (60, 10), (60, 20), (40, 20)], [(40, 20), (50, 20), (50, 40), (40, 40)]
    labelme(folder, key=[{"shape_type": "polygon", "points": part, "group_id": 3} for part in (upper, lower)])


def cvat(folder, key="", name="a.jpg", more=""):
    corners = ";".join(f"{x:.2f},{y:.2f}" for x, y in CORNERS)
    key = key or f'<polygon label="key" points="{corners}"/>'
    write(folder / "annotations.xml", f"""<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version>
    <image id="0" name="{name}" width="{WIDTH}" height="{HEIGHT}">
    <box label="cup" occluded="0" xtl="10.00" ytl="20.00" xbr="30.00" ybr="50.00" z_order="0"/>{key}{more}</image>
    </annotations>""")  # fmt: skip


def cvat_mask(folder):
    lengths = np.diff(np.flatnonzero(np.diff(MASK[10:40, 40:60].ravel(), prepend=False, append=False)), prepend=0)
    lengths = [*lengths.tolist(), 600 - int(lengths.sum())]
    cvat(folder, f'<mask label="key" rle="{", ".join(map(str, lengths))}" left="40" top="10" width="20" height="30"/>')


def voc(folder, filename="<filename>a.jpg</filename>", size=True, file="a.xml", ending=""):
    def thing(name, box):
        sides = "".join(f"<{side}>{value}</{side}>" for side, value in zip(("xmin", "ymin", "xmax", "ymax"), box))
        return f"<object><name>{name}</name><difficult>0</difficult><bndbox>{sides}</bndbox></object>"

    size = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height><depth>3</depth></size>" if size else ""
    things = thing("cup", BOX) + thing("key", ("40.0", "10.0", "60.0", "40.0"))
    write(folder / file, f"<annotation>{filename}{size}{things}{ending}</annotation>")


CUP_LINE = "0 0.25 0.583333333 0.25 0.5"
KEY_LINE = "1 " + " ".join(str(x / WIDTH if i % 2 == 0 else x / HEIGHT) for i, x in enumerate(FLAT))
KEY_BOX = "1 0.625 0.416666667 0.25 0.5"


def yolo(folder, key=KEY_LINE, label="a.txt", names=("classes.txt", "cup\nkey\n"), ends="\n"):
    write(folder / label, ends.join([CUP_LINE, key, ""]))
    if names:
        write(folder / names[0], names[1])


def moved(folder, place, writer, **settings):
    """The picture elsewhere, as the tool's export arranges its folders."""
    (folder / place).parent.mkdir(parents=True, exist_ok=True)
    (folder / "a.jpg").rename(folder / place)
    writer(folder, **settings)


OUTLINED, BOXES = True, False
TOOLS = [
    ("COCO polygon", coco, OUTLINED),
    ("COCO one flat polygon", lambda f: coco(f, FLAT), OUTLINED),
    ("COCO without bbox", lambda f: coco(f, box=False), OUTLINED),
    ("COCO plain runs", lambda f: coco_runs(f, False, 0), OUTLINED),
    ("COCO packed runs", lambda f: coco_runs(f, True, 0), OUTLINED),
    ("CVAT's brush in COCO", lambda f: coco_runs(f, False, 1), OUTLINED),
    ("COCO gaps in the numbers", lambda f: coco(f, ids=(90, 3)), OUTLINED),
    ("COCO without size", lambda f: coco(f, width=None), OUTLINED),
    ("COCO folders of CVAT", lambda f: moved(f, "images/default/a.jpg", coco, file="annotations/x.json"), OUTLINED),
    ("Label Studio's name", lambda f: coco(f, name="..\\..\\media\\upload\\4\\cb06af12-a.jpg"), OUTLINED),
    ("COCO of Roboflow", lambda f: moved(f, "train/a.jpg", coco, file="train/_annotations.coco.json"), OUTLINED),
    ("LabelMe", labelme, OUTLINED),
    ("LabelMe drawn from below", lambda f: labelme(f, cup=((30, 50), (10, 20))), OUTLINED),
    ("LabelMe four corners", lambda f: labelme(f, cup=((10, 20), (30, 20), (30, 50), (10, 50))), OUTLINED),
    ("LabelMe AI mask", labelme_mask, OUTLINED),
    ("LabelMe group", labelme_group, OUTLINED),
    ("LabelMe path of Windows", lambda f: labelme(f, path="..\\pictures\\a.jpg"), OUTLINED),
    ("LabelMe without size", lambda f: labelme(f, size=(None, None)), OUTLINED),
    ("CVAT xml", cvat, OUTLINED),
    ("CVAT mask", cvat_mask, OUTLINED),
    ("CVAT folder in the name", lambda f: moved(f, "images/day 1/a.jpg", cvat, name="day 1/a.jpg"), OUTLINED),
    ("VOC of LabelImg", voc, BOXES),
    ("VOC no filename", lambda f: voc(f, filename=""), BOXES),
    ("VOC path only", lambda f: voc(f, filename="<path>C:\\x\\a.jpg</path>"), BOXES),
    ("VOC no size", lambda f: voc(f, size=False), BOXES),
    ("VOC of CVAT", lambda f: moved(f, "JPEGImages/a.jpg", voc, file="Annotations/a.xml"), BOXES),
    ("YOLO polygon, classes.txt", yolo, OUTLINED),
    ("YOLO box", lambda f: yolo(f, KEY_BOX), BOXES),
    ("YOLO prediction", lambda f: yolo(f, KEY_BOX + " 0.87"), BOXES),
    ("YOLO of Windows", lambda f: yolo(f, names=("classes.txt", "\ufeffcup\r\nkey\r\n"), ends="\r\n"), OUTLINED),
    ("YOLO obj.names", lambda f: yolo(f, names=("obj.names", "cup\nkey")), OUTLINED),
    ("YOLO yaml list", lambda f: yolo(f, names=("data.yaml", "nc: 2\nnames: ['cup', 'key']\n")), OUTLINED),
    ("YOLO yaml no quotes", lambda f: yolo(f, names=("data.yaml", "names: [cup, key]\nnc: 2\n")), OUTLINED),
    ("YOLO yaml dict", lambda f: yolo(f, names=("data.yml", "names: {1: 'key', 0: 'cup'}\n")), OUTLINED),
    ("YOLO yaml lines", lambda f: yolo(f, names=("data.yaml", "names:\n  0: cup\n  1: key # mine\n")), OUTLINED),
    ("YOLO yaml dashes", lambda f: yolo(f, names=("data.yaml", "names:\n- cup\n- 'key'\npath: .\n")), OUTLINED),
    ("YOLO of Label Studio", lambda f: yolo(f, label="labels/0a1b2c3d-a.txt", names=(
        "notes.json", '{"categories": [{"id": 1, "name": "key"}, {"id": 0, "name": "cup"}]}')), OUTLINED),
    ("YOLO of Roboflow", lambda f: moved(f, "train/images/a.jpg", yolo, label="train/labels/a.txt"), OUTLINED),
    ("YOLO of Ultralytics", lambda f: moved(f, "images/train/a.jpg", yolo, label="labels/train/a.txt"), OUTLINED),
]  # fmt: skip


@pytest.mark.parametrize(("writer", "outlined"), [row[1:] for row in TOOLS], ids=[row[0] for row in TOOLS])
def test_every_tool_says_the_same(tmp_path, writer, outlined):
    photo(tmp_path / "a.jpg")
    writer(tmp_path)
    batch = annotations.load_annotated(tmp_path, size=WIDTH)
    assert batch["names"] == ("cup", "key")
    assert sorted(batch["labels"][0].tolist()) == [0, 1]
    cup, key = (batch["labels"][0].tolist().index(label) for label in (0, 1))
    np.testing.assert_allclose(batch["boxes"][0, cup], BOX, atol=1e-4)
    np.testing.assert_allclose(batch["boxes"][0, key], (40, 10, 60, 40), atol=1e-4)
    assert batch["masks"][0, cup].sum() == 20 * 30 and batch["masks"][0, cup, 20:50, 10:30].all()
    assert batch["outlined"][0, key] == outlined and not batch["outlined"][0, cup]
    wanted = MASK if outlined else MASK | (np.indices(MASK.shape)[0] >= 10) & (np.indices(MASK.shape)[1] >= 40)
    wanted = wanted & (np.arange(WIDTH) < 60) & (np.arange(HEIGHT) < 40)[:, None]
    np.testing.assert_array_equal(batch["masks"][0, key, :HEIGHT], wanted)
    left_out = [note for note in batch["notes"] if note.startswith("left out")]
    assert not left_out


def test_class_numbers_follow_the_names_given_where_yolo_names_none(tmp_path):
    photo(tmp_path / "a.png")
    yolo(tmp_path, names=None)
    assert annotations.load_annotated(tmp_path, names=["cup", "key"])["names"] == ("cup", "key")
    batch = annotations.load_annotated(tmp_path)
    assert batch["names"] == ("0", "1")
    assert batch["notes"] == ("read: the names of the classes are missing (data.yaml, classes.txt): called 0, 1, …",)


def test_circles_and_ellipses_become_polygons(tmp_path):
    photo(tmp_path / "a.jpg")
    labelme(tmp_path, key=[{"shape_type": "circle", "points": [[50, 30], [50, 20]]}])
    batch = annotations.load_annotated(tmp_path, size=WIDTH)
    np.testing.assert_allclose(batch["boxes"][0, 1], (40, 20, 60, 40), atol=0.01)
    assert abs(batch["masks"][0, 1].sum() - np.pi * 100) < 8
    (tmp_path / "a.json").unlink()
    cvat(tmp_path, '<ellipse label="key" cx="50" cy="30" rx="20" ry="10" rotation="90"/>')
    batch = annotations.load_annotated(tmp_path, size=WIDTH)
    np.testing.assert_allclose(batch["boxes"][0, 1], (40, 10, 60, 50), atol=0.03)


def test_a_turned_box_becomes_the_upright_box_around_it(tmp_path):
    photo(tmp_path / "a.jpg")
    cvat(tmp_path, '<box label="key" xtl="40" ytl="20" xbr="60" ybr="30" rotation="90"/>')
    batch = annotations.load_annotated(tmp_path, size=WIDTH)
    np.testing.assert_allclose(batch["boxes"][0, 1], (45, 15, 55, 35), atol=1e-4)
    assert batch["notes"] == ("read: turned box: the upright box around it is taken",)


def test_squares_keep_the_shape_and_lead_back_to_the_photograph(tmp_path):
    photo(tmp_path / "a.jpg", size=(400, 300))
    labelme(tmp_path, cup=((50, 100), (150, 250)), size=(400, 300))
    batch = annotations.load_annotated(tmp_path, size=80)
    assert batch["scales"][0] == pytest.approx(0.2)
    np.testing.assert_allclose(batch["boxes"][0, 0] / batch["scales"][0], (50, 100, 150, 250), rtol=1e-5)
    assert (batch["images"][0, 60:] == 127).all() and not (batch["images"][0, :60] == 127).all(-1).any()
    assert batch["images"][0, 30, 5].argmax() == 0 and batch["images"][0, 30, 75].argmax() == 2


def test_labels_of_a_smaller_copy_are_scaled_and_said(tmp_path):
    photo(tmp_path / "a.jpg", size=(160, 120))
    voc(tmp_path)
    batch = annotations.load_annotated(tmp_path, size=WIDTH)
    np.testing.assert_allclose(batch["boxes"][0, 0], BOX, atol=1e-4)
    assert batch["notes"] == ("read: photograph of another size than its labels, of the same shape: scaled",)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_the_photograph_before_labels_are_read(tmp_path, orientation):
    upright = Image.fromarray(np.arange(80 * 60, dtype=np.uint16).reshape(60, 80).astype(np.uint8)).convert("RGB")
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's transpositions that store it turned
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    entries = Image.Exif()
    entries[0x0112] = orientation
    stored.save(tmp_path / "a.png", exif=entries)
    labelme(tmp_path, path="a.png")
    batch = annotations.load_annotated(tmp_path, size=WIDTH)
    np.testing.assert_array_equal(batch["images"][0, :HEIGHT], np.asarray(upright))
    np.testing.assert_allclose(batch["boxes"][0, 0], BOX)
    assert batch["notes"] == ()


def test_labels_that_name_the_stored_size_are_read_as_stored(tmp_path):
    photo(tmp_path / "a.jpg", exif=6)  # stored 80 × 60, shown 60 × 80
    labelme(tmp_path)
    batch = annotations.load_annotated(tmp_path, size=WIDTH)
    assert (batch["images"][0, HEIGHT:] == 127).all()
    assert "read as stored" in batch["notes"][0] and "LOOK" in batch["notes"][0]
    shown = annotations.load_annotated(tmp_path, size=WIDTH, orientation="as shown")
    assert (shown["images"][0, :, HEIGHT:] == 127).all()
    np.testing.assert_allclose(shown["boxes"][0, 0], (10 * 0.75, 20 / 0.75, 30 * 0.75, 50 / 0.75), rtol=1e-5)


MODES = [("grey", "L"), ("palette", "P"), ("CMYK", "CMYK"), ("transparent", "RGBA"), ("two tones", "1")]


@pytest.mark.parametrize("mode", [row[1] for row in MODES], ids=[row[0] for row in MODES])
def test_every_mode_is_read_as_three_colours(tmp_path, mode):
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    photo(path, mode=mode)
    read = annotations.load_photo(path)
    assert read.shape == (HEIGHT, WIDTH, 3) and read.dtype == np.uint8
    if mode in ("P", "CMYK", "RGBA"):
        assert read[5, 5].argmax() == 0 and read[5, 70].argmax() == 2 and read[5, 5, 0] > 240


def test_sixteen_bits_floats_and_transparency_keep_their_tones(tmp_path):
    ramp = np.linspace(0, 65535, 80 * 60).reshape(60, 80)
    Image.fromarray(ramp.astype(np.uint16)).save(tmp_path / "a.png")
    Image.fromarray((ramp / 65535).astype(np.float32)).save(tmp_path / "b.tif")
    for name in ("a.png", "b.tif"):
        read = annotations.load_photo(tmp_path / name).astype(int)
        assert np.abs(read[..., 1] - ramp / 257).max() <= 1, name
    clear = np.zeros((4, 4, 4), np.uint8)
    clear[:2, :, 3] = 255
    Image.fromarray(clear).save(tmp_path / "c.png")
    assert annotations.load_photo(tmp_path / "c.png")[..., 0].tolist() == [[0] * 4] * 2 + [[255] * 4] * 2


def test_prepared_photos_are_upright_small_and_without_exif(tmp_path):
    photo(tmp_path / "raw/IMG_1.JPG", size=(400, 300), exif=6, comment=b"at home")
    photo(tmp_path / "raw/b.png", mode="P")
    write(tmp_path / "raw/film.mov", b"")
    copies = annotations.prepare_photos(tmp_path / "raw", tmp_path / "ready", longest=200)
    assert [path.name for path in copies] == ["IMG_1.jpg", "b.jpg"]
    with Image.open(copies[0]) as copy:
        assert copy.size == (150, 200) and not copy.getexif() and "comment" not in copy.info
    with pytest.raises(annotations.AnnotationError, match=r"IMG_1\.JPG would become IMG_1\.jpg, which is there"):
        annotations.prepare_photos(tmp_path / "raw", tmp_path / "ready")


def test_a_large_photograph_is_decoded_small(tmp_path):
    photo(tmp_path / "a.jpg", size=(2400, 1800))
    picture, size = annotations.open_photo(tmp_path / "a.jpg", longest=200)
    assert size == (2400, 1800) and 200 <= max(picture.size) < 700


def test_an_empty_label_file_is_a_picture_with_nothing_on_it(tmp_path):
    photo(tmp_path / "a.jpg")
    photo(tmp_path / "b.jpg")
    yolo(tmp_path)
    write(tmp_path / "b.txt", "")
    batch = annotations.load_annotated(tmp_path)
    assert (batch["labels"] >= 0).sum(1).tolist() == [2, 0] and batch["notes"] == ()


# --- thirty ways to be broken -----------------------------------------------------------------------------------------


def second(folder, writer, **settings):
    """A good pair beside the broken one, so that the folder is not simply empty."""
    photo(folder / "good/z.jpg")
    labelme(folder, path="z.jpg", file="good/z.json")
    writer(folder, **settings)


def spoilt(text, writer=labelme, file="a.json", new=""):
    def write_it(folder):
        writer(folder)
        content = (folder / file).read_text()
        assert text in content
        (folder / file).write_text(content.replace(text, new))

    return write_it


def twins(folder):
    photo(folder / "day 1/b.jpg")
    photo(folder / "day 2/b.jpg")
    labelme(folder, path="b.jpg", file="labels.json")


def half_a_jpeg(folder):
    labelme(folder)
    content = (folder / "a.jpg").read_bytes()
    write(folder / "a.jpg", content[: len(content) // 2])


def heic(folder):
    write(folder / "IMG_2.HEIC", b"ftypheic")
    labelme(folder, path="IMG_2.HEIC")


def two_name_files(folder):
    yolo(folder)
    write(folder / "data.yaml", "names: [key, cup]\n")


def labels_without_picture(folder):
    labelme(folder)
    labelme(folder, path="gone.jpg", file="gone.json")


ERRORS = [
    ("json cut off", spoilt("}", new=""), r"a\.json is damaged .*: export it once more"),
    ("xml cut off", spoilt("</annotation>", voc, "a.xml"), r"a\.xml is damaged .*: export it once more"),
    ("photograph cut off", half_a_jpeg, r"a\.jpg cannot be read as a picture .*: open and save it once more"),
    ("text called jpg", lambda f: (labelme(f), write(f / "a.jpg", "hello")), r"a\.jpg cannot be read as a picture"),
    ("HEIC", heic, r"IMG_2\.HEIC is an iPhone photograph: convert it to JPEG, or: pip install pillow-heif"),
    ("two pictures of one name", twins, r"labels\.json: which picture is meant, day 1/b\.jpg or day 2/b\.jpg\?"),
    ("swapped picture", lambda f: labelme(f, size=(100, 60)),
     r"a\.json: labels for 100×60 pixels, but a\.jpg has 80×60"),
    ("turned picture", lambda f: labelme(f, size=(60, 80)),
     r"labels for 60×80 pixels, but a\.jpg has 80×60: is it the"),
    ("class beyond the names", lambda f: yolo(f, "2 .5 .5 .1 .1"),
     r"a\.txt, line 2: class 2, but .* only 2 names \(cup, k"),
    ("pixels for shares", lambda f: yolo(f, "1 40 10 20 30"),
     r"a\.txt, line 2: 40 10 20 30 are no shares of width and"),
    ("half a class", lambda f: yolo(f, "1.5 .5 .5 .1 .1"), r"a\.txt, line 2: 1\.5 is no class number"),
    ("odd polygon", lambda f: yolo(f, "1 .1 .1 .2 .2 .3 .3 .4"),
     r"a\.txt, line 2: 7 numbers behind the class: wanted 4"),
    ("names for numbers", lambda f: yolo(f, "key .5 .5 .1 .1"), r"a\.txt: 'key \.5 \.5 \.1 \.1' is no YOLO label"),
    ("two lists of names", two_name_files,
     r"data\.yaml names the classes key, cup, but classes\.txt cup, key: take one"),
    ("key points", lambda f: yolo(f, names=("d.yaml", "kpt_shape: [4, 3]\n")),
     r"d\.yaml .*key points, which are no boxes"),
    ("damaged names", lambda f: yolo(f, names=("notes.json", "{")),
     r"notes\.json should name the classes and cannot be"),
    ("category that is not listed", spoilt('"id": 2, "name"', coco, "instances.json", '"id": 5, "name"'),
     r"instances\.json: category_id 2 is not among its categories \(1, 5\)"),
    ("runs too short", lambda f: coco(f, {"size": [60, 80], "counts": [10, 20]}),
     r"run lengths for 30 pixels on a picture"),
    ("mask of another picture", lambda f: coco(f, {"size": [4, 4], "counts": [6, 10]}),
     r"a mask of 4×4 pixels on a\.jpg, "),
    ("box without a side", spoilt("<ymax>50</ymax>", voc, "a.xml"), r"a\.xml: a box has no ymax: draw it again"),
    ("words for numbers", spoilt("<xmin>10</xmin>", voc, "a.xml", "<xmin>ten</xmin>"),
     r"a\.xml cannot be read \(ValueErro"),
    ("film of CVAT", spoilt("</image>", cvat, "annotations.xml", "</image><track/>"),
     r"CVAT for video: export it as CVAT"),
    ("Label Studio's own json", lambda f: as_json(f / "x.json", [{"annotations": []}]),
     r"x\.json is Label Studio's own"),
    ("VIA's own json", lambda f: as_json(f / "x.json", {"_via_img_metadata": {}}),
     r"x\.json is a project of VIA: export"),
    ("points that are no pairs", lambda f: labelme(f, cup=[1, 2, 3]),
     r"a\.json cannot be read \(ValueError.*which tool"),
    ("a number for a name", spoilt('"label": "cup"', new='"label": 7'),
     r"a\.json cannot be read \(a class is called 7\)"),
    ("picture without size", lambda f: labelme(f, size=(-3, 5)),
     r"a\.json: a picture of the size \(-3, 5\): export it"),
]  # fmt: skip
SAME_CUP = {"label": "cup", "shape_type": "rectangle", "points": [BOX[:2], BOX[2:]]}
NOTES = [
    ("points and lines", lambda f: labelme(f, key=[{"shape_type": "line", "points": [[1, 2], [3, 4]]}]),
     "left out: line of 2 points: only shapes with an area can be things"),
    ("polygon of two points", lambda f: labelme(f, key=[{"shape_type": "polygon", "points": [[1, 2], [3, 4]]}]),
     "left out: polygon of 2 points: only shapes with an area can be things"),
    ("polyline of CVAT", lambda f: cvat(f, more='<polyline label="x" points="1,1;2,2"/>'),
     "left out: polyline: only shapes with an area can be things"),
    ("crowd", lambda f: coco(f, crowd=1), "left out: crowd region"),
    ("too short a part", lambda f: coco(f, [FLAT, [1, 2, 3, 4]]),
     "left out: part of an outline with fewer than three points"),
    ("nothing drawn", lambda f: coco(f, [], box=False), "left out: annotation without box and outline"),
    ("no picture of that number", spoilt('"id": 2, "image_id": 7', coco, "instances.json", '"id": 2, "image_id": 8'),
     "left out: annotation of a picture that the file does not list"),
    ("labels without picture", labels_without_picture, "left out: labels without their picture, such as gone.jpg"),
    ("picture without labels", lambda f: (labelme(f), photo(f / "b.png")),
     "left out: pictures without labels, such as b.png; an empty .txt says: nothing is on it"),

        ("same box twice", lambda f: labelme(f, key=[SAME_CUP]),
     "left out: the same box twice"),
    ("two label files", lambda f: (labelme(f), voc(f)),
     "left out: a second label file of one picture, a.xml beside a.json"),
    ("outside", lambda f: labelme(f, cup=((90, 20), (99, 50))), "left out: box without area, or outside the picture"),
    ("a line for a box", lambda f: labelme(f, cup=((10, 20), (10, 50))),
     "left out: box without area, or outside the picture"),
    ("no name", spoilt('"label": "cup"', new='"label": " "'), "left out: thing without a name"),
    ("two spellings", lambda f: labelme(f, key=[{"label": "Cup ", "shape_type": "polygon", "points": CORNERS}]),
     "read: Cup and cup taken as one class"),
    ("difficult", spoilt("<difficult>0", voc, "a.xml", "<difficult>1"),
     "read: thing marked as difficult: taken all the same (2 ×)"),
    ("json of something else", lambda f: (labelme(f), as_json(f / "settings.json", {"zoom": 2})),
     "left out: settings.json: json of an unknown kind"),
    ("xml of something else", lambda f: (labelme(f), write(f / "x.xml", "<svg/>")),
     "left out: x.xml: xml of an unknown kind"),
    ("object without box", spoilt("</annotation>", voc, "a.xml", "<object><name>x</name></object></annotation>"),
     "left out: object without a box"),
    ("class maps", lambda f: (voc(f), photo(f / "SegmentationClass/a.png")),
     "left out: class maps of VOC: a colour map does not tell things apart"),
]  # fmt: skip


@pytest.mark.parametrize(("writer", "sentence"), [row[1:] for row in ERRORS], ids=[row[0] for row in ERRORS])
def test_what_cannot_be_decided_names_the_file_and_the_mend(tmp_path, writer, sentence):
    photo(tmp_path / "a.jpg")
    second(tmp_path, writer)
    with pytest.raises(annotations.AnnotationError, match=sentence):
        annotations.load_annotated(tmp_path, size=WIDTH)


@pytest.mark.parametrize(("writer", "note"), [row[1:] for row in NOTES], ids=[row[0] for row in NOTES])
def test_what_is_odd_becomes_a_note_and_the_rest_is_read(tmp_path, writer, note):
    photo(tmp_path / "a.jpg")
    writer(tmp_path)
    photo(tmp_path / "good/z.jpg")
    labelme(tmp_path, path="z.jpg", file="good/z.json")
    batch = annotations.load_annotated(tmp_path, size=WIDTH)
    assert batch["notes"] == (note,)
    assert [name.replace("\\", "/").rpartition("/")[2] for name in batch["files"]] == ["a.jpg", "z.jpg"]
    good = batch["labels"][1]
    assert good[good >= 0].size == 2


def test_a_folder_without_anything_says_what_is_wanted(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere is no folder: wanted the one with your pictures"):
        annotations.load_annotated(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"0 pictures, labels for 0; wanted COCO, LabelMe, CVAT, Pascal VOC or YOLO"):
        annotations.load_annotated(tmp_path)
    photo(tmp_path / "a.jpg")
    write(tmp_path / "a.txt", "")
    with pytest.raises(ValueError, match=r"1 pictures with label files, but not one thing on them"):
        annotations.load_annotated(tmp_path)
    with pytest.raises(ValueError, match=r"orientation is 'up': wanted one of 'auto', 'as shown', 'as stored'"):
        annotations.load_annotated(tmp_path, orientation="up")


def test_no_damage_ends_in_anything_but_words(tmp_path):
    """200 label files with two digits changed: each is read, or refused with an AnnotationError."""
    rng, refused = np.random.default_rng(0), 0
    kinds = [(coco, "instances.json"), (labelme, "a.json"), (cvat, "annotations.xml"), (voc, "a.xml"), (yolo, "a.txt")]
    for number in range(200):
        writer, file = kinds[number % 5]
        folder = tmp_path / str(number)
        photo(folder / "a.jpg")
        writer(folder)
        content = bytearray((folder / file).read_bytes())
        digits = [place for place, code in enumerate(content) if chr(code).isdigit()]
        for place in rng.choice(digits, 2):
            content[place] = rng.choice(list(b"0123456789.-e"))
        write(folder / file, bytes(content))
        try:
            annotations.load_annotated(folder, size=64)
        except annotations.AnnotationError:
            refused += 1
    assert 20 < refused < 180
