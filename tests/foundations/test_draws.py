import numpy as np
import pytest

from dlai_keras.foundations import draws

DRAWS = [draws.normal, draws.uniform]


@pytest.fixture
def global_state():
    """Leaves NumPy's global state as it was."""
    before = np.random.get_state()  # noqa: NPY002
    yield np.random.seed
    np.random.set_state(before)  # noqa: NPY002


@pytest.mark.parametrize(
    ("draw", "expected"),
    [
        # Printed throughout the course, after np.random.seed(1).
        (draws.normal, [[1.62434536, -0.61175641], [-0.52817175, -1.07296862]]),
        (
            draws.uniform,
            [[4.17022005e-01, 7.20324493e-01], [1.14374817e-04, 0.30233257]],
        ),
    ],
)
def test_none_is_the_global_state_and_equals_a_random_state(
    draw, expected, global_state
):
    global_state(1)
    found = draw(None, 2, 2)
    np.testing.assert_allclose(found, expected, rtol=1e-8)
    np.testing.assert_array_equal(found, draw(np.random.RandomState(1), 2, 2))


def test_a_permutation_of_the_global_state_is_that_of_a_random_state(global_state):
    global_state(0)
    found = draws.permutation(None, 148)
    np.testing.assert_array_equal(
        found, draws.permutation(np.random.RandomState(0), 148)
    )
    np.testing.assert_array_equal(np.sort(found), np.arange(148))


@pytest.mark.parametrize("draw", DRAWS)
def test_a_generator_draws_what_its_seed_says_and_leaves_the_global_state(
    draw, global_state
):
    global_state(3)
    one = draw(np.random.default_rng(5), 3, 4)
    after = draw(None, 2)
    global_state(3)
    np.testing.assert_array_equal(after, draw(None, 2))
    assert one.shape == (3, 4)
    np.testing.assert_array_equal(one, draw(np.random.default_rng(5), 3, 4))
    assert not np.array_equal(one, draw(np.random.default_rng(6), 3, 4))


def test_shapes_are_what_was_asked_for():
    rng = np.random.default_rng(0)
    for draw in DRAWS:
        assert np.shape(draw(rng)) == ()
        assert draw(rng, 0, 3).shape == (0, 3)
    assert draws.permutation(rng, 5).shape == (5,)


@pytest.mark.parametrize("rng", [1, "seed", np.random])
def test_what_is_no_generator_is_said(rng):
    for draw in (draws.normal, draws.uniform, draws.permutation):
        with pytest.raises(ValueError, match="`rng` must be None"):
            draw(rng, 2)
