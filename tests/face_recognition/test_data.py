"""Pictures of people from folders, pairs of them, and splits by person."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from dlai_keras import images as image_file
from dlai_keras.face_recognition import data
from dlai_keras.face_recognition.data import People


def picture(value=0, size=(6, 5)):
    rng = np.random.default_rng(value)
    return rng.integers(0, 255, (*size, 3), dtype="uint8")


@pytest.fixture
def folders(tmp_path):
    """Ann with three pictures, Bo with one, Cy with two."""
    for number, (name, count) in enumerate((("Cy", 2), ("Ann", 3), ("Bo", 1))):
        for index in range(count):
            path = tmp_path / name / f"{index}.png"
            image_file.write(path, picture(10 * number + index))
    return tmp_path


# People


def test_a_folder_of_folders_is_people_by_name(folders):
    (folders / "list.txt").write_text("not a person")
    (folders / ".hidden").mkdir()
    people = data.load_people(folders)
    assert people.names == ["Ann", "Bo", "Cy"] and people.num_people == 3
    assert people.labels.tolist() == [0, 0, 0, 1, 2, 2]
    assert people.labels.dtype == np.int32 and len(people) == 6
    np.testing.assert_array_equal(people.read(1), picture(11))
    assert [path.name for path in people.paths] == [
        f"{i}.png" for i in (0, 1, 2, 0, 0, 1)
    ]
    assert people.name_of(3) == "Bo" and people.landmarks is None


def test_pictures_are_read_when_they_are_wanted(folders, monkeypatch):
    read, opened = image_file.read, []
    monkeypatch.setattr(
        image_file, "read", lambda path: opened.append(Path(path).name) or read(path)
    )
    people = data.load_people(folders)
    assert opened == []
    people.read(2)
    assert opened == ["2.png"]
    data.load_people(folders, on_error="skip")
    assert len(opened) == 7  # each of them once


@pytest.mark.parametrize("suffix", ["pgm", "jpg", "bmp", "webp", "PNG"])
def test_grey_and_transparent_files_of_any_format_are_rgb(tmp_path, suffix):
    grey = np.full((8, 9), 77, "uint8")
    for name in "ab":
        (tmp_path / name).mkdir()
        assert cv2.imwrite(str(tmp_path / name / f"1.{suffix}"), grey)
    image = data.load_people(tmp_path).read(0)
    assert image.shape == (8, 9, 3) and image.dtype == np.uint8
    assert np.abs(image.astype(int) - 77).max() <= 2
    if suffix == "PNG":
        cv2.imwrite(str(tmp_path / "b" / "2.png"), np.full((8, 9, 4), 50, "uint8"))
        assert data.load_people(tmp_path).read(2).tolist() == [[[50] * 3] * 9] * 8


def test_folders_around_the_people_will_do(folders, tmp_path_factory):
    outer = tmp_path_factory.mktemp("data")
    (outer / "face_recognition" / "weights").mkdir(parents=True)
    (outer / "face_recognition" / "one").symlink_to(folders)
    for path in (outer, outer / "face_recognition", outer / "face_recognition" / "one"):
        assert len(data.load_people(path)) == 6
    assert data.find_people(outer) == outer / "face_recognition" / "one"
    assert len(data.load_people(outer, dataset="one")) == 6


def test_of_several_sets_one_is_chosen(folders, tmp_path_factory):
    outer = tmp_path_factory.mktemp("data")
    for name in ("one", "two"):
        (outer / name).symlink_to(folders)
    with pytest.raises(
        ValueError, match=r"several datasets: one, two\. Choose one with"
    ):
        data.load_people(outer)
    assert data.load_people(outer, dataset="two").paths[0].parents[1].name == "two"
    with pytest.raises(
        ValueError, match=r"no dataset 'three'\. Choose one of one, two"
    ):
        data.load_people(outer, dataset="three")
    with pytest.raises(ValueError, match="no dataset 'one'"):
        data.load_people(folders, dataset="one")


def test_somebody_with_one_picture_stays_and_can_be_left_out(folders):
    people = data.load_people(folders)
    assert people.with_pictures(2).labels.tolist() == [0, 0, 0, 2, 2]
    assert people.with_pictures(3).labels.tolist() == [0, 0, 0]
    assert len(people.with_pictures(4)) == 0


def test_an_empty_folder_is_an_error_or_left_out_by_name(folders):
    (folders / "Dee").mkdir()
    (folders / "Dee" / "notes.txt").touch()
    with pytest.raises(
        ValueError, match=r"Dee holds no picture of Dee. Expected files"
    ):
        data.load_people(folders)
    told = []
    people = data.load_people(folders, on_error="skip", skipped=told.append)
    assert people.names == ["Ann", "Bo", "Cy"]
    assert len(told) == 1 and "Dee" in told[0]


@pytest.mark.parametrize("suffix", ["jpg", "png", "pgm", "webp", "bmp"])
def test_a_file_that_is_cut_off_is_an_error_or_left_out_by_name(folders, suffix):
    path = folders / "Bo" / f"9.{suffix}"
    cv2.imwrite(str(path), picture(5, (40, 40))[..., 0])
    os.truncate(path, int(0.8 * path.stat().st_size))
    people = data.load_people(folders)
    with pytest.raises(ValueError, match=rf"Bo/9\.{suffix} is no picture"):
        people.read(people.paths.index(path))
    told = []
    people = data.load_people(folders, on_error="skip", skipped=told.append)
    assert len(people) == 6 and path not in people.paths
    assert len(told) == 1 and f"9.{suffix}" in told[0]


def test_somebody_with_broken_pictures_only_is_left_out(folders):
    (folders / "Bo" / "0.png").write_text("text")
    told = []
    people = data.load_people(folders, on_error="skip", skipped=told.append)
    assert people.names == ["Ann", "Cy"] and people.labels.tolist() == [0, 0, 0, 1, 1]
    assert len(told) == 1
    for path in folders.rglob("*.png"):
        path.write_text("text")
    with pytest.raises(ValueError, match="no picture that can be read"):
        data.load_people(folders, on_error="skip")


def test_what_is_not_there_is_said_with_the_layout(tmp_path, folders):
    with pytest.raises(
        FileNotFoundError, match=r"No such folder: .*one folder of pict"
    ):
        data.load_people(tmp_path / "missing")
    with pytest.raises(ValueError, match=r"Received the file .*0\.png"):
        data.load_people(folders / "Ann" / "0.png")
    with pytest.raises(FileNotFoundError, match=r"No people in .*Expected one folder"):
        data.load_people(folders / "Ann")  # pictures, and nobody's folder
    (tmp_path / "empty" / "inner").mkdir(parents=True)
    with pytest.raises(
        FileNotFoundError, match=r"No pictures in .*Expected one folder"
    ):
        data.load_people(tmp_path / "empty")
    with pytest.raises(ValueError, match="`on_error`"):
        data.load_people(folders, on_error="ignore")


def test_a_file_that_has_gone_is_named(folders):
    people = data.load_people(folders)
    people.paths[0].unlink()
    with pytest.raises(FileNotFoundError, match=r"Ann/0\.png"):
        people.read(0)


def make_people():
    rng = np.random.default_rng(0)
    images = [picture(number) for number in range(6)]
    landmarks = rng.uniform(0, 5, (6, 5, 2))
    return People(images, [0, 0, 1, 1, 1, 3], list("abcd"), landmarks)


def test_a_subset_keeps_labels_names_and_landmarks():
    people = make_people()
    for chosen in ([4, 0], np.array([4, 0])):
        part = people.subset(chosen)
        assert part.labels.tolist() == [1, 0] and part.names == list("abcd")
        np.testing.assert_array_equal(part.read(0), people.read(4))
        np.testing.assert_array_equal(part.landmarks, people.landmarks[[4, 0]])
    mask = people.labels == 1
    assert people.subset(mask).labels.tolist() == [1, 1, 1]
    assert len(people.subset([])) == 0 and people.subset([]).landmarks.shape == (
        0,
        5,
        2,
    )
    assert people.paths is None and people.num_people == 3


def test_people_are_chosen_whole():
    people = make_people()
    assert people.of_people([3, 0]).labels.tolist() == [0, 0, 3]
    assert people.of_people({1}).labels.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": [0]}, "one value for each of the 2 pictures. Received: 1"),
        ({"labels": [0, 2]}, "from 0 to 1, indices of the 2 names. Received: 2"),
        ({"labels": [-1, 0]}, "Received: -1"),
        ({"landmarks": np.zeros((2, 10))}, r"shape \(2, 5, 2\). Received: \(2, 10\)"),
    ],
)
def test_people_that_do_not_fit_are_refused(changes, message):
    values = {"images": [picture()] * 2, "labels": [0, 1], "names": ["a", "b"]}
    with pytest.raises(ValueError, match=message):
        People(**values | changes)


# Pairs

HEAD = "2\t1\n"
LINES = "Ann\t1\t2\nAnn\t1\tBo\t1\nCy\t2\t1\nBo\t1\tCy\t2\n"


@pytest.fixture
def faces(tmp_path):
    """A folder as LFW's: picture n of a person is NAME/NAME_000n.jpg."""
    for number, (name, count) in enumerate((("Ann", 2), ("Bo", 1), ("Cy", 2))):
        for index in range(1, count + 1):
            path = tmp_path / "lfw" / name / f"{name}_{index:04d}.jpg"
            image_file.write(path, picture(10 * number + index))
    return tmp_path


def write(folder, text):
    path = folder / "pairs.txt"
    path.write_text(text)
    return path


def test_pairs_are_read_as_lfw_lists_them(faces):
    pairs = data.load_pairs(write(faces, HEAD + LINES), faces / "lfw")
    assert len(pairs) == 4 and pairs.num_missing == 0
    assert pairs.same.tolist() == [True, False, True, False]
    assert pairs.fold.tolist() == [0, 0, 1, 1]
    names = [(a.stem, b.stem) for a, b in zip(pairs.first, pairs.second, strict=True)]
    assert names == [
        ("Ann_0001", "Ann_0002"),
        ("Ann_0001", "Bo_0001"),
        ("Cy_0002", "Cy_0001"),
        ("Bo_0001", "Cy_0002"),
    ]
    assert all(path.is_file() for path in pairs.first + pairs.second)


def test_without_the_first_line_folds_begin_where_pairs_are_of_one_person_again(faces):
    pairs = data.load_pairs(write(faces, LINES), faces / "lfw")
    assert pairs.fold.tolist() == [0, 0, 1, 1]
    one = data.load_pairs(write(faces, "Ann 1 2\nCy 1 2\nAnn 1 Bo 1\n"), faces / "lfw")
    assert one.fold.tolist() == [0, 0, 0]
    different = data.load_pairs(write(faces, "Ann 1 Bo 1\nBo 1 Cy 1\n"), faces / "lfw")
    assert different.fold.tolist() == [0, 0]


def test_a_first_line_of_one_number_is_one_fold(faces):
    text = "2\nAnn 1 2\nCy 1 2\nAnn 1 Bo 1\nBo 1 Cy 1\n"
    pairs = data.load_pairs(write(faces, text), faces / "lfw")
    assert pairs.fold.tolist() == [0] * 4


def test_missing_pictures_are_counted_and_left_out(faces):
    (faces / "lfw" / "Cy" / "Cy_0001.jpg").unlink()
    pairs = data.load_pairs(write(faces, HEAD + LINES), faces / "lfw")
    assert pairs.num_missing == 1 and pairs.same.tolist() == [True, False, False]
    assert pairs.fold.tolist() == [0, 0, 1]
    (faces / "lfw" / "Ann" / "Ann_0001.jpg").unlink()
    pairs = data.load_pairs(write(faces, HEAD + LINES), faces / "lfw")
    assert (len(pairs), pairs.num_missing) == (1, 3)


def test_pairs_find_their_folder_and_other_suffixes(faces, tmp_path_factory):
    listed = write(faces, HEAD + LINES)
    assert len(data.load_pairs(listed, faces)) == 4
    outer = tmp_path_factory.mktemp("data")
    (outer / "face_recognition").mkdir()
    (outer / "face_recognition" / "photos").symlink_to(faces / "lfw")
    (outer / "face_recognition" / "others").mkdir()
    assert len(data.load_pairs(listed, outer)) == 4
    image_file.write(faces / "lfw" / "Bo" / "Bo_0001.png", picture())
    (faces / "lfw" / "Bo" / "Bo_0001.jpg").unlink()
    pairs = data.load_pairs(listed, faces / "lfw")
    assert pairs.num_missing == 0 and pairs.first[3].name == "Bo_0001.png"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "lists no pairs. Expected lines `NAME NUMBER NUMBER`"),
        ("2 1\n", "lists no pairs"),
        ("ten 300\n" + LINES, "line 1: expected .*Received: ten 300"),
        ("2 1\nAnn 1 2\nAnn one Bo 1\n", "line 3: expected .*Received: Ann one Bo 1"),
        ("2 1\nAnn 1 2 3 4\n", "line 2"),
        ("1 2\nAnn 1 2\nAnn 1 Bo 1\n", "must have 4 pairs .*1 x 2 x 2. Received: 2"),
        (
            "2 1\nAnn 1 Bo 1\nAnn 1 2\nCy 2 1\nBo 1 Cy 2\n",
            "line 2: expected a pair of one person.*Received: Ann 1 Bo 1",
        ),
    ],
)
def test_a_list_that_is_none_is_said_by_its_line(faces, text, message):
    with pytest.raises(ValueError, match=message):
        data.load_pairs(write(faces, text), faces / "lfw")


def test_a_list_or_a_folder_that_is_not_there_is_said(faces):
    listed = write(faces, HEAD + LINES)
    with pytest.raises(FileNotFoundError, match="No such folder"):
        data.load_pairs(listed, faces / "missing")
    with pytest.raises(FileNotFoundError):
        data.load_pairs(faces / "missing.txt", faces)
    with pytest.raises(FileNotFoundError, match=r"None of the 4 pairs .*Ann_0001\.jpg"):
        data.load_pairs(listed, faces / "lfw" / "Bo")
    (faces / "pairs.txt").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(ValueError, match="is no text"):
        data.load_pairs(listed, faces)


def test_all_pairs_are_those_of_two_loops():
    labels = np.random.default_rng(0).integers(0, 4, 11)
    expected = [
        (i, j, labels[i] == labels[j]) for i in range(11) for j in range(i + 1, 11)
    ]
    first, second, same = data.all_pairs(labels)
    assert list(zip(first, second, same, strict=True)) == expected
    assert [len(part) for part in data.all_pairs([3])] == [0, 0, 0]


# Splits


def test_a_split_is_by_person_never_by_picture():
    labels = np.repeat(np.arange(20), np.random.default_rng(0).integers(1, 9, 20)) * 3
    shuffled = np.random.default_rng(1).permutation(labels)
    train, test = data.split_people(shuffled, 0.25, seed=4)
    assert sorted([*train, *test]) == list(range(len(labels)))
    assert set(shuffled[train]).isdisjoint(shuffled[test])
    assert len(set(shuffled[test])) == 5
    assert (np.diff(train) > 0).all() and (np.diff(test) > 0).all()


def test_who_is_kept_back_depends_on_the_seed_alone():
    labels = np.repeat(np.arange(20), 3)
    parts = [data.split_people(labels, 0.5, seed)[1].tolist() for seed in (0, 0, 1)]
    assert parts[0] == parts[1] != parts[2]
    more = data.split_people(np.repeat(np.arange(20), 5), 0.5, 0)[1]
    assert {index // 3 for index in parts[0]} == {index // 5 for index in more}


@pytest.mark.parametrize("share", [0.001, 0.999])
def test_a_split_leaves_somebody_on_both_sides(share):
    train, test = data.split_people([0, 0, 1], share, seed=0)
    assert len(train) and len(test)


def test_in_a_cross_validation_everybody_is_kept_back_once():
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(11), 3))
    folds = data.folds_of_people(labels, 4, seed=2)
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(33))
    for train, test in folds:
        assert set(labels[train]).isdisjoint(labels[test])
        assert len(train) + len(test) == 33
    sizes = [len(set(labels[test])) for _, test in folds]
    assert sorted(sizes) == [2, 3, 3, 3]
    again = data.folds_of_people(labels, 4, seed=2)
    other = data.folds_of_people(labels, 4, seed=3)
    assert [test.tolist() for _, test in again] == [test.tolist() for _, test in folds]
    assert [test.tolist() for _, test in other] != [test.tolist() for _, test in folds]


def test_splits_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match=r"needs 2 people or more\. Received: 1"):
        data.split_people([4, 4], 0.5, seed=0)
    for share in (0, 1, 1.5):
        with pytest.raises(ValueError, match="`share` must be between 0 and 1"):
            data.split_people([0, 1], share, seed=0)
    for num in (1, 4):
        with pytest.raises(ValueError, match="`num_folds` must be from 2 to 3"):
            data.folds_of_people([0, 1, 2], num, seed=0)
    with pytest.raises(ValueError, match="`seed` must be 0 or more"):
        data.split_people([0, 1], 0.5, seed=-1)


# Real files


@pytest.mark.skipif("DLAI_DATA" not in os.environ, reason="DLAI_DATA is not set")
def test_real_sets_are_read():
    folder = Path(os.environ["DLAI_DATA"])
    with pytest.raises(ValueError, match="several datasets: lfw, orl"):
        data.load_people(folder)
    orl = data.load_people(folder, dataset="orl")
    assert (len(orl), orl.num_people, orl.read(0).shape) == (240, 24, (112, 92, 3))
    assert np.bincount(orl.labels).tolist() == [10] * 24
    lfw = data.load_people(folder, dataset="lfw", on_error="skip")
    assert (len(lfw), lfw.names[3]) == (50, "Hugo_Chavez")
    assert lfw.read(0).shape == (250, 250, 3)


@pytest.mark.skipif("DLAI_DATA" not in os.environ, reason="DLAI_DATA is not set")
def test_the_standard_list_of_pairs_has_ten_folds_of_three_hundred(tmp_path):
    listed = Path(os.environ["DLAI_DATA"]) / "face_recognition" / "lfw_pairs.txt"
    wanted = (("Abel_Pacheco", 1), ("Abel_Pacheco", 4), ("Ariel_Sharon", 16))
    for name, number in (*wanted, ("Ariel_Sharon", 45)):
        image_file.write(tmp_path / name / f"{name}_{number:04d}.jpg", picture(number))
    pairs = data.load_pairs(listed, tmp_path)
    assert (len(pairs), pairs.num_missing) == (2, 5998)
    assert pairs.fold.tolist() == [0, 9] and pairs.same.all()
    # None of the list's pairs has both of its pictures in the subset of fifty.
    with pytest.raises(FileNotFoundError, match="None of the 6000 pairs"):
        data.load_pairs(listed, listed.parent)
