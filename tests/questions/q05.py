"""The numeric answers of *Check yourself* in lesson 05, computed by other means than the lesson."""

import numpy as np


def weights(*shape):
    """How many numbers a kernel of this shape holds."""
    return np.zeros(shape).size


ANSWERS = {
    1: lambda: weights(1, 1, 512),
    2: lambda: int(np.array([10, 20, 30]) @ np.array([1, 0, -1])) + 5,
    3: lambda: weights(1, 1, 64, 10) + 10,
    5: lambda: weights(1, 1, 128, 32) + weights(3, 3, 32, 128),
    6: lambda: weights(3, 3, 64, 64) + 64,
}
