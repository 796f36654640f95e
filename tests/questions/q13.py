"""Numeric answers of lesson 13, by plain arithmetic."""


def _head(channels):
    """Parameters of an auxiliary head: 1×1 convolution to 128, averages of 4×4, dense 1,024, dense 1,000."""
    return (channels + 1) * 128 + (4 * 4 * 128 + 1) * 1024 + (1024 + 1) * 1000


ANSWERS = {
    1: lambda: 64 + 128 + 32 + 32,
    2: lambda: 192 * 16,
    3: lambda: 28**2 * 5**2 * 16 * 32,
    4: lambda: 128 + 192 + 96 + 416,
    5: lambda: 3 + 9 * 2 + 1,
    7: lambda: _head(512) + _head(528),
}
