"""Picture files: read strictly, brought to a size, listed; and what is drawn without.

All are uint8 RGB `(height, width, 3)`.
"""

import io
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

from dlai_keras import images as image_file
from dlai_keras.style_transfer.paintings import STYLES, make_style, make_styles
from dlai_keras.style_transfer.scenes import SCENES, make_content, make_contents

__all__ = [
    "SCENES",
    "STYLES",
    "Pictures",
    "load_contents",
    "make_content",
    "make_contents",
    "make_style",
    "make_styles",
    "read_picture",
    "resize_to",
]

LEAST = 16  # pixels each way: networks halve a picture four times
HELD = 1 << 29  # bytes of pictures that a folder's list keeps in memory
LAYOUT = "a folder of pictures, or one that has them as contents/ or images/"


def read_picture(
    path: str | Path,
    *,
    longest: int | None = None,
    note: Callable[[str], None] | None = None,
) -> np.ndarray:
    """A picture as 8-bit RGB, upright, whole or refused.

    What is transparent becomes white, 16 bits become 8, CMYK, grey and indexed colours
    become RGB, and of an animation there is the first frame.

    Args:
        path: file of any of the formats in `images.SUFFIXES`.
        longest: its longer side is brought down to this many pixels; smaller ones stay.
        note: told in one line what was done to an unusual picture.

    Returns:
        uint8 `(height, width, 3)`, each side `LEAST` or more.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is a folder, no picture, cut off, damaged or too narrow.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "wide.png"
        ...     image_file.write(path, np.zeros((60, 80, 3), "uint8"))
        ...     read_picture(path, longest=40).shape
        (30, 40, 3)
    """
    path = Path(path)
    expected = f"Expected one of {', '.join(sorted(image_file.SUFFIXES))}"
    if path.is_dir():
        raise ValueError(f"{path} is a folder, and no picture. {expected}.")
    if not path.is_file():
        raise FileNotFoundError(f"No such picture: {path}. {expected}.")
    content = path.read_bytes()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of metadata that nobody needs
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content)) as opened:
                opened.verify()  # checksums; the file must be opened again after it
            with Image.open(io.BytesIO(content)) as opened:
                opened.load()
                image, notes = _to_rgb(opened)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise ValueError(
            f"{path} is larger than {Image.MAX_IMAGE_PIXELS / 1e6:.0f} million pixels. "
            "Make it smaller first."
        ) from None
    # Pillow's readers raise whatever a damaged file leads them to.
    except Exception as error:
        reason = "" if isinstance(error, Image.UnidentifiedImageError) else f": {error}"
        raise ValueError(
            f"{path} is no picture that can be read{reason}. {expected}; it may "
            "be cut off or damaged: fetch or save it again."
        ) from None
    _check_sides(path, image)
    if longest is not None and max(image.shape[:2]) > longest:
        image = resize_to(image, longest)
        _check_sides(path, image, f" at a longer side of {longest}")
    for what in notes if note else ():
        note(f"{path}: {what}")
    return image


def _to_rgb(opened):
    """Returns uint8 RGB of a Pillow image, and what was done to it."""
    notes = []
    if getattr(opened, "n_frames", 1) > 1:
        notes.append(f"the first of {opened.n_frames} frames is taken")
    picture = ImageOps.exif_transpose(opened)
    if picture.mode == "F":
        raise ValueError("its values are no whole numbers")
    if picture.mode.startswith("I"):  # grey, 16 bits, or 32 that hold 16
        values = np.asarray(picture).astype("int64")
        if values.min() < 0 or values.max() > 65535:
            raise ValueError("its values are not from 0 to 65535")
        notes.append("16 bits are brought to 8")
        grey = np.rint(values / 257).astype("uint8")
        return np.repeat(grey[..., None], 3, axis=-1), notes
    if picture.mode == "CMYK":
        notes.append("CMYK becomes RGB")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        if picture.getextrema()[3][0] < 255:
            notes.append("what is transparent becomes white")
        paper = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(paper, picture)
    return np.array(picture.convert("RGB")), notes


def _check_sides(path, image, how=""):
    height, width = image.shape[:2]
    if min(height, width) < LEAST:
        raise ValueError(
            f"{path} is {width} x {height} pixels{how}, width x height. Each must be "
            f"{LEAST} or more; take another picture or a larger size."
        )


def resize_to(image: np.ndarray, longest: int) -> np.ndarray:
    """A picture with a longer side of `longest` pixels, up or down, its aspect kept.

    Args:
        image: uint8 or float32 `(height, width, channels)`.
        longest: pixels, 1 or more.

    Returns:
        The same kind of array; the shorter side has 1 pixel or more.

    Raises:
        ValueError: `longest` is below 1.

    Example:
        >>> resize_to(np.zeros((300, 400, 3), "uint8"), 200).shape
        (150, 200, 3)
    """
    if longest < 1:
        raise ValueError(f"`longest` must be 1 or more. Received: longest={longest}.")
    height, width = image.shape[:2]
    scale = longest / max(height, width)
    if scale == 1:
        return image
    return resize(image, (max(1, round(height * scale)), max(1, round(width * scale))))


def resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture of another height and width, as it is best made smaller or larger.

    Args:
        image: uint8 or float32 `(height, width)` or `(height, width, channels)`.
        size: height and width, pixels.

    Returns:
        The same kind of array; cubic values may pass what the picture had.

    Example:
        >>> resize(np.zeros((300, 400, 3), "uint8"), (30, 50)).shape
        (30, 50, 3)
    """
    if image.shape[:2] == tuple(size):
        return image
    # Areas are averaged on the way down; on the way up that would be blocks.
    way = cv2.INTER_AREA if size[0] < image.shape[0] else cv2.INTER_CUBIC
    return cv2.resize(np.ascontiguousarray(image), size[::-1], interpolation=way)


class Pictures(Sequence):
    """Picture files as a list of arrays, which stays within some memory.

    Args:
        paths: the files.
        longest: see `read_picture`.
        held: bytes of pictures to keep; what is beyond them is read each time.

    Example:
        >>> len(Pictures([]))
        0
    """

    def __init__(
        self, paths: Iterable[Path], *, longest: int | None = None, held: int = HELD
    ):
        self.paths, self.longest = tuple(map(Path, paths)), longest
        self._room, self._held = held, {}

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        path = self.paths[index]
        image = self._held.get(path)
        if image is None:
            image = read_picture(path, longest=self.longest)
            if image.nbytes <= self._room:
                self._room -= image.nbytes
                image.setflags(write=False)  # the next caller gets the same array
                self._held[path] = image
        return image


def load_contents(
    path: str | Path,
    *,
    longest: int | None = 512,
    on_error: str = "fail",
    skipped: Callable[[str], None] | None = None,
    progress: Callable[[Iterable], Iterable] | None = None,
) -> Pictures:
    """The pictures of a folder, each of which was read once and found whole.

    Args:
        path: a folder with pictures in it or in folders below it; one that has
            these as `contents/` or `images/`; one that has one of these as
            `style_transfer/`; or a single picture.
        longest: see `read_picture`.
        on_error: `"skip"` leaves broken pictures out.
        skipped: told why, for each.
        progress: wraps the list of files, to show a bar.

    Returns:
        A sequence of uint8 `(height, width, 3)`, sorted by name.

    Raises:
        FileNotFoundError: there is no picture.
        ValueError: a picture is broken.
    """
    if on_error not in {"fail", "skip"}:
        raise ValueError(f'`on_error` must be "fail" or "skip". Received: {on_error}.')
    found = _find(path)
    whole = []
    pictures = Pictures(found, longest=longest)
    for index, file in enumerate(progress(found) if progress else found):
        try:
            _ = pictures[index]
        except ValueError as error:
            if on_error == "fail":
                raise
            if skipped:
                skipped(str(error))
            continue
        whole.append(file)
    if not whole:
        raise FileNotFoundError(f"No picture in {path} can be read. Expected {LAYOUT}.")
    pictures.paths = tuple(whole)
    return pictures


def _find(path):
    path = Path(path)
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise FileNotFoundError(f"No such file or folder: {path}. Expected {LAYOUT}.")
    if (path / "style_transfer").is_dir():
        path = path / "style_transfer"
    for name in ("contents", "images"):
        if (path / name).is_dir():
            path = path / name
            break
    found = image_file.find(path)
    if not found:
        raise FileNotFoundError(f"{path} holds no pictures. Expected {LAYOUT}.")
    return found
