import numpy as np
import pytest

from dlai_keras.foundations.remembering import SequenceClassifier, make_signs


def test_the_first_sign_is_marked_and_is_the_answer():
    x, labels = make_signs(np.random.default_rng(0), 200, 7)
    assert x.shape == (2, 200, 7)
    assert set(np.unique(x[0])) == {-1.0, 1.0}
    np.testing.assert_array_equal(labels, x[0, :, 0] == 1)
    np.testing.assert_array_equal(x[1].argmax(axis=1), 0)
    np.testing.assert_array_equal(x[1].sum(axis=1), 1)
    assert 60 < labels.sum() < 140


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
def test_backward_pass_agrees_with_central_differences(kind):
    network = SequenceClassifier(kind, np.random.RandomState(1), units=3)
    x, labels = make_signs(np.random.default_rng(2), 4, 3)
    assert network.check(x, labels) < 1e-7
    exact = network.gradients
    network.gradients = lambda *batch: (
        0.0,
        {k: 1.1 * g for k, g in exact(*batch)[1].items()},
    )
    assert network.check(x, labels) > 1e-2


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
def test_short_sequences_are_learned(kind):
    network = SequenceClassifier(kind, np.random.RandomState(0), units=8)
    rng = np.random.default_rng(0)
    for _ in range(120):
        network.step(*make_signs(rng, 32, 4))
    x, labels = make_signs(rng, 300, 4)
    assert np.mean(network.answer(x) == labels) > 0.95
    assert network.states(x).shape == (8, 300, 4)


def test_an_open_forget_gate_lets_the_gradient_reach_the_first_step():
    x, _ = make_signs(np.random.default_rng(0), 16, 30)
    reached = {
        bias: SequenceClassifier(
            "lstm", np.random.RandomState(0), biases={"bf": bias}
        ).reach(x)
        for bias in (0.0, 3.0)
    }
    assert reached[0.0].shape == (30,)
    assert reached[3.0][0] > 1000 * reached[0.0][0]


def test_mistaken_arguments_are_named():
    rng = np.random.RandomState(0)
    with pytest.raises(ValueError, match=r"rnn, lstm or gru. Received: kind=elman"):
        SequenceClassifier("elman", rng)
    with pytest.raises(ValueError, match=r"bf, bi, bc, bo, by. Received: bu"):
        SequenceClassifier("lstm", rng, biases={"bu": 1.0})
