"""The course's own functions, with its names and argument order.

The networks here take pictures from 0 to 255 and end in unit vectors. A network of the
course's own files takes them from 0 to 1: put `keras.layers.Rescaling(1 / 255)` before
it, as in `keras.Sequential([keras.layers.Rescaling(1 / 255), model])`.

Reference:
    - Course 4, week 4, "Face recognition".
"""

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from keras import ops

from dlai_keras import images

# Distances below it are the same person, in the course's two functions.
THRESHOLD = 0.7


def triplet_loss(y_true, y_pred, alpha: float = 0.2):
    """`sum(max(|a - p|^2 - |a - n|^2 + alpha, 0))` over the triplets of a batch.

    In 2017 some editions of the notebook summed over the whole batch before they took
    the maximum, where one good triplet hides a bad one; the value 350.026 that they
    print is of that mistake.

    Args:
        y_true: unused; Keras hands it over.
        y_pred: three arrays or tensors, each `(batch, size)` or `(size,)`: embeddings
            of the anchors, of the positives (the same people) and of the negatives.
        alpha: margin.

    Returns:
        Scalar tensor.

    Raises:
        ValueError: `y_pred` does not have three parts.

    Example:
        >>> anchor, positive, negative = [[1.0, 0.0]], [[1.0, 0.0]], [[0.0, 1.0]]
        >>> float(triplet_loss(None, (anchor, positive, negative), alpha=3))
        1.0

    Reference:
        - Course 4, week 4, "Face recognition", exercise 1.
        - Schroff et al., 2015, "FaceNet: a unified embedding for face recognition and
          clustering", equation 3.
    """
    if len(y_pred) != 3:
        raise ValueError(
            "`y_pred` must be anchors, positives and negatives. Received: "
            f"{len(y_pred)} parts."
        )
    anchor, positive, negative = (
        ops.convert_to_tensor(part, "float32") for part in y_pred
    )
    to_positive = ops.sum(ops.square(anchor - positive), axis=-1)
    to_negative = ops.sum(ops.square(anchor - negative), axis=-1)
    return ops.sum(ops.maximum(to_positive - to_negative + alpha, 0.0))


def img_to_encoding(image_path: str | Path, model) -> np.ndarray:
    """The embedding of a picture that shows one face and little else.

    Args:
        image_path: file of any format that OpenCV reads.
        model: takes `(1, height, width, 3)` from 0 to 255 and has the course's
            `predict_on_batch`: any Keras model. The picture is brought to the size that
            it expects, if it expects one.

    Returns:
        float `(1, size)` of length 1.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no picture.

    Example:
        >>> import keras, tempfile
        >>> inputs = keras.Input((2, 2, 3))
        >>> model = keras.Model(inputs, keras.layers.Flatten()(inputs))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "white.png"
        ...     images.write(path, np.full((8, 8, 3), 255, "uint8"))
        ...     encoding = img_to_encoding(path, model)
        >>> encoding.shape, round(float(np.linalg.norm(encoding)), 4)
        ((1, 12), 1.0)

    Reference:
        - Course 4, week 4, "Face recognition", `img_to_encoding`.
    """
    image = images.read(image_path)
    shape = getattr(model, "input_shape", None)
    if shape is not None and None not in shape[1:3] and shape[1:3] != image.shape[:2]:
        # Areas are averaged on the way down; on the way up that would be blocks.
        smaller = image.shape[0] > shape[1]
        way = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        image = cv2.resize(image, shape[2:0:-1], interpolation=way)
    batch = image[None].astype("float32")
    encoding = ops.convert_to_numpy(model.predict_on_batch(batch))
    return encoding / np.linalg.norm(encoding, ord=2)


def verify(
    image_path: str | Path, identity: str, database: Mapping[str, np.ndarray], model
) -> tuple[float, bool]:
    """Whether a picture shows the person that it is said to show; prints so, too.

    Args:
        image_path: picture from the camera at the door.
        identity: a name in the database.
        database: embeddings by name, as `img_to_encoding` makes them.
        model: as `img_to_encoding` takes it.

    Returns:
        `(distance, door_open)`: Euclidean distance of the embeddings, and whether it is
        below 0.7.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no picture, or nobody of that name is in the database.

    Example:
        >>> verify("camera_0.jpg", "kian", {}, model=None)
        Traceback (most recent call last):
        ...
        ValueError: `identity` must be in the database: nobody. Received: 'kian'.

    Reference:
        - Course 4, week 4, "Face recognition", exercise 2.
    """
    if identity not in database:
        names = ", ".join(map(str, database)) or "nobody"
        raise ValueError(
            f"`identity` must be in the database: {names}. Received: {identity!r}."
        )
    encoding = img_to_encoding(image_path, model)
    distance = float(np.linalg.norm(encoding - database[identity]))
    door_open = distance < THRESHOLD
    if door_open:
        print(f"It's {identity}, welcome in!")
    else:
        print(f"It's not {identity}, please go away")
    return distance, door_open


def who_is_it(
    image_path: str | Path, database: Mapping[str, np.ndarray], model
) -> tuple[float, str]:
    """Who of the database is nearest to the person in a picture; prints it, too.

    Args:
        image_path: picture from the camera at the door.
        database: embeddings by name, as `img_to_encoding` makes them.
        model: as `img_to_encoding` takes it.

    Returns:
        `(distance, name)` of the nearest. As in the course, the name is returned also
        where the distance is above 0.7 and "Not in the database." is printed.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no picture, or the database is empty.

    Example:
        >>> who_is_it("camera_0.jpg", {}, model=None)
        Traceback (most recent call last):
        ...
        ValueError: `database` must hold somebody.

    Reference:
        - Course 4, week 4, "Face recognition", exercise 3.
    """
    if not database:
        raise ValueError("`database` must hold somebody.")
    encoding = img_to_encoding(image_path, model)
    distances = {
        name: float(np.linalg.norm(encoding - stored))
        for name, stored in database.items()
    }
    identity = min(distances, key=distances.get)
    distance = distances[identity]
    if distance > THRESHOLD:
        print("Not in the database.")
    else:
        print(f"it's {identity}, the distance is {distance}")
    return distance, identity
