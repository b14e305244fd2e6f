"""Detectors: YOLOv2, a small one to ship, and new heads on a network that exists."""

import math
from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, ops

from dlai_keras.car_detection.layers import NonMaxSuppression, SpaceToDepth, YoloDecode

# Filters of Darknet-19, whose kernels are 3, 1, 3, 1, ... in each stage; a max pooling
# halves height and width between stages.
DARKNET19_STAGES = (
    (32,),
    (64,),
    (128, 64, 128),
    (256, 128, 256),
    (512, 256, 512, 256, 512),
    (1024, 512, 1024, 512, 1024),
)


# The course's network


def yolo_v2(
    input_shape: tuple[int | None, int | None, int] = (608, 608, 3),
    num_classes: int = 80,
    num_anchors: int = 5,
    *,
    name: str = "yolo_v2",
) -> keras.Model:
    """YOLOv2 as the course has it: 50,983,561 parameters with the defaults.

    Darknet-19 without its classifier, two more convolutions of 1,024 filters, and the
    26 x 26 (here 38 x 38) maps passed through to the 13 x 13 (19 x 19) ones: 64 of
    them, four neighbours laid on top of each other. The course's model does that as
    `tf.nn.space_to_depth`; Darknet's own `reorg` puts the channels in another order, so
    its weights fit here only after a permutation. `load_darknet` knows the original.

    Args:
        input_shape: `(height, width, channels)`, multiples of 32, or None.
        num_classes: as many as there are.
        num_anchors: boxes in each cell.
        name: of the model.

    Returns:
        Uncompiled model: images `(batch, height, width, channels)` in [0, 1] to the raw
        head `(batch, height / 32, width / 32, num_anchors * (5 + num_classes))`.

    Raises:
        ValueError: the images' size is no multiple of 32.

    Example:
        >>> yolo_v2((64, 64, 3), num_classes=4).output_shape
        (None, 2, 2, 45)

    Reference:
        - Redmon and Farhadi, 2017, "YOLO9000: better, faster, stronger", section 2 and
          table 6.
        - Course 4, week 3, "Car detection with YOLO".
    """
    _check_size(input_shape, 32)
    number = 0

    def conv_bn_leaky(x, filters, kernel_size):
        nonlocal number
        number += 1
        x = layers.Conv2D(
            filters,
            kernel_size,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
            name=f"conv{number}",
        )(x)
        x = layers.BatchNormalization(name=f"bn{number}")(x)
        return layers.LeakyReLU(negative_slope=0.1, name=f"leaky{number}")(x)

    x = inputs = keras.Input(input_shape, name="image")
    for stage, widths in enumerate(DARKNET19_STAGES):
        if stage:
            fine = x
            x = layers.MaxPooling2D(2, name=f"pool{stage}")(x)
        for index, filters in enumerate(widths):
            x = conv_bn_leaky(x, filters, 1 if index % 2 else 3)
    for _ in range(2):
        x = conv_bn_leaky(x, 1024, 3)
    fine = conv_bn_leaky(fine, 64, 1)
    fine = SpaceToDepth(2, name="passthrough")(fine)
    x = layers.Concatenate(name="concatenate")([fine, x])
    x = conv_bn_leaky(x, 1024, 3)
    outputs = _head(x, num_anchors, num_classes, name="head")
    return keras.Model(inputs, outputs, name=name)


# The network to ship


def conv_bn_relu(x, filters, kernel_size=3, *, strides=1, momentum=0.9, name):
    """Convolution without a bias, batch normalisation, ReLU.

    Args:
        x: symbolic tensor `(batch, height, width, channels)`.
        filters: channels of the result.
        kernel_size: pixels.
        strides: of the convolution.
        momentum: of the moving averages of batch normalisation.
        name: prefix of the layers' names.

    Returns:
        `(batch, ceil(height / strides), ceil(width / strides), filters)`.
    """
    x = layers.Conv2D(
        filters,
        kernel_size,
        strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    x = layers.BatchNormalization(momentum=momentum, name=f"{name}_bn")(x)
    return layers.Activation("relu", name=f"{name}_relu")(x)


def residual_block(x, *, momentum=0.9, name):
    """Half the channels through a 1x1 convolution, all again through a 3x3, plus `x`.

    As in Darknet-53: 5 C² multiply-adds a pixel, where two 3x3 convolutions take 18 C².

    Args:
        x: symbolic tensor `(batch, height, width, channels)`.
        momentum: of the moving averages of batch normalisation.
        name: prefix of the layers' names.

    Returns:
        The same shape.

    Reference:
        - Redmon and Farhadi, 2018, "YOLOv3: an incremental improvement", table 1.
    """
    filters = x.shape[-1]
    y = conv_bn_relu(x, filters // 2, 1, momentum=momentum, name=f"{name}_1")
    y = conv_bn_relu(y, filters, 3, momentum=momentum, name=f"{name}_2")
    return layers.Add(name=f"{name}_add")([x, y])


def car_detector(
    input_shape: tuple[int | None, int | None, int] = (None, None, 3),
    num_classes: int = 4,
    num_anchors: int = 3,
    *,
    widths: tuple[int, int, int, int] = (32, 64, 128, 128),
    blocks: tuple[int, int, int] = (2, 2, 2),
    strides: int = 8,
    momentum: float = 0.9,
    prior: float = 0.01,
    name: str = "car_detector",
) -> keras.Model:
    """The detector to ship: small enough to train on two cores in minutes.

    Squares of 4 x 4 pixels become channels, and a 1x1 convolution mixes them: anything
    more on the largest maps would take as long as everything after it. Then three
    stages (strides 8, 16 and 32), each a convolution of stride 2 and some residual
    blocks, as in a small Darknet-53. What the coarse maps know of the surroundings is
    laid beside the finer ones, whose places are exact.

    Args:
        input_shape: `(height, width, channels)`, multiples of 32, or None.
        num_classes: as many as there are.
        num_anchors: boxes in each cell.
        widths: channels of the mixed squares, and of the stages.
        blocks: residual blocks of the stages.
        strides: pixels of a cell of the head: 8, for small or crowded objects, or 16.
        momentum: of the moving averages of batch normalisation: they forget their first
            values in 50 steps, where Keras' 0.99 takes 500.
        prior: objectness at the start. Nearly all places are empty, and at 0.5 the
            first steps would do nothing but learn that.
        name: of the model.

    Returns:
        Uncompiled model: images `(batch, height, width, channels)` with values from 0
        to 255, whole or real numbers, to the raw head `(batch, height / strides, width
        / strides, num_anchors * (5 + num_classes))`.

    Raises:
        ValueError: the images' size is no multiple of 32, or there is no such stride.

    Example:
        >>> model = car_detector((64, 96, 3), widths=(4, 8, 8, 8))
        >>> ops.shape(model(np.zeros((1, 64, 96, 3), "uint8")))
        (1, 8, 12, 27)

    Reference:
        - Redmon and Farhadi, 2018, "YOLOv3: an incremental improvement", section 2.3.
        - Lin et al., 2017, "Focal loss for dense object detection", section 4.1 (the
          prior).
    """
    _check_size(input_shape, 32)
    if strides not in (8, 16):
        raise ValueError(f"`strides` must be 8 or 16. Received: strides={strides}.")

    def conv(x, filters, kernel_size, strides, name):
        return conv_bn_relu(
            x, filters, kernel_size, strides=strides, momentum=momentum, name=name
        )

    inputs = keras.Input(input_shape, name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="rescale")(inputs)
    x = SpaceToDepth(4, name="squares")(x)
    x = conv(x, widths[0], 1, 1, "stem")
    stages = []
    for stage, (width, num_blocks) in enumerate(
        zip(widths[1:], blocks, strict=True), 1
    ):
        x = conv(x, width, 3, 2, f"stage{stage}")
        for block in range(1, num_blocks + 1):
            x = residual_block(x, momentum=momentum, name=f"stage{stage}_block{block}")
        stages.append(x)
    fine, middle, coarse = stages

    def merge(coarse, parts, filters, name):
        coarse = layers.UpSampling2D(2, name=f"{name}_up")(coarse)
        x = layers.Concatenate(name=f"{name}_concatenate")([coarse, *parts])
        return conv(x, filters, 1, 1, f"{name}_mix")

    parts = [middle]
    if strides == 16:
        fine = conv(fine, widths[1] // 4, 1, 1, "passthrough")
        parts.append(SpaceToDepth(2, name="passthrough_depth")(fine))
    x = merge(coarse, parts, widths[2], "merge16")
    if strides == 8:
        x = merge(x, [fine], widths[1], "merge8")
    x = conv(x, x.shape[-1], 3, 1, "neck")
    outputs = _head(x, num_anchors, num_classes, name="head")
    model = keras.Model(inputs, outputs, name=name)
    _set_prior(model.get_layer("head"), num_anchors, prior)
    return model


# From raw heads to boxes


def head_strides(network: keras.Model) -> list[int]:
    """Pixels of a cell of each head.

    Args:
        network: images to one or several maps.

    Raises:
        ValueError: a map is no even part of the image, the same both ways.

    Example:
        >>> head_strides(car_detector(widths=(4, 4, 4, 4)))
        [8]
    """
    _, height, width, channels = network.inputs[0].shape
    # Where the size is open any will do that all strides divide.
    height, width = height or 320, width or 320
    shapes = network.compute_output_shape((1, height, width, channels))
    shapes = shapes if isinstance(shapes, list) else [shapes]
    strides = [height // rows for _, rows, _, _ in shapes]
    for (_, rows, columns, _), stride in zip(shapes, strides, strict=True):
        if (rows * stride, columns * stride) != (height, width):
            raise ValueError(
                "The maps must be even parts of the image, the same both ways. "
                f"Received: an image of {height} x {width}, a map of {rows} x "
                f"{columns}."
            )
    return strides


def detector(
    network: keras.Model,
    anchors: Sequence,
    strides: int | Sequence[int] | None = None,
    *,
    head: str = "region",
    scale_xy: float = 1.0,
    iou_threshold: float = 0.45,
    score_threshold: float = 0.25,
    max_boxes: int = 100,
    name: str = "detector",
) -> keras.Model:
    """A network with what turns its raw heads into boxes: images in, detections out.

    Args:
        network: images to one or several raw heads `(batch, height, width, num_anchors
            * (5 + num_classes))`. Its layers are shared, so what it learns later counts
            here too.
        anchors: `(num_anchors, 2)`, in pixels of the network's input; one such table
            for each head where there are several.
        strides: pixels of a cell, one for each head; those of the maps without it.
        head: `"region"` (softmax over classes) or `"yolo"` (sigmoids), as in
            `YoloDecode`.
        scale_xy: as in `YoloDecode`.
        iou_threshold: boxes of a class that overlap a better one by more are dropped.
        score_threshold: least score.
        max_boxes: of a picture.
        name: of the model.

    Returns:
        Uncompiled model: images to `boxes_xyxy (batch, max_boxes, 4)`, `scores` and
        `class_ids (batch, max_boxes)` and `num_detections (batch,)`.

    Raises:
        ValueError: there are not as many anchors as heads, or a head's channels do not
            fit its anchors.

    Example:
        >>> network = car_detector((64, 64, 3), num_anchors=2, widths=(4, 4, 4, 4))
        >>> model = detector(network, [[10, 10], [30, 20]], max_boxes=7)
        >>> found = model(np.zeros((1, 64, 64, 3), "uint8"))
        >>> ops.shape(found["boxes_xyxy"]), int(found["num_detections"][0])
        ((1, 7, 4), 0)
    """
    heads = network.outputs
    tables = _tables(anchors)
    if strides is None:
        strides = head_strides(network)
    elif np.ndim(strides) == 0:
        strides = [strides] * len(heads)
    if not len(tables) == len(heads) == len(strides):
        raise ValueError(
            "Each head needs its anchors and its strides. Received: "
            f"{len(heads)} heads, {len(tables)} tables of anchors, {len(strides)} "
            "strides."
        )
    decodes = []
    for number, (raw, table, stride) in enumerate(
        zip(heads, tables, strides, strict=True), 1
    ):
        depth, rest = divmod(raw.shape[-1], len(table))
        if rest or depth < 6:
            raise ValueError(
                "A head must have num_anchors * (5 + num_classes) channels. Received: "
                f"{raw.shape[-1]} channels, {len(table)} anchors."
            )
        decodes.append(
            YoloDecode(
                table,
                depth - 5,
                stride,
                head=head,
                scale_xy=scale_xy,
                name="decode" if len(heads) == 1 else f"decode{number}",
            )
        )
    suppress = NonMaxSuppression(
        iou_threshold=iou_threshold,
        score_threshold=score_threshold,
        max_boxes=max_boxes,
        name="suppression",
    )
    return decode_and_suppress(network, decodes, suppress, name=name)


def decode_and_suppress(
    network: keras.Model,
    decodes: Sequence[YoloDecode],
    suppress: NonMaxSuppression,
    *,
    name: str = "detector",
) -> keras.Model:
    """As `detector`, with layers that exist already.

    Args:
        network: images to one or several raw heads. Its layers are shared.
        decodes: one for each head.
        suppress: takes the boxes of all heads.
        name: of the model.

    Returns:
        Uncompiled model, as of `detector`.

    Example:
        >>> network = car_detector((64, 64, 3), num_anchors=1, widths=(4, 4, 4, 4))
        >>> decode = YoloDecode([(30, 20)], num_classes=4, strides=8)
        >>> model = decode_and_suppress(network, [decode], NonMaxSuppression())
        >>> sorted(model.output)
        ['boxes_xyxy', 'class_ids', 'num_detections', 'scores']
    """
    parts = [decode(raw) for decode, raw in zip(decodes, network.outputs, strict=True)]
    boxes, scores = (list(part) for part in zip(*parts, strict=True))
    if len(parts) > 1:
        boxes = [layers.Concatenate(axis=1, name="all_boxes")(boxes)]
        scores = [layers.Concatenate(axis=1, name="all_scores")(scores)]
    return keras.Model(network.input, suppress(boxes[0], scores[0]), name=name)


# New heads on a network that has seen other pictures


def transfer_detector(
    backbone: keras.Model,
    layer_names: str | Sequence[str],
    num_classes: int,
    anchors: Sequence,
    *,
    old_heads: str | Sequence[str] | None = None,
    hidden_filters: int = 0,
    rescale: bool = True,
    prior: float = 0.01,
    name: str = "transfer_detector",
) -> keras.Model:
    """Cuts a trained network at some layers and puts new heads there.

    The backbone is frozen: train the heads first, then `networks.unfreeze` and train
    on, with a learning rate ten to a hundred times smaller.

    A detector of other classes already knows where things are. With `old_heads` the new
    heads begin with its boxes and objectness, and only the classes are new; the anchors
    must then be the old ones.

    Args:
        backbone: functional model of images, such as `load_darknet` gives. Its layers
            are shared, not copied.
        layer_names: where to cut, one for each new head.
        num_classes: of the new heads.
        anchors: `(num_anchors, 2)`, in pixels of the network's input; one such table
            for each head where there are several.
        old_heads: names of the 1x1 convolutions of the backbone that follow the cuts
            and end in boxes, objectness and classes.
        hidden_filters: channels of a 3x3 convolution before each head; 0 for none.
        rescale: whether pixels come from 0 to 255 and the backbone wants them from 0 to
            1, as Darknet's do.
        prior: objectness at the start, without `old_heads`.
        name: of the model.

    Returns:
        Uncompiled model: images to raw heads `(batch, height, width, num_anchors * (5 +
        num_classes))`, a list where there are several. Its layer `base` is the
        backbone.

    Raises:
        ValueError: there is no such layer, its output is no map, or the arguments do
            not fit each other.

    Example:
        >>> backbone = car_detector((64, 64, 3), widths=(4, 8, 8, 8))
        >>> model = transfer_detector(backbone, "neck_relu", 1, [[20, 20], [40, 40]])
        >>> model.output_shape, len(model.trainable_weights)
        ((None, 8, 8, 12), 2)

    Reference:
        - Course 3, week 2, "Transfer learning".
    """
    names = [layer_names] if isinstance(layer_names, str) else list(layer_names)
    tables = _tables(anchors)
    old = [old_heads] if isinstance(old_heads, str) else list(old_heads or [])
    if len(names) != len(tables) or (old and len(old) != len(names)) or not names:
        raise ValueError(
            "Each new head needs a layer to begin at and its anchors, and all or none "
            f"an old head. Received: {len(names)} layer names, {len(tables)} tables of "
            f"anchors, {len(old)} old heads."
        )
    if old and hidden_filters:
        raise ValueError(
            "`hidden_filters` must be 0 with `old_heads`, which expect the maps as "
            f"they are. Received: hidden_filters={hidden_filters}."
        )
    known = {layer.name: layer for layer in backbone.layers}
    for layer_name in names + old:
        if layer_name not in known:
            raise ValueError(
                f"The backbone has no layer `{layer_name}`. Its last ones: "
                f"{', '.join(list(known)[-12:])}."
            )
    cuts = [known[layer_name].output for layer_name in names]
    for layer_name, cut in zip(names, cuts, strict=True):
        if len(cut.shape) != 4:
            raise ValueError(
                "A head needs a map (batch, height, width, channels). Received: layer "
                f"`{layer_name}` with shape {tuple(cut.shape)}."
            )
    features = keras.Model(backbone.input, cuts, name="base")
    features.trainable = False
    inputs = keras.Input(backbone.inputs[0].shape[1:], name="image")
    x = inputs
    if rescale:
        x = layers.Rescaling(1 / 255, name="rescale")(x)
    # Keras replaces this flag by the one of an outer call that has one, as in `fit`;
    # frozen batch normalisation is in inference mode all the same.
    maps = features(x, training=False)
    maps = maps if isinstance(maps, list | tuple) else [maps]
    heads = []
    for number, (x, table) in enumerate(zip(maps, tables, strict=True), 1):
        suffix = "" if len(maps) == 1 else str(number)
        if hidden_filters:
            x = conv_bn_relu(x, hidden_filters, name=f"hidden{suffix}")
        heads.append(_head(x, len(table), num_classes, name=f"head{suffix}"))
    model = keras.Model(inputs, heads[0] if len(heads) == 1 else heads, name=name)
    for number, table in enumerate(tables):
        head = model.get_layer("head" if len(maps) == 1 else f"head{number + 1}")
        if old:
            _take_over(head, known[old[number]], len(table))
        else:
            _set_prior(head, len(table), prior)
    return model


def _head(x, num_anchors, num_classes, name):
    """In single precision, where the rest may be in half: the loss needs it."""
    return layers.Conv2D(
        num_anchors * (5 + num_classes), 1, dtype="float32", name=name
    )(x)


def _set_prior(head, num_anchors, prior):
    if not 0 < prior < 1:
        raise ValueError(f"`prior` must be between 0 and 1. Received: {prior}.")
    bias = ops.convert_to_numpy(head.bias).reshape(num_anchors, -1).copy()
    bias[:, 4] = math.log(prior / (1 - prior))
    head.bias.assign(bias.ravel())


def _take_over(head, old, num_anchors):
    """Boxes and objectness of an old head, and classes that are undecided."""
    kernels = [ops.convert_to_numpy(layer.kernel) for layer in (head, old)]
    new, before = (
        kernel.reshape(kernel.shape[-2], num_anchors, -1)
        if kernel.shape[:2] == (1, 1) and kernel.shape[-1] % num_anchors == 0
        else kernel
        for kernel in kernels
    )
    if new.ndim != before.ndim or len(new) != len(before) or before.shape[-1] < 6:
        raise ValueError(
            f"`old_heads` must be 1x1 convolutions of {num_anchors} * (5 + classes) "
            "channels on the maps of `layer_names`. Received: "
            f"{old.name} with a kernel of {kernels[1].shape}, for {kernels[0].shape}."
        )
    bias = ops.convert_to_numpy(head.bias).reshape(num_anchors, -1).copy()
    old_bias = ops.convert_to_numpy(old.bias).reshape(num_anchors, -1)
    new = new.copy()
    for values, values_before in ((new, before), (bias, old_bias)):
        values[..., :5] = values_before[..., :5]
        values[..., 5:] = 0.0
    head.kernel.assign(new.reshape(kernels[0].shape))
    head.bias.assign(bias.ravel())


def _tables(anchors):
    """One table of anchors for each head."""
    tables = list(anchors) if np.ndim(anchors[0]) == 2 else [anchors]
    return [np.asarray(table, "float32") for table in tables]


def _check_size(input_shape, multiple):
    if len(input_shape) != 3 or any(
        size is not None and (size < multiple or size % multiple)
        for size in input_shape[:2]
    ):
        raise ValueError(
            "`input_shape` must be (height, width, channels), height and width "
            f"multiples of {multiple} or None. Received: input_shape={input_shape}."
        )
