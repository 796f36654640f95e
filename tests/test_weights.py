"""The weights in data/ load, belong to the networks of the lessons, and are as good as the lessons say."""

import pathlib

import numpy as np
import pytest

from cvhelpers import data, metrics, scenes
from cvhelpers.networks import detection, masks, panoptic, proposals, segmentation

NETWORKS = {
    "15_unet": segmentation.build_unet,
    "16_one_stage": detection.build_detector,
    "16_proposer": lambda: detection.build_detector(name="proposer"),
    "16_classifier": proposals.build_classifier,
    "17_masks_one_stage": masks.build_mask_head,
    "17_masks_two_stages": masks.build_mask_head,
}


@pytest.fixture(scope="module")
def networks():
    return {name: data.load_weights(name, build()) for name, build in NETWORKS.items()}


@pytest.fixture(scope="module")
def test_scenes():
    return data.load_scenes("test", 150)


def test_all_weights_together_are_below_12_megabytes():
    assert sum(path.stat().st_size for path in pathlib.Path(data.DATA).glob("[0-9][0-9]_*.npz")) < 12e6


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_do_not_load_into_another_network(name):
    other = proposals.build_classifier() if name != "16_classifier" else detection.build_detector()
    with pytest.raises(ValueError, match="do not belong"):
        data.load_weights(name, other)


def test_storing_and_loading_gives_the_same_answers(tmp_path, networks, test_scenes):
    detector = networks["16_one_stage"]
    data.save_weights("copy", detector, tmp_path)
    copy = data.load_weights("copy", detection.build_detector(), tmp_path)
    for ours, theirs in zip(copy.get_weights(), detector.get_weights()):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("stages, box_ap, mask_ap, quality", [(1, 0.67, 0.74, 0.81), (2, 0.76, 0.80, 0.85)])
def test_shipped_networks_reach_what_the_lessons_claim(networks, test_scenes, stages, box_ap, mask_ap, quality):
    """150 scenes instead of 500 here, so the bars are those of the lessons with a margin."""
    images, truths = test_scenes["images"], scenes.per_image(test_scenes)
    trunk = networks["16_one_stage" if stages == 1 else "16_proposer"]

    def find(every):
        if stages == 1:
            return detection.detect(trunk, images, every)
        return proposals.detect_in_two_stages(trunk, networks["16_classifier"], images, every)

    head, maps = networks[f"17_masks_{'one_stage' if stages == 1 else 'two_stages'}"], masks.feature_maps(trunk)
    every = masks.add_masks(find(True), maps, head, images)
    assert metrics.average_precision(truths, every)["AP"] > box_ap
    assert metrics.average_precision(truths, every, on="masks")["AP"] > mask_ap
    stuff = segmentation.segment(networks["15_unet"], images)
    best = masks.add_masks(find(False), maps, head, images)
    merged = np.stack([panoptic.fill_seams(panoptic.merge_panoptic(d, s)) for d, s in zip(best, stuff)])
    reached = metrics.panoptic_quality(test_scenes["panoptic"], merged, scenes.THINGS, void=-1)
    assert reached["PQ"] > quality


def test_own_ap_equals_pycocotools_on_real_predictions(networks, test_scenes):
    from test_metrics import assert_equal_results, coco_average_precision

    images, truths = test_scenes["images"], scenes.per_image(test_scenes)
    found = detection.detect(networks["16_one_stage"], images, every_label=True)
    maps = masks.feature_maps(networks["16_one_stage"])
    found = masks.add_masks(found, maps, networks["17_masks_one_stage"], images)
    for on in ("boxes", "masks"):
        ours = metrics.average_precision(truths, found, on=on)
        assert_equal_results(ours, coco_average_precision(truths, found, on=on))


def test_unet_reaches_the_mean_iou_of_lesson_15(networks, test_scenes):
    predicted = segmentation.segment(networks["15_unet"], test_scenes["images"])
    assert metrics.mean_iou(scenes.sticker_map(test_scenes["semantic"]), predicted, 4) > 0.93
