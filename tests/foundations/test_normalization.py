import keras
import numpy as np
import pytest

from dlai_keras.foundations import normalization


@pytest.fixture
def batch():
    """`(Z, gamma, beta)`, far from mean 0 and variance 1."""
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(3, 50)) * [[10.0], [0.1], [2.0]] + [[5.0], [-3.0], [100.0]]
    return Z, rng.normal(size=(3, 1)), rng.normal(size=(3, 1))


def test_inputs_get_mean_0_and_variance_1(batch):
    X, _, _ = batch
    found, mu, sigma2 = normalization.normalize_inputs(X)
    np.testing.assert_allclose(found.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(found.var(axis=1), 1)
    np.testing.assert_allclose(found * np.sqrt(sigma2) + mu, X)


def test_the_test_set_gets_the_moments_of_the_training_set(batch):
    X, _, _ = batch
    train, mu, sigma2 = normalization.normalize_inputs(X[:, :40])
    test, same_mu, same_sigma2 = normalization.normalize_inputs(X[:, 40:], mu, sigma2)
    assert same_mu is mu
    assert same_sigma2 is sigma2
    np.testing.assert_allclose(test, (X[:, 40:] - mu) / X[:, :40].std(1, keepdims=True))
    together, _, _ = normalization.normalize_inputs(X, mu, sigma2)
    np.testing.assert_array_equal(together, np.concatenate([train, test], axis=1))


def test_a_feature_that_never_changes_is_only_shifted():
    X = np.array([[7.0, 7.0, 7.0], [1.0, 2.0, 3.0]])
    found, _, _ = normalization.normalize_inputs(X)
    np.testing.assert_array_equal(found[0], 0)
    assert np.all(np.isfinite(found))


def test_batch_norm_equals_the_layer_of_keras(batch):
    # Its float32 loses three digits on a mean of 100; the divisor n - 1 in place of n
    # would be off by 2 %.
    float32 = {"rtol": 2e-3, "atol": 2e-3}
    Z, gamma, beta = batch
    layer = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-3)
    layer.build((None, 3))
    layer.gamma.assign(gamma[:, 0])
    layer.beta.assign(beta[:, 0])
    moving = normalization.initialize_moving_averages(3)
    for scale in (1.0, 2.0):
        found, cache = normalization.batch_norm_forward(
            Z * scale, gamma, beta, epsilon=1e-3
        )
        moving = normalization.update_moving_averages(moving, cache, momentum=0.9)
        expected = keras.ops.convert_to_numpy(layer((Z * scale).T, training=True))
        np.testing.assert_allclose(found.T, expected, **float32)
    for name, variable in (
        ("mu", layer.moving_mean),
        ("sigma2", layer.moving_variance),
    ):
        expected = keras.ops.convert_to_numpy(variable)
        np.testing.assert_allclose(moving[name][:, 0], expected, **float32)
    found = normalization.batch_norm_predict(Z, gamma, beta, moving, epsilon=1e-3)
    expected = keras.ops.convert_to_numpy(layer(Z.T, training=False))
    np.testing.assert_allclose(found.T, expected, **float32)


def test_batch_norm_can_undo_itself(batch):
    Z, _, _ = batch
    gamma, beta = np.sqrt(Z.var(1, keepdims=True)), Z.mean(1, keepdims=True)
    found, _ = normalization.batch_norm_forward(Z, gamma, beta, epsilon=0.0)
    np.testing.assert_allclose(found, Z)


def test_what_was_there_before_does_not_matter(batch):
    # Neither scale nor shift of Z, which is why a bias before it has no effect.
    Z, gamma, beta = batch
    one, _ = normalization.batch_norm_forward(Z, gamma, beta, epsilon=0.0)
    other, cache = normalization.batch_norm_forward(7 * Z + 3, gamma, beta, epsilon=0.0)
    np.testing.assert_allclose(one, other, atol=1e-9)
    dZ, _, _ = normalization.batch_norm_backward(
        np.random.default_rng(1).normal(size=Z.shape), cache
    )
    np.testing.assert_allclose(dZ.sum(axis=1), 0, atol=1e-12)


def test_moving_averages_approach_the_moments(batch):
    Z, gamma, beta = batch
    moving = normalization.initialize_moving_averages(3)
    start = {key: value.copy() for key, value in moving.items()}
    _, cache = normalization.batch_norm_forward(Z, gamma, beta)
    updated = normalization.update_moving_averages(moving, cache)
    for key, value in start.items():
        np.testing.assert_array_equal(moving[key], value)
    for _ in range(300):
        updated = normalization.update_moving_averages(updated, cache)
    np.testing.assert_allclose(updated["mu"], Z.mean(1, keepdims=True))
    np.testing.assert_allclose(updated["sigma2"], Z.var(1, keepdims=True))


def test_what_does_not_fit_is_said(batch):
    Z, gamma, beta = batch
    with pytest.raises(ValueError, match=r"gamma of shape \(3,\), .* \(3, 50\)"):
        normalization.batch_norm_forward(Z, gamma[:, 0], beta)
    with pytest.raises(ValueError, match=r"Z of shape \(50,\)"):
        normalization.batch_norm_forward(Z[0], gamma, beta)
    _, cache = normalization.batch_norm_forward(Z, gamma, beta)
    with pytest.raises(ValueError, match=r"of shape \(3, 1\), Z of shape \(3, 50\)"):
        normalization.batch_norm_backward(gamma, cache)
    moving = normalization.initialize_moving_averages(2)
    with pytest.raises(ValueError, match=r"mu of shape \(2, 1\)"):
        normalization.update_moving_averages(moving, cache)
    with pytest.raises(ValueError, match=r"mu of shape \(2, 1\)"):
        normalization.batch_norm_predict(Z, gamma, beta, moving)
    with pytest.raises(ValueError, match="`momentum` must be from 0 to below 1"):
        normalization.update_moving_averages(moving, cache, momentum=1)
    with pytest.raises(ValueError, match="both or not at all"):
        normalization.normalize_inputs(Z, mu=gamma)
    with pytest.raises(ValueError, match=r"mu of shape \(1, 3\)"):
        normalization.normalize_inputs(Z, gamma.T, beta.T)
