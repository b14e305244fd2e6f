"""Against the course's numbers, the definition, Keras' gradients and differences."""

import numpy as np
import pytest

from dlai_keras.foundations import convolution
from dlai_keras.foundations.convolution import (
    conv_backward,
    conv_forward,
    conv_single_step,
    create_mask_from_window,
    distribute_value,
    pool_backward,
    pool_forward,
    zero_pad,
)
from dlai_keras.foundations.gradient_checking import numerical_gradients

rng = np.random.default_rng(0)

# Filter, stride and pad that do not fit evenly, too; 2, 6 × 7 × 3 → 4.
GEOMETRIES = [(3, 1, 1), (2, 2, 0), (3, 2, 1), (1, 1, 0), (5, 3, 2), (2, 1, 3)]
POOLS = [(2, 2), (3, 1), (3, 2), (1, 1), (5, 3)]
each_geometry = pytest.mark.parametrize(("f", "stride", "pad"), GEOMETRIES)
each_pool = pytest.mark.parametrize(("f", "stride"), POOLS)
each_mode = pytest.mark.parametrize("mode", ["max", "average"])


def layer(f, n_C=4, dtype=float):
    A_prev = rng.standard_normal((2, 6, 7, 3)).astype(dtype)
    W = rng.standard_normal((f, f, 3, n_C)).astype(dtype)
    return A_prev, W, rng.standard_normal((1, 1, 1, n_C)).astype(dtype)


# What the course publishes. Its newer values add the bias once.


def test_zero_pad_gives_the_courses_result():
    randn = np.random.RandomState(1).randn
    x = randn(4, 3, 3, 2)
    padded = zero_pad(x, 3)
    assert padded.shape == (4, 9, 9, 2)
    np.testing.assert_array_equal(padded[:, 3:6, 3:6], x)
    assert np.count_nonzero(padded) == x.size


@pytest.mark.parametrize(
    ("seed", "f", "expected"), [(1, 4, -6.999089450680221), (3, 5, -3.5443670581382474)]
)
def test_conv_single_step_gives_the_courses_number(seed, f, expected):
    randn = np.random.RandomState(seed).randn
    window, W = randn(f, f, 3), randn(f, f, 3)
    Z = conv_single_step(window, W, randn(1, 1, 1))
    assert type(Z) is np.float64  # the course's own check asks for it
    assert abs(Z - expected) < 1e-12


CONVOLUTIONS = [  # A_prev, W, stride, pad, mean of Z, where, Z there
    (
        *((10, 4, 4, 3), (2, 2, 3, 8), 2, 2, 0.0489952035289, (3, 2, 1)),
        "-0.61490741 -6.7439236 -2.55153897 1.75698377 3.56208902 0.53036437 "
        "5.18531798 8.75898442",
    ),
    (
        *((10, 5, 7, 4), (3, 3, 4, 8), 2, 1, 0.692360880758, (3, 2, 1)),
        "-1.28912231 2.27650251 6.61941931 0.95527176 8.25132576 2.31329639 "
        "13.00689405 2.34576051",
    ),
    (
        *((2, 5, 7, 4), (3, 3, 4, 8), 2, 1, 0.5511276474566768, (0, 2, 1)),
        "-2.17796037 8.07171329 -0.5772704 3.36286738 4.48113645 -2.89198428 "
        "10.99288867 3.03171932",
    ),
]


@pytest.mark.parametrize(
    ("shape", "filters", "stride", "pad", "mean", "where", "there"), CONVOLUTIONS
)
def test_conv_forward_gives_the_courses_numbers(
    shape, filters, stride, pad, mean, where, there
):
    randn = np.random.RandomState(1).randn
    A_prev, W = randn(*shape), randn(*filters)
    b = randn(1, 1, 1, filters[-1])
    hparameters = {"pad": pad, "stride": stride}
    Z, cache = conv_forward(A_prev, W, b, hparameters)
    assert Z.mean() == pytest.approx(mean, rel=1e-10)
    np.testing.assert_allclose(Z[where], np.array(there.split(), float), rtol=1e-7)
    assert cache == (A_prev, W, b, hparameters)


def test_conv_forward_gives_the_numbers_of_the_courses_second_check():
    randn = np.random.RandomState(3).randn
    A_prev, W = randn(2, 5, 7, 4), randn(3, 3, 4, 8)
    b = randn(1, 1, 1, 8)
    assert conv_forward(A_prev, W, b, {"pad": 3, "stride": 1})[0].shape == (2, 9, 11, 8)
    assert conv_forward(A_prev, W, b, {"pad": 0, "stride": 2})[0].shape == (2, 2, 3, 8)
    W, b = randn(5, 5, 4, 8), randn(1, 1, 1, 8)
    Z, _ = conv_forward(A_prev, W, b, {"pad": 6, "stride": 1})
    assert Z.shape == (2, 13, 15, 8)
    assert Z.mean() == pytest.approx(-0.5384027772160062, rel=1e-12)


def test_conv_backward_gives_the_courses_numbers():
    randn = np.random.RandomState(1).randn
    A_prev, W = randn(10, 4, 4, 3), randn(2, 2, 3, 8)
    b = randn(1, 1, 1, 8)
    Z, cache = conv_forward(A_prev, W, b, {"pad": 2, "stride": 2})
    gradients = conv_backward(Z, cache)
    means = [gradient.mean() for gradient in gradients]
    expected = [1.45243777754, 1.72699145831, 7.83923256462]
    np.testing.assert_allclose(means, expected, rtol=1e-10)
    assert [g.shape for g in gradients] == [A_prev.shape, W.shape, b.shape]


POOLED = {  # f, mode: A[1, 1]
    (3, "max"): "1.96710175 0.84616065 1.27375593 1.96710175 0.84616065 1.23616403 "
    "1.62765075 1.12141771 1.2245077",
    (3, "average"): "0.44497696 -0.00261695 -0.31040307 0.50811474 -0.23493734 "
    "-0.23961183 0.11872677 0.17255229 -0.22112197",
    (2, "max"): "1.19891788 0.74055645 0.07734007 0.31515939 0.84616065 0.07734007 "
    "0.69803203 0.84616065 1.2245077 0.69803203 1.12141771 1.2245077",
    (2, "average"): "0.11583785 0.34545544 -0.6561907 -0.2334108 0.3364666 "
    "-0.69382351 0.25497093 -0.21741362 -0.07342615 -0.04092568 -0.01110394 0.12495022",
}


@pytest.mark.parametrize(("f", "mode"), POOLED)
def test_pool_forward_gives_the_courses_numbers(f, mode):
    randn = np.random.RandomState(1).randn
    A_prev = randn(2, 5, 5, 3)
    hparameters = {"stride": 1, "f": f}
    A, cache = pool_forward(A_prev, hparameters, mode=mode)
    expected = np.array(POOLED[f, mode].split(), float).reshape(-1, 3)
    np.testing.assert_allclose(A[1, 1], expected, atol=1e-8)
    assert cache == (A_prev, hparameters)


def test_pool_forward_gives_the_courses_numbers_of_2017():
    randn = np.random.RandomState(1).randn
    A_prev = randn(2, 4, 4, 3)
    A, _ = pool_forward(A_prev, {"stride": 2, "f": 3})
    expected = [1.74481176, 0.86540763, 1.13376944, 1.13162939, 1.51981682, 2.18557541]
    np.testing.assert_allclose(A.ravel(), expected, atol=1e-8)
    A, _ = pool_forward(A_prev, {"stride": 2, "f": 3}, mode="average")
    expected = [0.02105773, -0.20328806, -0.40389855, -0.22154621, 0.51716526]
    np.testing.assert_allclose(A.ravel()[:5], expected, atol=1e-8)


POOLED_BACK = {
    "max": [[0, 0], [5.05844394, -1.68282702], [0, 0]],
    "average": [
        [0.08485462, 0.2787552],
        [1.26461098, -0.25749373],
        [1.17975636, -0.53624893],
    ],
}


@each_mode
def test_pool_backward_gives_the_courses_numbers(mode):
    randn = np.random.RandomState(1).randn
    A_prev = randn(5, 5, 3, 2)
    _, cache = pool_forward(A_prev, {"stride": 1, "f": 2}, mode=mode)
    dA = randn(5, 4, 2, 2)
    assert dA.mean() == pytest.approx(0.14571390272918056)
    dA_prev = pool_backward(dA, cache, mode=mode)
    assert dA_prev.shape == A_prev.shape
    np.testing.assert_allclose(dA_prev[1, 1], POOLED_BACK[mode], atol=1e-8)


def test_a_mask_and_a_spread_value_are_the_courses():
    x = np.array([[-1, 2, 3], [2, -3, 2], [1, 5, -2]])
    np.testing.assert_array_equal(
        create_mask_from_window(x), [[0, 0, 0], [0, 0, 0], [0, 1, 0]]
    )
    assert create_mask_from_window(np.array([[2, 1], [1, 2]])).sum() == 2
    np.testing.assert_array_equal(distribute_value(2, (2, 2)), np.full((2, 2), 0.5))
    assert distribute_value(100, (10, 10)).sum() == 100


# The definition: windows one by one


@each_geometry
def test_conv_forward_is_one_step_for_each_window(f, stride, pad):
    A_prev, W, b = layer(f)
    Z, _ = conv_forward(A_prev, W, b, {"stride": stride, "pad": pad})
    padded = zero_pad(A_prev, pad)
    for i, h, w, c in np.ndindex(Z.shape):
        window = padded[i, h * stride : h * stride + f, w * stride : w * stride + f]
        step = conv_single_step(window, W[..., c], b[..., c])
        assert Z[i, h, w, c] == pytest.approx(step, abs=1e-12)
    # No further window would fit.
    assert f + Z.shape[1] * stride > padded.shape[1]
    assert f + Z.shape[2] * stride > padded.shape[2]


@each_pool
@each_mode
def test_pooling_is_the_courses_helpers_for_each_window(f, stride, mode):
    A_prev = rng.integers(0, 4, (2, 6, 7, 3)).astype(float)  # with ties
    A, cache = pool_forward(A_prev, {"f": f, "stride": stride}, mode)
    dA = rng.standard_normal(A.shape)
    expected = np.zeros(A_prev.shape)
    for i, h, w, c in np.ndindex(A.shape):
        rows = slice(h * stride, h * stride + f)
        columns = slice(w * stride, w * stride + f)
        window = A_prev[i, rows, columns, c]
        gradient = dA[i, h, w, c]
        if mode == "max":
            assert A[i, h, w, c] == window.max()
            back = gradient * create_mask_from_window(window)
        else:
            assert A[i, h, w, c] == pytest.approx(window.mean())
            back = distribute_value(gradient, window.shape)
        expected[i, rows, columns, c] += back
    np.testing.assert_allclose(pool_backward(dA, cache, mode), expected, atol=1e-12)


# Gradients: differences, and Keras


@each_geometry
def test_conv_backward_equals_differences(f, stride, pad):
    A_prev, W, b = layer(f, n_C=2)
    hparameters = {"stride": stride, "pad": pad}
    Z, cache = conv_forward(A_prev, W, b, hparameters)
    dZ = rng.standard_normal(Z.shape)
    gradients = conv_backward(dZ, cache)

    def cost(inputs):
        return np.sum(dZ * conv_forward(*inputs.values(), hparameters)[0])

    inputs = {"A_prev": A_prev, "W": W, "b": b}
    expected = numerical_gradients(cost, inputs, 1e-5)
    for gradient, other in zip(gradients, expected.values(), strict=True):
        np.testing.assert_allclose(gradient, other, atol=1e-7)


@each_pool
@each_mode
def test_pool_backward_equals_differences(f, stride, mode):
    A_prev = rng.permutation(84).reshape(2, 6, 7, 1) / 10  # no ties
    hparameters = {"f": f, "stride": stride}
    A, cache = pool_forward(A_prev, hparameters, mode)
    dA = rng.standard_normal(A.shape)
    expected = numerical_gradients(
        lambda inputs: np.sum(dA * pool_forward(inputs["x"], hparameters, mode)[0]),
        {"x": A_prev},
        1e-5,
    )
    dA_prev = pool_backward(dA, cache, mode)
    np.testing.assert_allclose(dA_prev, *expected.values(), atol=1e-7)


def keras_gradients(function, arrays, output_gradient):
    """Outputs and gradients of `sum(output_gradient * function(*arrays))`."""
    import tensorflow as tf

    tensors = [tf.constant(array) for array in arrays]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        outputs = function(*tensors)
        total = tf.reduce_sum(outputs * output_gradient(outputs.shape))
    gradients = tape.gradient(total, tensors)
    return outputs.numpy(), [gradient.numpy() for gradient in gradients]


@each_geometry
def test_the_convolution_equals_keras_forward_and_backward(f, stride, pad):
    from keras import ops

    A_prev, W, b = layer(f)
    Z, cache = conv_forward(A_prev, W, b, {"stride": stride, "pad": pad})
    dZ = rng.standard_normal(Z.shape)

    def keras_convolution(A_prev, W, b):
        padded = ops.pad(A_prev, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
        return ops.conv(padded, W, stride, data_format="channels_last") + b

    outputs, expected = keras_gradients(
        keras_convolution, [A_prev, W, b], lambda shape: dZ
    )
    np.testing.assert_allclose(Z, outputs, atol=1e-10)
    for gradient, other in zip(conv_backward(dZ, cache), expected, strict=True):
        np.testing.assert_allclose(gradient, other, atol=1e-10)


@each_pool
@each_mode
def test_pooling_equals_keras_forward_and_backward(f, stride, mode):
    import keras

    A_prev = rng.standard_normal((2, 6, 7, 3))
    A, cache = pool_forward(A_prev, {"f": f, "stride": stride}, mode)
    dA = rng.standard_normal(A.shape)
    layers = {
        "max": keras.layers.MaxPooling2D,
        "average": keras.layers.AveragePooling2D,
    }
    pooling = layers[mode](f, stride, dtype="float64", data_format="channels_last")
    outputs, [expected] = keras_gradients(pooling, [A_prev], lambda shape: dA)
    np.testing.assert_allclose(A, outputs, atol=1e-12)
    np.testing.assert_allclose(pool_backward(dA, cache, mode), expected, atol=1e-12)


# Large batches, types


def test_a_batch_in_parts_gives_the_same(monkeypatch):
    A_prev, W, b = layer(3)
    A_prev = np.concatenate([A_prev, A_prev + 1, A_prev[:1]])  # 5: not even
    whole, cache = conv_forward(A_prev, W, b, {"stride": 1, "pad": 1})
    gradients = conv_backward(whole, cache)
    monkeypatch.setattr(convolution, "MAX_COLUMNS", 2 * 6 * 7 * 27)  # two pictures
    assert len(convolution._parts(5, 6 * 7 * 27)) == 3
    np.testing.assert_allclose(conv_forward(*cache)[0], whole, rtol=1e-12)
    for one, other in zip(conv_backward(whole, cache), gradients, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_single_precision_stays_single():
    Z, cache = conv_forward(*layer(3, dtype="float32"), {"stride": 1, "pad": 1})
    assert Z.dtype == np.float32
    assert {gradient.dtype for gradient in conv_backward(Z, cache)} == {Z.dtype}
    for mode in ("max", "average"):
        A, cache = pool_forward(Z, {"f": 2, "stride": 2}, mode)
        assert A.dtype == pool_backward(A, cache, mode).dtype == np.float32


def test_nothing_that_is_given_is_changed():
    A_prev, W, b = layer(3)
    before = [array.copy() for array in (A_prev, W, b)]
    Z, cache = conv_forward(A_prev, W, b, {"stride": 1, "pad": 0})
    conv_backward(Z, cache)
    A, cache = pool_forward(A_prev, {"f": 1, "stride": 1})
    A += 1  # a window of 1 must not be a view either
    pool_backward(A, cache)
    for array, old in zip((A_prev, W, b), before, strict=True):
        np.testing.assert_array_equal(array, old)


# Mistakes


def test_mistakes_are_named_with_both_shapes():
    A_prev, W, b = layer(3)
    good = {"stride": 1, "pad": 1}
    shapes = r"A_prev.shape=\(2, 6, 7, 3\), W.shape=\(3, 3, 2, 4\)"
    with pytest.raises(ValueError, match=shapes):
        conv_forward(A_prev, W[:, :, :2], b, good)
    with pytest.raises(ValueError, match=r"\(3, 3, 3, 4\), b.shape=\(1, 1, 1, 2\)"):
        conv_forward(A_prev, W, b[..., :2], good)
    with pytest.raises(ValueError, match=r"A_prev.shape=\(6, 7, 3\). One picture"):
        conv_forward(A_prev[0], W, b, good)
    with pytest.raises(ValueError, match=r"\(2, 2, 7, 3\), pad=0, W.shape=\(3, 3"):
        conv_forward(A_prev[:, :2], W, b, {"stride": 1, "pad": 0})
    Z, cache = conv_forward(A_prev, W, b, good)
    with pytest.raises(ValueError, match=r"\(2, 6, 7, 4\). Received: dZ.shape=\(2, 5"):
        conv_backward(Z[:, 1:], cache)
    with pytest.raises(ValueError, match=r"a_slice_prev.shape=\(6, 7, 3\), W.shape"):
        conv_single_step(A_prev[0], W[..., 0], b[..., 0])
    with pytest.raises(ValueError, match=r"must be one number.*\(1, 1, 1, 4\)"):
        conv_single_step(W[..., 0], W[..., 0], b)
    A, cache = pool_forward(A_prev, {"f": 2, "stride": 2})
    with pytest.raises(ValueError, match=r"\(2, 3, 3, 3\). Received: dA.shape=\(2, 2"):
        pool_backward(A[:, 1:], cache)
    with pytest.raises(ValueError, match=r"\(2, 6, 7, 3\), pad=0, a window \(8, 8\)"):
        pool_forward(A_prev, {"f": 8, "stride": 2})


def test_wrong_hyperparameters_are_named():
    A_prev, W, b = layer(3)
    for wrong in ({"stride": 0, "pad": 0}, {"stride": 1.5, "pad": 0}):
        with pytest.raises(ValueError, match=r"`hparameters\[\"stride\"\]` must be a"):
            conv_forward(A_prev, W, b, wrong)
    with pytest.raises(ValueError, match=r"0 or more\. Received: -1"):
        conv_forward(A_prev, W, b, {"stride": 1, "pad": -1})
    with pytest.raises(ValueError, match=r"must have \"pad\"\. Received: 'stride'"):
        conv_forward(A_prev, W, b, {"stride": 1})
    with pytest.raises(ValueError, match="must be 'max' or 'average'"):
        pool_forward(A_prev, {"f": 2, "stride": 2}, mode="mean")
    with pytest.raises(ValueError, match="`pad` must be a whole number"):
        zero_pad(A_prev, True)
