"""The topic's module holds the root concept's functions, under the course's names."""

import inspect

import pytest

from dlai_keras import recurrent as root
from dlai_keras.foundations import recurrent

SIGNATURES = {
    "rnn_cell_forward": ["xt", "a_prev", "parameters"],
    "rnn_forward": ["x", "a0", "parameters"],
    "rnn_cell_backward": ["da_next", "cache"],
    "rnn_backward": ["da", "caches"],
    "lstm_cell_forward": ["xt", "a_prev", "c_prev", "parameters"],
    "lstm_forward": ["x", "a0", "parameters"],
    "lstm_cell_backward": ["da_next", "dc_next", "cache"],
    "lstm_backward": ["da", "caches"],
    "gru_cell_forward": ["xt", "a_prev", "parameters"],
    "gru_forward": ["x", "a0", "parameters"],
    "gru_cell_backward": ["da_next", "cache"],
    "gru_backward": ["da", "caches"],
    "sigmoid": ["x"],
    "softmax": ["x"],
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_functions_have_the_courses_names_and_arguments(name):
    function = getattr(recurrent, name)
    assert function is getattr(root, name)
    assert list(inspect.signature(function).parameters) == SIGNATURES[name]


def test_every_public_function_is_there():
    public = {
        name
        for name, value in vars(root).items()
        if inspect.isfunction(value) and not name.startswith("_")
    }
    assert public == set(recurrent.__all__) == set(SIGNATURES)
