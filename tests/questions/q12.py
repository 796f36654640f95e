"""Numeric answers of lesson 12, by plain arithmetic."""

ANSWERS = {
    1: lambda: 256 * (3 * 3 * 128 + 1),
    2: lambda: round(100 * 3 * 3 * 3 / 7**2),
    3: lambda: 7 * 7 * 512 * 4096 + 4096,
    5: lambda: 0.01 * (9 * 512 / 2) ** 0.5,
}
