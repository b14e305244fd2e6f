"""One of several classes: softmax, its cost, and a network with it at the end.

The course does this in TensorFlow; here it is NumPy, with the same names. Examples
stand in columns: logits and one-hot labels are `(classes, examples)`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from dlai_keras.foundations import deep_network, draws, logistic_regression
from dlai_keras.foundations.logistic_regression import labels_like
from dlai_keras.foundations.optimization import (
    initialize_adam,
    random_mini_batches,
    update_parameters_with_adam,
)

Parameters = dict[str, np.ndarray]

sigmoid = logistic_regression.sigmoid

_COURSE_SIZES = (12288, 25, 12, 6)  # pictures of 64 x 64 x 3, six signs


def linear_function(*, rng: draws.Rng = None) -> np.ndarray:
    """`WX + b` of drawn arrays: X `(3, 1)`, W `(4, 3)`, b `(4, 1)`, in this order.

    Args:
        rng: draws them; None for NumPy's legacy global state.

    Returns:
        `(4, 1)`.

    Example:
        >>> linear_function(rng=np.random.RandomState(1)).round(8).ravel().tolist()
        [-2.15657382, 2.95891446, -1.08926781, -0.84538042]

    Reference:
        - Course 2, week 3, "Introduction to TensorFlow".
    """
    X, W, b = (draws.normal(rng, *shape) for shape in ((3, 1), (4, 3), (4, 1)))
    return W @ X + b


def softmax(Z: ArrayLike, axis: int = 0) -> np.ndarray:
    """`exp(Z) / sum(exp(Z))`.

    The largest logit is taken off first, which changes nothing but overflow.

    Args:
        Z: logits `(classes, examples)`.
        axis: of the classes.

    Returns:
        Probabilities, of the shape of `Z`; they sum to 1 along the axis.

    Example:
        >>> softmax([5.0, 2.0, -1.0, 3.0]).round(3).tolist()
        [0.842, 0.042, 0.002, 0.114]
        >>> softmax([1000.0, 1000.0]).tolist()
        [0.5, 0.5]

    Reference:
        - Course 2, week 3, "Softmax regression".
    """
    Z = np.asarray(Z)
    exponentials = np.exp(Z - np.max(Z, axis=axis, keepdims=True))
    return exponentials / np.sum(exponentials, axis=axis, keepdims=True)


def one_hot_matrix(label: ArrayLike, depth: int = 6) -> np.ndarray:
    """1 at the place of the label, else 0.

    Args:
        label: a whole number from 0 to `depth - 1`, or several.
        depth: number of classes.

    Returns:
        float64 `(depth,)` for one label, `(depth, examples)` for several.

    Raises:
        ValueError: a label is no class.

    Example:
        >>> one_hot_matrix(2, depth=4).tolist()
        [0.0, 0.0, 1.0, 0.0]
        >>> one_hot_matrix([1, 0, 1], depth=2)
        array([[0., 1., 0.],
               [1., 0., 1.]])

    Reference:
        - Course 2, week 3, "Introduction to TensorFlow".
    """
    labels = np.asarray(label)
    is_class = (labels >= 0) & (labels < depth) & (labels == np.floor(labels))
    if not np.all(is_class):
        raise ValueError(
            f"`label` must be a whole number from 0 to {depth - 1}. "
            f"Received: {labels.flat[np.argmin(is_class)]}."
        )
    matrix = np.eye(depth)[:, labels.ravel().astype("int64")]
    return matrix[:, 0] if labels.size == 1 else matrix


def initialize_parameters(
    layers_dims: Sequence[int] = _COURSE_SIZES, *, rng: draws.Rng = None
) -> Parameters:
    """Glorot's weights, deviation `sqrt(2 / (rows + columns))`.

    The biases are drawn like the weights, as the course's are. (Those of 2017 are 0.)
    TensorFlow draws from another generator, and cuts off the tails.

    Args:
        layers_dims: sizes of the input and of each layer, the last one of classes. By
            default the course's, for pictures of signs.
        rng: draws them; None for NumPy's legacy global state.

    Returns:
        `W1, b1, ..., WL, bL`.

    Raises:
        ValueError: the sizes are no sizes.

    Example:
        >>> parameters = initialize_parameters()
        >>> parameters["W1"].shape, parameters["b3"].shape
        ((25, 12288), (6, 1))

    Reference:
        - Glorot and Bengio, 2010, "Understanding the difficulty of training deep
          feedforward neural networks", AISTATS, equation 12.
        - Course 2, week 3, "Introduction to TensorFlow".
    """
    return {
        key: draws.normal(rng, *shape) * np.sqrt(2 / sum(shape))
        for key, shape in deep_network.parameter_shapes(layers_dims).items()
    }


def forward_propagation(X: np.ndarray, parameters: Parameters) -> np.ndarray:
    """ReLU in all layers but the last, which is linear.

    Args:
        X: examples `(n_0, examples)`.
        parameters: `W1, b1, ..., WL, bL`.

    Returns:
        Logits `(classes, examples)`.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> parameters = initialize_parameters([8, 5, 3])
        >>> forward_propagation(np.ones((8, 2)), parameters).shape
        (3, 2)

    Reference:
        - Course 2, week 3, "Introduction to TensorFlow".
    """
    return _forward(X, parameters)[0]


def compute_total_loss(logits: np.ndarray, labels: ArrayLike) -> np.float64:
    """Cross-entropy of the softmax, summed over the examples.

    `sum(labels * (log(sum(exp(logits))) - logits))`, finite for logits of any size.

    Args:
        logits: `(classes, examples)`.
        labels: one-hot, of the same shape.

    Returns:
        The sum.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> logits, labels = np.array([[2.0, 0.0], [0.0, 0.0]]), np.eye(2)
        >>> f"{compute_total_loss(logits, labels):.4f}"
        '0.8201'

    Reference:
        - Course 2, week 3, "Introduction to TensorFlow".
    """
    logits = np.asarray(logits)
    labels = labels_like(logits, labels)
    shifted = logits - logits.max(axis=0, keepdims=True)
    log_sum = np.log(np.sum(np.exp(shifted), axis=0, keepdims=True))
    return np.sum(labels * (log_sum - shifted))


def compute_cost(logits: np.ndarray, labels: ArrayLike) -> np.float64:
    """Cross-entropy of the softmax, averaged over the examples.

    Args:
        logits: `(classes, examples)`.
        labels: one-hot, of the same shape.

    Returns:
        The mean.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> logits, labels = np.array([[2.0, 0.0], [0.0, 0.0]]), np.eye(2)
        >>> f"{compute_cost(logits, labels):.4f}"
        '0.4100'

    Reference:
        - Course 2, week 3, "TensorFlow tutorial", and "Introduction" of early 2021.
    """
    return compute_total_loss(logits, labels) / np.shape(logits)[1]


def cost(logits: ArrayLike, labels: ArrayLike) -> np.ndarray:
    """Cross-entropy of a sigmoid, from its logits: `max(z, 0) - zy + log(1 + e^-|z|)`.

    Args:
        logits: numbers of any shape.
        labels: 0 and 1, of the same shape.

    Returns:
        Losses, of the same shape.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> cost([0.0, 1000.0], [1, 0]).round(4).tolist()
        [0.6931, 1000.0]

    Reference:
        - Course 2, week 3, "TensorFlow tutorial".
    """
    z = np.asarray(logits, "float64")
    y = labels_like(z, labels)
    return np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))


def backward_propagation(
    X: np.ndarray, Y: ArrayLike, parameters: Parameters
) -> dict[str, np.ndarray]:
    """Gradient of `compute_cost`: at the logits it is `(softmax - Y) / m`.

    Args:
        X: examples `(n_0, examples)`.
        Y: one-hot labels `(classes, examples)`.
        parameters: `W1, b1, ..., WL, bL`.

    Returns:
        A dict of `dW1, db1, ..., dWL, dbL`.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> parameters = initialize_parameters([8, 5, 3])
        >>> gradients = backward_propagation(np.ones((8, 3)), np.eye(3), parameters)
        >>> gradients["dW2"].shape
        (3, 5)

    Reference:
        - Course 2, week 3, "Training a softmax classifier".
    """
    logits, caches = _forward(X, parameters)
    return _backward(logits, Y, caches)


def predict(X: np.ndarray, parameters: Parameters) -> np.ndarray:
    """The class with the largest logit.

    Args:
        X: examples `(n_0, examples)`.
        parameters: `W1, b1, ..., WL, bL`.

    Returns:
        Whole numbers `(examples,)`.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> parameters = {"W1": np.eye(3), "b1": np.zeros((3, 1))}
        >>> predict(np.array([[0.0], [2.0], [1.0]]), parameters).tolist()
        [1]

    Reference:
        - Course 2, week 3, `tf_utils.py`.
    """
    return np.argmax(forward_propagation(X, parameters), axis=0)


def model(
    X_train: np.ndarray,
    Y_train: np.ndarray,
    X_test: np.ndarray,
    Y_test: np.ndarray,
    learning_rate: float = 0.0001,
    num_epochs: int = 1500,
    minibatch_size: int = 32,
    print_cost: bool = True,
    *,
    hidden_dims: Sequence[int] = _COURSE_SIZES[1:-1],
    seed: int = 3,
    rng: draws.Rng = None,
) -> tuple[Parameters, list[float], list[float], list[float]]:
    """Trains a network with a softmax at the end, with Adam on mini-batches.

    Args:
        X_train: examples `(n_0, examples)`.
        Y_train: one-hot labels `(classes, examples)`.
        X_test: examples `(n_0, examples)`.
        Y_test: one-hot labels `(classes, examples)`.
        learning_rate: of Adam.
        num_epochs: passes over all examples.
        minibatch_size: examples of a batch.
        print_cost: whether to print cost and accuracies every 10 epochs.
        hidden_dims: units of the hidden layers.
        seed: epoch i is dealt out with `seed + 1 + i`; 3 in the course.
        rng: draws the weights; None for NumPy's legacy global state.

    Returns:
        `(parameters, costs, train_acc, test_acc)`: of every 10th epoch the mean cost
        and the accuracy while it trained, and the accuracy on the test set after it.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> X, rng = np.array([[-2.0, -1.0, 1.0, 2.0]]), np.random.RandomState(0)
        >>> Y = one_hot_matrix([0, 0, 1, 1], depth=2)
        >>> _, costs, _, _ = model(
        ...     X, Y, X, Y, 0.1, 20, print_cost=False, hidden_dims=(), rng=rng
        ... )
        >>> len(costs), costs[1] < costs[0]
        (2, True)

    Reference:
        - Course 2, week 3, "Introduction to TensorFlow".
    """
    sizes = [X_train.shape[0], *hidden_dims, Y_train.shape[0]]
    parameters = initialize_parameters(sizes, rng=rng)
    v, s = initialize_adam(parameters)
    t = 0
    costs, train_acc, test_acc = [], [], []
    for epoch in range(num_epochs):
        total, num_right = 0.0, 0
        batches = random_mini_batches(
            X_train, Y_train, minibatch_size, seed + 1 + epoch
        )
        for x, y in batches:
            logits, caches = _forward(x, parameters)
            total += compute_total_loss(logits, y)
            num_right += np.sum(logits.argmax(axis=0) == y.argmax(axis=0))
            t += 1
            parameters, v, s, _, _ = update_parameters_with_adam(
                parameters, _backward(logits, y, caches), v, s, t, learning_rate
            )
        if epoch % 10 == 0:
            costs.append(float(total / X_train.shape[1]))
            train_acc.append(float(num_right / X_train.shape[1]))
            is_right = predict(X_test, parameters) == Y_test.argmax(axis=0)
            test_acc.append(float(np.mean(is_right)))
            if print_cost:
                print(f"Cost after epoch {epoch}: {costs[-1]:f}")
                print(f"Train accuracy: {train_acc[-1]:f}")
                print(f"Test accuracy: {test_acc[-1]:f}")
    return parameters, costs, train_acc, test_acc


def _forward(X, parameters):
    """Logits, and the cache of each layer as in `deep_network`."""
    _, caches = deep_network.L_model_forward(X, parameters)
    return caches[-1][1], caches  # what its last sigmoid was given


def _backward(logits, Y, caches):
    dZ = softmax(logits) - labels_like(logits, Y)
    gradients = {}
    for layer in range(len(caches), 0, -1):
        dA, dW, db = deep_network.linear_backward(dZ, caches[layer - 1][0])
        gradients |= {f"dW{layer}": dW, f"db{layer}": db}
        if layer > 1:
            dZ = deep_network.relu_backward(dA, caches[layer - 2][1])
    return gradients
