"""Where in an image a classifier looks: Grad-CAM."""

import keras
import numpy as np
from keras import ops


def grad_cam(
    model: keras.Model,
    images: np.ndarray,
    class_indices: int | np.ndarray | None = None,
    layer: str | None = None,
) -> np.ndarray:
    """Maps of what speaks for a class, by gradient-weighted class activation.

    With the feature maps `A_k` of a layer and the logit `y` of a class, the weight of a
    map is the mean over its pixels of `dy / dA_k`, and what is shown is
    `relu(sum_k weight_k * A_k)`, enlarged to the size of the image and divided by its
    maximum. An image without any positive evidence gives zeros.

    Args:
        model: functional, ends in logits `(batch, num_classes)`. It is not changed.
        images: as the model takes them, `(batch, height, width, channels)`, all
            explained at once.
        class_indices: the class to explain, one for all images or one for each; by
            default the one with the greatest logit.
        layer: name of a layer whose outputs are maps, through which every path from the
            images to the logits leads; a nested model counts as one layer. By default
            the last whose maps have more than one pixel.

    Returns:
        float32 `(batch, height, width)` from 0 to 1.

    Raises:
        ValueError: if the model has no such layer, is not functional or does not end in
            logits, or an argument is out of its range.

    Example:
        >>> inputs = keras.Input((8, 8, 3))
        >>> x = keras.layers.Conv2D(4, 3)(inputs)
        >>> x = keras.layers.GlobalAveragePooling2D()(x)
        >>> model = keras.Model(inputs, keras.layers.Dense(2)(x))
        >>> images = np.random.default_rng(0).uniform(size=(5, 8, 8, 3))
        >>> grad_cam(model, images, class_indices=1).shape
        (5, 8, 8)

    Reference:
        - Selvaraju et al., 2017, "Grad-CAM: visual explanations from deep networks via
          gradient-based localization", equations 1 and 2.
    """
    images = np.asarray(images)
    if images.ndim != 4 or len(images) == 0:
        raise ValueError(
            "`images` must have the shape (batch, height, width, channels) with at "
            f"least one image. Received: shape={images.shape}."
        )
    trunk, head = _split(model, layer)
    features = ops.convert_to_numpy(trunk(images, training=False))
    logits = ops.convert_to_numpy(head(features, training=False))
    classes = _classes(class_indices, logits)
    gradient = _gradient(head, features, classes)
    weights = gradient.mean(axis=(1, 2), keepdims=True)  # (batch, 1, 1, maps)
    evidence = np.maximum((weights * features).sum(axis=-1, keepdims=True), 0)
    evidence = ops.image.resize(
        evidence, images.shape[1:3], data_format="channels_last"
    )
    evidence = ops.convert_to_numpy(evidence)[..., 0]  # (batch, height, width)
    highest = evidence.max(axis=(1, 2), keepdims=True)
    shown = np.divide(evidence, highest, out=np.zeros_like(evidence), where=highest > 0)
    return np.clip(shown, 0, 1).astype("float32")


@keras.saving.register_keras_serializable(package="dlai_keras")
class _Probe(keras.layers.Layer):
    """The rest of a network, over features plus a weight of the same shape.

    The weight is zero, so the outputs are those of the rest; its gradient is that of
    the features, which every backend can tell by one step of training.
    """

    def __init__(self, head, **kwargs):
        super().__init__(**kwargs)
        self.head = head
        self.head.trainable = False

    def build(self, input_shape):
        self.offset = self.add_weight(
            shape=input_shape, initializer="zeros", name="offset"
        )

    def call(self, inputs):
        # In inference though `train_on_batch` trains: no dropout, no batch statistics.
        return self.head(inputs + self.offset, training=False)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.head.output_shape[1:])

    def get_config(self):
        head = keras.saving.serialize_keras_object(self.head)
        return {**super().get_config(), "head": head}

    @classmethod
    def from_config(cls, config):
        head = keras.saving.deserialize_keras_object(config["head"])
        return cls(**{**config, "head": head})


def _gradient(head, features, classes):
    """Of the chosen logits with respect to the features, in their shape."""
    inputs = keras.Input(batch_shape=features.shape)
    probe = _Probe(head)
    model = keras.Model(inputs, probe(inputs))
    model.compile(
        keras.optimizers.SGD(learning_rate=1.0),
        loss=lambda chosen, logits: -ops.sum(chosen * logits, axis=-1),
        run_eagerly=True,  # one step is not worth a compilation
    )
    chosen = np.zeros((len(features), head.output_shape[-1]), "float32")
    # The loss is the mean over the batch, and every image wants its own gradient.
    chosen[np.arange(len(features)), classes] = len(features)
    model.train_on_batch(features, chosen)
    return ops.convert_to_numpy(probe.offset)


def _split(model, layer):
    """Copies of the model up to and from the outputs of a layer."""
    if not isinstance(model, keras.Model) or isinstance(model, keras.Sequential):
        raise ValueError(
            "`model` must be a functional keras.Model. Received: "
            f"{type(model).__name__}."
        )
    outputs = {}

    def remember(layer, *args, **kwargs):
        outputs[layer.name] = layer(*args, **kwargs)
        return outputs[layer.name]

    # A copy, since splitting leaves traces in the layers; of a view, lest the copy be
    # compiled too.
    view = keras.Model(model.input, model.output)
    copy = keras.models.clone_model(view, call_function=remember)
    copy.set_weights(view.get_weights())
    if len(copy.outputs) != 1 or len(copy.outputs[0].shape) != 2:
        raise ValueError(
            "`model` must end in logits (batch, num_classes). Received: "
            f"output_shape={model.output_shape}."
        )
    maps = {
        name: tensor
        for name, tensor in outputs.items()
        if len(getattr(tensor, "shape", ())) == 4 and tensor.shape[1:3] != (1, 1)
    }
    if not maps:
        raise ValueError(f"{model.name} has no layer whose outputs are maps.")
    if layer is None:
        layer = list(maps)[-1]
    if layer not in maps:
        raise ValueError(
            "`layer` must be a layer of the model itself, not of a model nested in it, "
            f"whose outputs are maps: {', '.join(maps)}. Received: layer={layer}."
        )
    trunk = keras.Model(copy.input, maps[layer])
    try:
        head = keras.Model(maps[layer], copy.outputs[0])
    except ValueError:
        raise ValueError(
            "`layer` must be one through which every path from the images to the "
            f"logits leads. Received: layer={layer}."
        ) from None
    return trunk, head


def _classes(class_indices, logits):
    """One class for every image."""
    num_images, num_classes = logits.shape
    if class_indices is None:
        return logits.argmax(axis=-1)
    classes = np.asarray(class_indices)
    if (
        classes.shape not in {(), (num_images,)}
        or not np.issubdtype(classes.dtype, np.integer)
        or classes.min() < 0
        or classes.max() >= num_classes
    ):
        raise ValueError(
            "`class_indices` must be one whole number, or one for each of the "
            f"{num_images} images, from 0 to {num_classes - 1}. Received: "
            f"class_indices={class_indices}."
        )
    return np.broadcast_to(classes, (num_images,))
