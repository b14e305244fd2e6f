"""Trainings of one small network with many choices of hyperparameters."""

import keras
import numpy as np
import pytest

from dlai_keras.foundations import data, initialization
from dlai_keras.foundations.trials import TrialModel


@pytest.fixture(scope="module")
def splits():
    return {
        name: data.make_moons(np.random.RandomState(part), 100)
        for part, name in enumerate(("train", "validation", "test"))
    }


def as_keras(parameters):
    for layer in range(1, len(parameters) // 2 + 1):
        yield parameters[f"W{layer}"].T
        yield parameters[f"b{layer}"].ravel()


def test_a_trial_trains_anew_with_its_own_hyperparameters(splits):
    trainer = TrialModel(splits, 20)
    good, still, again = (
        trainer.run(np.random.default_rng(0), alpha, 0.1)
        for alpha in (0.03, 1e-9, 0.03)
    )
    assert good == again  # nothing is left of the trial between
    assert good["validation"] > 0.9 > still["validation"]


def test_a_trial_is_a_training_by_keras_own_adam(splits):
    # One epoch of Keras' own Adam from the same weights, with the same beta.
    x, y = (part.T.astype("float32") for part in splits["train"])
    trainer = TrialModel(splits, 1)
    trainer.run(np.random.default_rng(5), 0.01, 0.4)
    found = trainer.model.get_weights()
    rng = np.random.default_rng(5)
    weights = initialization.initialize_parameters_he(trainer.sizes, rng=rng)
    other = keras.models.clone_model(trainer.model)
    other.set_weights(list(as_keras(weights)))
    other.compile(
        keras.optimizers.Adam(0.01, beta_1=0.6),
        keras.losses.BinaryCrossentropy(from_logits=True),
    )
    order = rng.permutation(len(x))
    other.fit(
        x[order], y[order], batch_size=trainer.batch_size, shuffle=False, verbose=0
    )
    for mine, theirs in zip(found, other.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)
