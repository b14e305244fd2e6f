"""Points and pictures, made and read."""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io

from dlai_keras.foundations import data

SCIKIT = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
each_set = pytest.mark.parametrize("name", sorted(data.POINT_SETS))


# Points


def test_the_flower_is_the_courses():
    # Course 1, week 3: load_planar_dataset, from its definition.
    state = np.random.RandomState(1)
    parts = []
    for j in range(2):
        t = np.linspace(j * 3.12, (j + 1) * 3.12, 200) + state.randn(200) * 0.2
        r = 4 * np.sin(4 * t) + state.randn(200) * 0.2
        parts.append(np.c_[r * np.sin(t), r * np.cos(t)])
    expected = np.concatenate(parts).T
    X, Y = data.make_flower(np.random.RandomState(1))
    np.testing.assert_array_equal(X, expected)
    np.testing.assert_array_equal(Y, [[0] * 200 + [1] * 200])
    np.random.seed(1)  # noqa: NPY002, the course's way
    np.testing.assert_array_equal(data.make_flower(None)[0], expected)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (
            lambda rng: data.make_circles(rng, 301),
            lambda rng: SCIKIT.make_circles(301, noise=0.05, random_state=rng),
        ),
        (
            lambda rng: data.make_circles(rng, 200, noise=0.3, factor=0.5),
            lambda rng: SCIKIT.make_circles(
                200, noise=0.3, factor=0.5, random_state=rng
            ),
        ),
        (
            lambda rng: data.make_moons(rng, 301),
            lambda rng: SCIKIT.make_moons(301, noise=0.2, random_state=rng),
        ),
        (
            lambda rng: data.make_blobs(rng),
            lambda rng: SCIKIT.make_blobs(200, centers=6, random_state=rng),
        ),
        (
            lambda rng: data.make_quantiles(rng),
            lambda rng: SCIKIT.make_gaussian_quantiles(
                cov=0.5, n_samples=200, n_features=2, n_classes=2, random_state=rng
            ),
        ),
    ],
    ids=["circles", "the course's circles", "moons", "blobs", "quantiles"],
)
@pytest.mark.parametrize("seed", [1, 5])
def test_sets_are_those_of_scikit_learn_which_the_course_uses(make, expected, seed):
    X, Y = make(np.random.RandomState(seed))
    their_X, their_Y = expected(np.random.RandomState(seed))
    np.testing.assert_allclose(X, their_X.T, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(Y[0], their_Y % 2)


@each_set
def test_points_come_in_the_courses_shapes_from_any_generator(name):
    for rng in (np.random.default_rng(0), np.random.RandomState(0)):
        X, Y = data.make_points(name, rng, 41)
        assert X.shape == (2, 41)
        assert X.dtype == "float64"
        assert Y.shape == (1, 41)
        assert Y.dtype == "uint8"
        assert set(Y.ravel().tolist()) == {0, 1}
        assert np.isfinite(X).all()


@each_set
def test_the_same_seed_gives_the_same_points_and_another_seed_others(name):
    one, again, other = (
        data.make_points(name, np.random.RandomState(seed))[0] for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


def test_spirals_wind_about_each_other():
    X, Y = data.make_spirals(np.random.RandomState(0), 400, noise=0.0)
    # Turned by half a circle one spiral lies on the other.
    first, second = X[:, Y[0] == 0], X[:, Y[0] == 1]
    distances = np.hypot(*(-first[:, :, None] - second[:, None]))
    assert distances.min(axis=1).max() < 1e-12
    design = np.c_[X.T, np.ones(400)]
    weights = np.linalg.lstsq(design, 2.0 * Y[0] - 1, rcond=None)[0]
    assert np.mean((design @ weights > 0) == Y[0]) < 0.7  # no line parts them


def test_football_has_a_slanted_front_and_some_headers_beyond_it():
    X, Y = data.make_football(np.random.RandomState(0), 4000)
    design = np.c_[X.T, np.ones(4000)]
    weights = np.linalg.lstsq(design, 2.0 * Y[0] - 1, rcond=None)[0]
    # On the course's own 211 points this is 0.915, with weights of -2.86 and 1.57.
    assert np.mean((design @ weights > 0) == Y[0]) == pytest.approx(0.92, abs=0.025)
    assert weights[0] < -2
    assert weights[1] > 1


def test_what_cannot_be_drawn_is_refused():
    rng = np.random.RandomState(0)
    with pytest.raises(ValueError, match=r"flower, circles.*Received: flowers"):
        data.make_points("flowers", rng)
    for name in data.POINT_SETS:
        with pytest.raises(ValueError, match="`num_points` must be 2 or more"):
            data.make_points(name, rng, 1)
    with pytest.raises(ValueError, match="`noise` must be 0 or more"):
        data.make_moons(rng, noise=-1)
    with pytest.raises(ValueError, match="`centers` must be 2 or more"):
        data.make_blobs(rng, centers=1)


def test_points_are_read_from_all_three_kinds_of_file(tmp_path):
    X, Y = data.make_moons(np.random.RandomState(0), 20)
    np.savez(tmp_path / "a.npz", X=X, Y=Y, X_test=X[:, :5], Y_test=Y[:, :5])
    mat = {"X": X.T, "y": Y.T, "Xval": X.T[:5], "yval": Y.T[:5]}
    scipy.io.savemat(tmp_path / "data.mat", mat)
    lines = [
        f"{x1!r},{x2!r},{y}" for (x1, x2), y in zip(X.T.tolist(), Y[0], strict=True)
    ]
    (tmp_path / "c.csv").write_text("\n".join(["x1,x2,label", *lines, ""]))
    for name in ("a.npz", "data.mat", "."):  # a folder is searched for data.mat
        found = data.load_points(tmp_path / name)
        for split, number in (("train", 20), ("test", 5)):
            np.testing.assert_array_equal(found[split][0], X[:, :number])
            np.testing.assert_array_equal(found[split][1], Y[:, :number])
            assert found[split][1].dtype == "uint8"
    found = data.load_points(tmp_path / "c.csv")
    assert list(found) == ["train"]
    np.testing.assert_array_equal(found["train"][0], X)
    np.testing.assert_array_equal(found["train"][1], Y)


def test_a_folder_that_holds_the_assignments_own_is_enough(tmp_path):
    X, Y = data.make_football(np.random.RandomState(0), 9)
    (tmp_path / "foundations").mkdir()
    scipy.io.savemat(tmp_path / "foundations" / "data.mat", {"X": X.T, "y": Y.T})
    np.testing.assert_array_equal(data.load_points(tmp_path)["train"][0], X)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "1,2,0\n3,4\n", r"line 2: 3,4"),
        ("a.csv", "1,2,0\n3,x,1\n", r"line 2: 3,x,1"),
        ("a.csv", "1,2,0\n3,4,2\n", r"labels .* must be 0 or 1. Received: 2"),
        ("a.csv", "1,2,0\n3,nan,1\n", "must be finite"),
        ("a.csv", "x1,x2,label\n", "be two or more"),
        ("a.csv", b"\xff\xfe\x00", "text file in UTF-8"),
        ("a.npz", b"no zip", "no NPZ file"),
        ("a.mat", b"no mat", "no MAT file"),
        ("a.txt", "1,2,0\n", r"Expected a .csv of x1,x2,label"),
    ],
)
def test_files_that_hold_no_points_are_refused_by_name(
    tmp_path, name, content, message
):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=message) as error:
        data.load_points(path)
    assert name in str(error.value)


def test_points_and_labels_must_belong_together(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.zeros((2, 5)), Y=np.zeros((1, 4)))
    with pytest.raises(ValueError, match="5 points, 4 labels"):
        data.load_points(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", X=np.zeros((3, 5)), Y=np.zeros((1, 5)))
    with pytest.raises(ValueError, match=r"two coordinates.*\(3, 5\)"):
        data.load_points(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", Z=np.zeros(3))
    with pytest.raises(ValueError, match=r"must hold X and Y. It holds: Z"):
        data.load_points(tmp_path / "c.npz")
    with pytest.raises(FileNotFoundError, match=r"No such file: .*d.npz"):
        data.load_points(tmp_path / "d.npz")
    with pytest.raises(FileNotFoundError, match=r"No file data.mat in"):
        data.load_points(tmp_path)


# Cats


def write_cats(folder, images, labels, split):
    with h5py.File(folder / f"{split}_catvnoncat.h5", "w") as file:
        file[f"{split}_set_x"] = images
        file[f"{split}_set_y"] = labels


def test_cats_are_read_in_the_courses_layout(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (7, 8, 8, 3), "uint8")
    labels = np.array([0, 1, 1, 0, 0, 1, 0])
    folder = tmp_path / "foundations"
    folder.mkdir()
    write_cats(folder, images, labels, "train")
    write_cats(folder, images[:2], labels[:2], "test")
    for path in (folder, tmp_path):
        found = data.load_cats(path)
        np.testing.assert_array_equal(found["train"][0], images)
        np.testing.assert_array_equal(found["train"][1], labels[None])
        assert found["test"][0].shape == (2, 8, 8, 3)
        assert found["test"][1].dtype == "uint8"


def test_broken_cats_are_refused_by_name(tmp_path):
    images, labels = np.zeros((3, 8, 8, 3), "uint8"), np.array([0, 1, 0])
    with pytest.raises(FileNotFoundError, match=r"train_catvnoncat\.h5"):
        data.load_cats(tmp_path)
    write_cats(tmp_path, images, labels, "train")
    with pytest.raises(FileNotFoundError, match=r"test_catvnoncat\.h5"):
        data.load_cats(tmp_path)
    write_cats(tmp_path, images[:, :4, :4], labels, "test")
    with pytest.raises(ValueError, match=r"one size.*\(8, 8, 3\) and \(4, 4, 3\)"):
        data.load_cats(tmp_path)
    write_cats(tmp_path, images, [0, 1, 2], "test")
    with pytest.raises(ValueError, match="one label, 0 or 1, for each of the 3"):
        data.load_cats(tmp_path)
    write_cats(tmp_path, images / 255, labels, "test")
    with pytest.raises(ValueError, match=r"0 to 255.*float64"):
        data.load_cats(tmp_path)
    write_cats(tmp_path, images, labels, "train")
    (tmp_path / "test_catvnoncat.h5").write_bytes(b"no hdf5")
    with pytest.raises(ValueError, match=r"test_catvnoncat\.h5 cannot be read"):
        data.load_cats(tmp_path)
    with h5py.File(tmp_path / "test_catvnoncat.h5", "w") as file:
        file["something"] = 1
    with pytest.raises(ValueError, match=r"test_set_x in .*test_catvnoncat\.h5"):
        data.load_cats(tmp_path)
    with pytest.raises(ValueError, match="Received the file"):
        data.load_cats(tmp_path / "train_catvnoncat.h5")


def test_pictures_become_columns_in_the_courses_order():
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 3, 3), "uint8")
    columns = data.flatten_images(images)
    assert columns.shape == (36, 5)
    # Course 1, week 2: reshape, transpose, divide by 255.
    np.testing.assert_array_equal(columns, images.reshape(5, -1).T / 255.0)
    with pytest.raises(ValueError, match=r"\(4, 3, 3\)"):
        data.flatten_images(images[0])


@pytest.fixture(scope="module")
def drawn():
    return data.make_cats(np.random.default_rng(0), 400, size=32)


def test_drawn_cats_are_half_of_all_and_no_two_pictures_are_alike(drawn):
    images, labels = drawn
    assert images.shape == (400, 32, 32, 3)
    assert images.dtype == "uint8"
    assert labels.shape == (1, 400)
    assert 0.42 < labels.mean() < 0.58
    assert len(np.unique(images.reshape(400, -1), axis=0)) == 400
    assert images.std(axis=(1, 2, 3)).min() > 8  # something is seen on each


def test_a_larger_set_of_cats_begins_with_a_smaller_one(drawn):
    images, labels = data.make_cats(np.random.default_rng(0), 5, size=32)
    np.testing.assert_array_equal(images, drawn[0][:5])
    np.testing.assert_array_equal(labels, drawn[1][:, :5])


def test_no_mean_colour_and_no_nearest_neighbour_tells_the_cats(drawn):
    images, labels = drawn
    known, asked = slice(0, 200), slice(200, 400)
    colors = np.c_[images.mean(axis=(1, 2)), images.std(axis=(1, 2)), np.ones(400)]
    weights = np.linalg.lstsq(colors[known], 2.0 * labels[0, known] - 1, rcond=None)[0]
    assert np.mean((colors[asked] @ weights > 0) == labels[0, asked]) < 0.72
    pixels = images.reshape(400, -1).astype("float64")
    squared = (pixels[known] ** 2).sum(1) - 2 * pixels[asked] @ pixels[known].T
    nearest = labels[0, known][squared.argmin(axis=1)]
    assert np.mean(nearest == labels[0, asked]) < 0.8


def test_pictures_that_cannot_be_drawn_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="`num_images` must be 1 or more"):
        data.make_cats(rng, 0)
    with pytest.raises(ValueError, match="`size` must be 16 or more"):
        data.make_cats(rng, 1, size=8)


# The course's own files


@pytest.mark.skipif("DLAI_DATA" not in os.environ, reason="DLAI_DATA is not set")
def test_the_courses_own_files_are_read():
    folder = Path(os.environ["DLAI_DATA"])
    cats = data.load_cats(folder)
    assert cats["train"][0].shape == (209, 64, 64, 3)
    assert cats["test"][0].shape == (50, 64, 64, 3)
    # Course 1, week 2: "sanity check after reshaping".
    columns = data.flatten_images(cats["train"][0])
    assert (columns[:5, 0] * 255).round().tolist() == [17, 31, 56, 22, 33]
    football = data.load_points(folder)
    assert football["train"][0].shape == (2, 211)
    assert football["test"][0].shape == (2, 200)
