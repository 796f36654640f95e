"""Augmentation: what travels with the images moves with them or is refused in words."""

import numpy as np
import pytest

from cvhelpers import scenes
from cvhelpers._quiet import keras, tf
from cvhelpers.augmentation import Augment, ColorJitter, RandomAffine, RandomFlip, RandomScaledCrop, map_dataset

SHIFT = RandomAffine(translation=(0.25, 0.25))  # 2 of 8 pixels, to the right and down


def image_with(mark, size=8):
    """A black image whose one pixel (row, column) is 200."""
    image = np.zeros((size, size, 3), np.uint8)
    image[mark] = 200
    return image


@pytest.mark.parametrize(
    "layer", [RandomFlip(0.5, 0.5), RandomScaledCrop(48, 64, scale=(0.2, 0.9)), RandomAffine(20, 0.3, 0.2)]
)
def test_batch_of_scenes_moves_together(layer):
    batch = scenes.make_scenes("train", 12)
    out = tf.nest.map_structure(np.asarray, layer(batch, seed=4))
    height, width = out["images"].shape[1:3]
    assert out["masks"].shape[2:] == out["semantic"].shape[1:] == out["panoptic"].shape[1:3] == (height, width)
    assert np.array_equal(out["semantic"] == 255, out["panoptic"][..., 0] == -1), "void in one map and not in the other"
    known = out["semantic"] != 255
    assert np.array_equal(out["semantic"][known], out["panoptic"][..., 0][known])
    kept = out["labels"] >= 0
    assert kept.sum() > 10
    assert not out["masks"][~kept].any()
    assert not out["boxes"][~kept].any()
    assert out["masks"][kept].any((1, 2)).all(), "a kept object has no pixel"
    assert (out["boxes"][kept][:, 2:] - out["boxes"][kept][:, :2]).min() >= 0.99, "a kept box is thinner than a pixel"
    assert np.array_equal(scenes.tight_boxes(out["masks"])[kept], out["boxes"][kept]), "a box is not tight"
    for i, k in zip(*np.nonzero(kept)):
        assert set(out["semantic"][i][out["masks"][i, k]]) == {out["labels"][i, k]}


def test_pair_of_images_and_masks_moves_together():
    images, masks = image_with((1, 2))[None], (image_with((1, 2))[None, ..., 0] > 0).astype(np.int32)
    moved, moved_masks, labels = SHIFT((images, masks, np.array([7])))
    assert np.argwhere(np.asarray(moved)[0, ..., 0] == 200).tolist() == [[3, 4]]
    assert np.argwhere(np.asarray(moved_masks)[0] == 1).tolist() == [[3, 4]]
    assert labels.numpy().tolist() == [7]
    dataset = tf.data.Dataset.from_tensors((images, masks, np.array([7])))
    for _, moved_masks, labels in map_dataset(dataset, SHIFT):
        assert np.argwhere(moved_masks.numpy()[0] == 1).tolist() == [[3, 4]]
        assert labels.numpy().tolist() == [7]


def test_tuple_of_images_and_a_dict_of_targets_moves_together():
    boxes = {"boxes": np.array([[[2, 1, 5, 4.0]]]), "labels": np.array([[3]])}
    images, moved = SHIFT((image_with((1, 2))[None], boxes))
    assert moved["boxes"].numpy().tolist() == [[[4, 3, 7, 6]]]
    assert moved["labels"].numpy().tolist() == [[3]]


def test_classes_of_keras_cv_are_labels():
    boxes = {"boxes": np.array([[[6, 6, 8, 8.0], [0, 0, 2, 2]]]), "classes": np.array([[3, 4]])}
    out = SHIFT({"images": image_with((0, 0))[None], "bounding_boxes": boxes})["bounding_boxes"]
    assert out["classes"].numpy().tolist() == [[-1, 4]]
    assert out["boxes"].numpy().tolist() == [[[0, 0, 0, 0], [2, 2, 4, 4]]]


IMAGES = np.zeros((2, 8, 8, 3), np.uint8)


def with_boxes(boxes, **more):
    return {"images": IMAGES, "bounding_boxes": {"boxes": np.array([boxes] * 2, np.float32), **more}}


@pytest.mark.parametrize(
    "inputs, words",
    [
        ({"images": IMAGES, "segmentation_masks": np.zeros((2, 4, 4), int)}, "the images .2, 8, 8, 3.: wanted"),
        ({"images": IMAGES, "segmentation_masks": np.zeros((2, 8, 4), int)}, "the images .2, 8, 8, 3.: wanted .b"),
        ({"images": IMAGES, "segmentation_masks": np.zeros((2, 4, 8), int)}, "the images .2, 8, 8, 3.: wanted .b"),
        ({"images": IMAGES, "masks": np.zeros((2, 5, 8, 4), bool)}, "'masks' .* wanted .batch, objects, hei"),
        ({"images": IMAGES, "segmentation_masks": np.zeros((2, 5, 8, 8), int)}, r"np.moveaxis\(masks, 1, -1\)"),
        ({"images": IMAGES, "masks": np.zeros((2, 8, 8, 5), bool)}, "'masks' .* wanted .batch, objects, height"),
        ({"images": IMAGES, "panoptic": np.zeros((2, 8, 8), int)}, "'panoptic' .* wanted .batch, height, width, 2"),
        ({"images": IMAGES, "depth": np.zeros((2, 8, 8))}, "'depth' has the shape of map, .2, 8, 8., and would stay "
         "behind: call it 'segmentation_masks', or give the tuple"),
        ({"images": IMAGES, "mask": np.zeros((2, 3, 8, 8))}, "'mask' has the shape of masks, .*: call it 'masks'"),
        ({"images": IMAGES, "bboxes": np.zeros((2, 3, 4))}, "'bboxes' has the shape of boxes, .*: call it 'boxes'"),
        ({"images": IMAGES, "extra": {"deep": np.zeros((2, 8, 8))}}, "'extra' has the shape of map"),
        ((IMAGES, np.zeros((2, 3, 4))), "part 1 of the tuple has the shape of boxes"),
        ([IMAGES, IMAGES], "the input is a list"),
        ({"images": IMAGES, "bounding_boxes": np.zeros((2, 1, 5))}, "bounding_boxes is one array"),
        ({"images": IMAGES, "bounding_boxes": {"box": np.zeros((2, 1, 4))}}, r"has the entries \['box'\]"),
        (with_boxes([[1, 1, 5, 5, 3]]), r"the shape \(2, 1, 5\): wanted \(batch, n, 4\), xyxy in pixels\b"),
        (with_boxes([[0.1, 0.2, 0.5, 1.0]]), "between 0 and 1, .* wanted xyxy in pixels"),
        (with_boxes([[5, 5, 2, 2]]), "ends before it begins"),
        (with_boxes([[1, 1, 5, 5]], labels=np.zeros((2, 1), np.uint8)), "'labels' are uint8, without -1"),
        (with_boxes([[1, 1, 5, 5]], labels=np.zeros(2, np.int32)), "wanted .batch, n., one for each box"),
        (with_boxes([[1, 1, 5, 5]], labels=np.zeros((2, 3), np.int32)), "1 boxes and 3 labels"),
    ],
)
def test_what_would_stay_behind_is_refused_in_words(inputs, words):
    with pytest.raises(ValueError, match=words):
        RandomFlip(1.0)(inputs)


def test_sizes_known_at_run_time_only_are_compared_too():
    data = {"images": IMAGES, "segmentation_masks": np.zeros((2, 4, 4), np.int32)}
    layer = RandomFlip(1.0)
    call = tf.function(
        lambda images, masks: layer({"images": images, "segmentation_masks": masks}),
        input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8), tf.TensorSpec((None, None, None), tf.int32)],
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match="of the same|wanted .batch, height, width."):
        call(data["images"], data["segmentation_masks"])


def test_what_is_no_target_passes_through():
    data = {"images": IMAGES, "labels": np.eye(4)[[0, 1]], "name": np.array(["a", "b"]), "weight": np.ones(2)}
    out = RandomFlip(1.0)(data)
    assert np.array_equal(out["labels"], data["labels"])
    assert out["name"].numpy().tolist() == [b"a", b"b"]
    assert np.array_equal(ColorJitter()({**data, "depth": np.zeros((2, 8, 8))})["depth"], np.zeros((2, 8, 8)))


# ---------------------------------------------------------------- what comes from outside


@pytest.mark.parametrize("dtype, fill", [("uint8", 255), ("int32", 255), ("int8", -1), ("bool", 0), ("float32", 0)])
def test_outside_of_a_mask_is_void(dtype, fill):
    masks = np.ones((1, 8, 8)).astype(dtype)
    out = np.asarray(SHIFT({"images": IMAGES[:1], "segmentation_masks": masks})["segmentation_masks"])[0]
    assert out.dtype == dtype
    assert (out[:2] == fill).all()
    assert (out[2:, 2:] == 1).all()


def test_fill_of_masks_may_be_given():
    layer = RandomAffine(translation=(0.25, 0.25), mask_fill=9)
    masks = np.ones((1, 8, 8), np.uint8)
    out = layer({"images": IMAGES[:1], "segmentation_masks": masks})["segmentation_masks"]
    assert np.unique(out).tolist() == [1, 9]
    with pytest.raises(ValueError, match="mask_fill is 300.0, which uint8 masks cannot hold"):
        RandomAffine(translation=(0.25, 0.25), mask_fill=300)({"images": IMAGES[:1], "segmentation_masks": masks})


def test_each_layer_of_a_chain_keeps_its_fill():
    right, down = (RandomAffine(translation=(0.25, 0.25), fill=value, mask_fill=value) for value in (50, 90))
    data = {"images": np.full((8, 8, 1), 7, np.uint8), "segmentation_masks": np.ones((8, 8), int)}
    out = Augment([right, down])(data)
    for array in (np.asarray(out["images"])[..., 0], np.asarray(out["segmentation_masks"])):
        assert array[0, 0] == 90
        assert array[2, 2] == 50
        assert array[4, 4] in (1, 7)


def test_what_a_chain_shifts_out_stays_away():
    back = RandomAffine(translation=(-0.25, -0.25))
    image = np.full((8, 8, 1), 100, np.uint8)
    out = np.asarray(Augment([SHIFT, back])(image))[..., 0]
    want = np.zeros((8, 8))
    want[:6, :6] = 100
    assert np.array_equal(out, want)


def test_what_a_chain_cuts_off_stays_away():
    image = np.full((40, 40, 1), 100, np.uint8)
    crop = RandomScaledCrop(40, 40, scale=(0.25, 0.25), ratio=(1, 1))
    out = np.asarray(Augment([crop, SHIFT])(image))[..., 0]
    assert (out[:10] == 0).all(), "what lay beside the part came back"
    assert (out[10:, 10:] == 100).all()


def test_boxes_need_their_share_inside_and_a_pixel():
    boxes = np.array([[[4, 0, 8, 8], [5, 0, 8, 8], [7, 0, 8, 8], [0, 0, 0.5, 0.5]]], np.float32)  # 2 pixels leave

    def labels(layer):
        data = {"images": IMAGES[:1], "bounding_boxes": {"boxes": boxes, "labels": np.array([[1, 2, 3, 4]])}}
        return layer(data)["bounding_boxes"]["labels"].numpy().tolist()[0]

    shift = {"translation": (0.25, 0.25)}  # down and right: of 32 pixels 2 × 6 are left, of 24 1 × 6
    assert labels(RandomAffine(**shift)) == [1, 2, -1, -1]
    assert labels(RandomAffine(**shift, min_visibility=0.3)) == [1, -1, -1, -1]
    assert labels(RandomAffine(**shift, min_visibility=0.37)) == [1, -1, -1, -1]
    assert labels(RandomAffine(**shift, min_visibility=0.38)) == [-1, -1, -1, -1]
    assert labels(RandomFlip(1.0)) == [1, 2, 3, 4], "flipping loses nothing"


def test_symbolic_batch_of_scenes_has_the_shapes_of_the_result():
    batch = scenes.make_scenes("train", 2)
    layer = RandomScaledCrop(20, 30)
    symbolic = layer(tf.nest.map_structure(lambda x: keras.KerasTensor(x.shape, str(x.dtype)), batch))
    got = layer(batch)
    assert {k: (tuple(v.shape), str(v.dtype)) for k, v in symbolic.items()} == {
        k: (tuple(v.shape), v.dtype.name) for k, v in got.items()
    }
