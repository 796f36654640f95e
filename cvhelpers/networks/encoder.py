"""What the networks of lessons 15 to 18 share: the brick of a convolution, and the encoder built from it."""

from .._quiet import keras

WIDTHS = (16, 32, 48, 64)  # channels at stride 1, 2, 4 and 8
TWO_CONVOLUTIONS = 2  # from this level on: the maps are small, a second convolution is cheap
MOMENTUM = 0.9  # moving averages that follow within some dozens of steps; the default of 0.99 needs hundreds


def layer_of_stride(stride):
    """The name of the layer that ends the maps of a stride: ``model.get_layer(layer_of_stride(4)).output``."""
    return f"stride_{stride}"


def convolution(x, filters, momentum=MOMENTUM, name=None):
    """3×3 convolution, batch normalization, ReLU: the brick of the encoder.

    Args:
        x: symbolic maps (batch, height, width, channels).
        filters: channels of the result.
        momentum: of the moving averages.
        name: of the ReLU, for whoever looks for these maps.

    Returns:
        symbolic maps (batch, height, width, filters).

    Serves lesson 15.

    >>> convolution(keras.Input((8, 8, 3)), 16).shape
    (None, 8, 8, 16)
    """
    x = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    return keras.layers.ReLU(name=name)(keras.layers.BatchNormalization(momentum=momentum)(x))


def borrowed_maps(images, features):
    """The maps of a ready network, named as those of :func:`encoder`.

    Args:
        images: symbolic images (batch, height, width, 3).
        features: Keras model from images to maps, the finest first, such as ``backbone.feature_maps((4, 8, 16))``;
            freeze it (``features.trainable = False``) or not before you compile.

    Returns:
        list of symbolic maps, called ``stride_4``, ``stride_8``, …

    Serves lesson 15.

    >>> features = keras.Sequential([keras.Input((64, 64, 3)), keras.layers.AveragePooling2D(4)])
    >>> [maps.shape[1:] for maps in borrowed_maps(keras.Input((64, 64, 3)), features)]
    [(16, 16, 3)]
    """
    maps = features(images)
    maps = maps if isinstance(maps, list) else [maps]
    names = [layer_of_stride(images.shape[1] // one.shape[1]) for one in maps]
    return [keras.layers.Identity(name=name)(one) for name, one in zip(names, maps)]


def encoder(images, widths=WIDTHS, momentum=MOMENTUM):
    """Maps at stride 1, 2, 4 and 8: what the picture holds, ever coarser in place and richer in meaning.

    Args:
        images: symbolic uint8 images (batch, height, width, 3).
        widths: channels at each stride; from the third on two convolutions.
        momentum: of the batch normalization.

    Returns:
        list of symbolic maps, the finest first; the layers that end them are called ``stride_1``, ``stride_2``, …

    Introduced in lesson 15.

    >>> [maps.shape[1:] for maps in encoder(keras.Input((64, 64, 3)))]
    [(64, 64, 16), (32, 32, 32), (16, 16, 48), (8, 8, 64)]
    """
    x, maps = keras.layers.Rescaling(1 / 127.5, -1)(images), []
    for level, filters in enumerate(widths):
        x = keras.layers.MaxPooling2D()(x) if level else x
        x = convolution(x, filters, momentum) if level >= TWO_CONVOLUTIONS else x
        x = convolution(x, filters, momentum, name=layer_of_stride(2**level))
        maps.append(x)
    return maps
