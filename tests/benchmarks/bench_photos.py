"""The learning curve of lesson 19: ``python tests/benchmarks/bench_photos.py [SEEDS]``.

5, 10, 20 and 40 labelled photographs, each seed with other photographs and other first weights, judged on the 24 test
photographs of the lesson. Prints AP50 and AP of boxes and masks, and CPU seconds of copies, maps and both trainings
(about 50 on a busy machine); a quarter of an hour for three seeds.
"""

import os
import sys
import tempfile
import time

os.environ.update(TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1", CVHELPERS_PROGRESS="0")

from cvhelpers import data, metrics, scenes  # noqa: E402
from cvhelpers.annotations import practice  # noqa: E402
from cvhelpers.networks import photos  # noqa: E402

COUNTS = (20, 5, 10, 40)


def judge(detector, batch):
    """AP50 and AP of boxes, then of masks."""
    truths, found = scenes.per_image(batch), photos.detect_in_squares(detector, batch["images"], every_label=True)
    results = [metrics.average_precision(truths, found, on=on) for on in ("boxes", "masks")]
    return [result[key] for result in results for key in ("AP50", "AP")]


def main(seeds=3):
    maps = photos.photo_maps(256)
    test = data.load_annotated(practice.make_photos(tempfile.mkdtemp(), "test", 24), size=256)
    print("pictures  seed  CPU s  of boxes: AP50, AP     of masks: AP50, AP")
    for seed in range(seeds):
        pool = data.load_annotated(practice.make_photos(tempfile.mkdtemp(), "learn", 40, seed=10 + seed), size=256)
        for count in COUNTS:
            start = time.process_time()
            detector = photos.train_on_photos(data.some_photos(pool, slice(0, count)), seed=seed, maps=maps)
            seconds = time.process_time() - start
            numbers = "".join(f"{number:9.2f}" for number in judge(detector, test))
            print(f"{count:8} {seed:5} {seconds:6.0f} {numbers}", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
