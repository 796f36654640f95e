"""The learning curve of lesson 19: ``python tests/benchmarks/bench_photos.py [SEEDS]`` makes ``data/19_curve.json``.

5, 10, 20 and 40 labelled photographs from all four scenes, each seed with other photographs and other first weights,
judged on the 24 test photographs of the lesson; seed 0 with 20 photographs is the training that the lesson does.
Stores AP50 and AP, and the CPU seconds of copies, maps and both trainings on one thread; about a quarter of an hour
for three seeds. A training that the file holds already is not done again: delete the file to make all of it anew.
"""

# ruff: noqa: E402
import json
import os
import pathlib
import sys
import tempfile
import time

os.environ.update(TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1", CVHELPERS_PROGRESS="0")
sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))

import numpy as np

from cvhelpers import data, metrics, scenes
from cvhelpers.annotations import practice
from cvhelpers.networks import photos

COUNTS = (20, 5, 10, 40)
FILE = data.DATA / "19_curve.json"


def judge(detector, batch):
    """AP50 and AP of boxes and of masks."""
    truths, found = scenes.per_image(batch), photos.detect_in_squares(detector, batch["images"], every_label=True)
    results = {on: metrics.average_precision(truths, found, on=on) for on in ("boxes", "masks")}
    return {f"{on} {key}": round(result[key], 4) for on, result in results.items() for key in ("AP50", "AP")}


def main(seeds=3):
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


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
