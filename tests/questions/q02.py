"""The numeric answers of *Check yourself* in lesson 02, computed by other means than the lesson."""

import numpy as np


def parameters(size):
    """Of 16 filters of 3×3 and their biases; the size of the picture is given, and of no use."""
    assert size >= 3
    return np.ones((3, 3, 1, 16)).size + np.zeros(16).size


ANSWERS = {
    1: lambda: parameters(28),
    2: lambda: parameters(56),
    3: lambda: next(shift for shift in range(1, 99) if shift / 2 / 2 == 2),
}
