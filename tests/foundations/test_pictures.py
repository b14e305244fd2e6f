"""Boundaries, costs, weights and paths."""

import matplotlib.colors
import matplotlib.image
import numpy as np
import pytest

from dlai_keras import charts
from dlai_keras.foundations import pictures


def pixels(path):
    return matplotlib.image.imread(path)[..., :3]


def num_pixels(path, color):
    wanted = matplotlib.colors.to_rgb(color)
    return int((np.abs(pixels(path) - wanted) < 0.02).all(axis=-1).sum())


@pytest.fixture
def points():
    X = np.array([[-1.0, -1.0, 1.0, 1.0], [-1.0, 1.0, -1.0, 1.0]])
    return X, np.array([[0, 0, 1, 1]])


def right_half(places):
    return 1 / (1 + np.exp(-5 * places[0]))


def test_the_sides_of_a_boundary_have_their_colours(tmp_path, points):
    path = tmp_path / "one.png"
    pictures.draw_boundaries(path, [("", right_half, *points)])
    image = pixels(path)
    height, width = image.shape[:2]
    left, right = image[height // 2, width // 4], image[height // 2, 3 * width // 4]
    assert left[0] > left[2] + 0.1  # red for class 0
    assert right[2] > right[0] + 0.1  # blue for class 1
    flat = tmp_path / "flat.png"
    pictures.draw_boundaries(flat, [("", lambda p: np.zeros(p.shape[1]), *points)])
    # A classifier that never changes its mind has no boundary.
    assert num_pixels(flat, charts.INK) < num_pixels(path, charts.INK)


def test_points_on_the_wrong_side_have_a_ring(tmp_path, points):
    X, Y = points
    num_dark = {}
    for name, labels in (("right", Y), ("wrong", 1 - Y)):
        path = tmp_path / f"{name}.png"
        pictures.draw_boundaries(path, [("", right_half, X, labels)])
        num_dark[name] = (pixels(path).max(axis=-1) < 0.3).sum()
    assert num_dark["wrong"] > num_dark["right"] + 4 * 8


def test_every_panel_is_drawn(tmp_path, points):
    for number in (1, 2, 5):
        panels = [(str(i), right_half, *points) for i in range(number)]
        pictures.draw_boundaries(tmp_path / f"{number}.png", panels)
    sizes = [pixels(tmp_path / f"{number}.png").shape for number in (1, 2, 5)]
    assert sizes[1][1] == pytest.approx(2 * sizes[0][1], abs=2)
    assert sizes[2][0] == pytest.approx(2 * sizes[0][0], abs=2)


def test_a_classifier_must_answer_for_every_place(tmp_path, points):
    with pytest.raises(ValueError, match="40000 places, 1 values"):
        pictures.draw_boundaries(
            tmp_path / "a.png", [("", lambda places: np.ones(1), *points)]
        )
    with pytest.raises(ValueError, match="one panel or more"):
        pictures.draw_boundaries(tmp_path / "a.png", [])


def test_costs_are_drawn_where_they_are_finite(tmp_path):
    for name, values in (("a", [1.0, 0.5, 0.2]), ("b", [np.inf, np.nan, np.nan])):
        pictures.draw_costs(tmp_path / f"{name}.png", {name: values}, every=100)
    drawn, empty = (
        num_pixels(tmp_path / f"{name}.png", pictures.COLORS[0]) for name in "ab"
    )
    assert drawn > empty + 300
    pictures.draw_costs(tmp_path / "c.png", {"a": [1, 0.1]}, log=True)
    assert pixels(tmp_path / "c.png").std() > 0.01
    with pytest.raises(ValueError, match="one curve or more"):
        pictures.draw_costs(tmp_path / "d.png", {})


def test_weights_are_shown_about_grey(tmp_path):
    size = 8
    weights = np.zeros((size, size, 3))
    weights[:, :4, 0], weights[:, 4:, 0] = 1.0, -1.0
    flat = {"unit": weights.ravel(), "none": np.zeros(weights.size)}
    pictures.draw_weights(tmp_path / "weights.png", flat, size)
    image = pixels(tmp_path / "weights.png")
    height, width = image.shape[:2]
    left, right = image[height * 5 // 8, width // 8], image[height * 5 // 8, width // 3]
    assert left[0] > 0.7 > 0.3 > right[0]
    np.testing.assert_allclose([left[1:], right[1:]], 0.5, atol=0.02)
    assert num_pixels(tmp_path / "weights.png", (0.5, 0.5, 0.5)) > 1000
    with pytest.raises(ValueError, match=r"\(192,\).*Received: \(5,\)"):
        pictures.draw_weights(tmp_path / "a.png", {"unit": np.zeros(5)}, size)


def test_pictures_stand_in_rows_with_their_titles(tmp_path):
    images = [np.full((8, 8, 3), (0, 255, 0), "uint8")] * 7
    pictures.draw_images(tmp_path / "a.png", images, [""] * 7)
    pictures.draw_images(tmp_path / "b.png", images, ["MMMM"] * 7, colors=["red"] * 7)
    assert num_pixels(tmp_path / "a.png", "lime") > 7 * 1000
    image = pixels(tmp_path / "b.png")
    assert ((image[..., 0] > 0.9) & (image[..., 1:].max(axis=-1) < 0.6)).sum() > 7 * 9
    with pytest.raises(ValueError, match="7 pictures, 1 titles"):
        pictures.draw_images(tmp_path / "a.png", images, ["x"])


def test_values_below_zero_are_blue_and_those_above_red(tmp_path):
    response = np.ones((8, 8))
    response[:, :4] = -1
    pictures.draw_images(tmp_path / "a.png", [response], [""])
    image = pixels(tmp_path / "a.png")
    reds = (image[..., 0] > image[..., 2] + 0.2).sum()
    blues = (image[..., 2] > image[..., 0] + 0.2).sum()
    assert reds == pytest.approx(blues, rel=0.1)
    assert reds > 1000


def test_every_runner_of_a_race_is_drawn(tmp_path):
    def bowl(x, y):
        return x**2 + 4 * y**2

    steps = np.linspace(1, 0.1, 20)[:, None]
    paths = {"straight": steps * [[2.0, 1.0]], "other": steps * [[-2.0, 1.0]]}
    options = {"limits": (-3, 3, -2, 2), "goal": (0.0, 0.0)}
    pictures.draw_race(tmp_path / "two.png", bowl, paths, **options)
    one = {"straight": paths["straight"]}
    pictures.draw_race(tmp_path / "one.png", bowl, one, **options)
    color = pictures.COLORS[1]
    two, one = (num_pixels(tmp_path / f"{name}.png", color) for name in ("two", "one"))
    assert two > one + 300
    with pytest.raises(ValueError, match="one path or more"):
        pictures.draw_race(tmp_path / "a.png", bowl, {}, **options)


def test_differences_are_drawn_for_every_gradient(tmp_path):
    curve = {10.0**-power: 10.0**-power for power in range(1, 10)}
    pictures.draw_differences(
        tmp_path / "a.png", {"right": curve, "wrong": curve}, bound=1e-6
    )
    pictures.draw_differences(tmp_path / "b.png", {"right": curve}, bound=1e-6)
    second = pictures.COLORS[1]
    assert num_pixels(tmp_path / "a.png", second) > 100
    assert num_pixels(tmp_path / "b.png", second) == 0


def test_a_search_shows_its_points_and_the_best_so_far(tmp_path):
    rng = np.random.default_rng(0)
    strategies = {
        name: {
            "points": 10 ** rng.uniform(-4, 0, (9, 2)),
            "values": rng.uniform(size=9),
            "best": np.maximum.accumulate(rng.uniform(size=(3, 9)), axis=1),
        }
        for name in ("grid", "random")
    }
    options = {"names": ("learning rate", "1 - beta"), "goal": "accuracy"}
    pictures.draw_search(tmp_path / "two.png", strategies, **options)
    del strategies["random"]
    pictures.draw_search(tmp_path / "one.png", strategies, **options)
    # Beside the rings about the best points, only the second curve is red.
    second = pictures.COLORS[1]
    two, one = (num_pixels(tmp_path / f"{name}.png", second) for name in ("two", "one"))
    assert two > one + 200


def test_states_are_maps_of_one_colour_scale_about_zero(tmp_path):
    states = np.zeros((4, 10))
    states[:, 5:] = 1.0
    pictures.draw_states(tmp_path / "a.png", {"network": states})
    image = pixels(tmp_path / "a.png")
    assert (image[..., 0] > image[..., 2] + 0.2).sum() > 5000  # red
    pictures.draw_states(tmp_path / "b.png", {"network": -states})
    image = pixels(tmp_path / "b.png")
    assert (image[..., 2] > image[..., 0] + 0.2).sum() > 5000  # blue
