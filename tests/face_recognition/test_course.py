"""The course's functions give its published numbers, for both of its editions."""

import keras
import numpy as np
import pytest
from keras import ops

from dlai_keras import images
from dlai_keras.face_recognition.course import (
    img_to_encoding,
    triplet_loss,
    verify,
    who_is_it,
)

backends = pytest.mark.backends

# Mean and standard deviation of the anchors, positives and negatives that the course's
# checks draw, (3, 128) each.
DRAWN = ((6, 0.1), (1, 1), (3, 4))


def drawn_2021():
    import tensorflow as tf

    tf.random.set_seed(1)
    return [
        tf.random.normal((3, 128), mean=mean, stddev=stddev, seed=1).numpy()
        for mean, stddev in DRAWN
    ]


def drawn_2017():
    import tensorflow as tf

    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.set_random_seed(1)
        return session.run(
            [
                tf.compat.v1.random_normal((3, 128), mean=mean, stddev=stddev, seed=1)
                for mean, stddev in DRAWN
            ]
        )


# The loss


@pytest.mark.parametrize(
    ("draw", "published"), [(drawn_2021, 527.2598), (drawn_2017, 528.143)]
)
def test_the_triplet_loss_is_the_published_one(draw, published):
    inputs = draw()
    assert float(triplet_loss(None, inputs)) == pytest.approx(published, abs=5e-4)
    # 2017's 350.026 is the maximum of the sum over everything.
    anchor, positive, negative = (array.astype("float64") for array in inputs)
    to_positive = ((anchor - positive) ** 2).sum(axis=1)
    to_negative = ((anchor - negative) ** 2).sum(axis=1)
    each = np.maximum(to_positive - to_negative + 0.2, 0)
    assert float(triplet_loss((None,) * 3, inputs)) == pytest.approx(each.sum())
    assert max((to_positive - to_negative).sum() + 0.2, 0) < published - 100


@backends
@pytest.mark.parametrize(
    ("anchor", "positive", "negative", "alpha", "expected"),
    [
        ([1.0, 1.0], [1.0, 1.0], [1.0, 1.0], 5, 5),
        ([1.0, 1.0], [1.0, 1.0], [0.0, 0.0], 3, 1),
        ([1.0, 1.0], [0.0, 0.0], [1.0, 1.0], 0, 2),
        ([0.0, 0.0], [0.0, 0.0], [0.0, 0.0], -2, 0),
        (
            [[1.0, 0.0], [1.0, 0.0]],
            [[1.0, 0.0], [1.0, 0.0]],
            [[0.0, 1.0], [0.0, 1.0]],
            3,
            2,
        ),
        (
            [[1.0, 1.0], [2.0, 0.0]],
            [[0.0, 3.0], [1.0, 1.0]],
            [[1.0, 0.0], [0.0, 1.0]],
            1,
            5,
        ),
    ],
)
def test_the_triplet_loss_passes_the_courses_checks(
    anchor, positive, negative, alpha, expected
):
    loss = triplet_loss(None, (anchor, positive, negative), alpha=alpha)
    assert ops.shape(loss) == ()
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_a_triplet_takes_three_parts():
    with pytest.raises(ValueError, match="anchors, positives and negatives"):
        triplet_loss(None, np.zeros((2, 3)))


# Encodings


class Network:
    """Its encoding is the picture itself, and twice as long."""

    def __init__(self, *size):
        self.input_shape = (None, *size, 3)

    def predict_on_batch(self, batch):
        self.batch = batch
        return 2 * batch.reshape(len(batch), -1)


@pytest.fixture
def people(tmp_path):
    """Pictures of one colour each, by name: their encodings are unit colours."""
    colors = {"ann": (250, 10, 10), "bob": (10, 250, 10), "eve": (10, 10, 250)}
    for name, color in colors.items():
        images.write(tmp_path / f"{name}.png", np.full((4, 4, 3), color, "uint8"))
    return tmp_path


def paint(path, color):
    images.write(path, np.full((4, 4, 3), color, "uint8"))
    return path


def encodings(people, network):
    return {
        name: img_to_encoding(people / f"{name}.png", network)
        for name in ("ann", "bob", "eve")
    }


def test_an_encoding_is_a_row_of_length_one(people):
    network = Network(4, 4)
    encoding = img_to_encoding(str(people / "ann.png"), network)
    assert encoding.shape == (1, 48)
    assert np.linalg.norm(encoding) == pytest.approx(1)
    # RGB from 0 to 255, whatever the file's order.
    assert network.batch.shape == (1, 4, 4, 3)
    np.testing.assert_array_equal(network.batch[0, 0, 0], [250, 10, 10])


def test_pictures_are_brought_to_the_networks_size(tmp_path):
    ramp = np.broadcast_to(np.arange(16, dtype="uint8")[:, None, None] * 16, (16, 8, 3))
    images.write(tmp_path / "ramp.png", np.ascontiguousarray(ramp))
    network = Network(4, 2)
    img_to_encoding(tmp_path / "ramp.png", network)
    # A pixel is the mean of those that it takes the place of.
    expected = ramp.reshape(4, 4, 2, 4, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(network.batch[0], expected, atol=1)
    open_size = Network(None, None)
    img_to_encoding(tmp_path / "ramp.png", open_size)
    assert open_size.batch.shape == (1, 16, 8, 3)


def test_a_keras_model_makes_encodings(people):
    inputs = keras.Input((4, 4, 3))
    outputs = keras.layers.GlobalAveragePooling2D()(inputs)
    encoding = img_to_encoding(people / "bob.png", keras.Model(inputs, outputs))
    expected = np.array([[10, 250, 10]]) / np.linalg.norm([10, 250, 10])
    np.testing.assert_allclose(encoding, expected, rtol=1e-5)


def test_what_is_no_picture_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nobody"):
        img_to_encoding(tmp_path / "nobody.jpg", Network(4, 4))
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(ValueError, match=r"text\.jpg is no picture"):
        img_to_encoding(tmp_path / "text.jpg", Network(4, 4))


# The door


def test_the_door_opens_below_the_threshold_only(people, capsys):
    network = Network(4, 4)
    database = encodings(people, network)
    path = paint(people / "camera.png", (250, 60, 10))
    distance, door_open = verify(path, "ann", database, network)
    difference = img_to_encoding(path, network) - database["ann"]
    assert distance == pytest.approx(np.linalg.norm(difference))
    assert 0 < distance < 0.7 and door_open is True
    assert capsys.readouterr().out == "It's ann, welcome in!\n"
    distance, door_open = verify(path, "bob", database, network)
    assert distance > 0.7 and door_open is False
    assert capsys.readouterr().out == "It's not bob, please go away\n"


def test_only_who_is_known_can_be_verified(people):
    network = Network(4, 4)
    with pytest.raises(ValueError, match=r"ann, bob, eve\. Received: 'dan'"):
        verify(people / "ann.png", "dan", encodings(people, network), network)


def test_the_nearest_of_the_database_is_found(people, capsys):
    network = Network(4, 4)
    database = encodings(people, network)
    assert who_is_it(people / "eve.png", database, network) == (0.0, "eve")
    assert capsys.readouterr().out == "it's eve, the distance is 0.0\n"
    path = paint(people / "camera.png", (10, 250, 60))
    distance, name = who_is_it(path, database, network)
    assert name == "bob" and 0 < distance < 0.7
    assert f"it's bob, the distance is {distance}" in capsys.readouterr().out


def test_strangers_are_not_in_the_database(people, capsys):
    network = Network(4, 4)
    database = encodings(people, network)
    path = paint(people / "camera.png", (140, 200, 190))
    distance, name = who_is_it(path, database, network)
    assert distance > 0.7 and name == "bob"
    assert capsys.readouterr().out == "Not in the database.\n"
    with pytest.raises(ValueError, match="must hold somebody"):
        who_is_it(path, {}, network)
