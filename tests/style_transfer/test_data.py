"""Pictures to stylise and styles: from files, strictly."""

import cv2
import numpy as np
import pytest
from PIL import Image

from dlai_keras import images
from dlai_keras.style_transfer import data

HEIGHT, WIDTH = 30, 40


def picture(height=HEIGHT, width=WIDTH):
    rng = np.random.default_rng(0)
    small = rng.integers(0, 255, (4, 6, 3), dtype="uint8")
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def saved(path, mode="RGB", image=None, **options):
    image = Image.fromarray(picture()) if image is None else image
    image.convert(mode).save(path, **options)
    return path


# Files that are refused


def cut(path, image=None, share=0.6, **options):
    saved(path, image=image, **options)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])


def turned_bit(path):
    saved(path)
    content = bytearray(path.read_bytes())
    content[content.index(b"IDAT") + 40] ^= 1
    path.write_bytes(content)


def of_size(width, height):
    return lambda path: saved(path, image=Image.new("RGB", (width, height)))


CUT_OFF = "cut off or damaged"
REFUSED = {
    "text.jpg": (lambda path: path.write_text("no picture"), "no picture that can be"),
    "empty.png": (lambda path: path.touch(), "no picture that can be read"),
    "cut.jpg": (lambda path: cut(path, quality=95), CUT_OFF),
    "cut.png": (cut, CUT_OFF),
    "cut.bmp": (cut, CUT_OFF),
    "cut.tiff": (cut, CUT_OFF),
    "cut.webp": (cut, CUT_OFF),
    "cut.ppm": (cut, CUT_OFF),
    "header.png": (lambda path: cut(path, share=0.02), CUT_OFF),
    "bit.png": (turned_bit, CUT_OFF),
    "thin.png": (of_size(1, 40), "is 1 x 40 pixels, width x height"),
    "flat.png": (of_size(40, 1), "is 40 x 1 pixels"),
    "small.png": (of_size(15, 16), "Each must be 16 or more"),
    "float.tiff": (
        lambda path: saved(path, "F", image=Image.new("L", (WIDTH, HEIGHT))),
        "its values are no whole numbers",
    ),
    "deep.tiff": (
        lambda path: Image.fromarray(np.full((20, 20), 70_000, "int32")).save(path),
        "not from 0 to 65535",
    ),
    "folder.png": (lambda path: path.mkdir(), "is a folder, and no picture"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_whole_is_refused_in_one_line(name, tmp_path):
    make, message = REFUSED[name]
    make(tmp_path / name)
    with pytest.raises(ValueError, match=message) as error:
        data.read_picture(tmp_path / name)
    assert str(tmp_path / name) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_picture_is_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.png\. Expected one of .*\.jpg"):
        data.read_picture(tmp_path / "none.png")


def test_a_picture_of_too_many_pixels_is_refused(tmp_path, monkeypatch):
    saved(tmp_path / "huge.png")
    for most in (1000, 500):  # Pillow warns above its limit, and raises above twice it
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", most)
        with pytest.raises(ValueError, match=r"million pixels. Make it smaller"):
            data.read_picture(tmp_path / "huge.png")


def test_a_band_that_would_be_too_thin_at_the_size_is_refused(tmp_path):
    saved(tmp_path / "band.png", image=Image.new("RGB", (400, 20)))
    assert data.read_picture(tmp_path / "band.png").shape == (20, 400, 3)
    with pytest.raises(ValueError, match="100 x 5 pixels at a longer side"):
        data.read_picture(tmp_path / "band.png", longest=100)


# Unusual files


def read_with_notes(path):
    notes = []
    return data.read_picture(path, note=notes.append), notes


@pytest.mark.parametrize("suffix", sorted(images.SUFFIXES - {".jpg", ".jpeg", ".webp"}))
def test_a_plain_picture_is_what_every_reader_finds(suffix, tmp_path):
    saved(tmp_path / f"a{suffix}")
    read, notes = read_with_notes(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(read, picture())
    np.testing.assert_array_equal(read, images.read(tmp_path / f"a{suffix}"))
    assert not notes and read.flags.writeable


def test_a_jpeg_is_what_opencv_makes_of_it(tmp_path):
    saved(tmp_path / "a.jpg", quality=90)
    read, notes = read_with_notes(tmp_path / "a.jpg")
    expected = images.read(tmp_path / "a.jpg").astype(int)
    assert np.abs(read - expected).max() <= 2 and not notes


def test_grey_indexed_and_black_and_white_become_rgb(tmp_path):
    grey = np.repeat(picture()[..., :1], 3, axis=-1)
    for mode, expected in (("L", grey), ("1", np.where(grey > 127, 255, 0))):
        image = Image.fromarray(grey[..., 0])
        image = image if mode == "L" else image.point(lambda value: 255 * (value > 127))
        saved(tmp_path / f"{mode}.png", mode, image)
        read, notes = read_with_notes(tmp_path / f"{mode}.png")
        np.testing.assert_array_equal(read, expected)
        assert not notes
    few = Image.fromarray(picture()).quantize(8)
    few.save(tmp_path / "few.png")
    np.testing.assert_array_equal(
        data.read_picture(tmp_path / "few.png"), np.array(few.convert("RGB"))
    )


def test_what_is_transparent_becomes_white(tmp_path):
    alpha = np.zeros((HEIGHT, WIDTH), "uint8")
    alpha[:, 10:] = 128
    alpha[:, 20:] = 255
    image = np.dstack([picture(), alpha])
    images_of = {"rgba.png": image, "la.png": image[..., [0, 3]]}
    for name, array in images_of.items():
        mode = "RGBA" if name == "rgba.png" else "LA"
        Image.fromarray(array, mode=None).save(tmp_path / name)
        read, notes = read_with_notes(tmp_path / name)
        share = alpha[..., None] / 255
        color = array[..., :-1] * np.ones(3)
        expected = share * color + (1 - share) * 255
        assert np.abs(read - expected).max() <= 1, mode
        assert (read[:, :10] == 255).all()
        assert notes == [f"{tmp_path / name}: what is transparent becomes white"]
    few = Image.fromarray(picture()).quantize(8)
    few.save(tmp_path / "few.png", transparency=int(np.array(few)[0, 0]))
    read, notes = read_with_notes(tmp_path / "few.png")
    clear = np.array(few) == np.array(few)[0, 0]
    assert (read[clear] == 255).all() and len(notes) == 1


def test_an_alpha_channel_without_anything_transparent_is_not_worth_a_note(tmp_path):
    saved(tmp_path / "full.png", "RGBA")
    read, notes = read_with_notes(tmp_path / "full.png")
    np.testing.assert_array_equal(read, picture())
    assert not notes


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_16_bits_are_brought_to_8(suffix, tmp_path):
    deep = np.linspace(0, 65535, HEIGHT * WIDTH).astype("uint16")
    deep = deep.reshape(HEIGHT, WIDTH)
    cv2.imwrite(str(tmp_path / f"grey{suffix}"), deep)
    read, notes = read_with_notes(tmp_path / f"grey{suffix}")
    np.testing.assert_array_equal(read, np.rint(deep / 257)[..., None] * np.ones(3))
    assert notes == [f"{tmp_path / f'grey{suffix}'}: 16 bits are brought to 8"]
    color = np.dstack([deep, deep[::-1], deep[:, ::-1]])
    cv2.imwrite(str(tmp_path / f"color{suffix}"), color[..., ::-1])
    read = data.read_picture(tmp_path / f"color{suffix}")
    assert np.abs(read - color / 257).max() <= 1


def test_cmyk_becomes_rgb(tmp_path):
    rng = np.random.default_rng(1)
    inks = rng.integers(0, 256, (HEIGHT, WIDTH, 4), dtype="uint8")
    Image.fromarray(inks, mode="CMYK").save(tmp_path / "inks.tiff")
    read, notes = read_with_notes(tmp_path / "inks.tiff")
    expected = (255.0 - inks[..., :3]) * (255.0 - inks[..., 3:]) / 255
    assert np.abs(read - expected).max() <= 1.01
    assert notes == [f"{tmp_path / 'inks.tiff'}: CMYK becomes RGB"]
    saved(tmp_path / "inks.jpg", "CMYK", quality=98)
    read = data.read_picture(tmp_path / "inks.jpg").astype(int)
    assert np.abs(read - picture()).mean() < 6


def test_a_camera_held_upright_gives_an_upright_picture(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the right side is up
    saved(tmp_path / "turned.png", exif=exif)
    read = data.read_picture(tmp_path / "turned.png")
    np.testing.assert_array_equal(read, np.rot90(picture(), -1))


def test_of_an_animation_the_first_frame_is_taken(tmp_path):
    frames = [Image.new("RGB", (20, 20), color) for color in ("red", "lime", "blue")]
    frames[0].save(tmp_path / "three.png", save_all=True, append_images=frames[1:])
    read, notes = read_with_notes(tmp_path / "three.png")
    assert (read == (255, 0, 0)).all()
    assert "the first of 3 frames is taken" in notes[0]


# Sizes


@pytest.mark.parametrize(
    ("shape", "longest", "expected"),
    [((30, 40), 20, (15, 20)), ((40, 30), 80, (80, 60)), ((2, 99), 10, (1, 10))],
)
def test_the_longer_side_is_what_was_asked_for(shape, longest, expected):
    for kind in ("uint8", "float32"):
        image = np.full((*shape, 3), 7, kind)
        resized = data.resize_to(image, longest)
        assert resized.shape == (*expected, 3) and resized.dtype == kind
        np.testing.assert_allclose(resized, 7, atol=1e-5)


def test_a_picture_of_the_size_is_left_alone_and_others_are_averaged():
    assert np.shares_memory(data.resize_to(image := picture(), WIDTH), image)
    halved = data.resize_to(picture().astype("float32"), WIDTH // 2)
    blocks = picture().reshape(15, 2, 20, 2, 3).mean((1, 3))
    np.testing.assert_allclose(halved, blocks, atol=1e-3)
    with pytest.raises(ValueError, match="`longest` must be 1 or more"):
        data.resize_to(picture(), 0)


def test_reading_brings_large_pictures_down_and_no_small_one_up(tmp_path):
    saved(tmp_path / "a.png")
    assert data.read_picture(tmp_path / "a.png", longest=24).shape == (18, 24, 3)
    assert data.read_picture(tmp_path / "a.png", longest=400).shape == (30, 40, 3)


# Folders


@pytest.fixture
def folder(tmp_path):
    for name in ("b.png", "a.jpg", "deep/c.png"):
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        saved(path)
    (tmp_path / "pictures/notes.txt").write_text("mine")
    return tmp_path / "pictures"


def test_a_folder_is_a_sequence_of_its_pictures_by_name(folder):
    contents = data.load_contents(folder, longest=24)
    assert [path.name for path in contents.paths] == ["a.jpg", "b.png", "c.png"]
    assert len(contents) == 3
    assert {image.shape for image in contents} == {(18, 24, 3)}
    np.testing.assert_array_equal(contents[-1], contents[2])
    assert len(contents[1:]) == 2
    with pytest.raises(IndexError):
        contents[3]


@pytest.mark.parametrize("place", ["style_transfer/images", "style_transfer/contents"])
def test_a_folder_of_data_sets_and_a_single_picture_are_understood(
    place, folder, tmp_path
):
    target = tmp_path / place
    target.parent.mkdir(parents=True)
    folder.rename(target)
    saved(target.parent / "other.png")
    for given in (tmp_path, target.parent, target):
        assert len(data.load_contents(given)) == 3
    assert len(data.load_contents(target / "b.png")) == 1


def test_broken_pictures_are_named_and_fatal_or_left_out(folder):
    cut(folder / "b.png")
    with pytest.raises(ValueError, match=r"b\.png is no picture that can be read"):
        data.load_contents(folder)
    told = []
    contents = data.load_contents(folder, on_error="skip", skipped=told.append)
    assert [path.name for path in contents.paths] == ["a.jpg", "c.png"]
    assert len(told) == 1 and "b.png" in told[0]
    with pytest.raises(ValueError, match='must be "fail" or "skip"'):
        data.load_contents(folder, on_error="ignore")


def test_folders_without_pictures_say_what_was_expected(tmp_path):
    with pytest.raises(FileNotFoundError, match="No such file or folder"):
        data.load_contents(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match=r"no pictures. Expected a folder"):
        data.load_contents(tmp_path)
    (tmp_path / "a.png").touch()
    with pytest.raises(FileNotFoundError, match=r"No picture in .* can be read"):
        data.load_contents(tmp_path, on_error="skip")


def test_pictures_are_kept_in_memory_up_to_a_limit(folder, monkeypatch):
    paths = images.find(folder)
    reads = []
    read = data.read_picture

    def counted(path, **options):
        reads.append(path.name)
        return read(path, **options)

    monkeypatch.setattr(data, "read_picture", counted)
    contents = data.Pictures(paths, held=2 * HEIGHT * WIDTH * 3)
    for _ in range(2):
        for image in contents:
            np.testing.assert_allclose(image, picture(), atol=80)
    assert reads == ["a.jpg", "b.png", "c.png", "c.png"]
    with pytest.raises(ValueError, match="read-only"):
        contents[0][0] = 0
