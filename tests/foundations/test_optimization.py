import keras
import numpy as np
import pytest
from sklearn import datasets

from dlai_keras.foundations import optimization

OPTIMIZERS = ["gd", "momentum", "rmsprop", "adam"]


def walk(name, parameters, gradients, learning_rate):
    """Where an optimiser is after a list of gradients."""
    v, s = optimization.initialize_adam(parameters)
    for t, grads in enumerate(gradients, start=1):
        if name == "gd":
            parameters = optimization.update_parameters_with_gd(
                parameters, grads, learning_rate
            )
        elif name == "momentum":
            parameters, v = optimization.update_parameters_with_momentum(
                parameters, grads, v, 0.9, learning_rate
            )
        elif name == "rmsprop":
            parameters, s = optimization.update_parameters_with_rmsprop(
                parameters, grads, s, 0.9, learning_rate
            )
        else:
            parameters, v, s, _, _ = optimization.update_parameters_with_adam(
                parameters, grads, v, s, t, learning_rate
            )
    return parameters


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimiser_walks_where_keras_own_walks(name):
    rng = np.random.default_rng(0)
    start = {"W1": rng.normal(size=(2, 3)), "b1": rng.normal(size=(2, 1))}
    gradients = [
        {f"d{key}": rng.normal(size=value.shape) for key, value in start.items()}
        for _ in range(5)
    ]
    rate = 0.05
    optimizer = {
        "gd": lambda: keras.optimizers.SGD(rate),
        # Keras adds the whole gradient to the velocity, the course a tenth of it.
        "momentum": lambda: keras.optimizers.SGD(rate * 0.1, momentum=0.9),
        "rmsprop": lambda: keras.optimizers.RMSprop(rate, rho=0.9, epsilon=1e-14),
        "adam": lambda: keras.optimizers.Adam(rate, epsilon=1e-10),
    }[name]()
    variables = {key: keras.Variable(value) for key, value in start.items()}
    for grads in gradients:
        optimizer.apply(
            [keras.ops.convert_to_tensor(grads[f"d{key}"], "float32") for key in start],
            list(variables.values()),
        )
    found = walk(name, start, gradients, rate)
    for key, variable in variables.items():
        expected = keras.ops.convert_to_numpy(variable)
        np.testing.assert_allclose(found[key], expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_update_changes_nothing_that_it_was_given_and_finds_the_bottom(name):
    # A valley that is 20 times as steep across as along.
    steepness = np.array([20.0, 1.0])
    start = {"position": np.array([1.0, 1.0])}
    position = start
    v, s = optimization.initialize_adam(start)
    zeros = v["dposition"].copy()
    walk(name, start, [{"dposition": steepness}], 0.1)
    np.testing.assert_array_equal(start["position"], [1.0, 1.0])
    for t in range(1, 401):
        grads = {"dposition": steepness * position["position"]}
        if name == "adam":
            position, v, s, _, _ = optimization.update_parameters_with_adam(
                position, grads, v, s, t, 0.02
            )
        elif name == "rmsprop":
            position, s = optimization.update_parameters_with_rmsprop(
                position, grads, s, 0.9, 0.005
            )
        elif name == "momentum":
            position, v = optimization.update_parameters_with_momentum(
                position, grads, v, 0.9, 0.05
            )
        else:
            position = optimization.update_parameters_with_gd(position, grads, 0.05)
    assert np.linalg.norm(position["position"]) < 0.02
    assert not zeros.any()


def test_adam_corrects_the_bias_of_its_first_steps():
    parameters = {"W1": np.zeros((1, 2))}
    grads = {"dW1": np.array([[3.0, -0.001]])}
    v, s = optimization.initialize_adam(parameters)
    for t in range(1, 4):
        parameters, v, s, v_corrected, s_corrected = (
            optimization.update_parameters_with_adam(parameters, grads, v, s, t)
        )
        # A constant gradient is its own mean, whatever the step.
        np.testing.assert_allclose(v_corrected["dW1"], grads["dW1"])
        np.testing.assert_allclose(s_corrected["dW1"], grads["dW1"] ** 2)
    np.testing.assert_allclose(parameters["W1"], [[-0.03, 0.03]], rtol=1e-4)


@pytest.mark.parametrize(("num", "size"), [(10, 3), (12, 4), (5, 64), (1, 1)])
def test_mini_batches_hold_every_example_once_beside_its_label(num, size):
    X = np.arange(2 * num).reshape(2, num)
    Y = np.stack([X[0] + 0.5, -X[0]])
    batches = optimization.random_mini_batches(X, Y, size, seed=4)
    assert [x.shape[1] for x, _ in batches[:-1]] == [size] * (len(batches) - 1)
    assert len(batches) == -(-num // size)
    shuffled = np.concatenate([x for x, _ in batches], axis=1)
    np.testing.assert_array_equal(np.sort(shuffled[0]), X[0])
    for x, y in batches:
        np.testing.assert_array_equal(y, np.stack([x[0] + 0.5, -x[0]]))


def test_mini_batches_follow_their_seed_and_leave_the_global_state():
    X, Y = np.arange(50).reshape(1, 50), np.zeros((1, 50))
    before = np.random.get_state()[1].copy()  # noqa: NPY002

    def order(**options):
        batches = optimization.random_mini_batches(X, Y, 8, **options)
        return np.concatenate([x for x, _ in batches], axis=1)[0].tolist()

    assert order(seed=1) == order(seed=1) != order(seed=2)
    assert order(rng=np.random.default_rng(1)) == order(rng=np.random.default_rng(1))
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@pytest.fixture(scope="module")
def moons():
    """As the course draws them: `(2, 300)` points, `(1, 300)` labels."""
    X, Y = datasets.make_moons(
        n_samples=300, noise=0.2, random_state=np.random.RandomState(3)
    )
    return X.T, Y.reshape(1, -1)


@pytest.mark.parametrize(
    ("options", "published"),
    [
        ({"optimizer": "gd"}, 0.702405),
        ({"optimizer": "adam"}, 0.702166),
        (
            {
                "optimizer": "gd",
                "learning_rate": 0.1,
                "decay": optimization.update_lr,
            },
            0.701091,
        ),
        (
            {
                "optimizer": "momentum",
                "learning_rate": 0.1,
                "decay": optimization.schedule_lr_decay,
            },
            0.702226,
        ),
        (
            {
                "optimizer": "adam",
                "learning_rate": 0.01,
                "decay": optimization.schedule_lr_decay,
            },
            0.699346,
        ),
    ],
)
def test_the_first_epoch_costs_what_the_course_prints(moons, options, published):
    # Notebook of 2021.
    costs = []
    optimization.model(
        *moons,
        [2, 5, 2, 1],
        **options,
        num_epochs=1,
        print_cost=False,
        costs=costs,
        rng=np.random.RandomState(3),
    )
    assert costs == pytest.approx([published], abs=5e-7)


def test_after_a_thousand_epochs_it_still_costs_what_the_course_prints(moons, capsys):
    optimization.model(
        *moons, [2, 5, 2, 1], "adam", num_epochs=1001, rng=np.random.RandomState(3)
    )
    assert capsys.readouterr().out.splitlines() == [
        "Cost after epoch 0: 0.702166",
        "Cost after epoch 1000: 0.167845",
    ]


@pytest.mark.parametrize(
    ("name", "rate"), [("momentum", 0.2), ("rmsprop", 0.01), ("adam", 0.01)]
)
def test_every_optimiser_trains(moons, name, rate, capsys):
    costs = []
    parameters = optimization.model(
        *moons,
        [2, 5, 2, 1],
        name,
        learning_rate=rate,
        num_epochs=101,
        decay=optimization.schedule_lr_decay,
        costs=costs,
        rng=np.random.RandomState(3),
    )
    assert costs[1] < 0.6 * costs[0]
    printed = capsys.readouterr().out.splitlines()
    assert printed[1] == f"learning rate after epoch 0: {rate:f}"
    predictions = optimization.predict(*moons, parameters, print_accuracy=False)
    assert np.mean(predictions == moons[1]) > 0.8


def test_what_does_not_fit_is_said():
    X, Y = np.ones((2, 5)), np.ones((1, 4))
    with pytest.raises(ValueError, match=r"X of shape \(2, 5\), Y of shape \(1, 4\)"):
        optimization.random_mini_batches(X, Y)
    with pytest.raises(ValueError, match="`mini_batch_size` must be 1 or more"):
        optimization.random_mini_batches(X, X, 0)
    with pytest.raises(ValueError, match="one of gd, momentum, rmsprop, adam"):
        optimization.model(X, X, [2, 1], "sgd")
    parameters = {"W1": np.ones((2, 3))}
    wrong = {"dW1": np.ones((1, 3))}  # would broadcast
    v, s = optimization.initialize_adam(parameters)
    for update in (
        lambda: optimization.update_parameters_with_gd(parameters, wrong, 0.1),
        lambda: optimization.update_parameters_with_momentum(
            parameters, wrong, v, 0.9, 0.1
        ),
        lambda: optimization.update_parameters_with_rmsprop(parameters, wrong, s),
        lambda: optimization.update_parameters_with_adam(parameters, wrong, v, s, 1),
    ):
        with pytest.raises(ValueError, match=r"\(2, 3\). Received: one of shape"):
            update()
    with pytest.raises(ValueError, match="`t` must be 1 or more"):
        optimization.update_parameters_with_adam(parameters, wrong, v, s, 0)
