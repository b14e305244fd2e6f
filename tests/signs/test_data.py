"""Labelled pictures from h5 files and from folders."""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from dlai_keras import images as image_file
from dlai_keras.signs import data
from dlai_keras.signs.hands import make_signs


def write_h5(path, split, images, labels, classes):
    with h5py.File(path, "w") as file:
        file[f"{split}_set_x"] = images
        file[f"{split}_set_y"] = labels
        file["list_classes"] = classes


def pictures(num, seed=0, size=16):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 255, (num, size, size, 3), dtype="uint8")


@pytest.fixture
def course(tmp_path):
    """A folder as the course's, with labels in a row as some of its files have them."""
    write_h5(
        tmp_path / "train_signs.h5", "train", pictures(6), np.arange(6)[None], range(6)
    )
    write_h5(
        tmp_path / "test_signs.h5", "test", pictures(2, 1), np.array([5, 0]), range(6)
    )
    return tmp_path


@pytest.fixture
def folders(tmp_path):
    for number, name in enumerate(("cat", "dog")):
        for index, picture in enumerate(pictures(3, number, 20)):
            image_file.write(tmp_path / name / f"{index}.png", picture)
    return tmp_path


def test_the_courses_files_are_read(course):
    found = data.load_signs(course)
    assert list(found) == ["train", "test"]
    np.testing.assert_array_equal(found["train"].images, pictures(6))
    assert found["train"].labels.tolist() == [0, 1, 2, 3, 4, 5]
    assert found["test"].labels.tolist() == [5, 0]
    assert found["test"].class_names == tuple("012345")
    assert found["test"].sources[1] == "test_signs.h5[1]"


def test_a_folder_that_holds_signs_and_a_single_file_will_do(course, tmp_path_factory):
    outer = tmp_path_factory.mktemp("data")
    (outer / "signs").symlink_to(course)
    assert set(data.load_signs(outer)) == {"train", "test"}
    assert set(data.load_signs(course / "test_signs.h5")) == {"test"}


def test_class_names_of_other_sets_are_bytes(tmp_path):
    write_h5(
        tmp_path / "train_catvnoncat.h5",
        "train",
        pictures(2),
        [1, 0],
        np.array([b"non-cat", b"cat"]),
    )
    found = data.load_signs(tmp_path)["train"]
    assert [found.class_names[label] for label in found.labels] == ["cat", "non-cat"]


def test_of_several_sets_one_is_chosen(course):
    write_h5(course / "train_happy.h5", "train", pictures(2), [1, 0], range(2))
    with pytest.raises(ValueError, match="several datasets: happy, signs"):
        data.load_signs(course)
    assert len(data.load_signs(course, dataset="happy")["train"]) == 2
    with pytest.raises(ValueError, match="no dataset 'sad'"):
        data.load_signs(course, dataset="sad")


def test_h5_files_win_over_folders_beside_them(course):
    image_file.write(course / "cat" / "1.png", pictures(1)[0])
    assert data.load_signs(course)["train"].class_names == tuple("012345")


def test_folders_are_classes(folders):
    found = data.load_signs(folders, size=20)
    assert list(found) == ["train"]
    assert found["train"].class_names == ("cat", "dog")
    assert found["train"].labels.tolist() == [0, 0, 0, 1, 1, 1]
    np.testing.assert_array_equal(found["train"].images[3:], pictures(3, 1, 20))
    assert found["train"].sources[4] == "dog/1.png"
    assert data.load_signs(folders)["train"].images.shape == (6, 64, 64, 3)


def test_train_and_test_folders_are_splits(tmp_path):
    for split in ("train", "test"):
        for name in "ab":
            image_file.write(tmp_path / split / name / "1.png", pictures(1)[0])
    assert {k: len(v) for k, v in data.load_signs(tmp_path).items()} == {
        "train": 2,
        "test": 2,
    }
    image_file.write(tmp_path / "test" / "c" / "1.png", pictures(1)[0])
    with pytest.raises(ValueError, match="different classes"):
        data.load_signs(tmp_path)


def test_a_broken_picture_is_fatal_or_left_out_by_name(folders):
    (folders / "dog" / "9.jpg").write_text("this is text")
    with pytest.raises(ValueError, match=r"dog/9\.jpg is no picture"):
        data.load_signs(folders)
    told = []
    found = data.load_signs(folders, on_error="skip", skipped=told.append)
    assert len(found["train"]) == 6
    assert len(told) == 1 and "9.jpg" in told[0]


def test_a_class_without_a_picture_is_named(folders):
    (folders / "emu").mkdir()
    with pytest.raises(ValueError, match="class emu has no picture"):
        data.load_signs(folders)
    (folders / "emu" / "1.jpg").write_text("text")
    with pytest.raises(ValueError, match="class emu has no picture that can be read"):
        data.load_signs(folders, on_error="skip")


def test_a_truncated_file_is_named(course):
    path = course / "train_signs.h5"
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(ValueError, match=r"train_signs\.h5 cannot be read: it is cut"):
        data.load_signs(course)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": pictures(6).astype("float32")}, "whole numbers from 0 to 255"),
        ({"images": pictures(6)[..., 0]}, "shape"),
        ({"labels": [0, 1, 2, 3, 4, 6]}, r"train_set_y\[5\] = 6"),
        ({"labels": [0, 1, 2, 3, 4, -1]}, r"train_set_y\[5\] = -1"),
        ({"labels": [0, 1]}, "one label an image"),
        ({"split": "dev"}, "It holds: dev_set_x, dev_set_y, list_classes"),
    ],
)
def test_wrong_contents_are_said(tmp_path, change, message):
    values = {"split": "train", "images": pictures(6), "labels": range(6)} | change
    write_h5(
        tmp_path / "train_signs.h5",
        values["split"],
        values["images"],
        np.array(values["labels"]),
        range(6),
    )
    with pytest.raises(ValueError, match=message):
        data.load_signs(tmp_path)


def test_what_is_not_there_is_said_with_the_layout(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"train_NAME\.h5"):
        data.load_signs(tmp_path / "missing")
    with pytest.raises(FileNotFoundError, match="No pictures"):
        data.load_signs(tmp_path)
    (tmp_path / "signs.h5").touch()
    with pytest.raises(ValueError, match=r"must be called train_NAME\.h5"):
        data.load_signs(tmp_path)
    (tmp_path / "a.txt").touch()
    with pytest.raises(ValueError, match="Received the file"):
        data.load_signs(tmp_path / "a.txt")


def test_near_duplicates_are_found_and_strangers_are_not():
    rng = np.random.default_rng(0)
    hands, _ = make_signs(rng, 12)
    burst = [hands]
    for _ in range(2):  # noise, and a little more light
        noisy = hands + rng.normal(2, 4, hands.shape)
        burst.append(noisy.clip(0, 255).astype("uint8"))
    groups = data.near_duplicates(np.concatenate(burst))
    assert len(set(groups)) == 12
    np.testing.assert_array_equal(groups[:12], groups[12:24])
    np.testing.assert_array_equal(groups[:12], groups[24:])


def test_chains_of_near_duplicates_are_one_group():
    base = np.full((3, 16, 16, 3), 100, "uint8")
    base[1] += 10
    base[2] += 20
    assert len(set(data.near_duplicates(base))) == 1
    assert len(set(data.near_duplicates(base[[0, 2]]))) == 2


def test_a_burst_is_never_on_both_sides_of_a_split():
    hands, labels = make_signs(np.random.default_rng(0), 60)
    noise = np.random.default_rng(1).normal(0, 4, (3, *hands.shape))
    burst = (hands + noise).clip(0, 255).astype("uint8").reshape(-1, 64, 64, 3)
    labelled = data.from_arrays(burst, np.tile(labels, 3), tuple("012345"))
    training, held = data.split_validation(np.random.default_rng(2), labelled, 0.25)
    assert len(training) + len(held) == 180
    assert 30 <= len(held) <= 60
    assert set(held.labels) == set(range(6))
    both = np.concatenate([training.images, held.images])
    groups = data.near_duplicates(both)
    assert not set(groups[: len(training)]) & set(groups[len(training) :])


def test_pictures_of_one_folder_within_a_class_stay_together(tmp_path):
    for person in "abcd":
        for index, picture in enumerate(pictures(3, ord(person))):
            path = tmp_path / "dog" / person / f"{index}.png"
            image_file.write(path, picture)
    found = data.load_signs(tmp_path)["train"]
    training, held = data.split_validation(np.random.default_rng(0), found, 0.25)
    people = {Path(source).parent.name for source in held.sources}
    assert len(people) == 1
    assert people.isdisjoint(Path(source).parent.name for source in training.sources)


def test_a_class_of_one_group_is_trained_on():
    labelled = data.from_arrays(pictures(3), [0, 1, 2], tuple("abc"))
    training, held = data.split_validation(np.random.default_rng(0), labelled, 0.5)
    assert len(training) == 3 and len(held) == 0
    with pytest.raises(ValueError, match="`share`"):
        data.split_validation(np.random.default_rng(0), labelled, 1.0)


def test_the_nearest_neighbor_is_that_of_a_loop():
    known = data.from_arrays(pictures(20), np.arange(20) % 3, tuple("abc"))
    asked = data.from_arrays(pictures(9, 5), np.arange(9) % 3, tuple("abc"))
    right = 0
    for image, label in zip(asked.images, asked.labels, strict=True):
        distances = [
            ((image.astype(int) - other.astype(int)) ** 2).sum()
            for other in known.images
        ]
        right += known.labels[int(np.argmin(distances))] == label
    assert data.nearest_neighbor_accuracy(known, asked) == pytest.approx(right / 9)


@pytest.mark.skipif("DLAI_DATA" not in os.environ, reason="DLAI_DATA is not set")
def test_the_real_signs_are_read_and_one_neighbor_has_86_percent():
    found = data.load_signs(os.environ["DLAI_DATA"])
    assert {name: len(split) for name, split in found.items()} == {
        "train": 864,
        "test": 216,
    }
    accuracy = data.nearest_neighbor_accuracy(found["train"], found["test"])
    assert accuracy == pytest.approx(0.8611, abs=1e-4)
