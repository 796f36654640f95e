"""The panoptic merge of lesson 18, against maps by hand."""

import numpy as np
import pytest

from cvhelpers import data, scenes
from cvhelpers.networks import panoptic


def strip(*pieces, width=24, height=2):
    """Bool masks (n, height, width) of vertical strips: (start, end) each."""
    masks = np.zeros((len(pieces), height, width), bool)
    for mask, (start, end) in zip(masks, pieces):
        mask[:, start:end] = True
    return masks


def merge(pieces, scores, **settings):
    """Classes along the first row of a strip of brick."""
    found = {"labels": np.arange(3, 3 + len(scores)), "scores": np.array(scores), "masks": strip(*pieces)}
    return panoptic.merge_panoptic(found, np.ones((2, 24), int), **settings)[0, :, 0].tolist()


def test_pixels_go_to_the_surest_mask_and_the_rest_to_stuff():
    assert merge([(0, 10), (6, 16)], [0.8, 0.9]) == [3] * 6 + [4] * 10 + [1] * 8
    assert merge([(0, 10), (6, 16)], [0.9, 0.8]) == [3] * 10 + [4] * 6 + [1] * 8


def test_a_mask_of_which_less_than_half_is_free_is_dropped():
    assert merge([(0, 10), (5, 15)], [0.9, 0.8]) == [3] * 10 + [4] * 5 + [1] * 9  # exactly half is enough
    assert merge([(0, 11), (5, 15)], [0.9, 0.8]) == [3] * 11 + [1] * 13
    assert merge([(0, 11), (5, 15)], [0.9, 0.8], free=0.3, fewest=1) == [3] * 11 + [4] * 4 + [1] * 9
    # of 40 pixels 20 are free, then 18: more than the fewest that are worth a segment
    assert merge([(0, 12), (2, 22)], [0.9, 0.8]) == [3] * 12 + [4] * 10 + [1] * 2
    assert merge([(0, 13), (2, 22)], [0.9, 0.8]) == [3] * 13 + [1] * 11


def test_crumbs_and_unsure_masks_are_dropped():
    assert merge([(0, 5)], [0.9]) == [3] * 5 + [1] * 19  # ten pixels are enough
    assert merge([(0, 4)], [0.9]) == [1] * 24
    assert merge([(0, 4)], [0.9], fewest=8) == [3] * 4 + [1] * 20
    assert merge([(0, 9)], [0.4]) == [3] * 9 + [1] * 15
    assert merge([(0, 9)], [0.39]) == [1] * 24
    assert merge([(0, 9)], [0.39], least=0.3) == [3] * 9 + [1] * 15


def test_instances_are_numbered_by_score_and_a_pixel_of_no_stuff_stays_void():
    found = {"labels": [5, 6], "scores": [0.8, 0.9], "masks": strip((0, 8), (8, 16))}
    stuff = np.zeros((2, 24), int)
    stuff[:, 20:] = scenes.STICKER
    merged = panoptic.merge_panoptic(found, stuff)[0]
    assert merged[[0, 8, 16, 20]].tolist() == [[5, 2], [6, 1], [0, 0], [-1, 0]]


def test_own_kinds_of_stuff():
    nothing = {"labels": [], "scores": [], "masks": []}
    stuff = np.array([[0, 7]])
    assert panoptic.merge_panoptic(nothing, stuff, stuff_classes=(7,))[0].tolist() == [[-1, 0], [7, 0]]


def test_what_cannot_be_merged_is_refused_in_words():
    found = {"labels": [5, 6], "scores": [0.8, np.nan], "masks": strip((0, 8), (8, 16))}
    with pytest.raises(ValueError, match=r"not a number \(NaN\)"):
        panoptic.merge_panoptic(found, np.zeros((2, 24), int))
    with pytest.raises(ValueError, match="masks are float64: wanted bool"):
        panoptic.merge_panoptic(found | {"scores": [1, 1], "masks": 0.3 * found["masks"]}, np.zeros((2, 24), int))
    with pytest.raises(ValueError, match="1 labels, 2 scores"):
        panoptic.merge_panoptic(found | {"scores": [1, 1], "labels": [5]}, np.zeros((2, 24), int))
    with pytest.raises(ValueError, match=r"masks of shape \(2, 2, 24\): wanted .* shape \(3, 24\)"):
        panoptic.merge_panoptic(found | {"scores": [1, 1]}, np.zeros((3, 24), int))


def test_merging_the_truth_gives_the_truth():
    batch = data.load_scenes("validation", 6)
    for i, truth in enumerate(scenes.per_image(batch)):
        merged = panoptic.merge_panoptic(truth | {"scores": np.ones(len(truth["labels"]))}, batch["semantic"][i])
        np.testing.assert_array_equal(merged[..., 0], batch["panoptic"][i, ..., 0])
        np.testing.assert_array_equal(merged[..., 1] > 0, batch["panoptic"][i, ..., 1] > 0)


def test_void_near_a_thing_goes_to_it_and_void_far_away_stays():
    merged = np.zeros((9, 9, 2), np.int32)
    merged[2:7, 2:7] = -1, 0
    merged[4, 4] = 5, 1
    before = merged.copy()
    filled = panoptic.fill_seams(merged, width=1)
    assert (filled[3:6, 4] == (5, 1)).all() and (filled[4, 3:6] == (5, 1)).all()
    assert filled[2, 2].tolist() == [-1, 0] and filled[0, 0].tolist() == [0, 0]
    assert (panoptic.fill_seams(merged)[4, 2:7, 0] == 5).all()  # two pixels, as far as a seam reaches
    np.testing.assert_array_equal(merged, before)
    nothing = np.full((3, 3, 2), (-1, 0))
    np.testing.assert_array_equal(panoptic.fill_seams(nothing), nothing)


def test_all_answers_of_a_scene_agree_with_each_other():
    answers = panoptic.answer_scenes(data.load_scenes("test", 3)["images"])
    assert [len(one["labels"]) for one in answers] == [len(one["masks"]) for one in answers]
    for one in answers:
        assert one["scores"].min() >= 0.4 and one["semantic"].min() >= 0
        known = one["panoptic"][..., 0] >= 0
        np.testing.assert_array_equal(one["semantic"][known], one["panoptic"][..., 0][known])
        covered = [np.count_nonzero(one["semantic"] == kind) for kind in scenes.STUFF]
        assert covered[one["classes"]] == max(covered)
    assert panoptic.answer_scenes(np.zeros((0, 64, 64, 3), np.uint8)) == []
