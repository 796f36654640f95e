"""What the networks of lessons 15 to 18 share: the brick of a convolution, and the encoder built from it."""

from .._quiet import keras

WIDTHS = (16, 32, 48, 64)  # channels at stride 1, 2, 4 and 8


def convolution(x, filters, momentum=0.9):
    """3×3 convolution, batch normalization, ReLU: the brick of the encoder.

    Args:
        x: symbolic maps (batch, height, width, channels).
        filters: channels of the result.
        momentum: of the moving averages; 0.9 follows within some dozens of steps.

    Returns:
        symbolic maps (batch, height, width, filters).

    Introduced in lesson 15.

    >>> convolution(keras.Input((8, 8, 3)), 16).shape
    (None, 8, 8, 16)
    """
    x = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    return keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=momentum)(x))


def encoder(images, widths=WIDTHS, momentum=0.9):
    """Maps at stride 1, 2, 4 and 8: what the picture holds, ever coarser in place and richer in meaning.

    Args:
        images: symbolic uint8 images (batch, height, width, 3).
        widths: channels at each stride; from the third on two convolutions.
        momentum: of the batch normalization.

    Returns:
        list of symbolic maps, the finest first.

    Introduced in lesson 15.

    >>> [maps.shape[1:] for maps in encoder(keras.Input((64, 64, 3)))]
    [(64, 64, 16), (32, 32, 32), (16, 16, 48), (8, 8, 64)]
    """
    x, maps = keras.layers.Rescaling(1 / 127.5, -1)(images), []
    for level, filters in enumerate(widths):
        x = keras.layers.MaxPooling2D()(x) if level else x
        x = convolution(x, filters, momentum)
        x = convolution(x, filters, momentum) if level >= 2 else x
        maps.append(x)
    return maps
