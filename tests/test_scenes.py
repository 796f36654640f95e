"""Scenes: the five answers agree with each other, nothing is shared between splits, and a scene is always the same."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvhelpers import data, scenes

KEYS = ["images", "classes", "boxes", "labels", "masks", "semantic", "panoptic"]
SPLITS = ["train", "validation", "test"]
some_scenes = st.tuples(
    st.sampled_from(SPLITS), st.integers(1, 5), st.integers(48, 128), st.integers(0, 2**63), st.integers(0, 10**6)
)
few = settings(max_examples=20, deadline=None)


@pytest.fixture(scope="module")
def batch():
    return scenes.make_scenes("test", 200)


def test_a_batch_has_the_shapes_and_types_of_the_design():
    batch = scenes.make_scenes("train", 3, size=96)
    found = {key: (value.shape, value.dtype.name) for key, value in batch.items()}
    assert found == {
        "images": ((3, 96, 96, 3), "uint8"),
        "classes": ((3,), "int32"),
        "boxes": ((3, 6, 4), "float32"),
        "labels": ((3, 6), "int32"),
        "masks": ((3, 6, 96, 96), "bool"),
        "semantic": ((3, 96, 96), "int32"),
        "panoptic": ((3, 96, 96, 2), "int32"),
    }


def test_class_names_split_into_stuff_and_things():
    assert sorted(scenes.STUFF + scenes.THINGS) == list(range(len(scenes.CLASSES)))
    assert [scenes.CLASSES[c] for c in scenes.STUFF] == ["grass", "brick", "gravel"]
    assert [scenes.CLASSES[c] for c in scenes.THINGS] == [f"digit {digit}" for digit in range(10)]


@few
@given(some_scenes)
def test_all_answers_follow_from_the_panoptic_one(arguments):
    batch = scenes.make_scenes(*arguments)
    stickers = batch["labels"].shape[1]
    for i in range(len(batch["images"])):
        category, number = batch["panoptic"][i, ..., 0], batch["panoptic"][i, ..., 1]
        np.testing.assert_array_equal(batch["semantic"][i], category)
        np.testing.assert_array_equal(number > 0, category >= scenes.STICKER)
        covered = [np.count_nonzero(category == c) for c in scenes.STUFF]
        assert batch["classes"][i] == np.argmax(covered)
        for k in range(stickers):
            mask = number == k + 1
            np.testing.assert_array_equal(batch["masks"][i, k], mask)
            if not mask.any():
                assert batch["labels"][i, k] == -1 and not batch["boxes"][i, k].any()
                continue
            assert set(category[mask]) == {batch["labels"][i, k]}
            y, x = np.nonzero(mask)
            assert batch["boxes"][i, k].tolist() == [x.min(), y.min(), x.max() + 1, y.max() + 1]


@few
@given(some_scenes)
def test_every_scene_has_a_sticker_and_padding_comes_last(arguments):
    batch = scenes.make_scenes(*arguments)
    real = batch["labels"] >= 0
    assert real[:, 0].all()
    assert (np.diff(real.astype(int), axis=1) <= 0).all()
    assert set(np.unique(batch["semantic"])) <= set(range(13))
    assert batch["masks"].sum(1).max() <= 1, "masks do not overlap"
    assert batch["masks"][real].sum((1, 2)).min() >= 30


@few
@given(some_scenes, st.data())
def test_a_scene_is_the_same_in_every_batch(arguments, choose):
    split, count, size, seed, start = arguments
    whole = scenes.make_scenes(split, count, size, seed, start)
    i = choose.draw(st.integers(0, count - 1))
    alone = scenes.make_scenes(split, 1, size, seed, start + i)
    for key in KEYS:
        np.testing.assert_array_equal(alone[key][0], whole[key][i], err_msg=key)


def test_the_chunk_size_does_not_matter(monkeypatch):
    usual = scenes.make_scenes("validation", 40)
    monkeypatch.setattr(scenes, "_CHUNK", 7)
    for key, value in scenes.make_scenes("validation", 40).items():
        np.testing.assert_array_equal(value, usual[key], err_msg=key)


def test_load_scenes_gives_the_first_scenes_of_a_split():
    batch = data.load_scenes("validation", 2, size=80)
    for key, value in scenes.make_scenes("validation", 5, 80, seed=0).items():
        np.testing.assert_array_equal(batch[key], value[:2], err_msg=key)


def test_another_seed_split_or_size_gives_another_layout():
    base, *others = (
        scenes.make_scenes(*arguments)["boxes"][:20, 0]
        for arguments in [("train", 20, 64, 0), ("train", 20, 64, 1), ("test", 20, 64, 0), ("train", 20, 65, 0)]
    )
    for other in others:
        assert not (base == other).all(1).any()


def test_neighbouring_scenes_share_no_noise():
    draws = scenes._Draws(3, 104, "train", 64, 0, 0)
    rows = draws.noise.reshape(3, -1).astype(float)
    assert np.abs(np.corrcoef(rows) - np.eye(3)).max() < 0.1
    assert abs(rows.mean() - 127.5) < 3 and abs(draws.uniform.mean() - 0.5) < 0.1


def test_splits_share_no_digit():
    images = {split: {one.tobytes() for one in data.load_digits(split)[0]} for split in SPLITS}
    for one, other in itertools.combinations(SPLITS, 2):
        assert not images[one] & images[other]
    for split in SPLITS:
        ink = scenes._digits(split)[0]
        np.testing.assert_allclose(ink[:, 4:-4, 4:-4] * 255, data.load_digits(split)[0][..., 0], atol=1.01)


def test_splits_share_no_piece_of_ground():
    for one, other in itertools.combinations(SPLITS, 2):
        (top, bottom, left, right), (top2, bottom2, left2, right2) = scenes._GROUND[one], scenes._GROUND[other]
        assert bottom <= top2 or bottom2 <= top or right <= left2 or right2 <= left
        for piece, piece2 in zip(scenes._ground(one), scenes._ground(other)):
            rows = {row[k : k + 32].tobytes() for row in piece for k in range(len(row) - 31)}
            assert not any(row[:32].tobytes() in rows for row in piece2)


def test_the_largest_scene_fits_into_every_piece_of_ground():
    for split in SPLITS:
        assert min(side for piece in scenes._ground(split) for side in piece.shape) > scenes._LARGEST


def test_masks_are_compact_so_that_a_shift_by_one_pixel_costs_little(batch):
    masks = batch["masks"][batch["labels"] >= 0][:, 1:-1, 1:-1]
    shifted = batch["masks"][batch["labels"] >= 0][:, 1:-1, :-2]
    overlap = (masks & shifted).sum((1, 2)) / (masks | shifted).sum((1, 2))
    assert np.median(overlap) > 0.8


def test_digits_can_be_read_because_their_ink_is_visible(batch):
    """On the face of a sticker both the ink and the fill are seen: the brightness within a mask varies a lot."""
    grey = batch["images"].mean(-1)
    spread = [grey[i][batch["masks"][i, k]].std() for i, k in zip(*np.nonzero(batch["labels"] >= 0))]
    assert min(spread) > 15


def test_kinds_of_ground_and_digits_are_about_equally_frequent(batch):
    assert np.bincount(batch["classes"], minlength=3).min() > 200 / 3 - 35
    assert np.bincount(batch["labels"][batch["labels"] >= 0] - 3, minlength=10).min() > 15
    assert 1.8 < (batch["labels"] >= 0).sum(1).mean() < 2.6


def test_the_first_test_scene_stays_as_it_is():
    batch = scenes.make_scenes("test", 1)
    assert batch["labels"][0].tolist() == [3, 11, 10, -1]
    np.testing.assert_array_equal(batch["boxes"][0, 0], [29, 6, 59, 33])


PICTURES = {  # mean red, green, blue of the quarters, as the shipped weights were trained on them; deviation of all
    "train": (
        [[138.0, 151.8, 85.8], [126.6, 140.9, 79.2], [119.2, 147.6, 97.6], [125.5, 148.0, 95.4]],
        [49.1, 39.0, 37.5],
    ),
    "test": (
        [[137.8, 127.6, 101.6], [142.5, 130.4, 74.6], [139.6, 123.8, 144.0], [147.0, 100.0, 100.1]],
        [58.4, 62.0, 65.3],
    ),
}


@pytest.mark.parametrize("split", PICTURES)
def test_the_pictures_stay_those_that_the_shipped_weights_know(split):
    image = scenes.make_scenes(split, 1)["images"][0]
    quarters, deviation = PICTURES[split]
    np.testing.assert_allclose(image.reshape(2, 32, 2, 32, 3).mean((1, 3)).reshape(4, 3), quarters, atol=0.15)
    np.testing.assert_allclose(image.std((0, 1)), deviation, atol=0.15)


def test_training_scenes_come_a_thousand_at_a_time_and_only_as_many_as_are_wanted(monkeypatch):
    few = scenes.load_training_scenes(3, 48, keys=("images", "labels"))
    whole = scenes.make_scenes("train", 3, 48)
    assert list(few) == ["images", "labels"]
    assert all(np.array_equal(few[key], whole[key]) for key in few)
    asked = []
    monkeypatch.setattr(scenes, "make_scenes", lambda *where, **start: asked.append((*where, start["start"])))
    assert len(list(scenes.training_batches(2500, 80))) == 3
    assert asked == [("train", 1000, 80, 0), ("train", 1000, 80, 1000), ("train", 500, 80, 2000)]


def test_sticker_map_keeps_stuff_and_joins_things(batch):
    four = scenes.sticker_map(batch["semantic"])
    assert four.dtype == np.int32 and set(np.unique(four)) == {0, 1, 2, 3}
    np.testing.assert_array_equal(four == 3, batch["masks"].any(1))
    np.testing.assert_array_equal(four[four < 3], batch["semantic"][four < 3])
    assert len(scenes.STICKER_CLASSES) == 4


def test_hidden_stickers_are_dropped():
    """Of 600 scenes 1,116 stickers stay; 1,187 would, were hidden digits kept, and 1,119, were hidden stickers kept."""
    assert (scenes.make_scenes("train", 600)["labels"] >= 0).sum() == 1116


def test_per_image_keeps_class_0():
    batch = {"boxes": np.ones((1, 3, 4)), "labels": np.array([[0, -1, 5]])}
    assert scenes.per_image(batch)[0]["labels"].tolist() == [0, 5]


def test_per_image_drops_padding_only(batch):
    images = scenes.per_image(batch)
    assert len(images) == 200 and set(images[0]) == {"boxes", "labels", "masks"}
    assert sum(len(one["labels"]) for one in images) == (batch["labels"] >= 0).sum()
    for i, one in enumerate(images[:20]):
        assert one["boxes"].shape == (len(one["labels"]), 4) and one["masks"].shape[1:] == (64, 64)
        np.testing.assert_array_equal(one["boxes"], batch["boxes"][i, : len(one["labels"])])


@few
@given(st.integers(1, 9), st.integers(1, 9), st.data())
def test_tight_boxes_equal_those_of_the_pixels(height, width, choose):
    pixels = choose.draw(st.sets(st.tuples(st.integers(0, height - 1), st.integers(0, width - 1))))
    mask = np.zeros((2, height, width), bool)
    for y, x in pixels:
        mask[1, y, x] = True
    boxes = scenes.tight_boxes(mask)
    assert boxes.dtype == np.float32 and boxes[0].tolist() == [0, 0, 0, 0]
    if pixels:
        ys, xs = zip(*pixels)
        assert boxes[1].tolist() == [min(xs), min(ys), max(xs) + 1, max(ys) + 1]


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("val", 3), "split is 'val': wanted one of 'train', 'validation', 'test'"),
        (("train", 0), "count is 0: wanted a whole number of at least 1"),
        (("train", 2.5), "count is 2.5"),
        (("train", True), "count is True"),
        (("train", 3, 32), "size is 32: wanted a whole number from 48 to 128"),
        (("train", 3, 129), "size is 129"),
        (("train", 3, (64, 64)), "size is"),
        (("train", 3, 64, -1), "seed is -1"),
        (("train", 3, 64, 0, -5), "start is -5"),
    ],
)
def test_a_bad_argument_is_named_with_what_was_wanted(arguments, words):
    with pytest.raises(ValueError, match="^" + words.replace("(", r"\(").replace(".", r"\.")):
        scenes.make_scenes(*arguments)


def test_numpy_integers_count_as_whole_numbers():
    assert len(scenes.make_scenes("train", np.int64(2), np.int32(48))["images"]) == 2


def test_stickers_are_drawn_without_any_rounding_so_that_every_machine_gets_the_same_masks():
    random = np.random.default_rng(0)
    centre, scale = random.uniform(15, 30, 50).astype("float32"), random.uniform(0.6, 1.2, 50).astype("float32")
    weights = scenes._bilinear(centre, scale)
    for templates in scenes._digits("test")[:2]:
        single = weights @ templates[:50] @ weights.swapaxes(1, 2)
        weights_64 = weights.astype(float)
        np.testing.assert_array_equal(single, weights_64 @ templates[:50].astype(float) @ weights_64.swapaxes(1, 2))
