"""The course's own functions, with its names and argument order.

A basic RNN in NumPy learns names one after the other, each beginning with the hidden
state that the one before ended with. The recurrence is that of `dlai_keras.recurrent`.

As in the course, what follows each name is a newline, and `None` is the input before
the first character: a vector of zeros. The course's `initialize_parameters`, `sample`
and `model` seed NumPy's global generator; these give the same numbers and leave it
alone, but for `initialize_parameters`, which draws from it.

Reference:
    - Course 5, week 1, "Character level language model - Dinosaurus land".
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from dlai_keras import recurrent
from dlai_keras.recurrent import softmax

__all__ = [
    "clip",
    "get_initial_loss",
    "get_sample",
    "initialize_parameters",
    "model",
    "optimize",
    "print_sample",
    "rnn_backward",
    "rnn_forward",
    "sample",
    "smooth",
    "softmax",
    "update_parameters",
]

Arrays = dict[str, np.ndarray]
WEIGHTS = ("Wax", "Waa", "Wya", "b", "by")
MAX_LENGTH = 50  # of a sampled name
REPORT_EVERY = 2000  # iterations between two printed losses


def smooth(loss: float, cur_loss: float) -> float:
    """Moves a running loss a thousandth of the way to the current one.

    Args:
        loss: so far.
        cur_loss: of this example.

    Example:
        >>> round(smooth(20.0, 30.0), 6)
        20.01
    """
    return loss * 0.999 + cur_loss * 0.001


def get_initial_loss(vocab_size: int, seq_length: int) -> float:
    """The loss of a sequence where all characters are as likely, in nats.

    Args:
        vocab_size: number of characters.
        seq_length: characters of the sequence.

    Example:
        >>> round(get_initial_loss(27, 7), 4)
        23.0709
    """
    return float(-np.log(1.0 / vocab_size) * seq_length)


def get_sample(sample_ix: Iterable[int], ix_to_char: Mapping[int, str]) -> str:
    r"""The text of a sample, its first character in upper case.

    Args:
        sample_ix: indices, as `sample` gives them.
        ix_to_char: index -> character.

    Example:
        >>> get_sample([2, 1, 0], {0: "\n", 1: "a", 2: "b"})
        'Ba\n'
    """
    text = "".join(ix_to_char[ix] for ix in sample_ix)
    return text[:1].upper() + text[1:]


def print_sample(sample_ix: Iterable[int], ix_to_char: Mapping[int, str]) -> None:
    r"""Prints a sample, its first character in upper case; its newline ends the line.

    Args:
        sample_ix: indices, as `sample` gives them.
        ix_to_char: index -> character.

    Example:
        >>> print_sample([2, 1, 0], {0: "\n", 1: "a", 2: "b"})
        Ba
    """
    print(get_sample(sample_ix, ix_to_char), end="")


def initialize_parameters(n_a: int, n_x: int, n_y: int, rng: Any = np.random) -> Arrays:
    """Small random weights, and biases of 0.

    Args:
        n_a: hidden units.
        n_x: characters that come in.
        n_y: characters that are predicted.
        rng: what draws; by default NumPy's global generator. After
            `np.random.seed(1)`, the weights are the course's.

    Returns:
        `Wax (n_a, n_x)`, `Waa (n_a, n_a)`, `Wya (n_y, n_a)`, `b (n_a, 1)` and
        `by (n_y, 1)`.

    Example:
        >>> parameters = initialize_parameters(50, 27, 27, np.random.RandomState(1))
        >>> parameters["Wax"][0, :3].round(6)
        array([ 0.016243, -0.006118, -0.005282])
    """
    return {
        "Wax": rng.randn(n_a, n_x) * 0.01,
        "Waa": rng.randn(n_a, n_a) * 0.01,
        "Wya": rng.randn(n_y, n_a) * 0.01,
        "b": np.zeros((n_a, 1)),
        "by": np.zeros((n_y, 1)),
    }


def clip(gradients: Mapping[str, np.ndarray], maxValue: float) -> Arrays:
    """Brings gradients into a range, so that they do not explode.

    Args:
        gradients: `dWaa`, `dWax`, `dWya`, `db`, `dby`. They stay as they are.
        maxValue: what is above becomes this, what is below its negative becomes that.

    Returns:
        The five, clipped.

    Raises:
        ValueError: one of them is missing, or `maxValue` is negative.

    Example:
        >>> names = ("dWaa", "dWax", "dWya", "db", "dby")
        >>> clip({name: np.array([-12.0, 3.0]) for name in names}, 10)["db"]
        array([-10.,   3.])

    Reference:
        - Pascanu, Mikolov, Bengio, 2013, "On the difficulty of training recurrent
          neural networks", ICML.
    """
    _check_names("gradients", gradients, [f"d{name}" for name in WEIGHTS])
    if maxValue < 0:
        raise ValueError(f"`maxValue` must be 0 or more. Received: {maxValue}.")
    names = ("dWaa", "dWax", "dWya", "db", "dby")
    return {name: np.clip(gradients[name], -maxValue, maxValue) for name in names}


def rnn_forward(
    X: Sequence[int | None],
    Y: Sequence[int],
    a0: np.ndarray,
    parameters: Mapping[str, np.ndarray],
    vocab_size: int = 27,
) -> tuple[float, tuple]:
    """Reads a name and measures how well each next character was predicted.

    Args:
        X: indices of the characters; None is a vector of zeros, before the first one.
        Y: indices of what follows each of them.
        a0: hidden state before the first step, `(n_a, 1)`.
        parameters: `Wax`, `Waa`, `Wya`, `b`, `by`.
        vocab_size: number of characters.

    Returns:
        The sum of the cross-entropies in nats, and the cache for `rnn_backward`: the
        predictions `y_hat (vocab_size, 1, T)`, the states `a`, step -> `(n_a, 1)`
        (`a[-1]` is `a0`), and the caches of the recurrence.

    Raises:
        ValueError: `X` and `Y` differ in length or are empty, an index is no
            character's, or the shapes of the parameters do not belong together.

    Example:
        >>> parameters = initialize_parameters(4, 3, 3, np.random.RandomState(1))
        >>> X, Y, a0 = [None, 2], [2, 0], np.zeros((4, 1))
        >>> loss, cache = rnn_forward(X, Y, a0, parameters, 3)
        >>> round(loss / float(np.log(3)), 2)
        2.0
    """
    _check_names("parameters", parameters, WEIGHTS)
    X, Y = list(X), list(Y)
    if not X or len(X) != len(Y):
        raise ValueError(
            "`X` and `Y` must have one length of 1 or more. Received: "
            f"len(X)={len(X)}, len(Y)={len(Y)}."
        )
    inputs = [(t, ix) for t, ix in enumerate(X) if ix is not None]
    for ix in (*(ix for _, ix in inputs), *Y):
        if not 0 <= ix < vocab_size:
            raise ValueError(
                f"`X` and `Y` must be from 0 to {vocab_size - 1}. Received: {ix}."
            )
    x = np.zeros((vocab_size, 1, len(X)))
    for t, ix in inputs:
        x[ix, 0, t] = 1
    named = {"ba": parameters["b"], **{n: parameters[n] for n in WEIGHTS if n != "b"}}
    a, y_hat, caches = recurrent.rnn_forward(x, a0, named)
    steps = range(len(Y))
    loss = float(-np.log(y_hat[Y, 0, steps]).sum())
    a = {-1: np.copy(a0)} | {t: a[:, :, t] for t in steps}
    return loss, (y_hat, a, caches)


def rnn_backward(
    X: Sequence[int | None],
    Y: Sequence[int],
    parameters: Mapping[str, np.ndarray],
    cache: tuple,
) -> tuple[Arrays, dict[int, np.ndarray]]:
    """Takes the gradient of the loss back through all steps.

    Args:
        X: as of `rnn_forward`.
        Y: as of `rnn_forward`.
        parameters: as of `rnn_forward`.
        cache: what `rnn_forward` returned last.

    Returns:
        The gradients `dWax`, `dWaa`, `dWya`, `db`, `dby` and `da_next` (with respect
        to `a0`), and the hidden states, step -> `(n_a, 1)`.

    Example:
        >>> parameters = initialize_parameters(4, 3, 3, np.random.RandomState(1))
        >>> X, Y = [None, 2], [2, 0]
        >>> loss, cache = rnn_forward(X, Y, np.zeros((4, 1)), parameters, 3)
        >>> gradients, a = rnn_backward(X, Y, parameters, cache)
        >>> gradients["dby"].round(2).ravel()  # two thirds of a character too little
        array([-0.33,  0.67, -0.33])
    """
    y_hat, a, caches = cache
    steps = range(len(X))
    dy = y_hat[:, 0].copy()  # (n_y, T)
    dy[Y, steps] -= 1
    states = np.concatenate([a[t] for t in steps], axis=1)  # (n_a, T)
    da = parameters["Wya"].T @ dy
    through = recurrent.rnn_backward(da[:, None], caches)
    gradients = {"dWax": through["dWax"], "dWaa": through["dWaa"]}
    gradients |= {"dWya": dy @ states.T, "db": through["dba"]}
    gradients |= {"dby": dy.sum(axis=1, keepdims=True), "da_next": through["da0"]}
    return gradients, a


def update_parameters(
    parameters: Arrays, gradients: Mapping[str, np.ndarray], lr: float
) -> Arrays:
    """Goes one step of gradient descent.

    Args:
        parameters: `Wax`, `Waa`, `Wya`, `b`, `by`; changed in place, as in the course.
        gradients: of each, with a `d` before its name.
        lr: learning rate.

    Returns:
        The parameters.

    Example:
        >>> parameters = {name: np.ones(1) for name in ("Wax", "Waa", "Wya", "b", "by")}
        >>> gradients = {f"d{name}": np.ones(1) for name in parameters}
        >>> update_parameters(parameters, gradients, 0.25)["b"]
        array([0.75])
    """
    for name in WEIGHTS:
        parameters[name] -= lr * gradients[f"d{name}"]
    return parameters


def sample(
    parameters: Mapping[str, np.ndarray], char_to_ix: Mapping[str, int], seed: int
) -> list[int]:
    r"""Draws a name, character by character.

    Step i draws with the seed `seed + 2 * i`, as in the course, which adds 1 to both
    of its counters.

    Args:
        parameters: `Wax`, `Waa`, `Wya`, `b`, `by`.
        char_to_ix: character -> index; "\n" ends a name.
        seed: same seed, same name.

    Returns:
        Indices; the last is that of the newline, after 50 characters at most. (A name
        that ends with its 50th has two newlines, as in the course.)

    Raises:
        ValueError: `char_to_ix` has no newline.

    Example:
        >>> parameters = initialize_parameters(4, 3, 3, np.random.RandomState(1))
        >>> sample(parameters, {"\n": 0, "a": 1, "b": 2}, seed=0)
        [1, 1, 2, 2, 2, 2, 0]
    """
    _check_names("parameters", parameters, WEIGHTS)
    _check_names("char_to_ix", char_to_ix, ["\n"])
    Wax, Waa, Wya, b, by = (parameters[name] for name in WEIGHTS)
    newline = char_to_ix["\n"]
    a, z = np.zeros((len(b), 1)), b
    indices = []
    while len(indices) < MAX_LENGTH:
        a = np.tanh(z + Waa @ a)
        y = softmax(Wya @ a + by)
        rng = np.random.RandomState(seed + 2 * len(indices))
        index = int(rng.choice(len(y), p=y.ravel()))
        indices.append(index)
        if index == newline:
            break
        z = Wax[:, [index]] + b
    if len(indices) == MAX_LENGTH:
        indices.append(newline)
    return indices


def optimize(
    X: Sequence[int | None],
    Y: Sequence[int],
    a_prev: np.ndarray,
    parameters: Arrays,
    learning_rate: float = 0.01,
) -> tuple[float, Arrays, np.ndarray]:
    """Learns from one name: forward, backward, clip to 5, update.

    Args:
        X: indices of the characters, None for zeros.
        Y: indices of what follows each of them.
        a_prev: hidden state before the first step, `(n_a, 1)`.
        parameters: `Wax`, `Waa`, `Wya`, `b`, `by`; changed in place.
        learning_rate: of gradient descent.

    Returns:
        The loss before the step, the clipped gradients, and the last hidden state
        `(n_a, 1)`.

    Raises:
        ValueError: as of `rnn_forward`.

    Example:
        >>> parameters = initialize_parameters(4, 3, 3, np.random.RandomState(1))
        >>> a, losses = np.zeros((4, 1)), []
        >>> for _ in range(100):
        ...     loss, _, _ = optimize([None, 2], [2, 0], a, parameters, 0.1)
        ...     losses.append(loss)
        >>> bool(losses[-1] < losses[0] / 2)
        True
    """
    _check_names("parameters", parameters, WEIGHTS)
    loss, cache = rnn_forward(X, Y, a_prev, parameters, parameters["Wax"].shape[1])
    gradients, a = rnn_backward(X, Y, parameters, cache)
    gradients = clip(gradients, 5)
    update_parameters(parameters, gradients, learning_rate)
    return loss, gradients, a[len(X) - 1]


def model(
    data: str | Sequence[str],
    ix_to_char: Mapping[int, str],
    char_to_ix: Mapping[str, int],
    num_iterations: int = 35000,
    n_a: int = 50,
    dino_names: int = 7,
    vocab_size: int = 27,
) -> Arrays:
    r"""Trains the RNN and prints what it makes of it every 2000 iterations.

    Iteration j learns from name `j % number of names` of the shuffled list, in lower
    case.

    Args:
        data: the text of a file with one name a line, as in the course of 2018, or a
            list of names, as in that of 2021.
        ix_to_char: index -> character.
        char_to_ix: character -> index; "\n" ends a name.
        num_iterations: names to learn from, one each.
        n_a: hidden units.
        dino_names: names to print each time; the loss is first taken as that of so
            many characters by chance.
        vocab_size: number of characters.

    Returns:
        The parameters.

    Raises:
        ValueError: there is no name, or one has a character without an index.

    Example:
        >>> ix_to_char = dict(enumerate("\nabn"))
        >>> char_to_ix = {char: ix for ix, char in ix_to_char.items()}
        >>> parameters = model(["Anna", "Nan"], ix_to_char, char_to_ix, 1, 8, 1, 4)
        Iteration: 0, Loss: 1.390453
        <BLANKLINE>
        Bannnn
        <BLANKLINE>
        <BLANKLINE>
    """
    lines = data.splitlines() if isinstance(data, str) else data
    examples = [line.lower().strip() for line in lines]
    if not examples or not any(examples):
        raise ValueError("`data` must hold a name or more. Received: none.")
    for example in examples:
        missing = [char for char in (*example, "\n") if char not in char_to_ix]
        if missing:
            raise ValueError(
                "`char_to_ix` must have every character of the names, and the newline. "
                f"Missing: {missing[0]!r} of {example!r}."
            )
    parameters = initialize_parameters(
        n_a, vocab_size, vocab_size, np.random.RandomState(1)
    )
    loss = get_initial_loss(vocab_size, dino_names)
    np.random.RandomState(0).shuffle(examples)
    a_prev = np.zeros((n_a, 1))
    for j in range(num_iterations):
        example = [char_to_ix[char] for char in examples[j % len(examples)]]
        X, Y = [None, *example], [*example, char_to_ix["\n"]]
        cur_loss, _, a_prev = optimize(X, Y, a_prev, parameters)
        loss = smooth(loss, cur_loss)
        if j % REPORT_EVERY == 0:
            print(f"Iteration: {j}, Loss: {loss:.6f}\n")
            for seed in range(dino_names):
                print_sample(sample(parameters, char_to_ix, seed), ix_to_char)
            print("\n")
    return parameters


def _check_names(argument, mapping, names):
    missing = [name for name in names if name not in mapping]
    if missing:
        raise ValueError(
            f"`{argument}` must have {', '.join(map(repr, names))}. Missing: "
            f"{', '.join(map(repr, missing))}."
        )
