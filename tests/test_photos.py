"""The detector for own photographs: copies, stored maps, two small heads, and the way back to the photograph."""

import json

import numpy as np
import pytest
from PIL import Image
from test_detection import check_steps

from cvhelpers import annotations, metrics, scenes
from cvhelpers.annotations import practice
from cvhelpers.networks import photos

SIZE = 96


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return practice.make_photos(tmp_path_factory.mktemp("learn"), "learn", 6)


@pytest.fixture(scope="module")
def batch(folder):
    return annotations.load_annotated(folder, SIZE)


@pytest.fixture(scope="module")
def maps():
    return photos.photo_maps(SIZE)  # building and tracing it is the dearest part of a small training


@pytest.fixture(scope="module")
def detector(batch, maps):
    return photos.train_on_photos(batch, copies=48, steps=100, maps=maps)


def test_the_head_has_the_stated_form_and_size(maps):
    assert [one.shape[1:] for one in maps.outputs] == [(24, 24, 24), (12, 12, 40), (6, 6, 112), (3, 3, 320)]
    assert not maps.trainable_weights
    head = photos.build_head(maps, classes=5, filters=48)
    assert head.output_shape == (None, 6, 6, 10)
    # three 1×1 convolutions, three 3×3 convolutions, batch normalization of six, five numbers and five classes
    assert head.count_params() == 48 * (40 + 112 + 320) + 3 * 9 * 48 * 48 + 6 * 4 * 48 + 49 * 5 + 49 * 5
    with pytest.raises(ValueError, match="size is 100: wanted a multiple of 32"):
        photos.photo_maps(100)


def test_both_heads_take_the_steps_they_should(batch, detector):
    check_steps(detector.head, 17 * 6)  # 48 copies, eight at a time, until 100 steps are done
    things = (photos.varied(batch, 48)["labels"] >= 0).sum()
    check_steps(detector.mask_head, 4 * -(-things // 32))


def test_copies_have_tight_boxes_and_every_photograph_equally_often(batch):
    copies = photos.varied(batch, count=10)
    assert copies["images"].shape == (12, SIZE, SIZE, 3) and copies["images"].dtype == np.uint8
    assert (copies["images"][:6] != copies["images"][6:]).any((1, 2, 3)).all()
    assert (photos.varied(batch, 10)["images"] == copies["images"]).all()
    there = copies["labels"] >= 0
    assert 0 < there.sum() <= 2 * (batch["labels"] >= 0).sum()
    np.testing.assert_array_equal(copies["boxes"][there], scenes.tight_boxes(copies["masks"])[there])


def test_copies_move_by_15_percent_and_grow_by_30():
    square = np.zeros((1, 1, 128, 128), bool)
    square[:, :, 44:84, 44:84] = True
    one = {"images": np.zeros((1, 128, 128, 3), np.uint8), "masks": square, "labels": np.zeros((1, 1), np.int64)}
    one |= {"boxes": np.array([[[44, 44, 84, 84]]], np.float32), "outlined": np.zeros((1, 1), bool)}  # so no turning
    one = {key: np.repeat(values, 100, axis=0) for key, values in one.items()}
    left, top, right, bottom = photos.varied(one, 400)["boxes"][:, 0].T
    shift = np.abs(np.concatenate([left + right, top + bottom]) / 2 - 64).max() / 128
    sides = np.concatenate([right - left, bottom - top]) / 40
    assert 0.14 < shift <= 0.155  # boxes are those of moved masks: half a pixel
    assert 0.68 < sides.min() < 0.75 and 1.25 < sides.max() <= 1.33


def test_nothing_is_turned_where_things_have_boxes_only(batch):
    rectangles = np.zeros_like(batch["masks"])
    for row, place in zip(*np.nonzero(batch["labels"] >= 0)):
        left, top, right, bottom = batch["boxes"][row, place].round().astype(int)
        rectangles[row, place, top:bottom, left:right] = True
    plain = batch | {"masks": rectangles, "outlined": np.zeros_like(batch["outlined"])}
    assert photos.has_outlines(batch) and not photos.has_outlines(plain)
    copies = photos.varied(plain, count=18)
    there = copies["labels"] >= 0
    boxes, areas = copies["boxes"][there], copies["masks"][there].sum((1, 2))
    np.testing.assert_allclose(areas, np.prod(boxes[:, 2:] - boxes[:, :2], 1), rtol=0.02)


def test_stored_maps_are_those_of_the_network(batch, maps):
    stored = photos.store_maps(maps, batch["images"], batch_size=4)
    for one, wanted in zip(stored, maps(batch["images"])):
        assert one.dtype == np.float16
        np.testing.assert_allclose(one, wanted, atol=0.02, rtol=0.002)


def test_six_photographs_are_learnt(batch, detector):
    truths, found = scenes.per_image(batch), photos.detect_in_squares(detector, batch["images"], every_label=True)
    assert metrics.average_precision(truths, found)["AP50"] > 0.75
    assert metrics.average_precision(truths, found, on="masks")["AP50"] > 0.6


def test_detections_come_back_in_the_pixels_of_the_photograph(batch, detector):
    for file in batch["files"][:3]:
        photo, found = photos.detect_photo(detector, file, least=0.3)
        square, scale = annotations.letterbox(photo, SIZE)
        wanted = photos.detect_in_squares(detector, square[None])[0]
        keep = wanted["scores"] >= 0.3
        assert keep.any() and sorted(photo.shape[:2]) == [360, 480] and scale == SIZE / 480
        inside = [side * scale for side in (photo.shape[1], photo.shape[0]) * 2]
        np.testing.assert_allclose(found["boxes"] * scale, wanted["boxes"][keep].clip(0, inside), atol=1e-3)
        assert found["masks"].shape == (keep.sum(), *photo.shape[:2])
        for mask, small, box in zip(found["masks"], wanted["masks"][keep], found["boxes"]):
            assert abs(mask.sum() * scale**2 - small.sum()) < 0.1 * small.sum() + 3
            left, top, right, bottom = box
            rows, columns = np.nonzero(mask)
            assert left - 6 < columns.min() and columns.max() < right + 6
            assert top - 6 < rows.min() and rows.max() < bottom + 6


def test_a_photograph_stored_on_its_side_gives_the_same_answer(detector, folder, tmp_path):
    upright = annotations.load_photo(sorted(folder.glob("*.jpg"))[0])
    entries = Image.Exif()
    entries[0x0112] = 6
    Image.fromarray(upright).transpose(Image.Transpose.ROTATE_90).save(tmp_path / "side.png", exif=entries)
    photo, found = photos.detect_photo(detector, tmp_path / "side.png")
    _, wanted = photos.detect_photo(detector, upright)
    assert (photo == upright).all()
    np.testing.assert_array_equal(found["boxes"], wanted["boxes"])


def test_a_photograph_with_nothing_on_it_is_an_answer_too(detector):
    photo, found = photos.detect_photo(detector, np.full((90, 200, 3), 90, np.uint8), least=0.9)
    assert found["boxes"].shape == (0, 4) and found["masks"].shape == (0, 90, 200)


def test_a_saved_detector_knows_its_names_and_answers_the_same(batch, detector, tmp_path):
    detector.save(tmp_path / "mine")
    again = photos.load_detector(tmp_path / "mine")
    assert again.names == batch["names"] == detector.names and again.size == SIZE
    for one, other in zip(*(photos.detect_in_squares(d, batch["images"]) for d in (detector, again))):
        for key in ("boxes", "labels", "scores", "masks"):
            np.testing.assert_array_equal(one[key], other[key])
    assert sum(path.stat().st_size for path in (tmp_path / "mine").iterdir()) < 2e6


def test_a_folder_without_a_detector_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds no detector: wanted the folder that detector.save"):
        photos.load_detector(tmp_path)
    (tmp_path / "names.json").write_text(json.dumps({"form": 99}))
    with pytest.raises(ValueError, match="has the form 99: wanted 1"):
        photos.load_detector(tmp_path)


def test_boxes_alone_make_a_detector_without_masks(batch, maps, monkeypatch):
    asked = []
    monkeypatch.setattr(photos, "photo_maps", lambda size: asked.append(size) or maps)
    plain = batch | {"outlined": np.zeros_like(batch["outlined"])}
    detector = photos.train_on_photos(plain, copies=6, steps=1)
    assert asked == [SIZE] and detector.maps is maps
    assert detector.mask_head is None
    assert "masks" not in photos.detect_in_squares(detector, batch["images"])[0]
    assert "masks" not in photos.detect_photo(detector, batch["images"][0])[1]


# --- the practice photographs -----------------------------------------------------------------------------------------


def test_parts_share_no_scene_and_larger_sets_begin_with_smaller_ones(tmp_path):
    parts = list(practice.SCENES.values())
    assert len(set(sum(parts, ()))) == sum(map(len, parts))
    small = practice.make_photos(tmp_path / "a", "test", 3)
    large = practice.make_photos(tmp_path / "b", "test", 5)
    for path in small.iterdir():
        assert path.read_bytes() == (large / path.name).read_bytes()
    assert sorted(path.name for path in small.glob("*.jpg")) == ["grass_00.jpg", "moon_02.jpg", "rocket_01.jpg"]


def test_practice_photographs_are_read_without_a_note_and_some_are_stored_on_their_side(folder, batch):
    assert batch["notes"] == () and photos.has_outlines(batch)
    turned = [path.name for path in folder.glob("*.jpg") if Image.open(path).getexif().get(0x0112) == 6]
    assert turned == ["brick_04.jpg"]
    assert sorted(set(batch["names"])) == ["cat", "coin", "cup", "head", "motorcycle"]


def test_only_some_things_and_wrong_wishes(tmp_path):
    coins = practice.make_photos(tmp_path / "coins", "learn", 3, only=["coin"])
    assert annotations.load_annotated(coins, 64)["names"] == ("coin",)
    with pytest.raises(ValueError, match="holds files already: wanted an empty folder"):
        practice.make_photos(tmp_path / "coins")
    with pytest.raises(ValueError, match="part is 'train': the parts are learn, choose, test"):
        practice.make_photos(tmp_path / "x", "train")
    with pytest.raises(ValueError, match="only names 'dog': .* the things cat, coin, cup, head, motorcycle"):
        practice.make_photos(tmp_path / "x", only=["dog"])
