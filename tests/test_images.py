"""Picture files."""

import cv2
import numpy as np
import pytest

from dlai_keras import images


def scene(height=40, width=60):
    rng = np.random.default_rng(0)
    small = rng.integers(0, 255, (4, 6, 3), dtype="uint8")
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".ppm", ".tiff"])
def test_what_is_written_is_read_again(suffix, tmp_path):
    images.write(tmp_path / f"a{suffix}", scene())
    np.testing.assert_array_equal(images.read(tmp_path / f"a{suffix}"), scene())
    assert [path.name for path in tmp_path.iterdir()] == [f"a{suffix}"]


def test_pictures_are_rgb_whatever_the_file_holds(tmp_path):
    red = np.zeros((8, 8, 3), "uint8")
    red[..., 0] = 200
    images.write(tmp_path / "red.png", red)
    assert cv2.imread(str(tmp_path / "red.png"))[0, 0].tolist() == [0, 0, 200]
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((8, 8), 77, "uint8"))
    cv2.imwrite(str(tmp_path / "clear.png"), np.full((8, 8, 4), 99, "uint8"))
    assert images.read(tmp_path / "grey.png").shape == (8, 8, 3)
    assert images.read(tmp_path / "clear.png")[0, 0].tolist() == [99, 99, 99]


def test_no_picture_is_said_by_name(tmp_path):
    (tmp_path / "text.jpg").write_text("not a picture")
    (tmp_path / "empty.png").touch()
    for name in ("text.jpg", "empty.png"):
        with pytest.raises(ValueError, match=f"{name} is no picture"):
            images.read(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        images.read(tmp_path / "missing.png")
    with pytest.raises(ValueError, match="must end in one of"):
        images.write(tmp_path / "a.txt", scene())


def test_ways_to_a_square():
    picture = np.zeros((20, 40, 3), "uint8")
    picture[:, :10] = 250  # the left quarter
    assert images.resize(picture, 20)[:, :5].min() == 250
    assert images.resize(picture, 20, fit="crop").max() == 0
    padded = images.resize(picture, 40, fit="pad")
    assert (padded[:, :10] == 250).all() and (padded[:, 10:] == 0).all()
    np.testing.assert_array_equal(images.resize(scene(40, 40), 40), scene(40, 40))
    with pytest.raises(ValueError, match="stretch, crop, pad"):
        images.resize(picture, 20, fit="squeeze")


def test_pictures_are_found_below_a_folder_and_sorted(tmp_path):
    for name in ("b.png", "a/c.JPG", ".hidden/d.png", "e.txt", ".f.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    found = [path.relative_to(tmp_path).as_posix() for path in images.find(tmp_path)]
    assert found == ["a/c.JPG", "b.png"]


def test_a_grid_shows_every_picture_once():
    parts = [np.full((4, 5, 3), value, "uint8") for value in (10, 20, 30)]
    sheet = images.grid(parts, columns=2, gap=1)
    assert sheet.shape == (9, 11, 3)
    for value in (10, 20, 30):
        assert (sheet == value).sum() == 4 * 5 * 3
    assert sheet[5, 0, 0] == 30 and sheet[0, 6, 0] == 20
