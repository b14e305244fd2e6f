import keras
import numpy as np
import pytest
from scipy import special

from dlai_keras.foundations import softmax


@pytest.fixture
def logits():
    return np.random.default_rng(0).normal(size=(4, 9)) * 5


def test_softmax_is_scipys_and_never_overflows(logits):
    for scale in (1, 1e4):
        for axis in (0, 1):
            np.testing.assert_allclose(
                softmax.softmax(logits * scale, axis),
                special.softmax(logits * scale, axis),
                rtol=1e-9,
                atol=1e-300,
            )
    np.testing.assert_allclose(softmax.softmax(logits).sum(axis=0), 1)


def test_the_loss_is_that_of_keras(logits):
    labels = softmax.one_hot_matrix(np.arange(9) % 4, 4)
    expected = keras.ops.categorical_crossentropy(
        labels.T, logits.T.astype("float32"), from_logits=True
    )
    total = float(keras.ops.sum(expected))
    assert softmax.compute_total_loss(logits, labels) == pytest.approx(total, rel=1e-5)
    assert softmax.compute_cost(logits, labels) == pytest.approx(total / 9, rel=1e-5)


def test_losses_of_enormous_logits_are_finite_and_exact():
    logits, labels = np.array([[1e4, 1e4], [0.0, 0.0]]), np.array([[1, 0], [0, 1]])
    assert softmax.compute_total_loss(logits, labels) == 1e4
    np.testing.assert_allclose(softmax.cost([1e4, -1e4], [0, 0]), [1e4, 0])


def test_two_classes_are_a_sigmoid():
    z, y = np.linspace(-5, 5, 7), np.array([0, 1, 0, 1, 1, 0, 1])
    logits, labels = np.stack([np.zeros(7), z]), np.stack([1 - y, y])
    np.testing.assert_allclose(softmax.softmax(logits)[1], softmax.sigmoid(z))
    losses = [
        softmax.compute_total_loss(logits[:, i : i + 1], labels[:, i : i + 1])
        for i in range(7)
    ]
    np.testing.assert_allclose(softmax.cost(z, y), losses)


def test_one_hot_columns_point_at_their_label():
    labels = np.array([3, 0, 5, 5])
    matrix = softmax.one_hot_matrix(labels)
    assert matrix.shape == (6, 4)
    np.testing.assert_array_equal(matrix.argmax(axis=0), labels)
    np.testing.assert_array_equal(matrix.sum(axis=0), 1)


def test_the_courses_network_has_its_shapes():
    parameters = softmax.initialize_parameters(rng=np.random.default_rng(0))
    shapes = {key: value.shape for key, value in parameters.items()}
    assert shapes == {
        "W1": (25, 12288),
        "b1": (25, 1),
        "W2": (12, 25),
        "b2": (12, 1),
        "W3": (6, 12),
        "b3": (6, 1),
    }
    assert parameters["W1"].std() == pytest.approx((2 / (25 + 12288)) ** 0.5, rel=0.01)
    X = np.zeros((12288, 2))
    assert softmax.forward_propagation(X, parameters).shape == (6, 2)


def test_the_network_learns_three_classes(capsys):
    rng = np.random.RandomState(0)
    centres = np.array([[0.0, 2.0, -2.0], [2.0, -1.0, -1.0]])
    labels = rng.randint(3, size=150)
    X = centres[:, labels] + 0.5 * rng.standard_normal((2, 150))
    Y = softmax.one_hot_matrix(labels, 3)
    parameters, costs, train_acc, test_acc = softmax.model(
        X[:, :100],
        Y[:, :100],
        X[:, 100:],
        Y[:, 100:],
        learning_rate=0.01,
        num_epochs=31,
        hidden_dims=(8,),
        rng=rng,
    )
    assert len(costs) == len(train_acc) == len(test_acc) == 4
    assert costs[-1] < 0.3 * costs[0]
    assert test_acc[-1] > 0.9
    assert parameters["W2"].shape == (3, 8)
    predictions = softmax.predict(X[:, 100:], parameters)
    assert np.mean(predictions == labels[100:]) == pytest.approx(test_acc[-1])
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1] == f"Test accuracy: {test_acc[-1]:f}"


def test_what_does_not_fit_is_said(logits):
    with pytest.raises(ValueError, match=r"shape \(4, 9\), labels of shape \(9, 4\)"):
        softmax.compute_total_loss(logits, logits.T)
    for label in (6, -1, 1.5):
        with pytest.raises(ValueError, match=f"from 0 to 5. Received: {label}"):
            softmax.one_hot_matrix([0, label])
    parameters = softmax.initialize_parameters([3, 2])
    with pytest.raises(ValueError, match=r"shape \(2, 3\), input of shape \(4, 9\)"):
        softmax.forward_propagation(logits, parameters)
