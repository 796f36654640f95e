"""Boxes against TensorFlow, Keras, loops that follow the definitions, and numbers computed by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvhelpers import boxes as B

corners = st.tuples(*[st.integers(0, 20)] * 4).map(lambda c: [*np.minimum(c[:2], c[2:]), *np.maximum(c[:2], c[2:])])
box_lists = st.lists(corners, max_size=12).map(lambda rows: np.array(rows, np.float32).reshape(-1, 4))


def random_boxes(rng, count, size=100.0, largest=40.0):
    start = rng.uniform(0, size, (count, 2))
    return np.concatenate([start, start + rng.uniform(1, largest, (count, 2))], 1).astype(np.float32)


def iou_by_counting_pixels(box, other):
    canvas = np.zeros((2, 20, 20), bool)
    for layer, (x0, y0, x1, y1) in zip(canvas, np.array([box, other], int)):
        layer[y0:y1, x0:x1] = True
    union = (canvas[0] | canvas[1]).sum()
    return (canvas[0] & canvas[1]).sum() / union if union else 0.0


@settings(max_examples=50, deadline=None)
@given(box_lists, box_lists)
def test_iou_of_whole_boxes_is_the_share_of_common_pixels(boxes, others):
    expected = [[iou_by_counting_pixels(a, b) for b in others] for a in boxes]
    np.testing.assert_allclose(B.pairwise_iou(boxes, others), np.reshape(expected, (len(boxes), len(others))))


def test_iou_equals_keras():
    from cvhelpers._quiet import keras

    compute_iou = keras.utils.bounding_boxes.compute_iou
    rng = np.random.default_rng(0)
    a, b = random_boxes(rng, 30), random_boxes(rng, 20)
    np.testing.assert_allclose(B.pairwise_iou(a, b), compute_iou(a, b, "xyxy"), atol=1e-5)


@settings(max_examples=50, deadline=None)
@given(box_lists, st.integers(-5, 5), st.sampled_from([0.5, 2, 3]))
def test_iou_does_not_change_when_everything_moves_or_grows(boxes, shift, factor):
    expected = B.pairwise_iou(boxes, boxes)
    np.testing.assert_allclose(B.pairwise_iou((boxes + shift) * factor, (boxes + shift) * factor), expected, atol=1e-6)
    np.testing.assert_allclose(expected, expected.T)
    solid = B.area(boxes) > 0
    np.testing.assert_array_equal(np.diag(expected), solid.astype(float))


def test_boxes_that_touch_at_an_edge_share_nothing():
    assert B.pairwise_iou([[0, 0, 2, 2]], [[2, 0, 4, 2]]).item() == 0


def test_no_boxes_give_an_empty_table():
    assert B.pairwise_iou([], [[0, 0, 1, 1]]).shape == (0, 1)
    assert B.non_max_suppression([], [], 0.5).tolist() == []


@settings(max_examples=50, deadline=None)
@given(box_lists, st.sampled_from(B.FORMATS), st.sampled_from(B.FORMATS))
def test_converting_there_and_back_changes_nothing(boxes, first, second):
    there = B.convert(boxes, "xyxy", first)
    np.testing.assert_allclose(B.convert(B.convert(there, first, second), second, "xyxy"), boxes, atol=1e-4)


def test_formats_by_hand():
    box = [[10, 20, 30, 60]]
    assert B.convert(box, "xyxy", "center_xywh").tolist() == [[20, 40, 20, 40]]
    assert B.convert(box, "xyxy", "yxyx").tolist() == [[20, 10, 60, 30]]
    assert B.convert([[10, 20, 20, 40]], "xywh", "xyxy").tolist() == box
    assert B.convert(np.zeros((5, 7, 4)), "xywh", "yxyx").shape == (5, 7, 4)


def test_boxes_are_float32_where_they_were_and_float64_otherwise():
    assert [B.check_boxes(np.zeros((1, 4), kind)).dtype.name for kind in ("float32", "float16", "uint8")] == [
        "float32", "float64", "float64",
    ]  # fmt: skip
    kinds = ("float64", "float32", "float16", "int64")
    assert [B.convert(np.zeros((1, 4), kind), "xyxy", "xywh").dtype.name for kind in kinds] == [
        "float64", "float32", "float32", "float64",
    ]  # fmt: skip
    for nothing in (B.convert([], "xyxy", "xywh"), B.convert(np.zeros((0, 4), int), "xyxy", "xywh")):
        assert nothing.shape == (0, 4) and nothing.dtype == np.float32
    assert B.convert(np.zeros((3, 0, 4)), "xywh", "yxyx").shape == (3, 0, 4)


def test_the_scale_says_what_counts_as_one():
    # the centre moves by 5 of 10 pixels to the right and 10 of 20 down, the width grows e times, the height stays
    anchor, box = [[0, 0, 10, 20]], [[10 - 5 * np.e, 10, 10 + 5 * np.e, 30]]
    np.testing.assert_allclose(B.encode(box, anchor, scale=(0.5, 0.25)), [[1, 1, 4, 0]], atol=1e-12)
    np.testing.assert_allclose(B.decode([[1, 1, 4, 0]], anchor, scale=(0.5, 0.25)), box)


def test_converting_and_decoding_keep_float32():
    box = np.array([[0, 0, 2, 2]], np.float32)
    assert B.convert(box, "xyxy", "xywh").dtype == np.float32
    assert B.decode(B.encode(box, box), box).dtype == np.float32


def test_encoding_equals_keras():
    from cvhelpers._quiet import keras

    encode_box_to_deltas = keras.utils.bounding_boxes.encode_box_to_deltas
    rng = np.random.default_rng(1)
    boxes, anchors = random_boxes(rng, 20), random_boxes(rng, 20)
    variance = [0.1, 0.1, 0.2, 0.2]
    # Keras writes y before x
    theirs = np.array(encode_box_to_deltas(anchors, boxes, "xyxy", "xyxy", variance=variance))[:, [1, 0, 3, 2]]
    np.testing.assert_allclose(B.encode(boxes, anchors), theirs, rtol=1e-4, atol=1e-4)


def test_decoding_undoes_encoding():
    rng = np.random.default_rng(2)
    boxes, anchors = random_boxes(rng, 50), random_boxes(rng, 50)
    np.testing.assert_allclose(B.decode(B.encode(boxes, anchors), anchors), boxes, atol=1e-3)


def nms_by_loop(boxes, scores, threshold, classes=None):
    """The definition: take the best box that is left, drop what overlaps it, repeat."""
    left = sorted(range(len(boxes)), key=lambda row: (-scores[row], row))
    kept = []
    while left:
        best = left.pop(0)
        kept.append(best)
        overlap = B.pairwise_iou(boxes[[best]], boxes)[0]
        left = [r for r in left if overlap[r] <= threshold or (classes is not None and classes[r] != classes[best])]
    return kept


def nms_by_tensorflow(boxes, scores, threshold):
    from cvhelpers._quiet import tf

    yxyx = B.convert(np.float32(boxes), "xyxy", "yxyx")
    return tf.image.non_max_suppression(yxyx, np.float32(scores), max(len(boxes), 1), threshold).numpy().tolist()


@pytest.mark.parametrize("count", [1, 10, 255, 256, 257, 1000])
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 1.0])
def test_suppression_keeps_the_same_boxes_in_the_same_order_as_tensorflow(count, threshold):
    rng = np.random.default_rng(count)
    boxes, scores = random_boxes(rng, count), rng.random(count).astype(np.float32)
    assert B.non_max_suppression(boxes, scores, threshold).tolist() == nms_by_tensorflow(boxes, scores, threshold)


@settings(max_examples=50, deadline=None)
@given(box_lists, st.data(), st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 0.7]))
def test_suppression_with_equal_scores_and_equal_overlaps_equals_tensorflow(boxes, data, threshold):
    boxes = boxes[B.area(boxes) > 0]
    scores = np.array(data.draw(st.lists(st.sampled_from([0.1, 0.5, 0.9]), min_size=len(boxes), max_size=len(boxes))))
    ours = B.non_max_suppression(boxes, scores, threshold).tolist()
    assert ours == nms_by_tensorflow(boxes, scores, threshold)


def test_suppression_inside_classes_equals_one_call_for_each_class_and_the_loop():
    rng = np.random.default_rng(3)
    boxes, classes = random_boxes(rng, 600), rng.integers(0, 3, 600)
    scores = rng.integers(0, 50, 600) / 50
    ours = B.non_max_suppression(boxes, scores, 0.4, classes)
    single = [np.flatnonzero(classes == k)[nms_by_tensorflow(boxes[classes == k], scores[classes == k], 0.4)]
              for k in range(3)]  # fmt: skip
    assert set(ours) == set(np.concatenate(single))
    assert ours.tolist() == nms_by_loop(boxes, scores, 0.4, classes)


def test_a_suppressed_box_suppresses_nobody():
    chain = [[0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10]]  # each overlaps its neighbour by 0.43, the ends by 0.11
    assert B.non_max_suppression(chain, [0.9, 0.8, 0.7], 0.4).tolist() == [0, 2]


def test_scores_of_any_kind_are_sorted_as_numbers():
    apart = [[0, 0, 1, 1], [2, 0, 3, 1], [4, 0, 5, 1]]
    assert B.non_max_suppression(apart, np.uint8([1, 200, 0]), 0.5).tolist() == [1, 0, 2]
    assert B.non_max_suppression(apart, [[1], [2], [3]], 0.5, [[1], [1], [2]]).tolist() == [2, 1, 0]


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: B.pairwise_iou([0, 0, 1, 1], [[0, 0, 1, 1]]), r"shape \(4,\).*wanted"),
        (lambda: B.pairwise_iou([], [[0, 0, 1, 1], [5, 5, 2, 6]]), r"^others\[1\] is \[5.0, 5.0, 2.0, 6.0\]"),
        (lambda: B.check_boxes([[0, 0, 1, 1], [5, 5, 6, 2]]), r"^boxes\[1\] is"),
        (lambda: B.check_boxes([[0, 0, 1, 1], [5, 5, 6, 2]], "places"), r"^places\[1\] is"),
        (lambda: B.encode([[0, 0, 1, 1]], [[0, 0, 1, 0]]), "^anchors holds a box without"),
        (lambda: B.encode([[0, 0, 1, 1]], [[0, 0, 1, np.inf]]), "^anchors has a corner"),
        (lambda: B.decode([[0, 0, 0, 0]], [[0, 0, 1, np.inf]]), "^anchors has a corner"),
        (lambda: B.convert(np.zeros((0, 5)), "xyxy", "xywh"), r"\(0, 5\)"),
        (lambda: B.non_max_suppression([[0, 0, 1, 1]], [0.5], 1.5), "between 0 and 1"),
        (lambda: B.non_max_suppression([[0, 0, 1, 1]], [0.5], -0.1), "between 0 and 1"),
        (lambda: B.pairwise_iou([[5, 5, 2, 2]], [[0, 0, 1, 1]]), "xywh"),
        (lambda: B.pairwise_iou([[0, 0, np.nan, 2]], [[0, 0, 1, 1]]), "finite"),
        (lambda: B.convert([[0, 0, 1, 1]], "xyxy", "yx"), "wanted one of"),
        (lambda: B.convert([[0, 0, 1]], "xyxy", "xywh"), r"\(1, 3\)"),
        (lambda: B.encode([[0, 0, 0, 1]], [[0, 0, 1, 1]]), "without width"),
        (lambda: B.decode([[0, 0, 0, 0]] * 2, [[0, 0, 1, 1]]), "one row for each"),
        (lambda: B.non_max_suppression([[0, 0, 1, 1]], [0.5, 0.6], 0.5), "1 boxes, 2 scores"),
        (lambda: B.non_max_suppression([[0, 0, 1, 1]], [0.5], 0.5, [1, 2]), "1 boxes, 1 scores and 2 classes"),
        (lambda: B.non_max_suppression([[0, 0, 1, 1]], [np.nan], 0.5), "NaN"),
        (lambda: B.non_max_suppression([[0, 0, 1, 1]], [0.5], 50), "between 0 and 1"),
    ],
)
def test_bad_input_is_refused_with_a_helpful_message(call, words):
    with pytest.raises(ValueError, match=words):
        call()
