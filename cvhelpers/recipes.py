"""All five answers of the trained networks, and the long trainings behind them (lessons 16 to 18).

``python -m cvhelpers.recipes`` trains all and stores the weights in ``data/``.

``--seed 1`` starts from other first weights, ``--short`` trains each detector for about a minute on two cores,
``--report`` stores nothing; all print how good the networks are on 500 test scenes. Nothing here chose a setting by
looking at test scenes. On a processor without VNNI TensorFlow leaves oneDNN off: ``TF_ENABLE_ONEDNN_OPTS=1`` in the
environment then saves a third of the time.
"""

import argparse
import time

import numpy as np

from . import data, detection, instances, metrics, proposals, scenes, training
from .segmentation import build_unet

LONG = {  # the stored weights
    "one_stage": {"count": 12000, "epochs": 2},
    "proposer": {"count": 9000, "epochs": 1},
    "classifier": {"count": 5000, "epochs": 3},
    "masks": {"count": 3000, "epochs": 3},
}
SHORT = {
    "one_stage": {"count": 7000, "epochs": 2},
    "proposer": {"count": 5000, "epochs": 1},
    "classifier": {"count": 3000, "epochs": 3},
    "masks": {"count": 2000, "epochs": 3},
}


def training_batches(count, size=64):
    """The first training scenes, a thousand at a time: the masks of all would fill the memory."""
    for start in range(0, count, 1000):
        yield scenes.make_scenes("train", min(1000, count - start), size, start=start)


def load_training_scenes(count, size=64, keys=("images", "boxes", "labels")):
    """The first training scenes, only those parts that a training needs."""
    parts = [{key: batch[key] for key in keys} for batch in training_batches(count, size)]
    return {key: np.concatenate([part[key] for part in parts]) for key in keys}


def train_detector(batch, epochs, seed=0, batch_size=32, name="one_stage", classes=detection.CLASSES, **weights):
    """The one-stage detector of lesson 16, trained on any square pictures with boxes.

    Args:
        batch: dict as a batch of scenes: ``images``, ``boxes``, ``labels`` (3 is the first class, -1 padding).
        epochs, batch_size: as for ``fit``.
        seed: of the first weights and the order of the pictures.
        name: of the model.
        classes: number of classes.
        weights: of the parts of the loss, as for :func:`cvhelpers.detection.detector_loss`.

    Returns:
        the trained model.

    Introduced in lesson 16.
    """
    training.set_seed(seed)
    model = detection.build_detector(batch["images"].shape[1], classes=classes, name=name)
    images, targets = detection.compile_detector(model, batch, epochs, batch_size, **weights)
    training.fit(model, images, targets, batch_size=batch_size, epochs=epochs)
    return model


def train_one_stage(seed=0, count=4000, epochs=6, size=64):
    """The one-stage detector of lesson 16.

    Args:
        seed: of the first weights and the order of the scenes.
        count: number of scenes.
        epochs: how often each is seen.
        size: height and width of the scenes in pixels.

    Returns:
        the trained model.

    Introduced in lesson 16.
    """
    return train_detector(load_training_scenes(count, size), epochs, seed)


def train_proposer(seed=0, count=3000, epochs=3, size=64):
    """The first stage of the two-stage detector: the same network, but it never learns a class.

    Arguments and result as for :func:`train_one_stage`. Introduced in lesson 16.
    """
    batch = load_training_scenes(count, size)
    return train_detector(batch, epochs, seed, name="proposer", class_weight=0.0, box_weight=1.0)


def train_classifier(proposer, seed=0, count=3000, epochs=5, size=64):
    """The second stage, trained on the proposals of the first.

    Arguments and result as for :func:`train_one_stage`. Introduced in lesson 16.
    """
    training.set_seed(seed)
    crops, targets = proposals.classifier_data(proposer, load_training_scenes(count, size), seed)
    model = proposals.compile_classifier(proposals.build_classifier(), len(crops), epochs)
    training.fit(model, crops, targets, batch_size=64, epochs=epochs)
    return model


def train_mask_head(detector, seed=0, count=3000, epochs=3, size=64, rule=instances.align, strides=(2, 4)):
    """A mask head on the frozen feature maps of a detector, trained on scenes.

    Args:
        detector: trained one-stage detector or proposer.
        seed, count, epochs, size: as for :func:`train_one_stage`.
        rule: how boxes are cropped from the feature maps.
        strides: which feature maps it sees.

    Returns:
        feature maps (a model) and the trained head.

    Introduced in lesson 17.
    """
    return fit_mask_head(detector, training_batches(count, size), epochs, seed, rule=rule, strides=strides)


def fit_mask_head(detector, batches, epochs, seed=0, batch_size=64, rule=instances.align, strides=(2, 4)):
    """A mask head on the frozen feature maps of a detector, trained on any pictures with masks.

    Args:
        detector, rule, strides: as for :func:`train_mask_head`.
        batches: iterable of dicts as batches of scenes: ``images``, ``boxes``, ``labels``, ``masks``.
        epochs, batch_size: as for ``fit``.
        seed: of the first weights and the order of the crops.

    Returns:
        feature maps (a model) and the trained head.

    Introduced in lesson 17.
    """
    training.set_seed(seed)
    maps = instances.feature_maps(detector, strides)
    features, targets = [], []
    for batch in batches:
        truths = scenes.per_image(batch)
        boxes = [truth["boxes"] for truth in truths]
        features.append(instances.crop_features(maps, batch["images"], boxes, rule))
        targets.append(instances.mask_targets([truth["masks"] for truth in truths], boxes))
    features, targets = np.concatenate(features), np.concatenate(targets)
    head = instances.build_mask_head(features.shape[-1])
    head = instances.compile_mask_head(head, len(features), epochs, batch_size)
    training.fit(head, features, targets, batch_size=batch_size, epochs=epochs)
    return maps, head


def answer_scenes(images, least=0.4):
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

    Introduced in lesson 01.

    >>> answer = answer_scenes(data.load_scenes("test", 1)["images"])[0]
    >>> answer["panoptic"].shape
    (64, 64, 2)
    """
    logits = data.load_weights("15_unet", build_unet()).predict(images, batch_size=100, verbose=0)
    proposer = data.load_weights("16_proposer", detection.build_detector(name="proposer"))
    classifier = data.load_weights("16_classifier", proposals.build_classifier())
    head = data.load_weights("17_masks_two_stages", instances.build_mask_head())
    found = proposals.detect_in_two_stages(proposer, classifier, images)
    found = instances.add_masks(found, instances.feature_maps(proposer), head, images)
    answers = []
    for image, detected, one in zip(images, found, logits):
        detected = {key: values[detected["scores"] >= least] for key, values in detected.items()}
        panoptic = instances.fill_seams(instances.merge_panoptic(detected, one.argmax(-1)))
        semantic = np.where(panoptic[..., 0] >= 0, panoptic[..., 0], one[..., : scenes.STICKER].argmax(-1))
        covered = [(semantic == kind).sum() for kind in scenes.STUFF]
        answers.append(detected | {"images": image, "semantic": semantic, "panoptic": panoptic})
        answers[-1]["classes"] = np.argmax(covered)
    return answers


def report(name, value, start):
    wall, cpu = time.time() - start[0], time.process_time() - start[1]
    print(f"{name:<28} {value}   {wall:.0f} s, {cpu:.0f} s of CPU", flush=True)


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m cvhelpers.recipes", description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--short", action="store_true", help="fewer scenes; stores nothing")
    parser.add_argument("--report", action="store_true", help="store nothing")
    parser.add_argument("--split", default="test", help="scenes that are judged: validation while settings are chosen")
    options = parser.parse_args(arguments)
    sizes = SHORT if options.short else LONG
    batch = data.load_scenes(options.split, 500)
    images, truths = batch["images"], scenes.per_image(batch)
    unet = data.load_weights("15_unet", build_unet())
    logits = unet.predict(images, batch_size=100, verbose=0)
    trained = {}

    def clock():
        return time.time(), time.process_time()

    def average_precision(found, on="boxes"):
        result = metrics.average_precision(truths, found, on=on)
        return "  ".join(f"{key} {result[key]:.3f}" for key in ("AP", "AP50", "AP75"))

    def masks_and_panoptic(name, detector, find):
        start = clock()
        maps, head = train_mask_head(detector, options.seed, **sizes["masks"])
        trained[f"17_masks_{name}"] = head
        report(f"masks, {name}: training", "", start)
        start = clock()
        every = instances.add_masks(find(True), maps, head, images)
        report(f"masks, {name}", average_precision(every, "masks"), start)
        start = clock()
        best = instances.add_masks(find(False), maps, head, images)
        merged = [instances.merge_panoptic(d, s) for d, s in zip(best, logits.argmax(-1))]
        for kind, made in (("seams void", merged), ("seams filled", [instances.fill_seams(m) for m in merged])):
            quality = metrics.panoptic_quality(batch["panoptic"], np.stack(made), scenes.THINGS, void=-1)
            groups = {"all": quality, "things": quality["things"], "stuff": quality["stuff"]}
            text = "  ".join(f"{k} {v['PQ']:.3f}/{v['SQ']:.3f}/{v['RQ']:.3f}" for k, v in groups.items())
            report(f"panoptic, {name}, {kind}", text, start)

    start = clock()
    load_training_scenes(1000)
    report("making 1,000 scenes", "(each training makes its own)", start)
    start = clock()
    one = trained["16_one_stage"] = train_one_stage(options.seed, **sizes["one_stage"])
    report("one stage: training", "", start)
    start = clock()
    report("one stage", average_precision(detection.detect(one, images, every_label=True)), start)
    masks_and_panoptic("one_stage", one, lambda every: detection.detect(one, images, every))

    start = clock()
    proposer = trained["16_proposer"] = train_proposer(options.seed, **sizes["proposer"])
    report("proposer: training", "", start)
    start = clock()
    classifier = trained["16_classifier"] = train_classifier(proposer, options.seed, **sizes["classifier"])
    report("classifier: training", "", start)

    def find(every):
        return proposals.detect_in_two_stages(proposer, classifier, images, every)

    start = clock()
    report("two stages", average_precision(find(True)), start)
    masks_and_panoptic("two_stages", proposer, find)
    if not (options.report or options.short):
        for name, model in trained.items():
            print(data.save_weights(name, model).name)


if __name__ == "__main__":
    main()
