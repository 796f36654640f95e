"""Answers of *Check yourself* in lesson 19."""

ANSWERS = {
    1: lambda: 360 * 256 / 480,
    2: lambda: 64 / (256 / 480),
    3: lambda: (256 // 16) ** 2 * (1 + 4 + 5),
}
