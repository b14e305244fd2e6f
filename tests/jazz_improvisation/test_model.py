"""The network over sequences equals the course's; its loop draws what it should."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from dlai_keras.jazz_improvisation import course, model

NUM_VALUES = 5


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return model.music_model(NUM_VALUES, units=6, num_layers=2, dropout=0.5)


def test_it_has_as_many_parameters_as_the_courses():
    assert model.music_model(78).count_params() == 41_678
    assert model.music_model(90).count_params() == 45_530


@pytest.mark.backends
def test_with_the_courses_weights_it_is_the_courses_model():
    keras.utils.set_random_seed(1)
    ours = model.music_model(NUM_VALUES, units=4)
    lstm = layers.LSTM(4, return_state=True)
    densor = layers.Dense(NUM_VALUES, activation="softmax")
    theirs = course.djmodel(3, lstm, densor, layers.Reshape((1, NUM_VALUES)))
    ours.set_weights(theirs.get_weights())
    tokens = np.array([[model.START, 2, 0], [model.START, 4, 4]], "int32")
    one_hot = np.zeros((2, 3, NUM_VALUES), "float32")
    one_hot[:, 1:] = np.eye(NUM_VALUES)[tokens[:, 1:]]
    zeros = np.zeros((2, 4), "float32")
    expected = [ops.convert_to_numpy(one) for one in theirs([one_hot, zeros, zeros])]
    found = ops.convert_to_numpy(ops.softmax(ours(tokens)))
    np.testing.assert_allclose(found.swapaxes(0, 1), expected, rtol=1e-4, atol=1e-6)
    theirs.set_weights(ours.get_weights())  # and back


@pytest.mark.backends
def test_step_by_step_equals_the_whole_sequence(network):
    tokens = np.array([[model.START, 3, 1, 4], [model.START, 0, 0, 2]], "int32")
    whole = ops.convert_to_numpy(network(tokens))
    start, step = model.decoding_step(network)
    states = start(2)
    for position in range(4):
        logits, states = step(tokens[:, position], states)
        np.testing.assert_allclose(
            ops.convert_to_numpy(logits), whole[:, position], atol=1e-5
        )
    read = model.read_values(network, tokens)
    for one, other in zip(
        keras.tree.flatten(read), keras.tree.flatten(states), strict=True
    ):
        np.testing.assert_allclose(*map(ops.convert_to_numpy, (one, other)), atol=1e-5)
    half = model.read_values(network, tokens[:, :2])
    again = model.read_values(network, tokens[:, 2:], half)
    for one, other in zip(
        keras.tree.flatten(again), keras.tree.flatten(read), strict=True
    ):
        np.testing.assert_allclose(*map(ops.convert_to_numpy, (one, other)), atol=1e-5)


@pytest.mark.backends
def test_the_loop_without_chance_is_the_most_probable_by_hand(network):
    (found,) = model.generate(network, 6, temperature=0, prime=[2, 4])
    tokens = [model.START, 2, 4]
    for _ in range(6):
        logits = ops.convert_to_numpy(network(np.array([tokens], "int32")))[0, -1]
        tokens.append(int(logits.argmax()))
    assert found.tolist() == tokens[3:]


def test_sequences_are_drawn_with_the_networks_probabilities(network):
    """Of 4000 first and second values, each as often as the network says."""
    found = model.generate(network, 2, num_sequences=4000, seed=1)
    first = np.full((1, 1), model.START, "int32")
    probs = ops.convert_to_numpy(ops.softmax(network(first)))[0, 0]
    seen = np.bincount(found[:, 0], minlength=NUM_VALUES) / 4000
    np.testing.assert_allclose(seen, probs, atol=4 * np.sqrt(0.25 / 4000))
    commonest = int(probs.argmax())
    after = found[found[:, 0] == commonest, 1]
    given = np.array([[model.START, commonest]], "int32")
    probs = ops.convert_to_numpy(ops.softmax(network(given)))[0, 1]
    seen = np.bincount(after, minlength=NUM_VALUES) / len(after)
    np.testing.assert_allclose(seen, probs, atol=4 * np.sqrt(0.25 / len(after)))


def test_a_seed_repeats_its_sequences_and_another_draws_others(network):
    options = {"num_sequences": 4, "temperature": 1.5}
    one, again, other = (
        model.generate(network, 12, seed=seed, **options) for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)
    assert len({tuple(row) for row in one}) == 4
    assert one.min() >= 0 and one.max() < NUM_VALUES


def test_seeds_and_more_training_do_not_compile_anew(network):
    before = model._player.cache_info().misses
    first = model.generate(network, 9, seed=1)
    for seed in range(3):
        model.generate(network, 9, seed=seed)
    assert model._player.cache_info().misses == before + 1
    weights = network.get_weights()
    bias = np.full(NUM_VALUES, -50.0)
    bias[3] = 50
    network.set_weights([*weights[:-1], bias])
    assert model.generate(network, 9, seed=1).tolist() == [[3] * 9]
    network.set_weights(weights)
    np.testing.assert_array_equal(model.generate(network, 9, seed=1), first)


def test_filters_leave_the_probable(network):
    first = np.full((1, 1), model.START, "int32")
    order = np.argsort(-ops.convert_to_numpy(network(first))[0, 0])
    found = model.generate(network, 1, num_sequences=200, top_k=2)
    assert set(found[:, 0].tolist()) == set(order[:2].tolist())
    found = model.generate(network, 1, num_sequences=200, top_p=0.01)
    assert set(found[:, 0].tolist()) == {order[0]}


def test_windows_ask_for_each_value_after_the_one_before():
    sequences = [np.arange(7), np.array([4, 5]), np.array([], int)]
    inputs, targets, weights = model.examples(sequences, 4, stride=2)
    assert targets.tolist() == [[0, 1, 2, 3], [2, 3, 4, 5], [3, 4, 5, 6], [4, 5, 0, 0]]
    assert weights.tolist() == [[1] * 4] * 3 + [[1, 1, 0, 0]]
    assert inputs.tolist() == [
        [model.START, 0, 1, 2],
        [1, 2, 3, 4],
        [2, 3, 4, 5],
        [model.START, 4, model.START, model.START],
    ]
    with pytest.raises(ValueError, match="`sequences` must hold a value"):
        model.examples([np.array([], int)])
    with pytest.raises(ValueError, match="`length` and `stride` must be 1 or more"):
        model.examples(sequences, 4, stride=0)


def test_values_have_their_fields_and_pairs_of_fields_in_common():
    table = model.value_parts(["C,1", "S,1,+2", "C,1,+2", "R,1/2"])
    common = table @ table.T
    # Kind, duration and the two together; an interval, and it with the duration.
    assert np.diag(common).tolist() == [3, 5, 5, 3]
    assert common[1, 2] == 3  # duration, interval, both together
    assert common[0, 1] == 1 and common[0, 2] == 3 and not common[3, :3].any()
    with pytest.raises(ValueError, match="`values` must hold a value"):
        model.value_parts([])


@pytest.mark.backends
def test_a_factored_model_folds_into_the_courses_network():
    keras.utils.set_random_seed(3)
    parts = model.value_parts(["C,1", "S,1,+2", "C,1,+2", "R,1/2"])
    factored = model.factored_model(parts, units=3, num_layers=2, dropout=0.3)
    # Biases begin as zeros, and would hide a mistake.
    rng = np.random.default_rng(0)
    for weight in factored.trainable_weights:
        weight.assign(rng.standard_normal(weight.shape))
    tokens = np.array([[model.START, 3, 1, 0, 2]], "int32")
    folded = model.fold_parts(factored)
    np.testing.assert_allclose(
        *(ops.convert_to_numpy(one(tokens)) for one in (folded, factored)), atol=1e-5
    )
    plain = model.music_model(4, units=3, num_layers=2)
    assert [w.shape for w in folded.weights] == [w.shape for w in plain.weights]
    # The table of parts stays as it is in training.
    fixed = sum(ops.size(weight) for weight in factored.non_trainable_weights)
    assert int(fixed) == 2 * parts.size


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_steps": 0}, "`num_steps` must be a whole number, 1 or more"),
        ({"num_sequences": 0}, "`num_sequences` must be a whole number"),
        ({"seed": -1}, "`seed` must be a whole number, 0 or more"),
        ({"seed": 2**31}, "`seed` must be below"),
        ({"prime": [7]}, "`prime` must be ids of values, below 5"),
        ({"prime": [-1]}, "`prime` must be ids of values, 0 or more"),
        ({"prime": [0.5]}, "`prime` must be ids of values"),
        ({"temperature": -1}, "`temperature` must be a finite number"),
        ({"top_p": 2}, "`top_p` must be from 0 to 1"),
    ],
)
def test_bad_arguments_of_playing_are_named(network, options, message):
    with pytest.raises(ValueError, match=message):
        model.generate(network, **{"num_steps": 2, **options})


def test_bad_arguments_of_the_network_are_named():
    with pytest.raises(ValueError, match="`units` must be 1 or more"):
        model.music_model(5, units=0)
    with pytest.raises(ValueError, match="`dropout` must be from 0"):
        model.music_model(5, dropout=1.0)
    other = keras.Sequential([keras.Input((2,)), layers.Dense(3)])
    with pytest.raises(ValueError, match="`model` must be one of `music_model`"):
        model.decoding_step(other)
