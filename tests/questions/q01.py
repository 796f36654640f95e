"""The numeric answers of *Check yourself* in lesson 01, computed by other means than the lesson."""

CLASSES = ["grass", "brick", "gravel", *(f"digit {number}" for number in range(10))]

ANSWERS = {
    1: lambda: sum(2 for _ in range(64) for _ in range(64)),
    2: lambda: len(range(35, 57 + 1)),
    3: lambda: CLASSES.index("digit 4"),
    4: lambda: len({min(sheep) for sheep in [{1, 2, 3, 4}]}),
}
