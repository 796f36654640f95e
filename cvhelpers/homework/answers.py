"""What the networks of lessons 15 to 17 answered in some scenes, stored once: homework 6 and 7 run with NumPy alone.

``python -m cvhelpers.homework.answers`` asks the networks anew and stores what they say (half a minute).
"""

import numpy as np

from . import FOLDER

STORED = FOLDER.parents[1] / "data/homework_answers.npz"
TRY_OUT = 20  # so many scenes of the file are there to try things out, the check uses the others
SHOWN = 2  # so many come with their image


def read_scenes(part="train"):
    """What the networks of lessons 15 to 17 answered in scenes, and the truth; homework 6 and 7 choose from it.

    Args:
        part: ``"train"`` (20 validation scenes of the course) or ``"test"`` (40 of its test scenes).

    Returns:
        list of dicts: ``image`` uint8 (64, 64, 3) or None, ``panoptic`` int (64, 64, 2), ``semantic`` int (64, 64) with
        3 for every thing, ``boxes`` float (n, 4) as x1, y1, x2, y2, ``labels`` int (n,), ``objectness`` and
        ``scores`` float (n,), ``masks`` float (n, 28, 28): probabilities inside the box.

    >>> len(read_scenes()), len(read_scenes("test"))
    (20, 40)
    """
    with np.load(STORED) as file:
        scenes = _unpack({name: file[name] for name in file.files})
    return {"train": scenes[:TRY_OUT], "test": scenes[TRY_OUT:]}[part]


def _unpack(stored):
    """A list of scenes from arrays as they are stored."""
    ends = np.cumsum(stored["counts"])
    scenes = []
    for i, end in enumerate(ends):
        rows = slice(end - stored["counts"][i], end)
        answers = {name: stored[name][rows].astype(float).round(4) for name in ("boxes", "objectness", "scores")}
        scenes.append({
            "image": stored["images"][i] if i < len(stored["images"]) else None,
            "panoptic": np.stack([stored["classes"][i], stored["instances"][i]], axis=-1).astype(int),
            "semantic": stored["semantic"][i].astype(int),
            "labels": stored["labels"][rows].astype(int),
            "masks": stored["masks"][rows] / 9,
            **answers,
        })  # fmt: skip
    return scenes


def _scenes(split, count, seed=0):
    """Images and panoptic maps of scenes with at least two things."""
    from .. import data

    part = data.load_scenes(split, 5 * count, seed=seed)
    rows = np.flatnonzero((part["labels"] >= 0).sum(axis=1) >= 2)[:count]
    return part["images"][rows], part["panoptic"][rows]


def _ask(images, panoptic, rng):
    """Arrays as they are stored: what the networks of the course answer for the images, with noise on them."""
    from .. import data, scenes
    from ..networks import detection, segmentation
    from ..networks import masks as mask_head

    images = np.clip(images + rng.normal(0, 20, images.shape), 0, 255).astype(np.uint8)
    detector = data.load_weights("16_one_stage", detection.build_detector())
    head = data.load_weights("17_masks_one_stage", mask_head.build_mask_head())
    unet = data.load_weights("15_unet", segmentation.build_unet())
    maps = mask_head.feature_maps(detector)
    stored = {name: [] for name in ("boxes", "labels", "scores", "objectness", "masks")}
    counts = []
    answers = detector.predict(images, verbose=0)
    for image, boxes, sure, kinds in zip(images, *detection.read_grid(answers, 64)):
        keep = rng.permutation(detection.surest_rows(boxes, sure, threshold=0.97, least=0.003, most=10))
        features = mask_head.crop_features(maps, image[None], [boxes[keep]])
        masks = 1 / (1 + np.exp(-head.predict(features, verbose=0))) if len(keep) else np.zeros((0, 28, 28))
        stored["boxes"].append(boxes[keep].astype(np.float16))
        stored["labels"].append((kinds[keep].argmax(-1) + scenes.THINGS[0]).astype(np.uint8))
        stored["scores"].append((sure[keep] * kinds[keep].max(-1)).astype(np.float16))
        stored["objectness"].append(sure[keep].astype(np.float16))
        stored["masks"].append(np.round(9 * masks).astype(np.uint8))
        counts.append(len(keep))
    return {
        "images": images[:SHOWN] // 8 * 8 + 4,
        "classes": panoptic[..., 0].astype(np.uint8),
        "instances": panoptic[..., 1].astype(np.uint8),
        "semantic": unet.predict(images, verbose=0).argmax(-1).astype(np.uint8),
        "counts": np.array(counts, np.uint8),
        **{name: np.concatenate(parts) for name, parts in stored.items()},
    }


def fresh_scenes(rng, count=2 * TRY_OUT):
    """Scenes in no file, with what the networks answer there: as :func:`read_scenes`. Grading only: it needs Keras.

    Args:
        rng: NumPy generator; who does not know its state cannot make the truth again.
        count: number of scenes.
    """
    return _unpack(_ask(*_scenes("test", count, int(rng.integers(1, 2**40))), rng))


def store(seed=0):
    """Ask the networks of the course about noisy scenes and store what they answer in ``data/``."""
    parts = [_scenes(split, count) for split, count in (("validation", TRY_OUT), ("test", 2 * TRY_OUT))]
    np.savez_compressed(STORED, **_ask(*map(np.concatenate, zip(*parts)), np.random.default_rng(seed)))


if __name__ == "__main__":
    store()
