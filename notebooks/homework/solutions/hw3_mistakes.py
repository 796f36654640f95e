"""Homework 3: known mistakes (the docstring is what the student reads) and other right answers."""

import numpy as np

from cvhelpers._quiet import keras

layers = keras.layers

# q1: receptive field


def q1_wrong_no_jump(stack):
    """Every layer adds kernel - 1 pixels of the image: after a stride the steps are longer, multiply by the jump."""
    return 1 + sum(kernel - 1 for kernel, _ in stack)


def q1_wrong_stride_first(stack):
    """The stride of a layer makes the steps longer for the layers *after* it: add first, then multiply the jump."""
    field, jump = 1, 1
    for kernel, stride in stack:
        jump *= stride
        field += (kernel - 1) * jump
    return field


def q1_wrong_whole_kernel(stack):
    """A kernel of k reaches k - 1 steps further, not k: one of its cells is where you already were."""
    field, jump = 1, 1
    for kernel, stride in stack:
        field += kernel * jump
        jump *= stride
    return field


def q1_wrong_from_zero(stack):
    """Without any layer the field is one pixel: begin with 1, not with 0."""
    return q1_right_backwards(stack) - 1


def q1_wrong_product(stack):
    """Kernels are not multiplied: each layer adds (kernel - 1) times the jump."""
    return int(np.prod([kernel for kernel, _ in stack]))


def q1_wrong_last_stride_only(stack):
    """Strides multiply along the way: the jump is the product of all strides before, not the last one alone."""
    field, jump = 1, 1
    for kernel, stride in stack:
        field += (kernel - 1) * jump
        jump = stride
    return field


def q1_wrong_first_layer(stack):
    """Only the first layer counts: is the `return` inside the loop? It belongs below it, less indented."""
    return stack[0][0] if stack else None


def q1_wrong_all_strides(stack):
    """Every layer uses the strides of all layers: the jump grows layer by layer, from the image on."""
    return 1 + sum(kernel - 1 for kernel, _ in stack) * int(np.prod([stride for _, stride in stack]))


def q1_wrong_wrong_end(stack):
    """Field times stride plus kernel is the rule from the last layer back to the image: here it begins at the image."""
    field = 1
    for kernel, stride in stack:
        field = (field - 1) * stride + kernel
    return field


def q1_wrong_half_kernel(stack):
    """Half of the kernel lies on one side only: both sides together add kernel - 1."""
    field, jump = 1, 1
    for kernel, stride in stack:
        field += kernel // 2 * jump
        jump *= stride
    return field


def q1_right_backwards(stack):
    field = 1
    for kernel, stride in reversed(stack):
        field = (field - 1) * stride + kernel
    return field


# q2: batch normalization


def _normalize(maps, gamma, beta, mean, variance, epsilon):
    return gamma * (maps - mean) / np.sqrt(variance + epsilon) + beta


def _both(axes=(0, 1, 2), **changed):
    """A batch normalization with some of its parts replaced."""
    spread = changed.get("spread", lambda maps: maps.var(axis=axes))

    def run(maps, gamma, beta, moving_mean, moving_variance, training, momentum=0.9, epsilon=1e-3):
        if not training and not changed.get("always_batch"):
            return _normalize(maps, gamma, beta, moving_mean, moving_variance, epsilon), moving_mean, moving_variance
        mean, variance = maps.mean(axis=axes), spread(maps)
        out = changed.get("normalize", _normalize)(maps, gamma, beta, mean, variance, epsilon)
        if not training:
            return out, moving_mean, moving_variance
        share = 1 - momentum if changed.get("swapped") else momentum
        move = (lambda old, new: old) if changed.get("stay") else (lambda old, new: share * old + (1 - share) * new)
        return out, move(moving_mean, mean), move(moving_variance, variance)

    return run


def q2_wrong_per_pixel(maps, gamma, beta, moving_mean, moving_variance, training, momentum=0.9, epsilon=1e-3):
    """Mean and variance are taken over the images only: rows and columns belong to the same channel, axis=(0, 1, 2)."""
    settings = (gamma, beta, moving_mean, moving_variance, training, momentum, epsilon)
    return _both(axes=(0,))(maps, *settings)


def q2_wrong_per_image(maps, gamma, beta, moving_mean, moving_variance, training, momentum=0.9, epsilon=1e-3):
    """Each image is normalized on its own: *batch* normalization takes all images of the batch together."""
    if not training:
        return _both()(maps, gamma, beta, moving_mean, moving_variance, training, momentum, epsilon)
    mean, variance = maps.mean(axis=(1, 2), keepdims=True), maps.var(axis=(1, 2), keepdims=True)
    _, new_mean, new_variance = _both()(maps, gamma, beta, moving_mean, moving_variance, training, momentum, epsilon)
    return _normalize(maps, gamma, beta, mean, variance, epsilon), new_mean, new_variance


def q2_wrong_all_channels(maps, gamma, beta, moving_mean, moving_variance, training, momentum=0.9, epsilon=1e-3):
    """The channels are mixed: each channel has a mean and a variance of its own."""
    run = _both(axes=(0, 1, 2, 3))
    out, mean, variance = run(maps, gamma, beta, moving_mean, moving_variance, training, momentum, epsilon)
    return out, mean + 0 * gamma, variance + 0 * gamma


def q2_wrong_deviation(maps, gamma, beta, moving_mean, moving_variance, training, momentum=0.9, epsilon=1e-3):
    """You divide by the variance: divide by its square root."""

    def divide(maps, gamma, beta, mean, variance, epsilon):
        return gamma * (maps - mean) / (variance + epsilon) + beta

    run = _both(normalize=divide)
    if not training:
        return divide(maps, gamma, beta, moving_mean, moving_variance, epsilon), moving_mean, moving_variance
    return run(maps, gamma, beta, moving_mean, moving_variance, training, momentum, epsilon)


def q2_wrong_no_scale(maps, gamma, beta, moving_mean, moving_variance, training, momentum=0.9, epsilon=1e-3):
    """The normalized maps are right, but the learned scale and shift are missing: gamma * … + beta."""
    ones, zeros = np.ones_like(gamma), np.zeros_like(beta)
    return _both()(maps, ones, zeros, moving_mean, moving_variance, training, momentum, epsilon)


def q2_wrong_always_batch(maps, gamma, beta, moving_mean, moving_variance, training, momentum=0.9, epsilon=1e-3):
    """Without training the batch must not matter: use the moving mean and the moving variance."""
    run = _both(always_batch=True)
    return run(maps, gamma, beta, moving_mean, moving_variance, training, momentum, epsilon)


def q2_wrong_swapped(maps, gamma, beta, moving_mean, moving_variance, training, momentum=0.9, epsilon=1e-3):
    """The moving values jump: `momentum` is the share of the old value, 1 - momentum that of the batch."""
    return _both(swapped=True)(maps, gamma, beta, moving_mean, moving_variance, training, momentum, epsilon)


def q2_wrong_stay(maps, gamma, beta, moving_mean, moving_variance, training, momentum=0.9, epsilon=1e-3):
    """The moving mean and variance stay as they were: in training they move towards those of the batch."""
    return _both(stay=True)(maps, gamma, beta, moving_mean, moving_variance, training, momentum, epsilon)


def q2_wrong_epsilon_outside(maps, gamma, beta, moving_mean, moving_variance, training, momentum=0.9, epsilon=1e-3):
    """epsilon is added to the variance, inside the square root."""

    def outside(maps, gamma, beta, mean, variance, epsilon):
        return gamma * (maps - mean) / (np.sqrt(variance) + epsilon) + beta

    if not training:
        return outside(maps, gamma, beta, moving_mean, moving_variance, epsilon), moving_mean, moving_variance
    run = _both(normalize=outside)
    return run(maps, gamma, beta, moving_mean, moving_variance, training, momentum, epsilon)


def q2_wrong_fixed_epsilon(maps, gamma, beta, moving_mean, moving_variance, training, momentum=0.9, epsilon=1e-3):
    """It looks as if `epsilon` is not used: 0.001 is only its default."""
    return _both()(maps, gamma, beta, moving_mean, moving_variance, training, momentum, 1e-3)


def q2_wrong_fixed_momentum(maps, gamma, beta, moving_mean, moving_variance, training, momentum=0.9, epsilon=1e-3):
    """It looks as if `momentum` is not used: 0.9 is only its default."""
    return _both()(maps, gamma, beta, moving_mean, moving_variance, training, 0.9, epsilon)


def q2_wrong_unbiased(maps, gamma, beta, moving_mean, moving_variance, training, momentum=0.9, epsilon=1e-3):
    """The variance divides by n - 1: batch normalization divides by n, as maps.var() does."""
    run = _both(spread=lambda maps: maps.var(axis=(0, 1, 2), ddof=1))
    return run(maps, gamma, beta, moving_mean, moving_variance, training, momentum, epsilon)


def q2_wrong_moving_in_training(maps, gamma, beta, moving_mean, moving_variance, training, momentum=0.9, epsilon=1e-3):
    """In training the maps are normalized with the moving values: take mean and variance of this batch."""
    run = _both()
    _, mean, variance = run(maps, gamma, beta, moving_mean, moving_variance, training, momentum, epsilon)
    return _normalize(maps, gamma, beta, mean, variance, epsilon), mean, variance


def q2_wrong_always_moving(maps, gamma, beta, moving_mean, moving_variance, training, momentum=0.9, epsilon=1e-3):
    """The moving values move without training, too: there they stay as they are."""
    out = _both()(maps, gamma, beta, moving_mean, moving_variance, training, momentum, epsilon)[0]
    return out, *_both()(maps, gamma, beta, moving_mean, moving_variance, True, momentum, epsilon)[1:]


def q2_wrong_shift_scaled(maps, gamma, beta, moving_mean, moving_variance, training, momentum=0.9, epsilon=1e-3):
    """`gamma` scales `beta` as well: scale first, then shift."""
    return _both()(maps, gamma, gamma * beta, moving_mean, moving_variance, training, momentum, epsilon)


def q2_wrong_over_channels(maps, gamma, beta, moving_mean, moving_variance, training, momentum=0.9, epsilon=1e-3):
    """Mean and variance run over the channels of each pixel: they run over images, rows and columns of one channel."""
    out, *moved = _both()(maps, gamma, beta, moving_mean, moving_variance, training, momentum, epsilon)
    if training:
        out = _normalize(maps, gamma, beta, maps.mean(-1, keepdims=True), maps.var(-1, keepdims=True), epsilon)
    return out, *moved


def q2_right_keras(maps, gamma, beta, moving_mean, moving_variance, training, momentum=0.9, epsilon=1e-3):
    layer = layers.BatchNormalization(momentum=momentum, epsilon=epsilon)
    layer.build(maps.shape)
    layer.set_weights([gamma, beta, moving_mean, moving_variance])
    out = layer(maps, training=training)
    return out, *(np.asarray(weights) for weights in layer.get_weights()[2:])


# q3: weights by hand


def q3_wrong_with_biases():
    """The biases are counted too: here only the weights of the kernels."""
    return {
        "one_7x7": 200704 + 64,
        "three_3x3": 110592 + 192,
        "plain_block": 1179648 + 512,
        "bottleneck_block": 69632 + 384,
    }


def q3_wrong_one_channel():
    """A kernel spans all channels that come in: multiply by them, and by the number of filters."""
    return {"one_7x7": 3136, "three_3x3": 1728, "plain_block": 4608, "bottleneck_block": 1216}


def q3_wrong_one_layer():
    """That is one of the 3×3 convolutions: there are three in the stack and two in the plain block."""
    return {"one_7x7": 200704, "three_3x3": 36864, "plain_block": 589824, "bottleneck_block": 69632}


def q3_wrong_bottleneck_wide():
    """The 3×3 convolution of the bottleneck works on the 64 channels of the first 1×1, not on 256."""
    return {"one_7x7": 200704, "three_3x3": 110592, "plain_block": 1179648, "bottleneck_block": 180224}


def q3_wrong_no_expansion():
    """The last 1×1 convolution of the bottleneck, from 64 back to 256 channels, is missing."""
    return {"one_7x7": 200704, "three_3x3": 110592, "plain_block": 1179648, "bottleneck_block": 53248}


def q3_wrong_wide_inside():
    """The narrow part is missing: the 3×3 convolution of the bottleneck goes from 64 to 64 channels, not 256 to 256."""
    return {"one_7x7": 200704, "three_3x3": 110592, "plain_block": 1179648, "bottleneck_block": 622592}


def q3_right_floats():
    return {"three_3x3": 110592.0, "one_7x7": np.int64(200704), "plain_block": 2**17 * 9, "bottleneck_block": 69632}


# q4: LeNet-5


def _lenet(
    pooling=layers.AveragePooling2D, activation="tanh", padding="same", last="softmax", second="valid", bias=True,
    units=(120, 84), flat=layers.Flatten, hidden="tanh",
):  # fmt: skip
    conv, hidden = {"activation": activation, "use_bias": bias}, activation if hidden else None
    return keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(6, 5, padding=padding, **conv),
            pooling(2),
            layers.Conv2D(16, 5, padding=second, **conv),
            pooling(2),
            flat(),
            *(layers.Dense(count, activation=hidden, use_bias=bias) for count in units),
            layers.Dense(10, activation=last, use_bias=bias),
        ]
    )


def q4_wrong_max_pooling():
    """The shapes and parameters are right, but the values are not: LeNet-5 pools by the average, not by the maximum."""
    return _lenet(pooling=layers.MaxPooling2D)


def q4_wrong_relu():
    """The shapes and parameters are right, but the values are not: the activation of LeNet-5 is tanh, not ReLU."""
    return _lenet(activation="relu")


def q4_wrong_no_activation():
    """The convolutions and dense layers have no activation: without tanh the network is one linear map."""
    return _lenet(activation=None)


def q4_wrong_no_softmax():
    """The last layer gives logits: add activation="softmax"."""
    return _lenet(last=None)


def q4_wrong_sigmoid():
    """The last activation is a sigmoid: ten probabilities that sum to 1 want a softmax."""
    return _lenet(last="sigmoid")


def q4_wrong_valid():
    """The first convolution must keep 28×28: padding="same". Otherwise the first dense layer sees 4×4×16 numbers."""
    return _lenet(padding="valid")


def q4_wrong_no_bias():
    """The biases are missing: leave use_bias as it is."""
    return _lenet(bias=False)


def q4_wrong_both_same():
    """Only the first convolution pads: the second shrinks 14×14 to 10×10."""
    return _lenet(second="same")


def q4_wrong_dense_linear():
    """The two dense layers have no activation: tanh belongs behind each of them, too."""
    return _lenet(hidden=None)


def q4_wrong_dense_exchanged():
    """The dense layers stand in another order: first 120 units, then 84."""
    return _lenet(units=(84, 120))


def q4_wrong_dense_missing():
    """The dense layer with 84 units is missing: 120, 84 and 10 units follow each other."""
    return _lenet(units=(120,))


def q4_wrong_global_pooling():
    """The maps are averaged before the dense layers: LeNet-5 flattens them, so that places count."""
    return _lenet(flat=layers.GlobalAveragePooling2D)


def q4_right_nested():
    body = keras.Sequential(
        [layers.Conv2D(6, 5, padding="same", activation="tanh"), layers.AveragePooling2D(2),
         layers.Conv2D(16, 5, activation="tanh"), layers.AveragePooling2D(2)]
    )  # fmt: skip
    head = keras.Sequential(
        [layers.Dense(120, activation="tanh"), layers.Dense(84, activation="tanh"), layers.Dense(10), layers.Softmax()]
    )
    return keras.Sequential([layers.Input((28, 28, 1)), body, layers.Flatten(), head])


def q4_right_subclassed():
    class LeNet(keras.Model):
        def __init__(self):
            super().__init__()
            self.first, self.second = (layers.Conv2D(n, 5, padding=p) for n, p in ((6, "same"), (16, "valid")))
            self.pool, self.flat = layers.AveragePooling2D(2), layers.Flatten()
            self.dense = [layers.Dense(n) for n in (120, 84, 10)]

        def call(self, maps):
            for conv in (self.first, self.second):
                maps = self.pool(keras.ops.tanh(conv(maps)))
            numbers = self.flat(maps)
            for dense in self.dense[:2]:
                numbers = keras.ops.tanh(dense(numbers))
            return keras.ops.softmax(self.dense[2](numbers))

    return LeNet()


def q4_right_convolution():
    inputs = keras.Input((28, 28, 1))
    maps = layers.AveragePooling2D(2)(layers.Conv2D(6, 5, padding="same", activation="tanh")(inputs))
    maps = layers.AveragePooling2D(2)(layers.Conv2D(16, 5, activation="tanh")(maps))
    maps = layers.Flatten()(layers.Conv2D(120, 5, activation="tanh")(maps))
    hidden = layers.Activation("tanh")(layers.Dense(84)(maps))
    return keras.Model(inputs, layers.Softmax()(layers.Dense(10)(hidden)))


# q5: inception module


def _inception(
    maps, one, three_in, three, five_in, five, pooled, relu=True, pool=layers.MaxPooling2D, order=(0, 1, 2, 3)
):
    def conv(maps, filters, size, activation="relu"):
        return layers.Conv2D(filters, size, padding="same", activation=activation)(maps)

    inner = "relu" if relu else None
    branches = [
        conv(maps, one, 1),
        conv(conv(maps, three_in, 1, inner), three, 3),
        conv(conv(maps, five_in, 1, inner), five, 5),
        conv(pool(3, strides=1, padding="same")(maps), pooled, 1),
    ]
    return layers.Concatenate()([branches[k] for k in order])


def q5_wrong_no_reduction(maps, one, three_in, three, five_in, five, pooled):
    """The 1×1 convolutions before the 3×3 and the 5×5 are missing."""

    def conv(maps, filters, size):
        return layers.Conv2D(filters, size, padding="same", activation="relu")(maps)

    last = conv(layers.MaxPooling2D(3, strides=1, padding="same")(maps), pooled, 1)
    return layers.Concatenate()([conv(maps, one, 1), conv(maps, three, 3), conv(maps, five, 5), last])


def q5_wrong_linear_reduction(maps, one, three_in, three, five_in, five, pooled):
    """The 1×1 reductions have no ReLU: every convolution of the module has one."""
    return _inception(maps, one, three_in, three, five_in, five, pooled, relu=False)


def q5_wrong_average(maps, one, three_in, three, five_in, five, pooled):
    """The pooling branch takes the maximum, not the average."""
    return _inception(maps, one, three_in, three, five_in, five, pooled, pool=layers.AveragePooling2D)


def q5_wrong_order(maps, one, three_in, three, five_in, five, pooled):
    """The branches are joined in another order: 1×1, 3×3, 5×5, pooling."""
    return _inception(maps, one, three_in, three, five_in, five, pooled, order=(3, 0, 1, 2))


def q5_wrong_reversed(maps, one, three_in, three, five_in, five, pooled):
    """The branches are joined from the last to the first: the 1×1 comes first, pooling last."""
    return _inception(maps, one, three_in, three, five_in, five, pooled, order=(3, 2, 1, 0))


def q5_wrong_chained(maps, one, three_in, three, five_in, five, pooled):
    """The branches run side by side: each one starts from the maps that came in, not from the branch before."""

    def conv(maps, filters, size):
        return layers.Conv2D(filters, size, padding="same", activation="relu")(maps)

    first = conv(maps, one, 1)
    second = conv(conv(first, three_in, 1), three, 3)
    third = conv(conv(second, five_in, 1), five, 5)
    last = conv(layers.MaxPooling2D(3, strides=1, padding="same")(third), pooled, 1)
    return layers.Concatenate()([first, second, third, last])


def q5_wrong_exchanged(maps, one, three_in, three, five_in, five, pooled):
    """The numbers of filters of the 3×3 and the 5×5 branch are exchanged."""
    return _inception(maps, one, five_in, five, three_in, three, pooled)


def q5_wrong_pool_not_projected(maps, one, three_in, three, five_in, five, pooled):
    """After the pooling a 1×1 convolution is missing: the branch should give `pooled` channels."""

    def conv(maps, filters, size):
        return layers.Conv2D(filters, size, padding="same", activation="relu")(maps)

    last = layers.MaxPooling2D(3, strides=1, padding="same")(maps)
    three_, five_ = conv(conv(maps, three_in, 1), three, 3), conv(conv(maps, five_in, 1), five, 5)
    return layers.Concatenate()([conv(maps, one, 1), three_, five_, last])


def q5_right_operations(maps, one, three_in, three, five_in, five, pooled):
    pool = layers.MaxPooling2D(3, strides=1, padding="same")(maps)
    last = layers.ReLU()(layers.Conv2D(pooled, 1)(pool))
    fives = layers.ReLU()(layers.Conv2D(five_in, 1)(maps))
    fives = layers.ReLU()(layers.Conv2D(five, 5, padding="same")(fives))
    threes = layers.ReLU()(layers.Conv2D(three_in, 1)(maps))
    threes = layers.ReLU()(layers.Conv2D(three, 3, padding="same")(threes))
    return keras.ops.concatenate([layers.ReLU()(layers.Conv2D(one, 1)(maps)), threes, fives, last], axis=-1)


# q6: residual block


def _residual(maps, filters, stride, **changed):
    def conv(maps, filters, size, stride=1, bias=False):
        return layers.Conv2D(filters, size, strides=stride, padding="same", use_bias=bias)(maps)

    def norm():
        return layers.BatchNormalization(epsilon=changed.get("epsilon", 1e-3))

    bias = changed.get("bias", False)
    second = stride if changed.get("stride_late") else 1
    main = norm()(conv(maps, filters, 3, 1 if changed.get("stride_late") else stride, bias))
    main = main if changed.get("no_inner_relu") else layers.ReLU()(main)
    main = norm()(conv(main, filters, 3, second, bias))
    main = layers.ReLU()(main) if changed.get("relu_before") else main
    shortcut = maps
    if stride != 1 or maps.shape[-1] != filters or changed.get("always_project"):
        shortcut = conv(maps, filters, 1, stride, bias)
        shortcut = shortcut if changed.get("bare_shortcut") else norm()(shortcut)
    out = main if changed.get("no_shortcut") else layers.Add()([main, shortcut])
    return out if changed.get("relu_before") or changed.get("no_relu") else layers.ReLU()(out)


def q6_wrong_relu_before(maps, filters, stride=1):
    """The last ReLU comes after the addition, not before it."""
    return _residual(maps, filters, stride, relu_before=True)


def q6_wrong_no_relu(maps, filters, stride=1):
    """The ReLU after the addition is missing."""
    return _residual(maps, filters, stride, no_relu=True)


def q6_wrong_no_inner_relu(maps, filters, stride=1):
    """Between the two convolutions of the main path a ReLU is missing."""
    return _residual(maps, filters, stride, no_inner_relu=True)


def q6_wrong_no_shortcut(maps, filters, stride=1):
    """The shortcut is missing: add what came in to what the main path gives."""
    return _residual(maps, filters, stride, no_shortcut=True)


def q6_wrong_always_project(maps, filters, stride=1):
    """The shortcut has a convolution where none is needed: when the shapes fit it is the input itself."""
    return _residual(maps, filters, stride, always_project=True)


def q6_wrong_bare_shortcut(maps, filters, stride=1):
    """The 1×1 convolution of the shortcut is followed by batch normalization too."""
    return _residual(maps, filters, stride, bare_shortcut=True)


def q6_wrong_stride_late(maps, filters, stride=1):
    """The stride belongs to the first 3×3 convolution, not to the second."""
    return _residual(maps, filters, stride, stride_late=True)


def q6_wrong_bias(maps, filters, stride=1):
    """The convolutions have a bias: before batch normalization it has no effect, so use_bias=False."""
    return _residual(maps, filters, stride, bias=True)


def q6_right_epsilon(maps, filters, stride=1):
    return _residual(maps, filters, stride, epsilon=1e-5)


def q6_right_shortcut_first(maps, filters, stride=1):
    shortcut = maps
    if maps.shape[-1] != filters or stride > 1:
        shortcut = layers.Conv2D(filters, 1, stride, use_bias=False)(maps)
        shortcut = layers.BatchNormalization()(shortcut)
    x = layers.Conv2D(filters, 3, stride, padding="same", use_bias=False)(maps)
    x = layers.Activation("relu")(layers.BatchNormalization()(x))
    x = layers.BatchNormalization()(layers.Conv2D(filters, 3, padding="same", use_bias=False)(x))
    return keras.activations.relu(x + shortcut)


# q7: digits


def q7_wrong_untrained(images, labels):
    """That is what guessing gives: is the network trained, and does `build_and_train` return it?"""
    body = [layers.Rescaling(1 / 255), layers.Conv2D(8, 3), layers.GlobalMaxPooling2D(), layers.Dense(10)]
    return keras.Sequential([layers.Input((28, 28, 1)), *body])


def q7_wrong_too_large(images, labels):
    """
    Too many parameters: look where they sit. A dense layer on large maps is most of them; pool more before it.
    """
    body = [layers.Conv2D(16, 3), layers.Flatten(), layers.Dense(64), layers.Dense(10)]
    return keras.Sequential([layers.Input((28, 28, 1)), *body])


def q7_wrong_dense(images, labels):
    """Without convolutions this is as far as it goes: use the structure of the image."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([layers.Input((28, 28, 1)), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(10)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(images, labels, epochs=3, verbose=0)
    return model


def q7_right_functional(images, labels):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((28, 28, 1))
    maps = layers.Rescaling(1 / 255)(inputs)
    for filters in (16, 32, 64):
        maps = layers.Conv2D(filters, 3, padding="same", use_bias=False)(maps)
        maps = layers.MaxPooling2D(2)(layers.ReLU()(layers.BatchNormalization(momentum=0.9)(maps)))
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(layers.Flatten()(maps)))
    steps = 8 * -(-len(images) // 64)
    rate = keras.optimizers.schedules.CosineDecay(3e-3, steps)
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    model.fit(images, labels, batch_size=64, epochs=8, verbose=0)
    return model


# q8: five wrong matrices; who says k for every matrix is told what mistake k looks like


def q8_wrong_turned():
    """Mistake 1 hits nearly all digits: a half turn makes nines of sixes and back, after a quarter turn no 1 stands."""
    return dict.fromkeys("ABCDEFGHIJ", 1)


def q8_wrong_mirrored():
    """Mistake 2 spares the 8, which looks the same in a mirror, and makes no nine of a six."""
    return dict.fromkeys("ABCDEFGHIJ", 2)


def q8_wrong_missing():
    """Mistake 3 leaves one column empty: no network answers what it has never seen. The other rows are right."""
    return dict.fromkeys("ABCDEFGHIJ", 3)


def q8_wrong_exchanged():
    """Mistake 4 makes two digits trade places: two full entries beside the diagonal, the other rows are right."""
    return dict.fromkeys("ABCDEFGHIJ", 4)


def q8_wrong_shuffled():
    """Mistake 5 makes all rows alike, about ten everywhere: the labels have nothing to do with the images."""
    return dict.fromkeys("ABCDEFGHIJ", 5)


def q8_right_numpy():
    return dict(zip("ABCDEFGHIJ", np.array([3, 1, 5, 2, 4, 2, 4, 1, 5, 3])))
