"""What a check looks at in a Keras network: shapes, parameters, and values with weights that are the same for
everybody."""

import numpy as np


def fill_weights(model):
    """Give every weight of a Keras model or layer a value that depends on its role and size only.

    So two networks that compute the same agree, whatever the order in which their layers were made; a dense layer on
    flattened maps agrees with the convolution that it replaces. Variances become positive.

    Args:
        model: a built Keras model or layer; changed in place.

    Returns:
        the same model.
    """
    for variable in model.weights:
        if "seed" in variable.path or np.dtype(str(variable.dtype)).kind != "f":
            continue  # states of random layers
        role, size = variable.path.split("/")[-1], int(np.prod(variable.shape))
        rng = np.random.default_rng([size, sum(map(ord, role))])
        # As in He initialisation: the scale of the values stays alike from layer to layer.
        inputs = max(1, size // int(variable.shape[-1])) if len(variable.shape) > 1 else 1
        values = rng.normal(size=size) * np.sqrt(2 / inputs) if inputs > 1 else rng.uniform(0.5, 1.5, size)
        if role in ("beta", "bias", "moving_mean"):
            values = values - 1
        variable.assign(values.reshape(variable.shape).astype(np.float32))
    return model


def summary(model, inputs):
    """Shapes, number of parameters and values of a Keras model for one input, with weights by :func:`fill_weights`.

    Args:
        model: a Keras model.
        inputs: float array, a batch.

    Returns:
        dict with ``output shape`` (without the batch), ``parameters`` and ``values``.
    """
    fill_weights(model)
    values = np.asarray(model(inputs, training=False))
    return {"output shape": list(values.shape[1:]), "parameters": int(model.count_params()), "values": values}
