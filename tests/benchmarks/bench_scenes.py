"""Scenes made per second on one core: python tests/benchmarks/bench_scenes.py (wanted: 2,000 of 64x64 pixels)."""

import os

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")  # before NumPy loads: one core

import time

import numpy as np

from cvhelpers import data

SIZES = {64: 1000, 96: 400, 128: 200}
REPEATS = 5


def rate(size, count):
    start = time.process_time()
    data.load_scenes("train", count, size)
    return count / (time.process_time() - start)


if __name__ == "__main__":
    data.load_scenes("train", 100)  # digits and ground are prepared once
    rates = {size: [] for size in SIZES}
    for _ in range(REPEATS):  # interleaved, so that a busy machine slows all sizes alike
        for size, count in SIZES.items():
            rates[size].append(rate(size, count))
    for size, measured in rates.items():
        low, middle, high = np.percentile(measured, [0, 50, 100])
        print(f"{size:3} px: {middle:6.0f} scenes per second and core (slowest {low:.0f}, fastest {high:.0f})")
    print(f"ratio to the wanted 2,000 per second at 64 px: {np.median(rates[64]) / 2000:.2f}")
