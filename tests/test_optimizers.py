"""Muon: against its definition, Keras' own for matrices, and Adam."""

import keras
import numpy as np
import pytest
from keras import ops

from dlai_keras.optimizers import QUINTIC, Muon, orthogonalize


def updates(optimizer, start, gradients):
    variable = keras.Variable(start)
    for gradient in gradients:
        optimizer.apply([ops.convert_to_tensor(gradient)], [variable])
    return ops.convert_to_numpy(variable)


@pytest.fixture
def problem(rng):
    def draw(*shape):
        return (
            rng.standard_normal(shape).astype("float32"),
            rng.standard_normal((4, *shape)).astype("float32"),
        )

    return draw


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.mark.backends
def test_a_kernel_goes_along_the_orthogonal_part_of_its_momentum(problem):
    start, gradients = problem(3, 2, 4, 5)
    weights, momentum = start.astype("float64"), np.zeros((24, 5))
    a, b, c = QUINTIC
    for gradient in gradients:
        gradient = gradient.reshape(24, 5).astype("float64")
        momentum = 0.9 * momentum + gradient
        x = 0.9 * momentum + gradient
        x /= np.linalg.norm(x)
        for _ in range(3):  # the polynomial acts on singular values alone
            u, s, v = np.linalg.svd(x, full_matrices=False)
            x = u * (a * s + b * s**3 + c * s**5) @ v
        weights = weights - 0.1 * 0.2 * np.sqrt(24) * x.reshape(weights.shape)
    optimizer = Muon(0.1, momentum=0.9, num_iterations=3)
    np.testing.assert_allclose(
        updates(optimizer, start, gradients), weights, atol=2e-5, rtol=1e-4
    )


@pytest.mark.parametrize("shape", [(6, 4), (4, 6)])
def test_for_matrices_it_is_that_of_keras(problem, shape):
    start, gradients = problem(*shape)
    ours = Muon(0.05, weight_decay=0.1)
    theirs = keras.optimizers.Muon(0.05, weight_decay=0.1)
    np.testing.assert_allclose(
        updates(ours, start, gradients), updates(theirs, start, gradients), atol=1e-5
    )


@pytest.mark.parametrize("shape", [(7,), (5, 1), (1, 5)])
def test_what_is_no_kernel_is_learned_by_adam(problem, shape):
    start, gradients = problem(*shape)
    ours, theirs = Muon(0.1, adam_rate=0.3), keras.optimizers.Adam(0.03)
    np.testing.assert_allclose(
        updates(ours, start, gradients), updates(theirs, start, gradients), atol=1e-6
    )


def test_excluded_layers_are_learned_by_adam(rng):
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(2, name="head")]
    )
    optimizer = Muon(exclude="head")
    optimizer.build(model.trainable_variables)
    # A momentum for each, and a velocity for both biases and the head's kernel.
    names = [variable.path for variable in optimizer.variables]
    assert sum("velocity" in name for name in names) == 3
    assert any("head_kernel_velocity" in name for name in names)


@pytest.mark.parametrize("shape", [(8, 3), (3, 8), (6, 6)])
def test_singular_values_come_near_to_one(rng, shape):
    matrix = rng.standard_normal(shape).astype("float32")
    values = np.linalg.svd(ops.convert_to_numpy(orthogonalize(matrix)))[1]
    assert values.min() > 0.5 and values.max() < 1.3
    assert np.ptp(np.linalg.svd(matrix)[1]) > 2 * np.ptp(values)


def test_no_gradient_moves_nothing():
    start = np.ones((3, 3, 2, 4), "float32")
    assert (updates(Muon(), start, np.zeros((2, *start.shape))) == start).all()


def test_a_compiled_model_is_saved_and_goes_on_alike(tmp_path, rng):
    model = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            keras.layers.Conv2D(3, 3),
            keras.layers.Flatten(),
            keras.layers.Dense(1, name="head"),
        ]
    )
    arguments = {
        "learning_rate": 0.03,
        "momentum": 0.8,
        "nesterov": False,
        "num_iterations": 3,
        "adam_rate": 0.5,
        "beta_1": 0.8,
        "beta_2": 0.99,
        "exclude": ["head"],
        "weight_decay": 0.01,
    }
    model.compile(Muon(**arguments), "mse")
    x, y = rng.standard_normal((4, 6, 6, 2)), rng.standard_normal((4, 1))
    first = model.train_on_batch(x, y)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    config = again.optimizer.get_config()
    for name, value in arguments.items():
        same = config[name] == (value if name == "exclude" else pytest.approx(value))
        assert same, name
    losses = [float(one.train_on_batch(x, y)) for one in (model, again)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5) and losses[0] < first


@pytest.mark.parametrize(
    "arguments",
    [{"momentum": 1.0}, {"beta_1": -0.1}, {"beta_2": 1}, {"num_iterations": 0}],
)
def test_wrong_arguments_are_named(arguments):
    with pytest.raises(ValueError, match=f"`{next(iter(arguments))}` must be"):
        Muon(**arguments)
