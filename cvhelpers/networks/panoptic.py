"""Everything in one map: the panoptic merge of lesson 18, and the answers of all trained networks together."""

import numpy as np

from .. import data, scenes
from ..scenes import STUFF
from . import detection, masks, proposals, segmentation
from ._ask import ask

VOID = -1
LEAST_SCORE = 0.4  # chosen on validation scenes


def merge_panoptic(detection, stuff, least=LEAST_SCORE, free=0.5, fewest=10, stuff_classes=STUFF):
    """One panoptic map: masks take their pixels, the surest first; what is left goes to stuff.

    Args:
        detection: dict with ``labels``, ``scores`` and ``masks`` of one image, one label for each box.
        stuff: int array (height, width): class of every pixel as the semantic network sees it; a pixel that it calls
            no kind of stuff stays void where no mask takes it.
        least: score below which a detection is left out.
        free: share of a mask that must be free of surer masks, or it is left out.
        fewest: pixels below which nothing is worth a segment.
        stuff_classes: class numbers that are kinds of stuff.

    Returns:
        int32 array (height, width, 2): class and instance number; class -1 is void.

    Raises:
        ValueError: a score is not a number, or there is not one label, score and mask of the map's size for each thing.

    Serves lesson 18. Kirillov et al. 2019.

    >>> found = {"labels": [5], "scores": [0.9], "masks": np.ones((1, 4, 4), bool)}
    >>> merge_panoptic(found, np.zeros((4, 4), int))[0, 0].tolist()
    [5, 1]
    """
    stuff, scores = np.asarray(stuff), np.asarray(detection["scores"], float)
    masks, labels = np.asarray(detection["masks"]), detection["labels"]
    if np.isnan(scores).any():
        raise ValueError("a score is not a number (NaN): nobody knows which mask is the surest; look for it before")
    if masks.size and masks.dtype != bool:
        raise ValueError(f"the masks are {masks.dtype}: wanted bool, such as probabilities > 0.5")
    if len(labels) != len(scores) or len(scores) and masks.shape != (len(scores), *stuff.shape):
        raise ValueError(
            f"there are {len(labels)} labels, {len(scores)} scores and masks of shape {masks.shape}: wanted one of "
            f"each, every mask of shape {stuff.shape} as the map of the stuff"
        )
    panoptic = np.full((*stuff.shape, 2), (VOID, 0), np.int32)
    taken, number = np.zeros(stuff.shape, bool), 0
    for row in np.argsort(-scores, kind="stable"):
        mask = masks[row]
        rest = mask & ~taken
        if scores[row] < least or rest.sum() < max(fewest, free * mask.sum()):
            continue
        number += 1
        panoptic[rest] = labels[row], number
        taken |= rest
    ground = ~taken & np.isin(stuff, stuff_classes)
    panoptic[ground, 0] = stuff[ground]
    return panoptic


def fill_seams(panoptic, width=2):
    """Give the thin void lines around things to the nearest thing.

    Such a pixel is void because the semantic network calls it a thing and no mask reaches it: mostly the network is
    right and the mask a pixel too small.

    Args:
        panoptic: int array (height, width, 2) from :func:`merge_panoptic`.
        width: how far from a thing a void pixel may lie to count as seam, in pixels. Void farther away stays: there
            probably lies a thing that was missed, and no answer is better than a wrong one.

    Returns:
        int32 array (height, width, 2), a new one.

    Serves lesson 18.

    >>> row = np.array([[[5, 1], [-1, 0], [-1, 0], [-1, 0]]])
    >>> fill_seams(row)[0, :, 0].tolist()
    [5, 5, 5, -1]
    """
    from scipy.ndimage import distance_transform_edt

    panoptic = panoptic.copy()
    things = panoptic[..., 1] > 0
    if things.any():
        distance, (rows, columns) = distance_transform_edt(~things, return_indices=True)
        seam = (panoptic[..., 0] == VOID) & (distance <= width)
        panoptic[seam] = panoptic[rows[seam], columns[seam]]
    return panoptic


def answer_scenes(images, least=LEAST_SCORE):
    """What the networks of the course, with their stored weights, say about scenes: an answer for each of the tasks.

    Stuff comes from the U-Net of lesson 15, boxes and labels from the two-stage detector of lesson 16, masks from the
    mask head of lesson 17, the panoptic map from the merge of lesson 18. The semantic map is read off the panoptic one,
    the class of a picture is the stuff that covers most of it.

    Args:
        images: uint8 (n, 64, 64, 3).
        least: score below which a detection is left out.

    Returns:
        list of n dicts with the keys of one scene (``images``, ``classes``, ``semantic``, ``boxes``, ``labels``,
        ``masks``, ``panoptic``) and ``scores``.

    Serves lesson 01.

    >>> answer = answer_scenes(data.load_scenes("test", 1)["images"])[0]
    >>> answer["panoptic"].shape
    (64, 64, 2)
    """
    logits = ask(data.load_weights("15_unet", segmentation.build_unet()), images)
    proposer = data.load_weights("16_proposer", detection.build_detector(name="proposer"))
    classifier = data.load_weights("16_classifier", proposals.build_classifier())
    head = data.load_weights("17_masks_two_stages", masks.build_mask_head())
    found = proposals.detect_in_two_stages(proposer, classifier, images)
    found = masks.add_masks(found, masks.feature_maps(proposer), head, images)
    answers = []
    for image, detected, one in zip(images, found, logits):
        detected = {key: values[detected["scores"] >= least] for key, values in detected.items()}
        panoptic = fill_seams(merge_panoptic(detected, one.argmax(-1)))
        semantic = np.where(panoptic[..., 0] >= 0, panoptic[..., 0], one[..., : scenes.STICKER].argmax(-1))
        covered = [(semantic == kind).sum() for kind in scenes.STUFF]
        answers.append(detected | {"images": image, "semantic": semantic, "panoptic": panoptic})
        answers[-1]["classes"] = np.argmax(covered)
    return answers
