"""Curves, sheets and maps: what must be seen on them is."""

import builtins
from types import SimpleNamespace

import matplotlib.colors
import matplotlib.image
import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.decomposition import PCA

from dlai_keras import charts, images
from dlai_keras.face_recognition import pictures
from dlai_keras.face_recognition.metrics import roc_curve

GREY = 90


def num_pixels(path, color):
    image = matplotlib.image.imread(path)[..., :3]
    return int((np.abs(image - matplotlib.colors.to_rgb(color)) < 0.02).all(-1).sum())


@pytest.fixture
def figure(monkeypatch):
    """The figure that was to be written; rendering it would take half a second."""
    drawn = []
    monkeypatch.setattr(
        Figure, "savefig", lambda self, path, **_: drawn.append(self) or path.touch()
    )
    return lambda: drawn[-1]


@pytest.fixture
def rendered(monkeypatch):
    """The figure that was written."""
    drawn = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure,
        "savefig",
        lambda self, *a, **o: drawn.append(self) or save(self, *a, **o),
    )
    return lambda: drawn[-1]


# ROC


def verification(rng, gap, num=400):
    same = np.arange(num) % 2 == 0
    return roc_curve(rng.normal(size=num) - gap * same, same)


def test_every_curve_is_drawn_with_its_figures(tmp_path, rendered):
    rng = np.random.default_rng(0)
    curves = {"raw pixels": verification(rng, 1), "network": verification(rng, 3)}
    pictures.draw_roc(tmp_path / "roc.png", curves, title="24 people")
    (axis,) = rendered().axes
    texts = [text.get_text() for text in axis.get_legend().get_texts()]
    for name, curve in curves.items():
        (text,) = [text for text in texts if text.startswith(name)]
        assert f"AUC {curve.auc:.4f}" in text
        assert f"{100 * curve.equal_error_rate:.2f} %" in text
    assert axis.get_title() == "24 people"
    assert num_pixels(tmp_path / "roc.png", charts.POSITIVE) > 300
    assert num_pixels(tmp_path / "roc.png", charts.NEGATIVE) > 300


def test_the_curve_goes_through_its_points_from_the_lowest_rate_on(tmp_path, figure):
    curve = verification(np.random.default_rng(0), 2)
    pictures.draw_roc(tmp_path / "roc.png", {"network": curve})
    (axis,) = figure().axes
    (line,) = [line for line in axis.lines if str(line.get_label()).startswith("net")]
    far, tar = line.get_data()
    assert far[0] == 1 / 200 and (far > 0).all() and (np.diff(far) >= 0).all()
    accepted = curve.true_accept_rates[curve.false_accept_rates == 0].max()
    assert tar[0] == accepted > 0
    places = {*zip(far, tar, strict=True)}
    every = zip(curve.false_accept_rates, curve.true_accept_rates, strict=True)
    assert {point for point in every if point[0] > 0} <= places
    assert axis.get_xscale() == "log" and axis.get_xlim()[0] <= far[0]


def test_a_curve_without_an_error_and_a_long_one_are_drawn(tmp_path, figure):
    perfect = roc_curve([0.1, 0.2, 0.8, 0.9], [True, True, False, False])
    long = verification(np.random.default_rng(0), 1, 40_000)
    assert len(long.thresholds) > pictures.MOST_POINTS
    pictures.draw_roc(tmp_path / "roc.png", {"perfect": perfect, "long": long})
    lines = {str(line.get_label())[:4]: line for line in figure().axes[0].lines}
    assert (lines["perf"].get_ydata() == 1).all()
    assert len(lines["long"].get_xdata()) == pictures.MOST_POINTS
    with pytest.raises(ValueError, match="no curve to draw"):
        pictures.draw_roc(tmp_path / "none.png", {})


# Worst pairs


def test_the_worst_pairs_are_found_in_their_order():
    rng = np.random.default_rng(0)
    distances, same = rng.random(500), rng.random(500) < 0.3
    own, other = pictures.find_worst_pairs(distances, same, 7)
    by_distance = np.argsort(distances)
    assert own.tolist() == [i for i in by_distance[::-1] if same[i]][:7]
    assert other.tolist() == [i for i in by_distance if not same[i]][:7]
    own, other = pictures.find_worst_pairs([0.5, 0.1], [True, True], 7)
    assert own.tolist() == [0, 1] and other.tolist() == []


def test_a_sheet_shows_the_worst_pairs_and_reads_no_other(tmp_path, rendered):
    asked = []

    def read(name):
        asked.append(name)
        color = {"a": "lime", "b": "magenta"}[name[0]]
        rgb = np.array(matplotlib.colors.to_rgb(color)) * 255
        height = 40 if name[0] == "a" else 250  # pictures of several sizes
        return np.broadcast_to(rgb.astype("uint8"), (height, 50, 3))

    num = 30
    first = [f"a{number}" for number in range(num)]
    second = [f"b{number}" for number in range(num)]
    distances, same = np.linspace(0, 2, num), np.arange(num) % 2 == 0
    path = tmp_path / "worst.png"
    pictures.draw_worst_pairs(
        path, read, first, second, distances, same, threshold=1.2, num=3
    )
    own, other = pictures.find_worst_pairs(distances, same, 3)
    expected = [f"{side}{index}" for index in [*own, *other] for side in "ab"]
    assert sorted(asked) == sorted(expected)
    captions = [axis.title for axis in rendered().axes if axis.title.get_text()]
    assert [float(text.get_text()) for text in captions] == pytest.approx(
        distances[[*own, *other]], abs=1e-3
    )
    assert {text.get_color() for text in captions} == {charts.POSITIVE}
    for color in ("lime", "magenta"):
        assert num_pixels(path, color) > 5000


def test_pairs_that_are_decided_rightly_are_not_red(tmp_path, figure):
    image = np.full((20, 20, 3), 255, "uint8")
    pictures.draw_worst_pairs(
        tmp_path / "right.png",
        lambda _: image,
        [0] * 3,
        [1] * 3,
        [0.2, 0.9, 1.5],
        [True, True, False],
        threshold=0.5,
    )
    colors = {
        axis.title.get_text(): axis.title.get_color()
        for axis in figure().axes
        if axis.title.get_text()
    }
    assert colors == {
        "0.900": charts.POSITIVE,
        "0.200": charts.NEGATIVE,
        "1.500": charts.NEGATIVE,
    }


def test_a_sheet_says_where_there_is_no_pair_of_a_kind(tmp_path, figure):
    image = np.full((20, 20, 3), 255, "uint8")
    pictures.draw_worst_pairs(
        tmp_path / "none.png", lambda _: image, [0], [1], [0.2], [True], threshold=0.5
    )
    texts = [axis.title.get_text() for axis in figure().axes]
    assert "there is no such pair" in texts


# Maps


def clusters(rng, num_people=6, per_person=6):
    centres = np.eye(16)[:num_people]
    labels = np.repeat(np.arange(num_people), per_person)
    return centres[labels] + rng.normal(0, 0.05, (len(labels), 16)), labels


def dots(figure):
    (axis,) = figure.axes
    return axis, [part.get_offsets() for part in axis.collections]


def test_people_are_together_on_the_map_of_t_sne(tmp_path, figure):
    embeddings, labels = clusters(np.random.default_rng(0))
    names = ["Ann", "Bob", "Cem", "Dai", "Eva", "Fay"]
    path = tmp_path / "map.png"
    method = pictures.draw_embeddings(path, embeddings, labels, names, title="Test")
    axis, groups = dots(figure())
    assert method == "t-SNE"
    assert axis.get_title() == "Test\nt-SNE of 36 pictures of 6 people"
    assert [text.get_text() for text in axis.texts] == names
    assert [len(group) for group in groups] == [6] * 6
    centres = np.array([group.mean(axis=0) for group in groups])
    for number, group in enumerate(groups):
        nearest = np.linalg.norm(group[:, None] - centres, axis=-1).argmin(axis=1)
        assert (nearest == number).all()


def test_without_scikit_learn_the_map_is_that_of_principal_components(
    tmp_path, figure, monkeypatch
):
    real = builtins.__import__

    def without(name, *arguments, **options):
        if name.startswith("sklearn"):
            raise ImportError(name)
        return real(name, *arguments, **options)

    embeddings = np.random.default_rng(0).normal(size=(40, 16)) * np.arange(16, 0, -1)
    expected = PCA(2).fit_transform(embeddings)
    monkeypatch.setattr(builtins, "__import__", without)
    path = tmp_path / "map.png"
    assert pictures.draw_embeddings(path, embeddings, np.zeros(40, int)) == "PCA"
    monkeypatch.undo()
    axis, (found,) = dots(figure())
    assert axis.get_title() == "PCA of 40 pictures of 1 people"
    signs = np.sign((found * expected).sum(axis=0))  # either way is right
    np.testing.assert_allclose(found * signs, expected, atol=1e-9)


def test_large_maps_are_thinned_out_and_have_no_names(tmp_path, figure, monkeypatch):
    monkeypatch.setattr(pictures, "MOST_DOTS", 66)
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(33), 4)
    pictures.draw_embeddings(tmp_path / "map.png", rng.normal(size=(132, 4)), labels)
    axis, groups = dots(figure())
    assert axis.get_title() == "t-SNE of 66 of 132 pictures of 33 people"
    assert sum(map(len, groups)) == 66 and not axis.texts
    # People of one colour have other signs.
    looks = {
        (tuple(part.get_facecolor()[0]), part.get_paths()[0].vertices.tobytes())
        for part in axis.collections
    }
    assert len(looks) == 33


def test_a_seed_gives_the_same_map_of_three_pictures_as_well(tmp_path, figure):
    maps = []
    for _ in range(2):
        pictures.draw_embeddings(tmp_path / "map.png", np.eye(3), [0, 1, 1], seed=3)
        maps.append(np.concatenate(dots(figure())[1]))
    np.testing.assert_array_equal(*maps)
    assert np.isfinite(maps[0]).all()
    for embeddings, labels in ((np.eye(2), [0, 1]), (np.eye(3), [0, 1])):
        with pytest.raises(ValueError, match="three embeddings or more"):
            pictures.draw_embeddings(tmp_path / "map.png", embeddings, labels)


# Distances over a training


def test_distances_are_drawn_as_median_and_band(tmp_path, rendered):
    rng = np.random.default_rng(0)
    positive = [rng.uniform(0, 1 - epoch / 10, 101) for epoch in range(5)]
    negative = [rng.uniform(1, 2, 50 + epoch) for epoch in range(5)]
    path = tmp_path / "distances.png"
    pictures.draw_distances(path, positive, negative, threshold=0.8, title="fold 1")
    (axis,) = rendered().axes
    lines = {line.get_label(): line.get_ydata() for line in axis.lines}
    for name, kind in (("same person", positive), ("different people", negative)):
        np.testing.assert_allclose(lines[name], [np.median(epoch) for epoch in kind])
    assert lines["threshold 0.800"][0] == 0.8
    low, high = np.quantile(positive[0], [0.05, 0.95])
    band = axis.collections[0].get_paths()[0].vertices
    heights = band[np.isclose(band[:, 0], 1), 1]
    assert (heights.min(), heights.max()) == pytest.approx((low, high))
    assert num_pixels(path, charts.NEGATIVE) > 100
    assert num_pixels(path, charts.POSITIVE) > 100


def test_means_alone_are_drawn_as_lines(tmp_path, figure):
    pictures.draw_distances(tmp_path / "distances.png", [0.9, 0.5], [1.0, 1.2])
    (axis,) = figure().axes
    assert [line.get_ydata().tolist() for line in axis.lines] == [[0.9, 0.5], [1, 1.2]]
    for positive, negative, message in (
        ([], [], "0 and 0 epochs"),
        ([0.5], [0.5, 0.6], "1 and 2 epochs"),
        ([[]], [0.5], "without any distance of: same person"),
    ):
        with pytest.raises(ValueError, match=message):
            pictures.draw_distances(tmp_path / "bad.png", positive, negative)


# Faces


def plain(height=240, width=320):
    return np.full((height, width, 3), GREY, "uint8")


def faces(*boxes):
    """Boxes with their landmarks at the usual places."""
    boxes_xyxy = np.array(boxes, "float32").reshape(-1, 4)
    places = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]])
    low, high = boxes_xyxy[:, None, :2], boxes_xyxy[:, None, 2:]
    return SimpleNamespace(boxes_xyxy=boxes_xyxy, landmarks=low + places * (high - low))


def is_color(image, color):
    rgb = np.round(255 * np.array(matplotlib.colors.to_rgb(color)))
    return (image == rgb).all(axis=-1)


def test_a_face_has_its_box_and_five_points():
    before = plain()
    found = faces([100, 60, 180, 160])
    image = pictures.draw_faces(before, found)
    np.testing.assert_array_equal(before, plain())
    assert image.shape == before.shape and image.dtype == np.uint8
    blue = is_color(image, charts.NEGATIVE)
    for edge in (
        blue[60:161, 100],
        blue[60:161, 180],
        blue[60, 100:181],
        blue[160, 100:181],
    ):
        assert edge.all()
    for left, top in found.landmarks[0].astype(int):
        assert blue[top, left]
    changed = (image != GREY).any(axis=-1)
    changed[59:162, 99:182] = False
    assert not changed.any()


def test_unknown_faces_are_red_and_the_best_lies_on_top():
    found = faces([100, 60, 180, 160], [100, 60, 180, 160], [10, 10, 50, 60])
    image = pictures.draw_faces(plain(), found, known=[False, True, True])
    assert is_color(image, charts.POSITIVE)[60, 100:181].all()
    assert is_color(image, charts.NEGATIVE)[10, 10:51].all()


@pytest.mark.parametrize(
    "box",
    [(0, 0, 40, 50), (280, 190, 320, 240), (-30, -30, 400, 300), (0, 200, 9, 210)],
)
def test_a_name_is_written_inside_the_picture(box):
    found = faces(box)
    without = pictures.draw_faces(plain(), found)
    middle = faces([150, 100, 190, 150])
    drawn, expected = (
        (pictures.draw_faces(plain(), each, ["Zoë 0.61"]) > 180).all(-1).sum()
        - (pictures.draw_faces(plain(), each) > 180).all(-1).sum()
        for each in (found, middle)
    )
    assert without.shape == (240, 320, 3)
    assert drawn > 0.8 * expected > 40


def test_letters_of_other_alphabets_and_long_names_are_drawn():
    found = faces([100, 60, 180, 160])
    drawn = [pictures.draw_faces(plain(), found, [name]) for name in ("Анна", "Інна")]
    assert (drawn[0] != drawn[1]).any()
    image = pictures.draw_faces(plain(30, 40), faces([5, 5, 20, 25]), ["x" * 99])
    assert image.shape == (30, 40, 3)


def test_no_face_changes_nothing_and_bad_input_is_said():
    np.testing.assert_array_equal(pictures.draw_faces(plain(), faces()), plain())
    with pytest.raises(ValueError, match="must be uint8 RGB"):
        pictures.draw_faces(plain() / 255, faces())
    with pytest.raises(ValueError, match="2 and 1 for 1 faces"):
        pictures.draw_faces(plain(), faces([5, 5, 20, 25]), ["a", "b"])


def test_maps_are_written_as_png(tmp_path):
    path = tmp_path / "new" / "map.png"
    pictures.draw_embeddings(path, np.eye(4), np.arange(4))
    assert num_pixels(path, matplotlib.colormaps["tab20"](0)[:3]) > 10
    assert images.read(path).std() > 1
