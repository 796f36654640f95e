"""The long trainings behind lessons 15 to 18: ``python -m cvhelpers.course weights`` stores their weights in ``data/``.

``--seed 1`` starts from other first weights, ``--short`` trains each detector for about a minute on two cores,
``--report`` stores nothing; all print how good the networks are on 500 test scenes. Nothing here chose a setting by
looking at test scenes. On a processor without VNNI TensorFlow leaves oneDNN off: ``TF_ENABLE_ONEDNN_OPTS=1`` in the
environment then saves a third of the time.
"""

import argparse
import time

import numpy as np

from .. import data, metrics, scenes, training
from ..networks import detection, masks, panoptic, proposals, segmentation

UNETS = {"15_unet": {}, "15_unet_without_skips": {"skips": False, "name": "unet_without_skips"}}
UNET_SCENES, UNET_EPOCHS = 4000, 3
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


def train_unet(seed, **settings):
    """The U-Net of lesson 15: some 45 seconds on two cores."""
    training.set_seed(seed)
    batch = scenes.load_training_scenes(UNET_SCENES, keys=("images", "semantic"))
    model = segmentation.compile_segmenter(segmentation.build_unet(**settings), UNET_SCENES, UNET_EPOCHS)
    truths = scenes.sticker_map(batch["semantic"])
    training.fit(model, batch["images"], truths, batch_size=16, epochs=UNET_EPOCHS)
    return model


def train_one_stage(seed, count, epochs):
    """The one-stage detector of lesson 16."""
    return detection.train_detector(scenes.load_training_scenes(count), epochs, seed, class_numbers=scenes.THINGS)


def train_proposer(seed, count, epochs):
    """The first stage of the two-stage detector: the same network, but it never learns a class."""
    batch, settings = scenes.load_training_scenes(count), {"class_weight": 0.0, "box_weight": 1.0}
    return detection.train_detector(batch, epochs, seed, name="proposer", class_numbers=scenes.THINGS, **settings)


def train_classifier(proposer, seed, count, epochs):
    """Its second stage."""
    batch = scenes.load_training_scenes(count)
    return proposals.train_classifier(proposer, batch, epochs, seed, class_numbers=scenes.THINGS)


def train_mask_head(detector, seed, count, epochs):
    """The mask head of lesson 17 on the maps of a detector: the maps (a model) and the head."""
    return masks.fit_mask_head(detector, scenes.training_batches(count), epochs, seed)


def report(name, value, start):
    """One line: what, how good, how long."""
    wall, cpu = time.time() - start[0], time.process_time() - start[1]
    print(f"{name:<28} {value}   {wall:.0f} s, {cpu:.0f} s of CPU", flush=True)


def main(arguments=None):
    """Train, judge, and store unless told otherwise."""
    parser = argparse.ArgumentParser(prog="python -m cvhelpers.course weights", description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="?", choices=("unet", "detectors"), default="detectors", help="which networks")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--short", action="store_true", help="fewer scenes; stores nothing")
    parser.add_argument("--report", action="store_true", help="store nothing")
    parser.add_argument("--split", default="test", help="scenes that are judged: validation while settings are chosen")
    options = parser.parse_args(arguments)
    if options.names == "unet":
        for name, settings in UNETS.items():
            model = train_unet(options.seed, **settings)
            print(name if options.report else data.save_weights(name, model))
        return
    sizes = SHORT if options.short else LONG
    batch = data.load_scenes(options.split, 500)
    images, truths = batch["images"], scenes.per_image(batch)
    unet = data.load_weights("15_unet", segmentation.build_unet())
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
        every = masks.add_masks(find(True), maps, head, images)
        report(f"masks, {name}", average_precision(every, "masks"), start)
        start = clock()
        best = masks.add_masks(find(False), maps, head, images)
        merged = [panoptic.merge_panoptic(d, s) for d, s in zip(best, logits.argmax(-1))]
        for kind, made in (("seams void", merged), ("seams filled", [panoptic.fill_seams(m) for m in merged])):
            quality = metrics.panoptic_quality(batch["panoptic"], np.stack(made), scenes.THINGS, void=-1)
            groups = {"all": quality, "things": quality["things"], "stuff": quality["stuff"]}
            text = "  ".join(f"{k} {v['PQ']:.3f}/{v['SQ']:.3f}/{v['RQ']:.3f}" for k, v in groups.items())
            report(f"panoptic, {name}, {kind}", text, start)

    start = clock()
    scenes.load_training_scenes(1000)
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
