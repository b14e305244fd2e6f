"""Videos are read and written frame by frame."""

import itertools

import cv2
import numpy as np
import pytest

from dlai_keras import images
from dlai_keras import video as module
from dlai_keras.video import Preview, Video, write_video

COLORS = np.array(
    [[200, 30, 30], [30, 200, 30], [30, 30, 200], [120, 120, 120], [220, 220, 30]]
)


def frames(num, height=48, width=64):
    """Each of one colour, in turn."""
    colors = COLORS[np.arange(num) % len(COLORS)].astype("uint8")
    return [np.full((height, width, 3), color, "uint8") for color in colors]


def save(path, made, fps=10):
    with write_video(path, fps=fps, size=made[0].shape[:2]) as write:
        for frame in made:
            write(frame)


@pytest.mark.parametrize("fps", [7, 25, 29.97, 30000 / 1001])
def test_what_is_written_comes_back(tmp_path, fps):
    path = tmp_path / "new folder" / "out.mp4"
    save(path, frames(12), fps)
    with Video(path) as video:
        read = list(video)
    assert (video.size, video.num_frames, video.is_camera) == ((48, 64), 12, False)
    assert video.fps == pytest.approx(fps, rel=1e-4)
    assert len(read) == 12 and read[0].dtype == np.uint8
    for frame, expected in zip(read, frames(12), strict=True):
        np.testing.assert_allclose(frame.mean(axis=(0, 1)), expected[0, 0], atol=8)
    assert [file.name for file in path.parent.iterdir()] == ["out.mp4"]


def test_a_second_loop_goes_on_where_the_first_ended(tmp_path):
    save(tmp_path / "out.mp4", frames(6))
    with Video(tmp_path / "out.mp4") as video:
        first = list(itertools.islice(video, 2))
        rest = list(video)
        assert list(video) == []
    assert (len(first), len(rest)) == (2, 4)
    for frame, expected in zip(first + rest, frames(6), strict=True):
        np.testing.assert_allclose(frame.mean(axis=(0, 1)), expected[0, 0], atol=8)


def test_odd_sides_lose_a_row_and_a_column(tmp_path):
    save(tmp_path / "out.mp4", frames(3, 49, 65))
    with Video(tmp_path / "out.mp4") as video:
        assert [frame.shape for frame in video] == [(48, 64, 3)] * 3


@pytest.fixture(scope="module")
def cut_off(tmp_path_factory):
    """A file whose head says 40 frames and that holds about half of them."""
    path = tmp_path_factory.mktemp("videos") / "cut.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
    rng = np.random.default_rng(0)
    for _ in range(40):
        writer.write(rng.integers(0, 256, (48, 64, 3)).astype("uint8"))
    writer.release()
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


def test_a_file_that_ends_early_says_so_after_its_last_frame(cut_off):
    seen = 0
    with Video(cut_off) as video, pytest.raises(ValueError) as caught:
        for _ in video:
            seen += 1
    assert 10 < seen < 30
    message = f"cut.avi ends after {seen} of 40 frames: it is cut off or damaged."
    assert str(caught.value).endswith(message)
    assert "\n" not in str(caught.value)


def test_what_there_is_can_be_used_and_the_rest_be_told(cut_off):
    told = []
    with Video(cut_off, on_early_end=told.append) as video:
        seen = sum(1 for _ in video)
        assert list(video) == []
    assert len(told) == 1 and f"after {seen} of 40" in told[0]


@pytest.mark.parametrize("content", [b"", b"no video at all", bytes(5000)])
def test_what_is_no_video_is_named(tmp_path, content, capfd):
    path = tmp_path / "strange.mp4"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"strange\.mp4 is no video that can be read"):
        Video(path)
    assert capfd.readouterr().err == ""


def test_half_of_an_mp4_is_no_video(tmp_path, capfd):
    path = tmp_path / "half.mp4"
    save(path, frames(20))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"half\.mp4 is no video.*cut off"):
        Video(path)
    assert capfd.readouterr().err == ""


def test_missing_files_and_cameras_are_named(tmp_path, capfd):
    with pytest.raises(FileNotFoundError, match=r"No such video file.*none\.mp4"):
        Video(tmp_path / "none.mp4")
    for camera in (97, "97"):
        with pytest.raises(ValueError, match="camera 97 gives no picture"):
            Video(camera)
    assert capfd.readouterr().err == ""


def test_a_file_with_a_number_for_a_name_is_a_file(tmp_path, monkeypatch):
    save(tmp_path / "out.mp4", frames(3))
    (tmp_path / "out.mp4").rename(tmp_path / "7")
    monkeypatch.chdir(tmp_path)
    with Video("7") as video:
        assert not video.is_camera and len(list(video)) == 3


def test_a_camera_has_no_end_and_a_rate_of_its_own_or_ours(monkeypatch, tmp_path):
    """A file plays the camera."""
    save(tmp_path / "out.mp4", frames(3))

    class Camera:
        def __init__(self, source):
            assert source == 2
            self.capture = cv2_capture(str(tmp_path / "out.mp4"))

        def get(self, key):
            return 0.0 if key == cv2.CAP_PROP_FPS else -1.0

        def read(self):
            return self.capture.read()

        def release(self):
            self.capture.release()

    cv2_capture = cv2.VideoCapture
    monkeypatch.setattr(module.cv2, "VideoCapture", Camera)
    with Video("2") as video:
        assert (video.name, video.is_camera) == ("camera 2", True)
        assert (video.fps, video.num_frames) == (25.0, None)
        assert len(list(video)) == 3


def test_without_windows_a_preview_is_a_file_that_comes_once_a_second(
    tmp_path, monkeypatch
):
    def refuse(_):
        raise cv2.error("no windows")

    clock = iter([0.0, 0.0, 0.9, 1.2, 1.2])
    monkeypatch.setattr(module.cv2, "namedWindow", refuse)
    monkeypatch.setattr(module.time, "perf_counter", lambda: next(clock))
    path = tmp_path / "camera.png"
    seen = []
    with Preview("title", path) as preview:
        assert not preview.has_window
        for level in (10, 20, 30):
            assert preview.show(np.full((8, 8, 3), level, "uint8"))
            seen.append(int(images.read(path)[0, 0, 0]))
    assert seen == [10, 10, 30]


def test_a_window_ends_with_q_and_is_closed(tmp_path, monkeypatch):
    shown, closed, keys = [], [], iter([-1, ord("q")])
    for name, stand_in in {
        "namedWindow": lambda _: None,
        "imshow": lambda _, image: shown.append(image),
        "waitKey": lambda _: next(keys),
        "destroyWindow": closed.append,
    }.items():
        monkeypatch.setattr(module.cv2, name, stand_in)
    image = np.zeros((4, 4, 3), "uint8")
    image[..., 0] = 200
    with Preview("title", tmp_path / "camera.png") as preview:
        assert preview.show(image) and not preview.show(image)
    assert shown[0][0, 0].tolist() == [0, 0, 200]  # OpenCV's order
    assert closed == ["title"] and not list(tmp_path.iterdir())


def test_text_is_written_on_a_copy():
    image = np.zeros((120, 160, 3), "uint8")
    drawn = module.with_text(image, "open", (0, 200, 0))
    assert not image.any() and drawn[..., 1].any() and not drawn[..., 0].any()
    assert not drawn[30:].any()


def test_an_error_leaves_the_older_video(tmp_path):
    path = tmp_path / "out.mp4"
    path.write_bytes(b"older")
    with pytest.raises(KeyError), write_video(path, fps=10, size=(48, 64)) as write:
        write(frames(1)[0])
        raise KeyError
    assert path.read_bytes() == b"older"
    assert [file.name for file in tmp_path.iterdir()] == ["out.mp4"]


def test_control_c_keeps_the_frames_so_far(tmp_path):
    path = tmp_path / "out.mp4"
    with (
        pytest.raises(KeyboardInterrupt),
        write_video(path, fps=10, size=(48, 64)) as write,
    ):
        for frame in frames(4):
            write(frame)
        raise KeyboardInterrupt
    with Video(path) as video:
        assert len(list(video)) == 4
    path.unlink()
    with pytest.raises(KeyboardInterrupt), write_video(path, fps=10, size=(48, 64)):
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_frames_that_did_not_arrive_are_noticed(tmp_path, monkeypatch):
    """As on a full disk, of which OpenCV does not speak."""

    class Forgetful:
        def __init__(self, *arguments):
            self.writer = real(*arguments)
            self.isOpened, self.release = self.writer.isOpened, self.writer.release
            self.count = 0

        def write(self, frame):
            self.count += 1
            if self.count % 2:
                self.writer.write(frame)

    real = cv2.VideoWriter
    monkeypatch.setattr(module.cv2, "VideoWriter", Forgetful)
    with pytest.raises(OSError, match=r"out\.mp4 could not be written: 3 of 6 frames"):
        save(tmp_path / "out.mp4", frames(6))
    assert not list(tmp_path.iterdir())


def test_wrong_arguments_are_named(tmp_path):
    def write(name="out.mp4", fps=10, size=(48, 64), made=()):
        with write_video(tmp_path / name, fps=fps, size=size) as add:
            for frame in made:
                add(frame)

    with pytest.raises(ValueError, match=r"must end in \.mp4"):
        write("out.avi")
    for wrong in ({"fps": 0}, {"fps": np.nan}, {"size": (1, 64)}):
        with pytest.raises(ValueError, match="`fps` must be above 0 and `size`"):
            write(**wrong)
    with pytest.raises(ValueError, match="would have no frames"):
        write()
    for made in (frames(1, 50, 64), [frames(1)[0] / 255]):
        with pytest.raises(ValueError, match=r"A frame must be uint8 \(48, 64, 3\)"):
            write(made=made)
    assert not list(tmp_path.iterdir())
