"""Learning curves of models whose answer is known."""

import keras
import numpy as np
import pytest

from dlai_keras.strategy.training import (
    EpochErrors,
    find_mistakes,
    measure_learning_curve,
)


def compiled(layers, learning_rate=0.05):
    model = keras.Sequential(layers)
    model.compile(
        keras.optimizers.Adam(learning_rate),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return model


@pytest.fixture(scope="module")
def blobs():
    """Two classes apart by a line, in twelve dimensions."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(640, 12)).astype("float32")
    return x, (x @ rng.normal(size=12) > 0).astype("int32")


@pytest.fixture(scope="module")
def linear():
    return compiled([keras.Input((12,)), keras.layers.Dense(2)])


@pytest.fixture(scope="module")
def curve(blobs, linear):
    x, y = blobs
    before = linear.get_weights()
    rows = measure_learning_curve(
        np.random.default_rng(1),
        linear,
        x[:320],
        y[:320],
        x[320:],
        y[320:],
        sizes=[320, 8, 40],
        repeats=2,
        steps=60,
    )
    return rows, before


def test_a_row_a_training_of_growing_subsets(curve):
    rows, _ = curve
    assert [(row["repeat"], row["num_training"]) for row in rows] == [
        *((0, 8), (0, 40), (0, 320)),
        *((1, 8), (1, 40), (1, 320)),
    ]
    assert [row["num_train_measured"] for row in rows[:3]] == [8, 40, 320]
    assert {row["num_dev"] for row in rows} == {320}


def test_the_dev_error_falls_and_few_examples_are_learned_by_heart(curve):
    rows, _ = curve
    for repeat in (rows[:3], rows[3:]):
        dev = [row["dev_error"] for row in repeat]
        assert dev[0] > 0.2 > 0.08 > dev[2]
        assert repeat[0]["train_error"] == 0.0
    # Other examples and weights.
    one, other = ([row["dev_error"] for row in part] for part in (rows[:3], rows[3:]))
    assert one != other


def test_the_model_itself_is_not_changed(curve, linear):
    for before, after in zip(curve[1], linear.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert int(linear.optimizer.iterations.numpy()) == 0


def test_the_same_generator_gives_the_same_curve_and_another_another(blobs, linear):
    x, y = blobs
    data = x[:64], y[:64], x[64:], y[64:]
    one, again, other = (
        measure_learning_curve(
            np.random.default_rng(seed),
            linear,
            *data,
            sizes=[16, 64],
            repeats=1,
            steps=4,
        )
        for seed in (5, 5, 6)
    )
    assert one == again
    assert one != other


def test_every_training_begins_afresh(blobs):
    # A layer of zeros in the forward pass keeps what it was drawn with.
    x, y = blobs
    drawn = []

    @keras.saving.register_keras_serializable(package="tests")
    class Watched(keras.layers.Dense):
        def build(self, input_shape):
            super().build(input_shape)
            drawn.append(self)

    model = compiled([keras.Input((12,)), Watched(2)], learning_rate=1.0)
    rows = measure_learning_curve(
        np.random.default_rng(0),
        model,
        *(x[:8], y[:8], x[8:], y[8:]),
        sizes=[8],
        repeats=3,
        steps=1,
    )
    kernels = [np.array(keras.ops.convert_to_numpy(one.kernel)) for one in drawn[1:]]
    assert len({kernel.tobytes() for kernel in kernels}) == len(kernels) > 3
    assert len(rows) == 3


def test_frozen_and_adapted_layers_keep_their_weights(blobs):
    x, y = blobs
    normalization = keras.layers.Normalization()
    normalization.adapt(100 * x + 1000)
    frozen = keras.layers.Dense(12, use_bias=False, trainable=False)
    model = compiled([keras.Input((12,)), normalization, frozen, keras.layers.Dense(2)])
    frozen.set_weights([np.eye(12, dtype="float32")])
    rows = measure_learning_curve(
        np.random.default_rng(0),
        model,
        *(100 * x[:400] + 1000, y[:400], 100 * x[400:] + 1000, y[400:]),
        sizes=[400],
        repeats=1,
        steps=60,
    )
    # Without them, inputs of 1,000 with another mixture each time are not learned.
    assert rows[0]["dev_error"] < 0.1


def test_several_inputs_sequences_and_an_own_rule_are_measured(blobs):
    x, y = blobs
    first, second = keras.Input((6,), name="a"), keras.Input((6,), name="b")
    joined = keras.layers.Concatenate()([first, second])
    model = keras.Model(
        {"a": first, "b": second}, keras.layers.Dense(1, activation="sigmoid")(joined)
    )
    model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy")
    inputs = {"a": x[:, :6], "b": x[:, 6:]}
    part = {name: value[:300] for name, value in inputs.items()}
    rest = {name: value[300:] for name, value in inputs.items()}
    arguments = (part, y[:300, None], rest, y[300:, None])
    rows = measure_learning_curve(
        np.random.default_rng(0),
        model,
        *arguments,
        sizes=[300],
        repeats=1,
        steps=60,
        is_wrong=lambda y_true, y_pred: ((y_pred > 0.5) != y_true)[:, 0],
    )
    assert rows[0]["dev_error"] < 0.15
    with pytest.raises(ValueError, match=r"Give `is_wrong`.*\(300, 1\)"):
        find_mistakes(model, part, y[:300, None])
    with pytest.raises(ValueError, match="one value for each example"):
        find_mistakes(model, part, y[:300], lambda *_: np.zeros(3))


@pytest.mark.parametrize("num", [3, 300, 512])
def test_mistakes_are_those_of_the_largest_output(num):
    rng = np.random.default_rng(num)
    x = rng.normal(size=(num, 4)).astype("float32")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Activation("linear")])
    y = rng.integers(0, 4, num)
    wrong = x.argmax(axis=1) != y
    np.testing.assert_array_equal(find_mistakes(model, x, y), wrong)
    np.testing.assert_array_equal(find_mistakes(model, x, y[:, None]), wrong)
    np.testing.assert_array_equal(find_mistakes(model, x, np.eye(4)[y]), wrong)


def test_a_sequence_is_wrong_if_one_of_its_steps_is():
    x = np.zeros((3, 2, 2), "float32")
    x[:, :, 1] = 1.0
    model = keras.Sequential([keras.Input((2, 2)), keras.layers.Activation("linear")])
    y = np.array([[1, 1], [1, 0], [0, 0]])
    assert find_mistakes(model, x, y).tolist() == [False, True, True]


def test_errors_are_measured_after_every_epoch(blobs):
    x, y = blobs
    model = compiled([keras.Input((12,)), keras.layers.Dense(2)])
    errors = EpochErrors(x[:320], y[:320], x[320:], y[320:])
    model.fit(x[:320], y[:320], epochs=3, callbacks=[errors], verbose=0)
    assert [row["epoch"] for row in errors.rows] == [1, 2, 3]
    last = errors.rows[-1]
    found = model.predict(x, verbose=0).argmax(axis=1) != y
    assert last["train_error"] == pytest.approx(found[:320].mean())
    assert last["dev_error"] == pytest.approx(found[320:].mean())
    assert last["dev_error"] < errors.rows[0]["dev_error"]
    assert (last["num_train_measured"], last["num_dev"]) == (320, 320)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sizes": [0]}, "whole numbers from 1 to 8"),
        ({"sizes": [9]}, "Received: 9"),
        ({"repeats": 0}, "`repeats` must be 1"),
        ({"steps": 0}, "`steps` must be 1"),
        ({"batch_size": 0}, "batch_size"),
        ({"y": np.zeros(7)}, "8 and 7"),
        ({"x_dev": np.zeros((0, 12)), "y_dev": np.zeros(0)}, "0 and 0"),
        ({"model": keras.Sequential([keras.layers.Dense(2)])}, "must be compiled"),
    ],
)
def test_mistakes_are_named(linear, options, message):
    x, y = np.zeros((8, 12)), np.zeros(8)
    given = {"model": linear, "x": x, "y": y, "x_dev": x, "y_dev": y} | options
    with pytest.raises(ValueError, match=message):
        measure_learning_curve(np.random.default_rng(0), **given)
