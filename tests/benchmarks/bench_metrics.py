"""Our metrics and boxes against the libraries people use, in one run: ``python tests/benchmarks/bench_metrics.py``.

Prints CPU seconds (best of several interleaved rounds) and the ratio ours / theirs; below 1 means that ours is faster.
"""

import importlib.util
import pathlib
import sys
import time

import numpy as np

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1]), str(pathlib.Path(__file__).resolve().parents[2])]

from test_metrics import coco_average_precision, random_case, random_panoptic, slow_panoptic_quality  # noqa: E402

from cvhelpers import boxes as B  # noqa: E402
from cvhelpers import metrics as M  # noqa: E402
from cvhelpers._quiet import tf  # noqa: E402


def compare(name, ours, theirs, rounds=5):
    """Time both in turn; return both results."""
    best = [np.inf, np.inf]
    for _ in range(rounds):
        for place, call in enumerate((ours, theirs)):
            start = time.process_time()
            result = call()
            best[place] = min(best[place], time.process_time() - start)
            results = (result,) if place == 0 else (*results, result)  # noqa: F821
    print(f"{name:<46} ours {best[0] * 1e3:8.2f} ms   theirs {best[1] * 1e3:8.2f} ms   ratio {best[0] / best[1]:.2f}")
    return results


def panopticapi_style(truths, predictions, things, void):
    """How panopticapi counts: id maps, dicts of areas, one loop over the pairs of ids of an image."""
    offset, sums = 1 << 20, {}
    for truth, prediction in zip(truths, predictions):
        ids = []
        for panoptic in (truth.astype(np.int64), prediction.astype(np.int64)):
            number = np.where(np.isin(panoptic[..., 0], things), panoptic[..., 1], 0)
            ids.append(np.where(panoptic[..., 0] == void, 0, (panoptic[..., 0] + 1) * 1000 + number))
        areas = [dict(zip(*np.unique(one, return_counts=True))) for one in ids]
        pairs = dict(zip(*np.unique(ids[0] * offset + ids[1], return_counts=True)))
        matched = set()
        for pair, common in pairs.items():
            wanted, found = int(pair) // offset, int(pair) % offset
            if not wanted or not found or wanted // 1000 != found // 1000:
                continue
            union = areas[0][wanted] + areas[1][found] - common - pairs.get(found, 0)
            if common / union > 0.5:
                entry = sums.setdefault(wanted // 1000 - 1, [0.0, 0, 0, 0])
                entry[0], entry[1] = entry[0] + common / union, entry[1] + 1
                matched |= {("t", wanted), ("p", found)}
        for wanted in areas[0]:
            if wanted and ("t", wanted) not in matched:
                sums.setdefault(int(wanted) // 1000 - 1, [0.0, 0, 0, 0])[3] += 1
        for found in areas[1]:
            if found and ("p", found) not in matched and pairs.get(found, 0) / areas[1][found] <= 0.5:
                sums.setdefault(int(found) // 1000 - 1, [0.0, 0, 0, 0])[2] += 1
    return {kind: entry[0] / (entry[1] + entry[2] / 2 + entry[3] / 2) for kind, entry in sums.items()}


def main():
    for on, images in (("boxes", 300), ("masks", 100)):
        truths, predictions = random_case(0, images=images, most=30, classes=10, masks=on == "masks")
        ours, theirs = compare(
            f"AP on {on}: pycocotools, whole call",
            lambda: M.average_precision(truths, predictions, on=on),  # noqa: B023
            lambda: coco_average_precision(truths, predictions, on=on),  # noqa: B023
            rounds=3,
        )
        print(f"   largest difference {max(abs(ours[k] - theirs[k]) for k in ('AP', 'AP50', 'AP75')):.1e}")
        evaluate_only(truths, predictions, on)
        for library in ("faster_coco_eval", "hotcoco"):  # the fastest that there are today, for honesty
            if not importlib.util.find_spec(library):
                print(f"   {library} is left out: pip install {library.replace('_', '-')}")
                continue
            ours, theirs = compare(
                f"AP on {on}: {library}, whole call",
                lambda: M.average_precision(truths, predictions, on=on),  # noqa: B023
                lambda: coco_average_precision(truths, predictions, on=on, library=library),  # noqa: B023
                rounds=3,
            )
            print(f"   largest difference {max(abs(ours[k] - theirs[k]) for k in ('AP', 'AP50', 'AP75')):.1e}")

    rng = np.random.default_rng(0)
    truth = random_panoptic(rng, 40, void=True).repeat(8, 1).repeat(8, 2)
    found = np.where(rng.random((40, 64, 64, 1)) < 0.1, random_panoptic(rng, 40, True).repeat(8, 1).repeat(8, 2), truth)
    ours, theirs = compare(
        "PQ, 40 maps of 64×64: panopticapi's way",
        lambda: M.panoptic_quality(truth, found, [3, 4, 5], void=-1),
        lambda: panopticapi_style(truth, found, [3, 4, 5], -1),
    )
    slow = slow_panoptic_quality(truth[:5], found[:5], {3, 4, 5}, -1)
    check = M.panoptic_quality(truth[:5], found[:5], [3, 4, 5], void=-1)
    print(f"   largest difference {max(abs(ours['per_class'][k]['PQ'] - v) for k, v in theirs.items()):.1e}, to the "
          f"definition {max(abs(check['per_class'][k]['PQ'] - v[0]) for k, v in slow.items()):.1e}")  # fmt: skip

    for count in (100, 1000, 5000):
        start = rng.uniform(0, 600, (count, 2))
        boxes = np.concatenate([start, start + rng.uniform(20, 120, (count, 2))], 1).astype(np.float32)
        scores = rng.random(count).astype(np.float32)
        yxyx = tf.constant(B.convert(boxes, "xyxy", "yxyx"))
        ours, theirs = compare(
            f"NMS of {count} boxes: tf.image",
            lambda: B.non_max_suppression(boxes, scores, 0.5),  # noqa: B023
            lambda: tf.image.non_max_suppression(yxyx, scores, count, 0.5).numpy(),  # noqa: B023
        )
        print(f"   kept {len(ours)}, the same boxes: {ours.tolist() == theirs.tolist()}")


def evaluate_only(truths, predictions, on):
    """pycocotools without reading its input: only ``evaluate`` and ``accumulate``; ours as it is, input included."""
    from pycocotools.cocoeval import COCOeval

    spent, original = {}, {name: getattr(COCOeval, name) for name in ("evaluate", "accumulate")}

    def timed(name):
        def call(self, *arguments):
            start = time.process_time()
            original[name](self, *arguments)
            spent[name] = min(spent.get(name, np.inf), time.process_time() - start)

        return call

    for name in original:
        setattr(COCOeval, name, timed(name))
    best = np.inf
    for _ in range(3):
        coco_average_precision(truths, predictions, on=on)
        start = time.process_time()
        M.average_precision(truths, predictions, on=on)
        best = min(best, time.process_time() - start)
    for name, call in original.items():
        setattr(COCOeval, name, call)
    theirs = sum(spent.values())
    ratio = best / theirs
    print(f"   evaluate + accumulate only (four ranges of area): theirs {theirs * 1e3:.2f} ms, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
