"""Augmentation as layers: it runs in batches, within the model, on every backend."""

import math

import keras
from keras import ops

FILL_MODES = ("constant", "nearest", "reflect", "wrap")


class _RandomLayer(keras.layers.Layer):
    """Draws for every picture in training, and leaves them alone otherwise."""

    def __init__(self, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape):
        if len(input_shape) != 4:
            raise ValueError(
                f"`{type(self).__name__}` takes images (batch, height, width, "
                f"channels). Received: shape={tuple(input_shape)}."
            )

    def call(self, inputs, training=None):
        images = ops.cast(inputs, self.compute_dtype)
        return self._augment(images) if training else images

    def reseed(self, seed):
        """Has the next draws depend on `seed`, two whole numbers below 2**32, alone."""
        self.seed_generator.state.assign(ops.convert_to_tensor(seed, "uint32"))

    def _uniform(self, shape, low, high):
        return keras.random.uniform(shape, low, high, seed=self.seed_generator)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable(package="dlai_keras")
class RandomAffine(_RandomLayer):
    """Turns, scales, shears, shifts and mirrors pictures, in one interpolation.

    A chain of `RandomRotation`, `RandomZoom` and so on resamples each picture every
    time, which blurs small ones and takes as often as long. Here every picture has one
    matrix `mirror . rotation . shear . scale` about its centre and one shift. Nothing
    changes outside training.

    Args:
        rotation: largest angle either way, degrees.
        scale: `(lowest, highest)` factor of size; drawn evenly on a logarithmic scale.
        shear: largest shift of a row by its distance from the centre, either way.
        translation: largest shift either way, as a share of height and width.
        flip: whether half of the pictures are mirrored left to right.
        fill_mode: what lies outside of a picture: `"nearest"`, `"reflect"`, `"wrap"`
            or `"constant"` (black).
        seed: integer for the same draws every time.

    Input shape:
        `(batch, height, width, channels)`, real or whole numbers.
    Output shape:
        The same, in the layer's dtype.

    Raises:
        ValueError: an argument is out of its range, or the input is not 4-dimensional.

    Example:
        >>> images = keras.random.uniform((2, 8, 8, 3))
        >>> ops.shape(RandomAffine(rotation=30)(images, training=True))
        (2, 8, 8, 3)

    Reference:
        - Simard et al., 2003, "Best practices for convolutional neural networks".
    """

    def __init__(
        self,
        rotation=0.0,
        scale=(1.0, 1.0),
        shear=0.0,
        translation=0.0,
        flip=False,
        fill_mode="nearest",
        seed=None,
        **kwargs,
    ):
        super().__init__(seed, **kwargs)
        for argument, value in (
            ("rotation", rotation),
            ("shear", shear),
            ("translation", translation),
        ):
            if value < 0:
                raise ValueError(f"`{argument}` must be 0 or more. Received: {value}.")
        scale = tuple(float(factor) for factor in scale)
        if len(scale) != 2 or not 0 < scale[0] <= scale[1]:
            raise ValueError(
                "`scale` must be two factors above 0, the lower one first. "
                f"Received: scale={scale}."
            )
        if fill_mode not in FILL_MODES:
            raise ValueError(
                f"`fill_mode` must be one of {', '.join(FILL_MODES)}. "
                f"Received: fill_mode={fill_mode!r}."
            )
        self.rotation = float(rotation)
        self.scale = scale
        self.shear = float(shear)
        self.translation = float(translation)
        self.flip = bool(flip)
        self.fill_mode = fill_mode

    def _augment(self, images):
        batch, height, width, _ = ops.shape(images)
        angle = math.radians(self.rotation)
        angle = self._uniform((batch,), -angle, angle)
        # Outputs are looked up in the input: a picture grows by a factor below 1.
        low, high = (math.log(factor) for factor in self.scale)
        factor = ops.exp(-self._uniform((batch,), low, high))
        shear = self._uniform((batch,), -self.shear, self.shear)
        shift = self._uniform((2, batch), -self.translation, self.translation)
        mirror = ops.ones_like(angle)
        if self.flip:
            mirror = ops.sign(self._uniform((batch,), -1.0, 1.0) + 1e-6)
        cosine, sine = ops.cos(angle) * factor, ops.sin(angle) * factor
        xx, xy = cosine * mirror, (shear * cosine - sine)
        yx, yy = sine * mirror, (shear * sine + cosine)
        middle_x = (ops.cast(width, "float32") - 1) / 2
        middle_y = (ops.cast(height, "float32") - 1) / 2
        dx = middle_x * (1 + 2 * shift[0]) - xx * middle_x - xy * middle_y
        dy = middle_y * (1 + 2 * shift[1]) - yx * middle_x - yy * middle_y
        zero = ops.zeros_like(angle)
        transforms = [xx, xy, dx, yx, yy, dy, zero, zero]
        moved = ops.image.affine_transform(
            ops.cast(images, "float32"),
            ops.stack(transforms, axis=1),  # (batch, 8)
            fill_mode=self.fill_mode,
            data_format="channels_last",
        )
        return ops.cast(moved, self.compute_dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "rotation": self.rotation,
            "scale": self.scale,
            "shear": self.shear,
            "translation": self.translation,
            "flip": self.flip,
            "fill_mode": self.fill_mode,
            "seed": self.seed,
        }


@keras.saving.register_keras_serializable(package="dlai_keras")
class RandomColor(_RandomLayer):
    """Other light, another camera: gain, tint, contrast and noise of every picture.

    `(image - mean) * contrast + mean`, times a gain for the picture and one for each
    channel, plus white noise, cut off at the ends of `value_range`. All factors are
    even on a logarithmic scale. Nothing changes outside training.

    Args:
        brightness: largest gain either way; 0.25 means from 1 / 1.25 to 1.25.
        tint: largest further gain of each channel.
        contrast: largest factor of contrast about the picture's mean.
        noise: largest standard deviation of the noise, as a share of the value range;
            every picture's is drawn between 0 and this.
        value_range: darkest and lightest value.
        seed: integer for the same draws every time.

    Input shape:
        `(batch, height, width, channels)`, real or whole numbers in `value_range`.
    Output shape:
        The same, in the layer's dtype.

    Raises:
        ValueError: an argument is out of its range, or the input is not 4-dimensional.

    Example:
        >>> images = keras.random.uniform((2, 8, 8, 3), 0, 255)
        >>> ops.shape(RandomColor(brightness=0.3, tint=0.1)(images, training=True))
        (2, 8, 8, 3)
    """

    def __init__(
        self,
        brightness=0.0,
        tint=0.0,
        contrast=0.0,
        noise=0.0,
        value_range=(0.0, 255.0),
        seed=None,
        **kwargs,
    ):
        super().__init__(seed, **kwargs)
        for argument, value in (
            ("brightness", brightness),
            ("tint", tint),
            ("contrast", contrast),
            ("noise", noise),
        ):
            if value < 0:
                raise ValueError(f"`{argument}` must be 0 or more. Received: {value}.")
        value_range = tuple(float(value) for value in value_range)
        if len(value_range) != 2 or not value_range[0] < value_range[1]:
            raise ValueError(
                "`value_range` must be two numbers, the lower one first. "
                f"Received: value_range={value_range}."
            )
        self.brightness = float(brightness)
        self.tint = float(tint)
        self.contrast = float(contrast)
        self.noise = float(noise)
        self.value_range = value_range

    def _factor(self, shape, largest):
        bound = math.log1p(largest)
        return ops.cast(
            ops.exp(self._uniform(shape, -bound, bound)), self.compute_dtype
        )

    def _augment(self, images):
        batch, _, _, channels = ops.shape(images)
        low, high = self.value_range
        images = images - low
        mean = ops.mean(images, axis=(1, 2, 3), keepdims=True)
        images = (images - mean) * self._factor((batch, 1, 1, 1), self.contrast) + mean
        gain = self._factor((batch, 1, 1, 1), self.brightness)
        gain = gain * self._factor((batch, 1, 1, channels), self.tint)
        images = images * gain
        if self.noise:
            level = self._uniform((batch, 1, 1, 1), 0.0, self.noise * (high - low))
            noise = keras.random.normal(ops.shape(images), seed=self.seed_generator)
            images = images + ops.cast(level * noise, self.compute_dtype)
        return ops.clip(images + low, low, high)

    def get_config(self):
        return {
            **super().get_config(),
            "brightness": self.brightness,
            "tint": self.tint,
            "contrast": self.contrast,
            "noise": self.noise,
            "value_range": self.value_range,
            "seed": self.seed,
        }
