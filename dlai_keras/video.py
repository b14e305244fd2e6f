"""Video files and cameras, frame by frame, through OpenCV.

OpenCV reads and writes pictures only: the sound of a video is lost, see `NO_SOUND`.
"""

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from dlai_keras import files, images

SUFFIXES = frozenset(
    {".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ogv", ".webm", ".wmv"}
)
NO_SOUND = "audio is lost: OpenCV writes pictures only"
FPS = 25.0  # where a camera or a file does not say
CODEC = "mp4v"  # what every build of OpenCV can write
# A file's number of frames is an estimate from its length where it does not say.
TOLERANCE, SHARE = 2, 0.02
# FFmpeg reads how much it may say when anything opens the first video.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")


class Video:
    """The frames of a file or a camera, one after another; use as a context manager.

    Each frame comes once: a second loop goes on where the first one ended.

    Args:
        source: a file, or the number of a camera, from 0 on, also as text.
        on_early_end: told that a file has fewer frames than it says, once all that are
            there have come; without it that is a ValueError.

    Attributes:
        name: of the file or camera, for messages.
        is_camera: it has no end.
        size: (height, width) of the frames, upright.
        fps: frames a second; 25 where the source does not say.
        num_frames: of a file, as far as it is known; None else.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no video, or the camera gives no picture.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "grey.mp4"
        ...     with write_video(path, fps=10, size=(48, 64)) as write:
        ...         for level in (50, 100, 150):
        ...             write(np.full((48, 64, 3), level, "uint8"))
        ...     with Video(path) as video:
        ...         frames = list(video)
        >>> video.size, video.fps, len(frames), frames[0].shape
        ((48, 64), 10.0, 3, (48, 64, 3))
    """

    def __init__(
        self,
        source: str | Path | int,
        *,
        on_early_end: Callable[[str], None] | None = None,
    ):
        self.is_camera = str(source).isdigit() and not Path(str(source)).is_file()
        self.name = f"camera {source}" if self.is_camera else str(source)
        self.on_early_end = on_early_end
        if not self.is_camera and not Path(source).is_file():
            raise FileNotFoundError(
                f"No such video file: {source}. Expected one, or the number of a "
                "camera, from 0 on."
            )
        with _quiet():
            self._capture = cv2.VideoCapture(
                int(source) if self.is_camera else str(source)
            )
            # What the frames are like is known for sure from the first one.
            self._next = self._read()
        if self._next is None:
            self.close()
            raise ValueError(
                f"{self.name} gives no picture. Is it plugged in, and free?"
                if self.is_camera
                else f"{self.name} is no video that can be read. Expected one of "
                f"{', '.join(sorted(SUFFIXES))}; it may be cut off, or be written "
                "with a codec that OpenCV lacks."
            )
        self.size: tuple[int, int] = self._next.shape[:2]
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = fps if math.isfinite(fps) and fps > 0 else FPS
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        is_known = math.isfinite(count) and count >= 1 and not self.is_camera
        self.num_frames = int(count) if is_known else None
        self._num_read = 0

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yields uint8 RGB `(height, width, 3)`.

        Raises:
            ValueError: a file ends early and `on_early_end` is not given.
        """
        while (frame := self._take()) is not None:
            self._num_read += 1
            yield frame
        missing = (self.num_frames or 0) - self._num_read
        if missing > TOLERANCE + SHARE * (self.num_frames or 0):
            message = (
                f"{self.name} ends after {self._num_read} of {self.num_frames} frames: "
                "it is cut off or damaged."
            )
            if self.on_early_end is None:
                raise ValueError(message)
            self.num_frames = self._num_read  # told once
            self.on_early_end(message)

    def _take(self):
        frame, self._next = self._next, None
        return self._read() if frame is None else frame

    def _read(self):
        is_there, frame = self._capture.read()
        return cv2.cvtColor(frame, cv2.COLOR_BGR2RGB) if is_there else None

    def close(self) -> None:
        """Frees the file or the camera."""
        self._capture.release()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Preview:
    """Shows a camera's frames: in a window, or in a file where OpenCV has no windows.

    Use as a context manager, which closes the window.

    Args:
        title: of the window.
        path: picture file, written once a second where there is no window.

    Attributes:
        has_window: False with the headless OpenCV, or without a screen.
    """

    def __init__(self, title: str, path: str | Path):
        self.title, self.path = title, path
        self._written = -math.inf
        try:
            with _quiet():
                cv2.namedWindow(title)
        except cv2.error:
            self.has_window = False
        else:
            self.has_window = True

    def show(self, image: np.ndarray) -> bool:
        """Shows a frame, uint8 RGB `(height, width, 3)`; False once q is pressed."""
        if self.has_window:
            cv2.imshow(self.title, image[..., ::-1])
            return cv2.waitKey(1) & 0xFF != ord("q")
        if time.perf_counter() - self._written >= 1:
            images.write(self.path, image)
            self._written = time.perf_counter()
        return True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.has_window:
            cv2.destroyWindow(self.title)


def with_text(
    image: np.ndarray, text: str, color: tuple[int, int, int] = (255, 0, 0)
) -> np.ndarray:
    """A copy of a frame, uint8 RGB, with a line of text in its upper left corner."""
    height = image.shape[0]
    return cv2.putText(
        *(image.copy(), text, (height // 40, height // 12), cv2.FONT_HERSHEY_SIMPLEX),
        *(height / 400, color, max(1, height // 240), cv2.LINE_AA),
    )


@contextmanager
def write_video(
    path: str | Path, *, fps: float, size: tuple[int, int]
) -> Iterator[Callable[[np.ndarray], None]]:
    """A function that adds frames to a video; the file is there once all are written.

    MPEG-4 without sound. Where a side is odd the last row or column is left out, as the
    codec wants it. Ctrl-C keeps the frames so far; whatever else ends the block early,
    a video that stood there before still does.

    Args:
        path: ends in .mp4; its folder is made.
        fps: frames a second.
        size: (height, width) of the frames.

    Yields:
        A function of a frame, uint8 RGB `(height, width, 3)`.

    Raises:
        ValueError: the name, `fps`, `size` or a frame is not as said here, or no frame
            was written.
        OSError: it cannot be written, as where the disk is full.
    """
    path, (height, width) = Path(path), size
    if path.suffix.lower() != ".mp4":
        raise ValueError(f"A video's name must end in .mp4. Received: {path}.")
    if not (math.isfinite(fps) and fps > 0 and min(height, width) > 1):
        raise ValueError(
            "`fps` must be above 0 and `size` at least (2, 2). Received: "
            f"fps={fps}, size={size}."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    num_written, interrupted = 0, None
    # OpenCV chooses the container by the suffix.
    with files.whole_file(path, suffix=".partial.mp4") as partial:
        codec = cv2.VideoWriter_fourcc(*CODEC)
        with _quiet():
            writer = cv2.VideoWriter(str(partial), codec, fps, (width, height))
        if not writer.isOpened():
            raise OSError(f"The video {path} cannot be written: no room, or no rights.")

        def write(frame: np.ndarray) -> None:
            nonlocal num_written
            # OpenCV would leave it out and say nothing.
            if frame.shape != (height, width, 3) or frame.dtype != np.uint8:
                raise ValueError(
                    f"A frame must be uint8 ({height}, {width}, 3). Received: "
                    f"{frame.dtype} {frame.shape}."
                )
            writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
            num_written += 1

        try:
            yield write
        except KeyboardInterrupt as error:
            if not num_written:
                raise
            interrupted = error
        finally:
            writer.release()
        if not num_written:
            raise ValueError(f"The video {path} would have no frames.")
        # Nor does it say that the disk was full.
        with _quiet():
            capture = cv2.VideoCapture(str(partial))
            found = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
            capture.release()
        if found != num_written:
            raise OSError(
                f"The video {path} could not be written: {found} of {num_written} "
                "frames arrived. Is the disk full?"
            )
    if interrupted is not None:
        raise interrupted


@contextmanager
def _quiet():
    """Keeps OpenCV's own messages off the screen."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
