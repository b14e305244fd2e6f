"""The course's functions give its published numbers, for both of its editions."""

import numpy as np
import pytest
from keras import ops

from dlai_keras.style_transfer.course import (
    STYLE_LAYERS,
    compute_content_cost,
    compute_layer_style_cost,
    compute_style_cost,
    gram_matrix,
    total_cost,
)

backends = pytest.mark.backends


def array(tensor):
    return ops.convert_to_numpy(tensor)


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def drawn_2021(shape):
    """What the checks of 2021 draw: one seed, then one picture and the other."""
    import tensorflow as tf

    tf.random.set_seed(1)
    return [tf.random.normal(shape, mean=1, stddev=4).numpy() for _ in range(2)]


def drawn_2017(shape):
    """What the notebook of 2017 draws from its graph's seed of 1.

    It gives its operations no seeds of their own; TensorFlow 1 took their places in the
    graph, the third and the ninth. Later versions number them in another way.
    """
    import tensorflow as tf

    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.set_random_seed(1)
        return session.run(
            [
                tf.compat.v1.random_normal(shape, mean=1, stddev=4, seed=place)
                for place in (3, 9)
            ]
        )


# Published values


def test_the_content_cost_is_the_published_one_of_2021():
    content, generated = drawn_2021((1, 1, 4, 4, 3))
    cost = compute_content_cost(content, generated)
    assert ops.shape(cost) == ()
    assert float(cost) == pytest.approx(7.0568767, rel=1e-6)
    assert float(compute_content_cost(content, content)) == 0
    # A list of layers, the content layer the last.
    lists = [[draw(1, 9, 9, 2), x[-1]] for x in (content, generated)]
    assert float(compute_content_cost(*lists)) == float(cost)


def test_the_style_cost_of_a_layer_is_the_published_one_of_2021():
    style, generated = drawn_2021((1, 4, 4, 3))
    cost = compute_layer_style_cost(style, generated)
    assert ops.shape(cost) == ()
    assert float(cost) == pytest.approx(14.017804, rel=1e-5)
    assert float(compute_layer_style_cost(style, style)) == 0


def test_the_costs_are_the_published_ones_of_2017():
    content, generated = drawn_2017((1, 4, 4, 3))
    assert float(compute_content_cost(content, generated)) == (
        pytest.approx(6.76559, rel=1e-5)
    )
    assert float(compute_layer_style_cost(content, generated)) == (
        pytest.approx(9.19028, rel=1e-5)
    )


@backends
def test_the_gram_matrix_is_the_published_one():
    # tf.random_normal([3, 2 * 1], mean=1, stddev=4) after tf.set_random_seed(1), 2017.
    A = [[-1.683445, 1.8942858], [4.189092, 1.3846824], [3.8925915, 2.3524866]]
    expected = [
        [6.42230511, -4.42912197, -2.09668207],
        [-4.42912197, 19.46583748, 19.56387138],
        [-2.09668207, 19.56387138, 20.6864624],
    ]
    np.testing.assert_allclose(array(gram_matrix(A)), expected, rtol=1e-6)


def test_the_total_cost_is_the_published_one():
    np.random.seed(3)  # noqa: NPY002 the course's own stream
    J_content, J_style = np.random.randn(), np.random.randn()  # noqa: NPY002
    assert total_cost(J_content, J_style) == pytest.approx(35.34667875478276, rel=1e-12)
    assert total_cost(0.2, 0.8) == pytest.approx(34)
    assert total_cost(0.3, 0.5, 3, 8) == pytest.approx(4.9)
    assert total_cost(1, 2, alpha=5, beta=7) == 19


# Their definitions


@backends
def test_the_cost_of_a_style_is_the_weighted_sum_over_its_layers():
    shapes = [(1, 4, 5, 3), (1, 2, 3, 6), (1, 1, 2, 8)]  # the last for the content
    style = [draw(*shape) for shape in shapes]
    generated = [draw(*shape, seed=1) for shape in shapes]
    expected = 0.0
    for weight, one, other in zip((0.3, 0.9), style, generated, strict=False):
        _, n_H, n_W, n_C = one.shape
        one, other = (x.reshape(n_H * n_W, n_C).T for x in (one, other))
        squares = ((one @ one.T - other @ other.T) ** 2).sum()
        expected += weight * squares / (4 * n_C**2 * (n_H * n_W) ** 2)
    layers = [("conv1_1", 0.3), ("conv2_1", 0.9)]
    cost = compute_style_cost(style, generated, layers)
    assert float(cost) == pytest.approx(expected, rel=1e-4)
    generated[-1] = style[-1]
    assert float(compute_style_cost(style, generated, layers)) == float(cost)


def test_the_default_layers_are_the_courses():
    names = [name for name, _ in STYLE_LAYERS]
    assert names == [f"block{number}_conv1" for number in range(1, 6)]
    outputs = [draw(1, 2, 2, 3)] * 6
    others = [draw(1, 2, 2, 3, seed=1)] * 6
    cost = float(compute_style_cost(outputs, others))
    one = float(compute_layer_style_cost(outputs[0], others[0]))
    assert cost == pytest.approx(one, rel=1e-5)  # weights sum to 1


def test_a_style_of_another_size_is_compared_by_what_a_pixel_has_on_average():
    style = draw(1, 4, 5, 3)
    twice = np.tile(style, (1, 2, 1, 1))
    assert float(compute_layer_style_cost(twice, style)) == pytest.approx(0, abs=1e-9)
    assert float(compute_layer_style_cost(2 * twice, style)) > 0.1


# Refused


def test_other_numbers_of_outputs_than_of_layers_are_refused():
    with pytest.raises(ValueError, match=r"5 outputs of style layers .* Received: 5"):
        compute_style_cost([draw(1, 2, 2, 3)] * 5, [draw(1, 2, 2, 3)] * 6)


def test_outputs_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"must be \(1, n_H, n_W, n_C\).*\(4, 4, 3\)"):
        compute_content_cost(draw(4, 4, 3), draw(4, 4, 3))
    with pytest.raises(ValueError, match=r"must be \(1, n_H, n_W, n_C\)"):
        compute_layer_style_cost(draw(16, 3), draw(16, 3))
    with pytest.raises(ValueError, match="one shape on both sides"):
        compute_content_cost(draw(1, 4, 4, 3), draw(1, 4, 5, 3))
