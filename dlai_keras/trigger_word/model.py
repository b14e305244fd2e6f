"""Trigger-word detectors: the course's, and the small causal one to ship."""

import json
from pathlib import Path

import keras
from keras import layers

from dlai_keras import networks
from dlai_keras.trigger_word.detection import DetectorSettings
from dlai_keras.trigger_word.features import log_mel_settings
from dlai_keras.trigger_word.layers import LogMelSpectrogram

SETTINGS_FILE = "detector.json"
WEIGHTS = Path(__file__).parent / "weights"
STRIDE = 3  # frames of 10 ms from one output of the causal detector to the next


def trigger_word_detector(
    input_shape: tuple[int | None, int] = (5511, 101),
    num_labels: int = 1,
    *,
    filters: int = 196,
    kernel_size: int = 15,
    strides: int = 4,
    units: int = 128,
    dropout: float = 0.8,
    reset_after: bool = True,
    name: str = "trigger_word_detector",
) -> keras.Model:
    """The course's detector: a strided convolution, two GRUs, a logit per frame.

    523,329 parameters with the defaults, 522,561 with `reset_after=False` (the
    Keras of the course's first edition).

    Args:
        input_shape: `(num_frames, bins)`; frames may be None.
        num_labels: trigger words.
        filters: of the convolution.
        kernel_size: frames it sees.
        strides: frames from one output to the next.
        units: of each GRU.
        dropout: share of units dropped (the course: 0.8).
        reset_after: variant of the GRU.
        name: of the model.

    Returns:
        Uncompiled model: spectrogram `(batch, num_frames, bins)` to logits
        `(batch, (num_frames - kernel_size) // strides + 1, num_labels)`.

    Reference:
        - Course 5, week 3, "Trigger word detection", `modelf`.
    """
    inputs = keras.Input(input_shape, name="spectrogram")
    x = layers.Conv1D(filters, kernel_size, strides, name="conv")(inputs)
    x = layers.BatchNormalization(name="conv_bn")(x)
    x = layers.Activation("relu", name="conv_relu")(x)
    x = layers.Dropout(dropout, name="conv_dropout")(x)
    for number in (1, 2):
        x = layers.GRU(
            units, return_sequences=True, reset_after=reset_after, name=f"gru{number}"
        )(x)
        x = layers.Dropout(dropout, name=f"gru{number}_dropout")(x)
        x = layers.BatchNormalization(name=f"gru{number}_bn")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    # Dense acts on every frame by itself; TimeDistributed would unroll 1375 of them.
    outputs = layers.Dense(num_labels, name="logits")(x)
    return keras.Model(inputs, outputs, name=name)


def causal_block(x, filters, *, kernel_size=5, dilation=1, dropout=0.1, name):
    """A dilated causal convolution beside its shortcut."""
    shortcut = x
    x = layers.Conv1D(
        filters,
        kernel_size,
        padding="causal",
        dilation_rate=dilation,
        use_bias=False,
        name=f"{name}_conv",
    )(x)
    x = layers.BatchNormalization(name=f"{name}_bn")(x)
    x = layers.Activation("relu", name=f"{name}_relu")(x)
    x = layers.SpatialDropout1D(dropout, name=f"{name}_dropout")(x)
    return layers.Add(name=f"{name}_add")([x, shortcut])


def causal_trigger_word_detector(
    input_shape: tuple[int | None, int] = (None, 40),
    num_labels: int = 1,
    *,
    filters: int = 64,
    dilations: tuple[int, ...] = (1, 2, 4, 8, 1, 2, 4),
    kernel_size: int = 5,
    dropout: float = 0.1,
    name: str = "causal_trigger_word_detector",
) -> keras.Model:
    """The detector to ship: dilated causal convolutions over log-mel energies.

    An output every 30 ms, each from what was heard before it only, so the same model
    listens to a recording and to a live stream.

    Args:
        input_shape: `(num_frames, num_mels)`; frames may be None.
        num_labels: trigger words.
        filters: of every convolution.
        dilations: one block each.
        kernel_size: frames each block sees.
        dropout: share of channels dropped.
        name: of the model.

    Returns:
        Uncompiled model: log-mel energies `(batch, num_frames, num_mels)` to logits
        `(batch, (num_frames - 1) // 3 + 1, num_labels)`.

    Reference:
        - van den Oord et al., 2016, "WaveNet" (dilated causal convolutions); Coucke
          et al., 2019, "Efficient keyword spotting using dilated convolutions".
    """
    inputs = keras.Input(input_shape, name="log_mel")
    # Natural logs of energies lie between -14 (the floor) and 6.
    x = layers.Rescaling(0.25, offset=1.0, name="rescale")(inputs)
    x = layers.Conv1D(
        filters, 5, STRIDE, padding="causal", use_bias=False, name="stem_conv"
    )(x)
    x = layers.BatchNormalization(name="stem_bn")(x)
    x = layers.Activation("relu", name="stem_relu")(x)
    for number, dilation in enumerate(dilations, start=1):
        x = causal_block(
            x,
            filters,
            kernel_size=kernel_size,
            dilation=dilation,
            dropout=dropout,
            name=f"block{number}",
        )
    x = layers.Conv1D(filters, 1, activation="relu", name="head")(x)
    # A rare event: the first probabilities are 2 %, so the first steps are calm.
    outputs = layers.Dense(
        num_labels, bias_initializer=keras.initializers.Constant(-4.0), name="logits"
    )(x)
    return keras.Model(inputs, outputs, name=name)


def receptive_field(
    dilations: tuple[int, ...] = (1, 2, 4, 8, 1, 2, 4), kernel_size: int = 5
) -> float:
    """Seconds of sound that an output of the causal detector depends on.

    Example:
        >>> round(receptive_field(), 2)
        2.71
    """
    frames = 4 + STRIDE * (kernel_size - 1) * sum(dilations)
    return 0.025 + 0.01 * frames


def listen(model: keras.Model, sample_rate: int = 16_000) -> keras.Model:
    """A detector that takes audio `(batch, num_samples)`, not log-mel energies."""
    audio = keras.Input((None,), name="audio")
    features = LogMelSpectrogram(**log_mel_settings(sample_rate), name="log_mel")(audio)
    # A copy: what is saved must not carry the optimizer and loss of a training.
    network = type(model).from_config(model.get_config())
    network.set_weights(model.get_weights())
    return keras.Model(audio, network(features), name=f"{model.name}_from_audio")


def save_detector(
    folder: Path, model: keras.Model, settings: DetectorSettings, **notes
) -> None:
    """Writes `model.keras`, and beside it `detector.json` with what `predict` needs.

    Args:
        folder: made if it is missing.
        model: takes audio, as `listen` makes it.
        settings: threshold, sample rate, labels and so on.
        **notes: what else is worth keeping, such as the seed of the split.
    """
    record = {"detector": settings.as_dict(), **notes}
    networks.save(folder, model, SETTINGS_FILE, record)


def load_detector(path: Path) -> tuple[keras.Model, DetectorSettings, dict]:
    """Reads a trained detector.

    Args:
        path: `model.keras`, or the folder that holds it.

    Returns:
        `(model, settings, notes)`; the model takes audio `(batch, num_samples)`.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is no such thing.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "model.keras"
    beside = path.with_name(SETTINGS_FILE)
    for file in (path, beside):
        if not file.is_file():
            raise FileNotFoundError(
                f"No such file: {file}. Expected model.keras and {SETTINGS_FILE} as "
                "`assignments/trigger_word.py train` leaves them."
            )
    try:
        notes = json.loads(beside.read_text(encoding="utf-8"))
        settings = DetectorSettings.from_dict(notes.pop("detector"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{beside} holds no detector settings: {error}") from None
    try:
        model = keras.saving.load_model(path, compile=False)
    except Exception as error:
        reason = " ".join(str(error).split())[-200:]
        raise ValueError(f"{path} is no model of this package: ... {reason}") from None
    return model, settings, notes


def load_pretrained() -> tuple[keras.Model, DetectorSettings, dict]:
    """The detector that comes with the package; it listens for "activate".

    Returns:
        `(model, settings, notes)` as `load_detector`.
    """
    return load_detector(WEIGHTS / "activate")


def load_course_weights(model: keras.Model, path: Path) -> keras.Model:
    """Reads weights of the course's detector, as Keras 2 saved them.

    Args:
        model: as `trigger_word_detector()` builds it.
        path: legacy `.h5`, of a whole model or of weights alone.

    Returns:
        `model`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file does not hold the weights of this architecture.
    """
    stored, _ = networks.read_legacy_weights(path)
    # Batch normalisation, too, is stored in the order gamma, beta, mean, variance.
    wanted = [layer for layer in model.layers if layer.weights]
    shapes = [[weight.shape for weight in layer.weights] for layer in wanted]
    found = [[array.shape for array in arrays] for arrays in stored]
    if [list(map(tuple, s)) for s in shapes] != [list(map(tuple, f)) for f in found]:
        raise ValueError(
            f"{path} does not hold weights of this model. Expected arrays of shapes "
            f"{shapes}. Received: {found}."
        )
    for layer, arrays in zip(wanted, stored, strict=True):
        layer.set_weights(arrays)
    return model
