"""What lesson 19 says about more photographs, refining and coins: ``python tests/benchmarks/bench_photos.py PART``.

``curve`` makes ``data/19_curve.json``: 5, 10, 20 and 40 labelled photographs from all four scenes, each seed with other
photographs and other first weights, judged on the 24 test photographs of the lesson; seed 0 with 20 photographs is the
training that the lesson does. Stores AP50 and AP, and the CPU seconds of copies, maps and both trainings on one thread;
about a quarter of an hour for three seeds. A training that the file holds already is not done again: delete the file
to make all of it anew.

``refine`` trains the grid on 20 photographs and goes on for 60 steps: the grid alone, and with it the last blocks of
the network below, on the same copies, from the same weights, at the same rate. Prints AP50, AP75 and AP for each seed.

``coins`` learns from windows of the upper half of one photograph and finds the coins of its lower half.
"""

# ruff: noqa: E402
import argparse
import json
import os
import pathlib
import sys
import tempfile
import time

os.environ.update(TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1", CVHELPERS_PROGRESS="0")
sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))

import numpy as np
import skimage.data
from PIL import Image

from cvhelpers import data, metrics, scenes
from cvhelpers._quiet import keras
from cvhelpers.annotations import practice
from cvhelpers.networks import detection, photos

COUNTS = (20, 5, 10, 40)
FILE = data.DATA / "19_curve.json"


def judge(detector, batch, keys=("AP50", "AP")):
    """Average precision of boxes, and of masks where the detector has them."""
    truths, found = scenes.per_image(batch), photos.detect_in_squares(detector, batch["images"], every_label=True)
    kinds = ("boxes", "masks") if detector.mask_head else ("boxes",)
    results = {on: metrics.average_precision(truths, found, on=on) for on in kinds}
    return {f"{on} {key}": round(result[key], 4) for on, result in results.items() for key in keys}


def curve(seeds):
    maps = photos.photo_maps(256)
    test = data.load_annotated(practice.make_photos(tempfile.mkdtemp(), "test", 24), size=256)
    runs = json.loads(FILE.read_text("utf-8")) if FILE.exists() else []
    done = {(run["photographs"], run["seed"]) for run in runs}
    print("photographs  seed  CPU s  of boxes: AP50, AP  of masks: AP50, AP")
    for seed in range(seeds):
        pool = data.load_annotated(practice.make_photos(tempfile.mkdtemp(), "learn", 40, seed), size=256)
        made = np.array([int(pathlib.Path(file).stem.rsplit("_", 1)[1]) for file in pool["files"]])
        for count in COUNTS:
            if (count, seed) in done:
                continue
            some = data.some_photos(pool, made < count)  # the first that were made: the files are sorted by scene
            start = time.process_time()
            detector = photos.train_on_photos(some, seed=seed, maps=maps)
            run = {"photographs": count, "seed": seed, "cpu_seconds": round(time.process_time() - start, 1)}
            runs.append(run | judge(detector, test))
            print(*runs[-1].values(), flush=True)
            FILE.write_text("[\n" + ",\n".join(map(json.dumps, runs)) + "\n]\n", "utf-8")


def show(name, seed, detector, test, start):
    """Print what `judge` says, and the CPU seconds since ``start``."""
    spent = time.process_time() - start
    print(f"seed {seed}  {name}: {judge(detector, test, ('AP50', 'AP75', 'AP'))}  {spent:.0f} CPU s", flush=True)


def refine(seeds):
    test = data.load_annotated(practice.make_photos(tempfile.mkdtemp(), "test", 24), size=256)
    for seed in range(seeds):
        batch = data.load_annotated(practice.make_photos(tempfile.mkdtemp(), "learn", 20, seed), size=256)
        copies, maps, start = photos.varied(batch, 160, seed), photos.photo_maps(256), time.process_time()
        stored, classes = photos.store_maps(maps, copies["images"]), len(batch["names"])
        head = photos.fit_head(maps, stored, copies, classes, seed=seed)
        show("frozen", seed, photos.PhotoDetector(head, None, batch["names"], 256, maps), test, start)
        first = head.get_weights()
        targets = detection.grid_targets(
            copies["boxes"], copies["labels"], 256, range(classes), photos.STRIDE, photos.UNIT
        )
        for block in (17, 15, 9):  # 17: none of the network
            head.set_weights(first)
            maps, start = photos.photo_maps(256), time.process_time()
            maps.trainable = True
            for layer in maps.layers:  # statistics of normalization stay, as in lesson 08
                number = int(layer.name.split("_")[1]) if layer.name.startswith("block_") else 0
                layer.trainable = number >= block and not isinstance(layer, keras.layers.BatchNormalization)
            model = keras.Model(maps.inputs, head(photos._at(maps.outputs, photos.SEEN)))
            detection.compile_detector(model, len(targets), 3, photos.BATCH, peak=6e-4)
            model.fit(copies["images"], targets, batch_size=photos.BATCH, epochs=3, verbose=0)
            name = "grid 60 steps more" if block > 16 else f"blocks {block} to 16 too"
            show(name, seed, photos.PhotoDetector(head, None, batch["names"], 256, maps), test, start)


def windows(half, count, rng, side=150):
    """Windows of skimage's photograph of coins, as a batch of `data.load_annotated`; half 0 is the upper one."""
    folder, photo = pathlib.Path(tempfile.mkdtemp()), Image.fromarray(skimage.data.coins())
    outlines = [np.array(one["outline"]) for one in json.loads((data.DATA / "cutouts.json").read_text("utf-8"))["coin"]]
    for number in range(count):
        left, top = int(rng.integers(0, photo.width - side + 1)), half * (photo.height - side)
        shapes = []
        for outline in outlines:
            inside = (outline - (left, top)).clip(0, side)
            if np.ptp(inside, 0).prod() > 0.5 * np.ptp(outline, 0).prod():
                shapes.append({"label": "coin", "points": inside.tolist(), "shape_type": "polygon"})
        photo.crop((left, top, left + side, top + side)).save(folder / f"{number:02}.png")
        known = {"shapes": shapes, "imagePath": f"{number:02}.png", "imageWidth": side, "imageHeight": side}
        (folder / f"{number:02}.json").write_text(json.dumps(known), "utf-8")
    return data.load_annotated(folder, size=256)


def coins(seeds):
    test, maps = windows(1, 20, np.random.default_rng(99)), photos.photo_maps(256)
    for seed in range(seeds):
        for count in (5, 20):
            batch, start = windows(0, count, np.random.default_rng(seed)), time.process_time()
            show(f"{count} windows", seed, photos.train_on_photos(batch, seed=seed, maps=maps), test, start)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("curve", "refine", "coins"))
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    {"curve": curve, "refine": refine, "coins": coins}[options.part](options.seeds)
