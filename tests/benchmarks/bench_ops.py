"""CPU time of ``ops`` against TensorFlow, interleaved in one run: ``python tests/benchmarks/bench_ops.py``.

Each row shows the smallest CPU time of several rounds; ``process_time`` counts every thread, and both sides use
one unless the variables below say otherwise.
"""

# ruff: noqa: B023, E402
import os
import pathlib
import sys
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(name, "1")
sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))

import numpy as np

from cvhelpers import ops
from cvhelpers._quiet import tf

ROUNDS = 15
CONVOLUTIONS = (((64, 32, 32, 3), (5, 5, 16)), ((32, 28, 28, 64), (3, 3, 64)), ((16, 56, 56, 32), (3, 3, 32)))


def cpu_time(function):
    """CPU seconds of one call, from as many calls as fill 20 ms: the clock's step does not matter then."""
    calls, start = 0, time.process_time()
    while (spent := time.process_time() - start) < 0.02:
        function()
        calls += 1
    return spent / calls


def compare(title, ours, peer):
    """Print the smallest CPU times of both, measured in turns, and return their ratio."""
    difference = np.abs(ours() - peer().numpy()).max() / np.abs(peer().numpy()).max()
    times = np.array([[cpu_time(ours), cpu_time(peer)] for _ in range(ROUNDS)])
    a, b = times.min(0) * 1e3
    print(f"{title:44} {a:8.2f} ms {b:8.2f} ms   ratio {a / b:5.2f}   relative difference {difference:.0e}")
    return a / b


def main():
    print(f"{'CPU time':44} {'ops':>11} {'tensorflow':>11}")
    rng, ratios = np.random.default_rng(0), []
    for shape, (height, width, filters) in CONVOLUTIONS:
        images = rng.normal(size=shape).astype(np.float32)
        kernels = rng.normal(size=(height, width, shape[-1], filters)).astype(np.float32)
        tensors = tf.constant(images), tf.constant(kernels)
        for padding in ("valid", "same"):
            title = f"conv2d {shape} x {height}x{width}x{filters} {padding}"
            ratios.append(
                compare(
                    title,
                    lambda: ops.conv2d(images, kernels, padding=padding),
                    lambda: tf.nn.conv2d(*tensors, strides=1, padding=padding.upper()),
                )
            )
        title = f"max_pool2d {shape} 2x2"
        compare(title, lambda: ops.max_pool2d(images), lambda: tf.nn.max_pool2d(tensors[0], 2, 2, "VALID"))
    print(f"largest ratio of conv2d: {max(ratios):.2f} (wanted: at most 2.5)")
    return int(max(ratios) >= 3)


if __name__ == "__main__":
    sys.exit(main())
