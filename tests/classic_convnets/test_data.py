"""Labelled pictures, drawn or somebody's own."""

import numpy as np
import pytest

from dlai_keras import images as image_file
from dlai_keras.classic_convnets.data import (
    Pictures,
    load_pictures,
    make_pictures,
    split,
)


@pytest.fixture(scope="module")
def drawn():
    return make_pictures(np.random.default_rng(0), 40, size=16)


def write(folder, pictures, names=None):
    for index, (image, label) in enumerate(
        zip(pictures.images, pictures.labels, strict=True)
    ):
        name = (names or pictures.class_names)[label]
        image_file.write(folder / name / f"{index}.png", image)


def test_drawn_pictures_have_every_class_as_often(drawn):
    assert drawn.images.shape == (40, 16, 16, 3)
    assert np.bincount(drawn.labels).tolist() == [4] * 10


def test_a_class_each_is_the_least():
    with pytest.raises(ValueError, match=r"`num` must be 10 or more.*num=9"):
        make_pictures(np.random.default_rng(0), 9)


@pytest.mark.parametrize("below", ["", "classic_convnets"])
def test_folders_are_read_as_they_were_written(below, drawn, tmp_path):
    write(tmp_path / below, drawn)
    found = load_pictures(tmp_path, size=16)
    assert set(found) == {"train"}
    read = found["train"]
    assert read.class_names == tuple(sorted(drawn.class_names))
    assert sorted(map(bytes, read.images)) == sorted(map(bytes, drawn.images))
    for image, label in zip(drawn.images, drawn.labels, strict=True):
        place = [bytes(one) == bytes(image) for one in read.images].index(True)
        assert read.class_names[read.labels[place]] == drawn.class_names[label]


def test_training_and_test_folders_are_kept_apart(drawn, tmp_path):
    one, other = split(np.random.default_rng(0), drawn, 0.25)
    write(tmp_path / "train", one)
    write(tmp_path / "test", other)
    found = load_pictures(tmp_path, size=16)
    assert [len(found[name]) for name in ("train", "test")] == [30, 10]


def test_pictures_of_other_sizes_are_cropped_and_resized(tmp_path):
    image = np.zeros((40, 80, 3), "uint8")
    image[:, 20:60] = 200
    image_file.write(tmp_path / "one" / "a.png", image)
    found = load_pictures(tmp_path, size=32)["train"]
    assert found.images.shape == (1, 32, 32, 3) and (found.images == 200).all()


def test_a_split_takes_its_share_of_every_class_and_loses_nothing(drawn):
    one, other = split(np.random.default_rng(0), drawn, 0.25)
    assert np.bincount(other.labels).tolist() == [1] * 10
    assert np.bincount(one.labels).tolist() == [3] * 10
    both = [*map(bytes, one.images), *map(bytes, other.images)]
    assert sorted(both) == sorted(map(bytes, drawn.images))
    again = split(np.random.default_rng(0), drawn, 0.25)[1]
    np.testing.assert_array_equal(other.images, again.images)


def test_a_class_of_one_picture_cannot_be_split(drawn):
    with pytest.raises(ValueError, match="The class bottle needs two pictures"):
        split(np.random.default_rng(0), drawn.subset(np.arange(10)), 0.5)
    with pytest.raises(ValueError, match="`share` must be between 0 and 1"):
        split(np.random.default_rng(0), drawn, 1.0)


def test_what_is_not_there_is_named_with_the_layout(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No such folder.*one folder of pict"):
        load_pictures(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match="No pictures in"):
        load_pictures(tmp_path)


def test_a_broken_picture_is_named_or_left_out(drawn, tmp_path):
    write(tmp_path, drawn)
    (tmp_path / "mug" / "broken.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"broken\.png is no picture"):
        load_pictures(tmp_path, size=16)
    reasons = []
    found = load_pictures(tmp_path, size=16, on_error="skip", skipped=reasons.append)
    assert len(found["train"]) == 40
    assert len(reasons) == 1 and "broken.png" in reasons[0]
    with pytest.raises(ValueError, match="`on_error` must be"):
        load_pictures(tmp_path, on_error="ignore")


def test_halves_with_different_classes_are_refused(drawn, tmp_path):
    few = Pictures(drawn.images[:2], np.array([0, 1]), ("a", "b"))
    write(tmp_path / "train", few)
    write(tmp_path / "test", few, names=("a", "c"))
    with pytest.raises(ValueError, match="different classes: a, b and a, c"):
        load_pictures(tmp_path, size=16)


def test_an_empty_class_is_named(drawn, tmp_path):
    write(tmp_path, drawn)
    (tmp_path / "sofa").mkdir()
    with pytest.raises(ValueError, match="The class sofa has no picture"):
        load_pictures(tmp_path, size=16)
