"""Metrics against pycocotools, Keras, a slow reference of panoptic quality, and numbers computed by hand."""

import contextlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvhelpers import metrics as M

# Semantic segmentation ------------------------------------------------------------------------------------------------


def test_confusion_matrix_counts_pairs():
    matrix = M.confusion_matrix([[0, 0], [1, 2]], [[0, 1], [1, 0]], classes=4)
    assert matrix.tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 6))
def test_confusion_matrix_and_mean_iou_equal_tensorflow_and_keras(seed, classes):
    from cvhelpers._quiet import keras, tf

    rng = np.random.default_rng(seed)
    truth, prediction = rng.integers(0, classes, (2, 3, 8, 8))
    expected = tf.math.confusion_matrix(truth.ravel(), prediction.ravel(), classes).numpy()
    assert (M.confusion_matrix(truth, prediction, classes) == expected).all()
    theirs = keras.metrics.MeanIoU(classes)
    theirs.update_state(truth, prediction)
    assert M.mean_iou(truth, prediction, classes) == pytest.approx(float(theirs.result()), abs=1e-6)


def test_labels_of_one_byte_do_not_run_over():
    assert M.confusion_matrix(np.uint8([19]), np.uint8([18]), classes=20)[19, 18] == 1
    assert M.confusion_matrix([True, False], [True, True], classes=2).tolist() == [[0, 1], [0, 1]]


def test_class_that_never_occurs_does_not_count():
    assert M.mean_iou([0, 0], [0, 0], classes=5) == 1
    assert np.isnan(M.class_iou(M.confusion_matrix([0], [0], 2))[1])
    assert np.isnan(M.mean_iou([], np.zeros(0, int), classes=2)) and np.isnan(M.mean_iou([], [], 2))


def test_ignored_pixels_do_not_count():
    assert M.mean_iou([0, 1, 255], [0, 1, 0], classes=2, ignore=255) == 1


@pytest.mark.parametrize(
    "truth, prediction, words",
    [
        ([0, 1], [0], "same shape"),
        ([0, 5], [0, 1], "outside 0 to 1"),
        ([0.5], [0], "int labels"),
        ([0], [-1], "outside"),
    ],
)
def test_confusion_matrix_refuses_bad_labels(truth, prediction, words):
    with pytest.raises(ValueError, match=words):
        M.confusion_matrix(truth, np.array(prediction), classes=2)


# Average precision ----------------------------------------------------------------------------------------------------


def coco_average_precision(truths, predictions, on="boxes", library="pycocotools"):
    """The same question asked of pycocotools (or of its faster followers): AP, AP50, AP75 and AP of every class."""
    from pycocotools import mask as coco_mask

    if library == "faster_coco_eval":
        from faster_coco_eval import COCO
        from faster_coco_eval import COCOeval_faster as COCOeval
    elif library == "hotcoco":
        from hotcoco import COCO, COCOeval
    else:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval

    def shape(image, row):
        x0, y0, x1, y1 = (float(v) for v in image["boxes"][row])
        out = {"bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0), "iscrowd": 0}
        if on == "masks":
            out["segmentation"] = coco_mask.encode(np.asfortranarray(image["masks"][row].astype(np.uint8)))
            out["area"] = float(image["masks"][row].sum())
        return out

    with contextlib.redirect_stdout(io.StringIO()):
        results = []
        annotations = [
            {"id": 0, "image_id": i, "category_id": int(k), **shape(truth, row)}
            for i, truth in enumerate(truths)
            for row, k in enumerate(truth["labels"])
            if k >= 0
        ]
        for number, annotation in enumerate(annotations):
            annotation["id"] = number + 1
        labels = {int(k) for image in [*truths, *predictions] for k in image["labels"] if k >= 0}
        size = {"height": 64, "width": 64}
        described = {
            "images": [{"id": i, "file_name": f"{i}.png", **size} for i in range(len(truths))],
            "categories": [{"id": k, "name": str(k)} for k in sorted(labels)],
            "annotations": annotations,
        }
        if library == "hotcoco":
            dataset = COCO(described)
        else:
            dataset = COCO()
            dataset.dataset = described
            dataset.createIndex()
        for i, found in enumerate(predictions):
            for row, (k, score) in enumerate(zip(found["labels"], found["scores"])):
                entry = {"image_id": i, "category_id": int(k), "score": float(score), **shape(found, row)}
                results.append({key: entry[key] for key in entry if not (on == "masks" and key == "bbox")})
        evaluation = COCOeval(dataset, dataset.loadRes(results), "segm" if on == "masks" else "bbox")
        evaluation.evaluate(), evaluation.accumulate(), evaluation.summarize()
    precision = np.asarray(evaluation.eval["precision"])[:, :, :, 0, 2]
    per_class = {k: p.mean() for k, p in zip(sorted(labels), precision.transpose(2, 0, 1)) if (p >= 0).all()}
    return {"AP": evaluation.stats[0], "AP50": evaluation.stats[1], "AP75": evaluation.stats[2], "per_class": per_class}


def random_case(seed, images=6, most=8, classes=4, masks=False, ties=False):
    """Truths, and predictions that are partly moved truths and partly noise; some images have none of one kind."""
    rng = np.random.default_rng(seed)

    def boxes(count):
        start = rng.integers(0, 44, (count, 2))
        return np.concatenate([start, start + rng.integers(4, 20, (count, 2))], 1).astype(np.float32)

    def filled(rows):
        canvas = np.zeros((len(rows), 64, 64), bool)
        for layer, (x0, y0, x1, y1) in zip(canvas, rows.astype(int)):
            layer[y0:y1, x0:x1] = rng.random((y1 - y0, x1 - x0)) < 0.9
        return canvas

    truths, predictions = [], []
    for _ in range(images):
        b = boxes(rng.integers(0, most))
        k = rng.integers(0, classes, len(b))
        keep = rng.random(len(b)) < 0.8
        moved = (b[keep] + rng.integers(-2, 3, (keep.sum(), 4))).clip(0, 64)
        moved[:, 2:] = np.maximum(moved[:, 2:], moved[:, :2] + 1)
        found = np.concatenate([moved, b[keep], boxes(rng.integers(0, most))]).astype(np.float32)
        label = np.concatenate([k[keep], k[keep], rng.integers(0, classes + 1, len(found) - 2 * keep.sum())])
        score = rng.random(len(found)).round(1 if ties else 9)
        truths.append({"boxes": b, "labels": k} | ({"masks": filled(b)} if masks else {}))
        predictions.append(
            {"boxes": found, "labels": label, "scores": score} | ({"masks": filled(found)} if masks else {})
        )
    truths[0]["labels"] = np.maximum(truths[0]["labels"], 0)
    return truths, predictions


def assert_equal_results(ours, theirs):
    for name in ("AP", "AP50", "AP75"):
        assert ours[name] == pytest.approx(theirs[name], abs=1e-6), name
    assert ours["per_class"] == pytest.approx(theirs["per_class"], abs=1e-6)


@pytest.mark.parametrize("seed", range(12))
def test_box_ap_equals_pycocotools_on_random_cases(seed):
    truths, predictions = random_case(seed, ties=seed % 2)
    assert_equal_results(M.average_precision(truths, predictions), coco_average_precision(truths, predictions))


@pytest.mark.parametrize("seed", range(6))
def test_mask_ap_equals_pycocotools_on_random_cases(seed):
    truths, predictions = random_case(100 + seed, masks=True)
    assert_equal_results(
        M.average_precision(truths, predictions, on="masks"), coco_average_precision(truths, predictions, on="masks")
    )


def test_only_the_hundred_best_of_a_class_count_in_an_image():
    rng = np.random.default_rng(5)
    for count, points in ((150, 67), (101, 100)):  # recalls of 100 / 150 and 100 / 101 reach 0, 0.01 … 0.66 and … 0.99
        start = rng.integers(0, 40, (count, 2))
        boxes = np.concatenate([start, start + rng.integers(4, 20, (count, 2))], 1).astype(np.float32)
        truths = [{"boxes": boxes, "labels": np.zeros(count, int)}]
        predictions = [{"boxes": boxes, "labels": np.zeros(count, int), "scores": rng.random(count)}]
        result = M.average_precision(truths, predictions)
        assert result["AP"] == pytest.approx(points / 101)
        assert_equal_results(result, coco_average_precision(truths, predictions))


def test_the_hundred_best_are_counted_for_each_class():
    """Sixty things of each of two classes in one image: all count."""
    boxes = np.float32([[4 * (i % 15), 4 * (i // 15), 4 * (i % 15) + 3, 4 * (i // 15) + 3] for i in range(120)])
    labels = np.arange(120) % 2
    found = {"boxes": boxes, "labels": labels, "scores": np.linspace(1, 0.5, 120)}
    assert M.average_precision([{"boxes": boxes, "labels": labels}], [found])["AP"] == 1


def test_thresholds_are_found_by_their_value_and_others_have_no_number():
    truth = {"boxes": [[0, 0, 10, 10]], "labels": [3]}
    found = {"boxes": [[0, 0, 10, 8]], "labels": [3], "scores": [0.9]}
    steps = M.average_precision([truth], [found], thresholds=np.arange(0.5, 1, 0.05))  # 0.7500000000000002
    assert (steps["AP50"], steps["AP75"]) == (1, 1) and steps["AP"] == pytest.approx(0.6)  # 0.5 to 0.75
    other = M.average_precision([truth], [found], thresholds=[0.6])
    assert np.isnan([other["AP50"], other["AP75"]]).all() and other["AP"] == 1
    empty = M.average_precision([], [])
    assert np.isnan([empty["AP"], empty["AP50"], empty["AP75"]]).all() and empty["per_class"] == {}


def test_an_overlap_of_one_up_to_rounding_counts_at_a_threshold_of_one():
    assert M.match([[1 - 1e-12]], thresholds=[1.0]).tolist() == [[True]]  # as pycocotools
    assert M.match([[1 - 1e-8]], thresholds=[1.0]).tolist() == [[False]]


def test_perfect_predictions_score_one_and_none_score_zero():
    truths, _ = random_case(3)
    perfect = [t | {"scores": np.ones(len(t["labels"]))} for t in truths]
    nothing = [{"boxes": np.zeros((0, 4)), "labels": [], "scores": []} for _ in truths]
    assert M.average_precision(truths, perfect)["AP"] == 1
    assert M.average_precision(truths, nothing)["AP"] == 0


def test_ap_is_not_defined_without_truth_and_padding_is_no_truth():
    nothing = {"boxes": np.zeros((2, 4)), "labels": [-1, -1]}
    found = {"boxes": [[0, 0, 5, 5]], "labels": [1], "scores": [0.5]}
    assert np.isnan(M.average_precision([nothing], [found])["AP"])
    truth = {"boxes": [[0, 0, 5, 5], [0, 0, 0, 0]], "labels": [1, -1]}
    assert M.average_precision([truth], [found])["AP"] == 1


def test_duplicate_counts_as_wrong():
    truth = {"boxes": [[0, 0, 10, 10], [20, 0, 30, 10]], "labels": [0, 0]}
    found = {"boxes": [[0, 0, 10, 10], [0, 0, 10, 10], [20, 0, 30, 10]], "labels": [0, 0, 0], "scores": [0.9, 0.8, 0.7]}
    # recall 1/2 at precision 1 for 51 of the 101 points, then recall 1 at precision 2/3
    assert M.average_precision([truth], [found])["AP50"] == pytest.approx((51 + 50 * 2 / 3) / 101)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_ap_does_not_depend_on_the_order_of_classes_or_on_a_monotone_change_of_scores(seed):
    truths, predictions = random_case(seed)
    renamed = [[image | {"labels": 7 - image["labels"]} for image in images] for images in (truths, predictions)]
    rescaled = [p | {"scores": p["scores"] ** 3 * 5 - 2} for p in predictions]
    before = M.average_precision(truths, predictions)["AP"]
    assert M.average_precision(*renamed)["AP"] == pytest.approx(before, nan_ok=True)
    assert M.average_precision(truths, rescaled)["AP"] == pytest.approx(before, nan_ok=True)


def test_mask_iou_by_hand():
    left, both = np.array([[1, 0], [1, 0]], bool), np.ones((2, 2), bool)
    assert M.mask_iou([left], [both, ~left, left]).tolist() == [[0.5, 0, 1]]


@pytest.mark.parametrize(
    "masks, others, words",
    [
        (np.ones((2, 2)), np.ones((1, 2, 2)), r"^masks has shape \(2, 2\)"),
        (np.ones((1, 2, 2)), np.ones((2, 2)), r"^others has shape \(2, 2\)"),
        (np.full((1, 2, 2), 0.5), np.ones((1, 2, 2)), "^masks holds float64 up to 0.5"),
        (np.ones((1, 2, 2)), np.full((1, 2, 2), 7), "^others holds int64 up to 7"),
    ],
)
def test_masks_that_are_none_are_named(masks, others, words):
    with pytest.raises(ValueError, match=words):
        M.mask_iou(masks, others)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (([], [{}]), "0 truths and 1 predictions"),
        (([{"boxes": [], "labels": []}], [{"boxes": [], "labels": []}]), r"predictions\[0\] has no scores"),
        (
            ([{"boxes": np.zeros((2, 4)), "labels": [1]}], [{"boxes": [], "labels": [], "scores": []}]),
            "1 labels, 2 boxes",
        ),
    ],
)
def test_average_precision_refuses_bad_input(arguments, words):
    with pytest.raises(ValueError, match=words):
        M.average_precision(*arguments)
    with pytest.raises(ValueError, match="boxes.*masks"):
        M.average_precision([], [], on="segm")


def one(**changes):
    """A truth and its perfect prediction, with something changed in the prediction."""
    truth = {"boxes": [[0, 0, 2, 2]], "labels": [0], "masks": np.ones((1, 2, 2), bool)}
    return [truth], [truth | {"scores": [0.5]} | changes]


@pytest.mark.parametrize(
    "changes, on, words",
    [
        ({"scores": [np.nan]}, "boxes", r"predictions\[0\] holds a score that is not a number"),
        ({"masks": np.full((1, 2, 2), 0.3)}, "masks", "image 0: .*wanted bool; write masks > 0.5"),
        ({"masks": np.full((1, 2, 2), 255, np.uint8)}, "masks", "uint8 up to 255"),
        ({"masks": np.ones((1, 2, 3), bool)}, "masks", "image 0: .*same height and width"),
        ({"boxes": [[2, 0, 1, 2]]}, "boxes", "image 0: .*wanted x0 <= x1"),
    ],
)
def test_a_bad_prediction_is_refused_and_its_image_named(changes, on, words):
    with pytest.raises(ValueError, match=words):
        M.average_precision(*one(**changes), on=on)


def test_masks_of_ones_and_zeros_count_as_masks():
    assert M.average_precision(*one(masks=np.ones((1, 2, 2), np.uint8)), on="masks")["AP"] == 1


def test_no_masks_are_as_good_as_no_boxes():
    truth, _ = one()
    nothing = [{"boxes": [], "masks": [], "labels": [], "scores": []}]
    assert M.average_precision(truth, nothing)["AP"] == M.average_precision(truth, nothing, on="masks")["AP"] == 0


def test_crowd_regions_are_refused_in_words():
    truth, found = one()
    with pytest.raises(ValueError, match=r"truths\[0\] holds crowd regions"):
        M.average_precision([truth[0] | {"iscrowd": [1]}], found)
    assert M.average_precision([truth[0] | {"iscrowd": [0]}], found)["AP"] == 1


# Panoptic quality -----------------------------------------------------------------------------------------------------


def slow_panoptic_quality(truths, predictions, things, void=None):
    """Section 4.1 of Kirillov et al. 2019 word for word, with sets of pixels: dict class -> PQ, SQ, RQ."""
    sums = {}

    def segments(panoptic):
        found = {}
        for place, (kind, number) in zip(np.ndindex(panoptic.shape[:2]), panoptic.reshape(-1, 2).tolist()):
            found.setdefault((kind, number if kind in things else 0), set()).add(place)
        return found

    for truth, prediction in zip(truths, predictions):
        wanted, found = segments(truth), segments(prediction)
        nowhere = set().union(*[pixels for (kind, _), pixels in wanted.items() if kind == void])
        wanted = {name: pixels for name, pixels in wanted.items() if name[0] != void}
        found = {name: pixels for name, pixels in found.items() if name[0] != void}
        matched = set()
        for name, pixels in wanted.items():
            entry = sums.setdefault(name[0], [0.0, 0, 0, 0])
            for other, claimed in found.items():
                iou = len(pixels & claimed) / len((pixels | claimed) - nowhere) if pixels & claimed else 0
                if name[0] == other[0] and iou > 0.5:
                    entry[0], entry[1] = entry[0] + iou, entry[1] + 1
                    matched.add(other)
                    break
            else:
                entry[3] += 1
        for other, claimed in found.items():
            if other not in matched and len(claimed & nowhere) <= len(claimed) / 2:
                sums.setdefault(other[0], [0.0, 0, 0, 0])[2] += 1
    return {
        kind: (iou / (tp + fp / 2 + fn / 2), iou / tp if tp else 0.0, tp / (tp + fp / 2 + fn / 2))
        for kind, (iou, tp, fp, fn) in sums.items()
    }


def random_panoptic(rng, images, void, stuff=True, numbers=(1, 2, 3)):
    """Blocky maps with stuff 0 to 2 (or none), things 3 to 5 with those instance numbers, perhaps void."""
    kinds = rng.integers(0 if stuff else 3, 6, (images, 4, 4))
    if void:
        kinds[rng.random(kinds.shape) < 1 / 7] = -1
    instances = np.where(kinds >= 3, rng.choice(numbers, kinds.shape), rng.integers(0, 2, kinds.shape))
    return np.stack([kinds, instances], -1).repeat(2, 1).repeat(2, 2)


def test_panoptic_numbers_may_be_anything_and_images_may_come_as_a_list():
    """Numbers that fill the whole range of int64 are counted as small ones are; a list is counted image by image."""
    rng, names = np.random.default_rng(4), {1: 2**62, 2: -(2**62), 3: 5}
    small = [random_panoptic(rng, 5, void=True) for _ in range(2)]
    small[1] = np.where(rng.random((5, 8, 8, 1)) < 0.2, small[1], small[0])
    huge = [maps.copy() for maps in small]
    for maps, before in zip(huge, small):
        for number, name in names.items():
            maps[..., 1][(before[..., 1] == number) & (before[..., 0] >= 3)] = name
    expected = M.panoptic_quality(*small, [3, 4, 5], void=-1)
    assert M.panoptic_quality(*huge, [3, 4, 5], void=-1) == expected
    assert M.panoptic_quality(list(huge[0]), list(small[1]), [3, 4, 5], void=-1) == expected


def disturbed(panoptic, rng, void, *settings):
    noise = random_panoptic(rng, len(panoptic), void, *settings)
    return np.where(rng.random((*panoptic.shape[:3], 1)) < 0.25, noise, panoptic)


NUMBERS = [(1, 2, 3), (0, 1), (2,), (7, 300, 70_000), (-5, 4), (255 + 256 * 255 + 65_536 * 255, 1)]


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 1_000_000), st.booleans(), st.booleans(), st.sampled_from(NUMBERS), st.sampled_from(NUMBERS))
def test_panoptic_quality_equals_the_definition(seed, with_void, stuff, numbers, others):
    rng, void = np.random.default_rng(seed), -1 if with_void else None
    truth = random_panoptic(rng, 3, with_void, stuff, numbers)
    prediction = disturbed(truth, rng, with_void, stuff, others)
    ours = M.panoptic_quality(truth, prediction, things=[3, 4, 5], void=void)
    expected = slow_panoptic_quality(truth, prediction, {3, 4, 5}, void)
    assert set(ours["per_class"]) == set(expected)
    for kind, values in expected.items():
        assert [ours["per_class"][kind][name] for name in ("PQ", "SQ", "RQ")] == pytest.approx(values, abs=1e-9)
    for group, members in (("things", [3, 4, 5]), ("stuff", [0, 1, 2])):
        present = [expected[k] for k in members if k in expected]
        if present:
            assert [ours[group][n] for n in ("PQ", "SQ", "RQ")] == pytest.approx(np.mean(present, 0), abs=1e-9)
    assert ours["PQ"] == pytest.approx(np.mean([v[0] for v in expected.values()]), abs=1e-9)


def test_a_picture_that_is_one_thing_without_number_zero_scores_one():
    result = M.panoptic_quality(np.array([[[[5, 2]]]]), np.array([[[[5, 1]]]]), things=[5])
    assert result["PQ"] == 1 and list(result["per_class"]) == [5]


def test_every_crop_of_a_true_map_scores_one():
    panoptic = random_panoptic(np.random.default_rng(1), 20, void=False)
    for top, left, size in ((0, 0, 1), (1, 2, 3), (3, 5, 2), (6, 6, 2), (0, 4, 4)):
        crops = panoptic[:, top : top + size, left : left + size]
        assert M.panoptic_quality(crops, crops, things=[3, 4, 5])["PQ"] == 1


def six_by_six():
    """Stuff 0 above, stuff 1 below, a thing of class 2 (9 pixels) and one of class 3 (4 pixels) in front."""
    truth = np.zeros((6, 6, 2), int)
    truth[3:, :, 0] = 1
    truth[1:4, 0:3] = 2, 1
    truth[4:6, 4:6] = 3, 1
    found = np.zeros((6, 6, 2), int)
    found[3:, :, 0] = 1
    found[1:4, 0:2] = 2, 7  # 6 of 9 pixels: IoU 2/3
    found[4:6, 3:5] = 3, 1  # 2 of 4 pixels: IoU 2/6, no match
    return truth, found


def test_panoptic_quality_of_the_six_by_six_example_by_hand():
    truth, found = six_by_six()
    result = M.panoptic_quality([truth], [found], things=[2, 3])
    each = result["per_class"]
    # stuff 0: 12 pixels, claimed 14, common 12; stuff 1: 11 pixels, claimed 12, common 9 -> union 14
    assert each[0] == pytest.approx({"PQ": 12 / 14, "SQ": 12 / 14, "RQ": 1, "TP": 1, "FP": 0, "FN": 0})
    assert each[1] == pytest.approx({"PQ": 9 / 14, "SQ": 9 / 14, "RQ": 1, "TP": 1, "FP": 0, "FN": 0})
    assert each[2] == pytest.approx({"PQ": 2 / 3, "SQ": 2 / 3, "RQ": 1, "TP": 1, "FP": 0, "FN": 0})
    assert each[3] == {"PQ": 0, "SQ": 0, "RQ": 0, "TP": 0, "FP": 1, "FN": 1}
    assert result["things"]["PQ"] == pytest.approx(1 / 3)


def test_prediction_that_lies_mostly_in_void_is_no_error_and_void_is_left_out_of_the_union():
    truth, found = six_by_six()
    truth[4:6, 2:6] = -1, 0  # nobody knows what is there
    result = M.panoptic_quality([truth], [found], things=[2, 3], void=-1)
    assert 3 not in result["per_class"]
    assert result["per_class"][1]["SQ"] == pytest.approx(7 / 8)  # the one pixel that was really stolen: row 3, column 2


def test_perfect_map_scores_one_and_instance_numbers_are_only_names():
    rng = np.random.default_rng(0)
    truth = random_panoptic(rng, 4, void=False)
    renamed = truth.copy()
    renamed[..., 1] = 1000 - 7 * truth[..., 1]
    result = M.panoptic_quality(truth, renamed, things=[3, 4, 5])
    assert result["PQ"] == result["things"]["SQ"] == result["stuff"]["RQ"] == 1


def test_everything_void_is_all_missed():
    truth, found = six_by_six()
    found[...] = -1, 0
    result = M.panoptic_quality([truth], [found], things=[2, 3], void=-1)
    assert result["PQ"] == 0 and all(entry["FN"] == 1 for entry in result["per_class"].values())


def test_no_things_no_stuff_and_no_maps_have_no_quality():
    truth, _ = six_by_six()
    for result, group in ((M.panoptic_quality([truth], [truth], things=[]), "things"),
                          (M.panoptic_quality([truth], [truth], things=[0, 1, 2, 3]), "stuff"),
                          (M.panoptic_quality([], [], things=[2]), "stuff")):  # fmt: skip
        assert list(result[group]) == ["PQ", "SQ", "RQ"] and np.isnan([*result[group].values()]).all()


def test_a_panoptic_map_that_is_refused_is_named():
    truth, _ = six_by_six()
    with pytest.raises(ValueError, match="^image 1: a truth has shape"):
        M.panoptic_quality([truth, truth], [truth, truth[:5]], things=[2, 3])


def test_panoptic_quality_refuses_bad_input():
    truth, found = six_by_six()
    with pytest.raises(ValueError, match="wanted one of each"):
        M.panoptic_quality([truth], [], things=[2, 3])
    with pytest.raises(ValueError, match=r"height, width, 2"):
        M.panoptic_quality([truth[..., 0]], [found[..., 0]], things=[2, 3])
    found[0, 0] = -1
    with pytest.raises(ValueError, match="void=-1"):
        M.panoptic_quality([truth], [found], things=[2, 3])
