"""Numeric answers of lesson 10, counted one weight at a time."""


def _convolution(filters, size, channels, groups=1):
    weights = [(row, column, channel) for row in range(size) for column in range(size) for channel in range(channels)]
    return sum(len(weights) // groups + 1 for _ in range(filters))


ANSWERS = {
    1: lambda: _convolution(16, 5, 6),
    2: lambda: _convolution(256, 5, 96, groups=2),
    3: lambda: _convolution(4096, 6, 256),  # a dense layer is a convolution with one position
}
