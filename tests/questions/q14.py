"""Numeric answers of lesson 14, by plain arithmetic."""

ANSWERS = {
    1: lambda: (1 - 0.9) * 4,
    2: lambda: 64 * 8 * 8,
    3: lambda: 16 * 32 + 32 + 32,
    4: lambda: max(0 + -1, 0),
    7: lambda: (110 - 2) // (3 * 2),
}
