"""Numeric answers of lesson 11, by a loop of their own: every layer adds its kernel less one, times the jump."""


def _size(layers):
    size, jump = 1, 1
    for kernel, stride in layers:
        size, jump = size + (kernel - 1) * jump, jump * stride
    return size


def _missed_by_the_first_output(size=224):
    """Follow the first output of ResNet-18 back to the image: the last pixel that it reads."""
    last = 0
    for kernel, stride in reversed(_RESNET_18):
        last = last * stride + kernel - 1 - kernel // 2
    return size - 1 - last


_RESNET_18 = [(7, 2), (3, 2)] + [(3, 1)] * 4 + 3 * ([(3, 2)] + [(3, 1)] * 3)
ANSWERS = {
    1: lambda: _size([(3, 1)] * 4),
    2: lambda: _size([(3, 1), (2, 2), (3, 1), (2, 2), (3, 1)]),
    4: _missed_by_the_first_output,
    5: lambda: (32 / 8) ** 0.5,
}
