"""What the course prints and its graders assert, in courses 1 and 2.

Each case is a recipe (the course's inputs, from its seeds) and the numbers that came
out there. Where notebooks of several years differ, the source says which one it is.
Convolutions and recurrent networks have theirs beside their own tests.
"""

import contextlib

import numpy as np
import pytest

from dlai_keras.foundations import (
    deep_network,
    gradient_checking,
    initialization,
    logistic_regression,
    optimization,
    planar_network,
    regularization,
    softmax,
)

CASES = []


@contextlib.contextmanager
def seeded(seed):
    """NumPy's global state as the course leaves it, and afterwards as it was."""
    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield _randn
    finally:
        np.random.set_state(before)  # noqa: NPY002


def _randn(*shape):
    return np.random.standard_normal(shape)  # noqa: NPY002


def case(expected, rtol=1e-5, atol=1e-8):
    """Registers a function that returns name -> value."""

    def register(function):
        CASES.append(pytest.param(function, expected, rtol, atol, id=function.__name__))
        return function

    return register


@pytest.mark.parametrize(("compute", "expected", "rtol", "atol"), CASES)
def test_the_course_prints_the_same(compute, expected, rtol, atol):
    found = compute()
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert np.shape(found[name]) == np.shape(value), name
        np.testing.assert_allclose(
            found[name], value, rtol=rtol, atol=atol, err_msg=name
        )


def test_all_cases_of_the_first_two_courses_are_here():
    assert len({parameter.id for parameter in CASES}) == len(CASES) >= 29


def drawn(randn, *layer_shapes, prefix=""):
    """`W1, b1, W2, b2, ...`, drawn one after another."""
    names = [
        f"{prefix}{kind}{i + 1}" for i in range(len(layer_shapes)) for kind in "Wb"
    ]
    shapes = [
        shape
        for rows, columns in layer_shapes
        for shape in ((rows, columns), (rows, 1))
    ]
    return {name: randn(*shape) for name, shape in zip(names, shapes, strict=True)}


# Course 1, week 2: public_tests.py of 2021 and the notebook of 2017


@case({"array": [0.5, 0.88079708], "scalar": 0.7310585})
def c1w2_sigmoid():
    return {
        "array": logistic_regression.sigmoid(np.array([0, 2])),
        "scalar": logistic_regression.sigmoid(1),
    }


def w_b_x_y():
    w, b = np.array([[1.0], [2.0]]), 2.0
    X = np.array([[1.0, 2.0, -1.0], [3.0, 4.0, -3.2]])
    return w, b, X, np.array([[1, 0, 1]])


@case(
    {
        "dw": [[0.99845601], [2.39507239]],
        "db": 0.00145557813678,
        "cost": 5.801545319394553,
    }
)
def c1w2_propagate_v6():
    grads, cost = logistic_regression.propagate(*w_b_x_y())
    return {**grads, "cost": cost}


@case(
    {
        "dw": [[-0.03909333], [0.12501464], [-0.99960809]],
        "db": 0.288106326429569,
        "cost": 2.0424567983978403,
    }
)
def c1w2_propagate_2021():
    grads, cost = logistic_regression.propagate(
        np.array([[1.0], [2.0], [-1.0]]),
        2.5,
        np.array([[1.0, 2, -1, 0], [3, 4, -3.2, 1], [3, 4, -3.2, -3.5]]),
        np.array([[1, 1, 0, 0]]),
    )
    return {**grads, "cost": cost}


@case(
    {
        "w": [[0.19033591], [0.12259159]],
        "b": 1.92535983008,
        "dw": [[0.67752042], [1.41625495]],
        "db": 0.219194504541,
    }
)
def c1w2_optimize_v6():
    params, grads, _ = logistic_regression.optimize(*w_b_x_y(), 100, 0.009)
    return params | grads


@case(
    {
        "w": [[-0.70916784], [-0.42390859]],
        "b": 2.26891346,
        "dw": [[0.06188603], [-0.01407361]],
        "db": -0.04709353,
        "costs": [5.80154532, 0.31057104],
    }
)
def c1w2_optimize_2021():
    params, grads, costs = logistic_regression.optimize(
        *w_b_x_y(), num_iterations=101, learning_rate=0.1, print_cost=False
    )
    return {**params, **grads, "costs": costs}


@case({"2017": [[1.0, 1.0, 0.0]], "2021": [[1.0, 0.0, 1.0]]})
def c1w2_predict():
    w, b = np.array([[0.1124579], [0.23106775]]), -0.3
    X = np.array([[1.0, -1.1, -3.2], [1.2, 2.0, 0.1]])
    new = np.array([[1.0, -0.3, 1.5], [2, 0, 1], [0, -1.5, 2]])
    return {
        "2017": logistic_regression.predict(w, b, X),
        "2021": logistic_regression.predict(
            np.array([[0.3], [0.5], [-0.2]]), -0.33333, new
        ),
    }


@case(
    {
        "w": [[0.08639757], [-0.08231268], [-0.11798927], [0.12866053]],
        "b": -0.03983236094816321,
        "costs": [0.69314718],
        "Y_prediction_test": [[1.0, 1.0, 0.0]],
        "Y_prediction_train": [[1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0]],
        "learning_rate": 0.01,
        "num_iterations": 50,
    }
)
def c1w2_model_2021():
    with seeded(0) as randn:
        Y = np.array([1, 0, 0, 1, 0, 0, 1]).reshape(1, 7)
        X, x_test = randn(4, 7), randn(4, 3)
    return logistic_regression.model(
        X, Y, x_test, np.array([0, 1, 0]), num_iterations=50, learning_rate=0.01
    )


# Course 1, week 3: notebook v6c, public_tests.py of 2021


PLANAR_WEIGHTS = {
    "W1": [
        [-0.00416758, -0.00056267],
        [-0.02136196, 0.01640271],
        [-0.01793436, -0.00841747],
        [0.00502881, -0.01245288],
    ],
    "W2": [[-0.01057952, -0.00909008, 0.00551454, 0.02292208]],
}


@case({**PLANAR_WEIGHTS, "b1": np.zeros((4, 1)), "b2": [[0.0]]}, rtol=0, atol=1e-8)
def c1w3_initialize_parameters():
    with seeded(2):
        return planar_network.initialize_parameters(2, 4, 1)


@case(
    {
        "means": [0.262818640198, 0.091999045227, -1.30766601287, 0.212877681719],
        "A2": [[0.21292656, 0.21274673, 0.21295976]],
    }
)
def c1w3_forward_propagation():
    with seeded(1) as randn:
        X, b1 = randn(2, 3), randn(4, 1)
    parameters = {key: np.array(value) for key, value in PLANAR_WEIGHTS.items()}
    parameters |= {"b1": b1, "b2": np.array([[-1.3]])}
    A2, cache = planar_network.forward_propagation(X, parameters)
    means = [np.mean(cache[key]) for key in ("Z1", "A1", "Z2", "A2")]
    return {"means": means, "A2": A2}


@case({"v6c": 0.6930587610394646, "2021": 0.5447066599017815})
def c1w3_compute_cost():
    with seeded(1) as randn:
        old = randn(1, 3) > 0
    with seeded(1) as randn:
        new = randn(1, 5) > 0
    A2 = np.array([[0.5002307, 0.49985831, 0.50023963]])
    more = np.array([[0.5002307, 0.49985831, 0.50023963, 0.25, 0.7]])
    found = {
        "v6c": planar_network.compute_cost(A2, old, {}),  # with its parameters
        "2021": planar_network.compute_cost(more, new),
    }
    assert all(type(cost) is float for cost in found.values())  # its check asks for it
    return found


@case(
    {
        "dW1[0]": [-0.24468458, -0.24371232, 0.15959609],
        "db1[:3, 0]": [0.1463639, -0.33647992, -0.51738006],
        "dW2[0, :5]": [-0.35768529, 0.22046323, -0.29551566, -0.12202786, 0.18809552],
        "dW2[0, 5:]": [0.13700323, 0.35892872, -0.02220353, -0.03976687],
        "db2": [[-0.78032466]],
    }
)
def c1w3_backward_propagation_2021():
    # The activations are drawn: some are outside of (0, 1).
    with seeded(1) as randn:
        X, Y = randn(3, 7), randn(1, 7) > 0
        parameters = {"W1": randn(9, 3), "W2": randn(1, 9)}
        cache = {"A1": randn(9, 7), "A2": randn(1, 7)}
        cache |= {"Z1": randn(9, 7), "Z2": randn(1, 7)}
    grads = planar_network.backward_propagation(parameters, cache, X, Y)
    return {
        "dW1[0]": grads["dW1"][0],
        "db1[:3, 0]": grads["db1"][:3, 0],
        "dW2[0, :5]": grads["dW2"][0, :5],
        "dW2[0, 5:]": grads["dW2"][0, 5:],
        "db2": grads["db2"],
    }


@case(
    {
        "dW1": [
            [0.00301023, -0.00747267],
            [0.00257968, -0.00641288],
            [-0.00156892, 0.003893],
            [-0.00652037, 0.01618243],
        ],
        "db2": [[-0.16655712]],
    },
    atol=5e-9,
)
def c1w3_backward_propagation_v6():
    with seeded(1) as randn:
        X, Y = randn(2, 3), randn(1, 3) > 0
    parameters = {key: np.array(value) for key, value in PLANAR_WEIGHTS.items()}
    cache = {
        "A1": np.array(
            [
                [-0.00616578, 0.0020626, 0.00349619],
                [-0.05225116, 0.02725659, -0.02646251],
                [-0.02009721, 0.0036869, 0.02883756],
                [0.02152675, -0.01385234, 0.02599885],
            ]
        ),
        "A2": np.array([[0.5002307, 0.49985831, 0.50023963]]),
    }
    grads = planar_network.backward_propagation(parameters, cache, X, Y)
    return {"dW1": grads["dW1"], "db2": grads["db2"]}


@case(
    {
        "W1[0]": [-0.65848169, 1.21866811],
        "W1[1]": [-0.76204273, 1.39377573],
        "W1[2]": [0.5792005, -1.10397703],
        "W1[3]": [0.76773391, -1.41477129],
        "W2": [[-2.45566237, -3.27042274, 2.00784958, 3.36773273]],
        "b2": [[0.20459656]],
        "cost": 0.692739,
    },
    atol=5e-7,
)
def c1w3_nn_model_v6():
    with seeded(1) as randn:
        X, Y = randn(2, 3), randn(1, 3) > 0
    costs = []
    with seeded(2):
        parameters = planar_network.nn_model(X, Y, 4, num_iterations=10000, costs=costs)
    rows = {f"W1[{i}]": row for i, row in enumerate(parameters["W1"])}
    return {**rows, "W2": parameters["W2"], "b2": parameters["b2"], "cost": costs[0]}


# Course 1, week 4: notebook v8a, public_tests.py of 2021


@case(
    {
        "W1": [
            [0.01624345, -0.00611756, -0.00528172],
            [-0.01072969, 0.00865408, -0.02301539],
        ],
        "b1": [[0.0], [0.0]],
        "W2": [[0.01744812, -0.00761207]],
        "b2": [[0.0]],
    },
    rtol=0,
)
def c1w4_initialize_parameters():
    with seeded(1):
        return deep_network.initialize_parameters(3, 2, 1)


@case(
    {
        "W1[0]": [0.01788628, 0.0043651, 0.00096497, -0.01863493, -0.00277388],
        "W2[2]": [-0.00768836, -0.00230031, 0.00745056, 0.01976111],
    },
    rtol=0,
)
def c1w4_initialize_parameters_deep():
    with seeded(3):
        parameters = deep_network.initialize_parameters_deep([5, 4, 3])
    return {"W1[0]": parameters["W1"][0], "W2[2]": parameters["W2"][2]}


@case({"Z": [[3.26295337, -1.23429987]]})
def c1w4_linear_forward():
    with seeded(1) as randn:
        A, W, b = randn(3, 2), randn(1, 3), randn(1, 1)
    Z, cache = deep_network.linear_forward(A, W, b)
    assert all(held is given for held, given in zip(cache, (A, W, b), strict=True))
    return {"Z": Z}


@case({"sigmoid": [[0.96890023, 0.11013289]], "relu": [[3.43896131, 0.0]]})
def c1w4_linear_activation_forward():
    with seeded(2) as randn:
        inputs = randn(3, 2), randn(1, 3), randn(1, 1)
    return {
        name: deep_network.linear_activation_forward(*inputs, name)[0]
        for name in ("sigmoid", "relu")
    }


@case({"AL": [[0.03921668, 0.70498921, 0.19734387, 0.04728177]], "len(caches)": 3})
def c1w4_L_model_forward():
    with seeded(6) as randn:
        X, parameters = randn(5, 4), drawn(randn, (4, 5), (3, 4), (1, 3))
    AL, caches = deep_network.L_model_forward(X, parameters)
    return {"AL": AL, "len(caches)": len(caches)}


@case({"v8a": 0.2797765635793422, "v5": 0.414931599615397})
def c1w4_compute_cost():
    AL = np.array([[0.8, 0.9, 0.4]])
    return {
        "v8a": deep_network.compute_cost(AL, np.array([[1, 1, 0]])),
        "v5": deep_network.compute_cost(AL, np.array([[1, 1, 1]])),
    }


@case(
    {
        "dA_prev[0]": [-1.15171336, 0.06718465, -0.3204696, 2.09812712],
        "dW[0]": [0.07313866, -0.0976715, -0.87585828, 0.73763362, 0.00785716],
        "db": [[-0.14713786], [-0.11313155], [-0.13209101]],
    }
)
def c1w4_linear_backward():
    with seeded(1) as randn:
        dZ, cache = randn(3, 4), (randn(5, 4), randn(3, 5), randn(3, 1))
    dA_prev, dW, db = deep_network.linear_backward(dZ, cache)
    return {"dA_prev[0]": dA_prev[0], "dW[0]": dW[0], "db": db}


@case(
    {
        "sigmoid dA_prev": [
            [0.11017994, 0.01105339],
            [0.09466817, 0.00949723],
            [-0.05743092, -0.00576154],
        ],
        "sigmoid dW": [[0.10266786, 0.09778551, -0.01968084]],
        "sigmoid db": [[-0.05729622]],
        "relu dA_prev": [[0.44090989, 0], [0.37883606, 0], [-0.2298228, 0]],
        "relu dW": [[0.44513824, 0.37371418, -0.10478989]],
        "relu db": [[-0.20837892]],
    }
)
def c1w4_linear_activation_backward():
    with seeded(2) as randn:
        dA = randn(1, 2)
        cache = (randn(3, 2), randn(1, 3), randn(1, 1)), randn(1, 2)
    return {
        f"{activation} {name}": value
        for activation in ("sigmoid", "relu")
        for name, value in zip(
            ("dA_prev", "dW", "db"),
            deep_network.linear_activation_backward(dA, cache, activation),
            strict=True,
        )
    }


@case(
    {
        "dA1": [
            [0.12913162, -0.44014127],
            [-0.14175655, 0.48317296],
            [0.01663708, -0.05670698],
        ],
        "dW2": [[-0.39202432, -0.13325855, -0.04601089]],
        "db2": [[0.15187861]],
        "dA0": [
            [0.0, 0.52257901],
            [0.0, -0.3269206],
            [0.0, -0.32070404],
            [0.0, -0.74079187],
        ],
        "dW1": [
            [0.41010002, 0.07807203, 0.13798444, 0.10502167],
            [0.0, 0.0, 0.0, 0.0],
            [0.05283652, 0.01005865, 0.01777766, 0.0135308],
        ],
        "db1": [[-0.22007063], [0.0], [-0.02835349]],
    }
)
def c1w4_L_model_backward():
    # AL is drawn, and no sigmoid of the Z beside it; it is negative in one place.
    with seeded(3) as randn:
        AL = randn(1, 2)
        caches = [((randn(4, 2), randn(3, 4), randn(3, 1)), randn(3, 2))]
        caches += [((randn(3, 2), randn(1, 3), randn(1, 1)), randn(1, 2))]
    return deep_network.L_model_backward(AL, np.array([[1, 0]]), caches)


@case(
    {
        "W1[0]": [-0.59562069, -0.09991781, -2.14584584, 1.82662008],
        "b1": [[-0.04659241], [-1.28888275], [0.53405496]],
        "W2": [[-0.55569196, 0.0354055, 1.32964895]],
        "b2": [[-0.84610769]],
    }
)
def c1w4_update_parameters():
    with seeded(2) as randn:
        parameters = drawn(randn, (3, 4), (1, 3))
    with seeded(3) as randn:
        grads = drawn(randn, (3, 4), (1, 3), prefix="d")
    updated = deep_network.update_parameters(parameters, grads, 0.1)
    return {"W1[0]": updated.pop("W1")[0], **updated}


@case(
    {
        "W2": [[-0.00200283, -0.00888593, -0.00751122, 0.01688162]],
        "b2": [[-0.00689018]],
        "W2, 3 steps of 0.1": [[-0.00358725, -0.00911995, -0.00831979, 0.01615845]],
        "b2, 3 steps of 0.1": [[-0.13451354]],
        "costs": [0.69315968],
    },
    atol=5e-9,
)
def c1w4_two_layer_model():
    with seeded(1) as randn:
        X, Y = randn(10, 10), randn(1, 10)
    with seeded(1):
        short, costs = deep_network.two_layer_model(X, Y, (10, 4, 1), 0.0075, 2)
    with seeded(1):
        long, _ = deep_network.two_layer_model(X, Y, (10, 4, 1), 0.1, 3)
    return {
        "W2": short["W2"],
        "b2": short["b2"],
        "W2, 3 steps of 0.1": long["W2"],
        "b2, 3 steps of 0.1": long["b2"],
        "costs": costs,
    }


@case(
    {
        "W3": [
            [-0.09079199, -0.08117381, 0.07667568, 0.16665535, 0.08029575, 0.04805811]
        ],
        "b3": [[0.0013201]],
        "costs": [0.70723944],
        "W3, 3 steps of 0.02": [
            [-0.09087434, -0.07882982, 0.07821609, 0.16442826, 0.0783229, 0.04648216]
        ],
        "b3, 3 steps of 0.02": [[0.00525865]],
    },
    atol=5e-9,
)
def c1w4_L_layer_model():
    with seeded(1) as randn:
        X = randn(10, 10)
    Y = np.array([1, 1, 1, 1, 0, 0, 0, 1, 1, 0]).reshape(1, 10)
    with seeded(1):
        short, costs = deep_network.L_layer_model(X, Y, (10, 5, 6, 1), 0.0075, 2)
    with seeded(1):
        long, _ = deep_network.L_layer_model(X, Y, (10, 5, 6, 1), 0.02, 3)
    return {
        "W3": short["W3"],
        "b3": short["b3"],
        "costs": costs,
        "W3, 3 steps of 0.02": long["W3"],
        "b3, 3 steps of 0.02": long["b3"],
    }


# Course 2, week 1: notebooks of 2019 and 2021, public_tests.py


@case(
    {
        "W1": [
            [17.88628473, 4.36509851, 0.96497468],
            [-18.63492703, -2.77388203, -3.54758979],
        ],
        "b1": [[0.0], [0.0]],
        "W2": [[-0.82741481, -6.27000677]],
        "b2": [[0.0]],
    }
)
def c2w1_initialize_parameters_random():
    with seeded(3):
        return initialization.initialize_parameters_random([3, 2, 1])


@case(
    {
        "W1": [[1.46040903, 0.3564088, 0.07878985]],
        "b1": [[0.0]],
        "W2": [[-2.63537665], [-0.39228616]],
        "b2": [[0.0], [0.0]],
    }
)
def c2w1_initialize_parameters_he():
    with seeded(3):
        return initialization.initialize_parameters_he([3, 1, 2])


@case({"cost": 1.7864859451590758})
def c2w1_compute_cost_with_regularization():
    with seeded(1) as randn:
        parameters = drawn(randn, (2, 3), (3, 2), (1, 3))
    Y = np.array([[1, 1, 0, 1, 0]])
    A3 = np.array([[0.40682402, 0.01629284, 0.16722898, 0.10118111, 0.40682402]])
    return {
        "cost": regularization.compute_cost_with_regularization(
            A3, Y, parameters, lambd=0.1
        )
    }


def x_and_parameters_of_regularization():
    with seeded(1) as randn:
        return randn(3, 5), drawn(randn, (2, 3), (3, 2), (1, 3))


@case(
    {
        "dW1": [
            [-0.25604646, 0.12298827, -0.28297129],
            [-0.17706303, 0.34536094, -0.4410571],
        ],
        "dW2": [
            [0.79276486, 0.85133918],
            [-0.0957219, -0.01720463],
            [-0.13100772, -0.03750433],
        ],
        "dW3": [[-1.77691347, -0.11832879, -0.09397446]],
        "db3": [[-0.38032981]],
    }
)
def c2w1_backward_propagation_with_regularization():
    # The course writes its cache out; a forward pass on the same inputs makes it.
    X, parameters = x_and_parameters_of_regularization()
    _, cache = regularization.forward_propagation(X, parameters)
    np.testing.assert_allclose(cache[0][0, :2], [-1.52855314, 3.32524635], rtol=1e-8)
    gradients = regularization.backward_propagation_with_regularization(
        X, np.array([[1, 1, 0, 1, 0]]), cache, lambd=0.7
    )
    return {key: gradients[key] for key in ("dW1", "dW2", "dW3", "db3")}


@case({"A3": [[0.36974721, 0.00305176, 0.04565099, 0.49683389, 0.36974721]]})
def c2w1_forward_propagation_with_dropout():
    X, parameters = x_and_parameters_of_regularization()
    with seeded(1):
        A3, cache = regularization.forward_propagation_with_dropout(
            X, parameters, keep_prob=0.7
        )
    np.testing.assert_array_equal(cache[1][0], [True, False, True, True, True])
    return {"A3": A3}


@case(
    {
        "dA1": [
            [0.36544439, 0.0, -0.00188233, 0.0, -0.17408748],
            [0.65515713, 0.0, -0.00337459, 0.0, -0.0],
        ],
        "dA2": [
            [0.58180856, 0.0, -0.00299679, 0.0, -0.27715731],
            [0.0, 0.53159854, -0.0, 0.53159854, -0.34089673],
            [0.0, 0.0, -0.00292733, 0.0, -0.0],
        ],
        "dW1": [
            [0.00019884, 0.00028657, 0.00012138],
            [0.00035647, 0.00051375, 0.00021761],
        ],
    },
    atol=1e-8,
)
def c2w1_backward_propagation_with_dropout():
    X, parameters = x_and_parameters_of_regularization()
    W1, b1, W2, b2, W3, b3 = parameters.values()
    Z1 = W1 @ X + b1
    D1 = np.array([[1, 0, 1, 1, 1], [1, 1, 1, 1, 0]], bool)
    A1 = np.maximum(Z1, 0) * D1 / 0.5  # its cache was made with 0.5
    Z2 = W2 @ A1 + b2
    D2 = np.array([[1, 0, 1, 0, 1], [0, 1, 0, 1, 1], [0, 0, 1, 0, 0]], bool)
    A2 = np.maximum(Z2, 0) * D2 / 0.5
    Z3 = W3 @ A2 + b3
    A3 = logistic_regression.sigmoid(Z3)
    cache = (Z1, D1, A1, W1, b1, Z2, D2, A2, W2, b2, Z3, A3, W3, b3)
    gradients = regularization.backward_propagation_with_dropout(
        X, np.array([[1, 1, 0, 1, 0]]), cache, keep_prob=0.8
    )
    return {key: gradients[key] for key in ("dA1", "dA2", "dW1")}


@case({"x=2": 2.919335883291695e-10, "x=3": 7.814075313343006e-11}, 1e-3, 0)
def c2w1_gradient_check():
    # Mostly rounding: equal only where the steps are the course's, one by one.
    return {
        "x=2": gradient_checking.gradient_check(2, 4),
        "x=3": gradient_checking.gradient_check(3, 4),
    }


@case({"with mistakes": 0.2850931567761623}, 1e-6)
def c2w1_gradient_check_n():
    with seeded(1) as randn:
        X, parameters = randn(4, 3), drawn(randn, (5, 4), (3, 5), (1, 3))
    Y = np.array([1, 1, 0])
    _, cache = gradient_checking.forward_propagation_n(X, Y, parameters)
    right = gradient_checking.backward_propagation_n(X, Y, cache)
    wrong = gradient_checking.backward_propagation_n_with_mistakes(X, Y, cache)
    difference = gradient_checking.gradient_check_n(parameters, right, X, Y)
    assert difference == pytest.approx(1.189e-07, abs=1e-8)  # rounding
    return {
        "with mistakes": gradient_checking.gradient_check_n(parameters, wrong, X, Y)
    }


# Course 2, week 2: notebook v1b, public_tests.py of 2021


def parameters_and_grads():
    with seeded(1) as randn:
        parameters = drawn(randn, (2, 3), (3, 3))
        return parameters, drawn(randn, (2, 3), (3, 3), prefix="d")


@case(
    {
        "W1": [
            [1.63535156, -0.62320365, -0.53718766],
            [-1.07799357, 0.85639907, -2.29470142],
        ],
        "b1": [[1.74604067], [-0.75184921]],
        "b2": [[-0.88020257], [0.02561572], [0.57539477]],
    }
)
def c2w2_update_parameters_with_gd():
    updated = optimization.update_parameters_with_gd(*parameters_and_grads(), 0.01)
    return {key: updated[key] for key in ("W1", "b1", "b2")}


@case(
    {
        "first": [0.90085595, -0.7612069, 0.2344157],
        "widths": [64, 64, 20],
        "first of numbers": [294912, 86016, 454656],
        "last of numbers": [1425407, 1769471, 897023],
    }
)
def c2w2_random_mini_batches():
    with seeded(1) as randn:
        X, Y = randn(12288, 148), randn(1, 148) < 0.5
    batches = optimization.random_mini_batches(X, Y, 64, seed=0)
    numbers = np.arange(12288 * 148).reshape(148, 12288).T
    numbered = optimization.random_mini_batches(numbers, Y, 64)
    return {
        "first": batches[0][0][0][:3],
        "widths": [x.shape[1] for x, _ in batches],
        "first of numbers": numbered[0][0][0][:3],
        "last of numbers": numbered[-1][0][-1][:3],
    }


@case(
    {
        "W1": [
            [1.62544598, -0.61290114, -0.52907334],
            [-1.07347112, 0.86450677, -2.30085497],
        ],
        "v.dW1": [
            [-0.11006192, 0.11447237, 0.09015907],
            [0.05024943, 0.09008559, -0.06837279],
        ],
        "b2": [[-0.87809283], [0.04055394], [0.58207317]],
    }
)
def c2w2_update_parameters_with_momentum():
    parameters, grads = parameters_and_grads()
    v = optimization.initialize_velocity(parameters)
    updated, v = optimization.update_parameters_with_momentum(
        parameters, grads, v, beta=0.9, learning_rate=0.01
    )
    return {"W1": updated["W1"], "v.dW1": v["dW1"], "b2": updated["b2"]}


@case(
    {
        "W1": [
            [1.63178673, -0.61919778, -0.53561312],
            [-1.08040999, 0.85796626, -2.29409733],
        ],
        "b1": [[1.75225313], [-0.75376553]],
        "b2": [[-0.88529978], [0.03477238], [0.57537385]],
        "s.dW1": [
            [0.00121136, 0.00131039, 0.00081287],
            [0.0002525, 0.00081154, 0.00046748],
        ],
    }
)
def c2w2_update_parameters_with_adam():
    parameters, grads = parameters_and_grads()
    v, s = optimization.initialize_adam(parameters)
    updated, _, s, _, _ = optimization.update_parameters_with_adam(
        parameters, grads, v, s, t=2
    )
    found = {key: updated[key] for key in ("W1", "b1", "b2")}
    return {**found, "s.dW1": s["dW1"]}


@case(
    {
        "W1[0]": [1.63942428, -0.6268425, -0.54320974],
        "v.dW1[0]": [-0.22012384, 0.22894474, 0.18031814],
        "s.dW1[0]": [0.13567261, 0.14676395, 0.09104097],
        "corrected": [1 / (1 - 0.8**2), 1 / (1 - 0.888**2)],
    }
)
def c2w2_update_parameters_with_adam_2021():
    parameters, grads = parameters_and_grads()
    v, s = optimization.initialize_adam(parameters)
    updated, v, s, v_corrected, s_corrected = optimization.update_parameters_with_adam(
        parameters, grads, v, s, 2, 0.02, 0.8, 0.888, 1e-2
    )
    return {
        "W1[0]": updated["W1"][0],
        "v.dW1[0]": v["dW1"][0],
        "s.dW1[0]": s["dW1"][0],
        "corrected": [
            (v_corrected["dW1"] / v["dW1"])[0, 0],
            (s_corrected["dW1"] / s["dW1"])[0, 0],
        ],
    }


@case(
    {
        "update_lr": 0.16666666666666666,
        "schedule_lr_decay": [0.5, 0.3846153846153846, 0.25, 0.085714285, 0.24],
    }
)
def c2w2_learning_rates():
    decay = optimization.schedule_lr_decay
    return {
        "update_lr": optimization.update_lr(0.5, 2, 1),
        "schedule_lr_decay": [
            decay(0.5, 10, 0.3, 100),
            decay(0.5, 100, 0.3, 100),
            decay(0.5, 100, 1, 100),
            decay(0.3, 1000, 0.25, 100),
            decay(0.3, 100, 0.25, 100),
        ],
    }


# Course 2, week 3: the TensorFlow notebooks of 2018 and 2021


@case({"WX + b": [[-2.15657382], [2.95891446], [-1.08926781], [-0.84538042]]})
def c2w3_linear_function():
    with seeded(1):
        return {"WX + b": softmax.linear_function()}


@case({"sigmoid": [0.5, 0.26894143, 0.9999939]}, 1e-6)
def c2w3_sigmoid():
    return {"sigmoid": softmax.sigmoid([0, -1, 12])}


@case(
    {
        "one": [0.0, 1.0, 0.0, 0.0],
        "one in a list": [0.0, 0.0, 1.0, 0.0],
        "2018": [
            [0, 0, 0, 1, 0, 0],
            [1, 0, 0, 0, 0, 1],
            [0, 1, 0, 0, 1, 0],
            [0, 0, 1, 0, 0, 0],
        ],
    }
)
def c2w3_one_hot_matrix():
    return {
        "one": softmax.one_hot_matrix(1, 4),
        "one in a list": softmax.one_hot_matrix([2], 4),
        "2018": softmax.one_hot_matrix(np.array([1, 2, 3, 0, 2, 1]), 4),
    }


@case({"sum": 0.810287, "mean": 0.4051435})
def c2w3_compute_total_loss():
    logits = np.array(
        [
            [2.4048107, 5.0334096],
            [-0.7921977, -4.1523376],
            [0.9447198, -0.46802214],
            [1.158121, 3.9810789],
            [4.768706, 2.3220146],
            [6.1481323, 3.909829],
        ]
    )
    labels = np.eye(6)[[5, 0]].T
    return {
        "sum": softmax.compute_total_loss(logits, labels),
        "mean": softmax.compute_cost(logits, labels),
    }


@case({"cost": [0.79813886, 0.91301525, 0.40318605, 0.34115386]}, 1e-7)
def c2w3_cost_2018():
    logits = np.array([0.2, 0.4, 0.7, 0.9])
    return {"cost": softmax.cost(logits, np.array([0, 0, 1, 1]))}
