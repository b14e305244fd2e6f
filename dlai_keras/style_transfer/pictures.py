"""Colours kept or matched, regions, and what a person wants to see of a transfer."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from dlai_keras import charts, files

LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as YIQ and YCbCr have it
SHEET_HEIGHT = 3.4  # inches of each picture on a sheet

# Colours


def keep_colors(stylised: np.ndarray, content: np.ndarray) -> np.ndarray:
    """The brightness of one picture with the colours of another.

    Luminance comes from `stylised`, chroma from `content`. Where both together are no
    colour of a screen, the chroma fades until they are, so the strokes stay as they
    are.

    Args:
        stylised: uint8 `(height, width, 3)`.
        content: the same shape.

    Returns:
        uint8 `(height, width, 3)`.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> grey, red = np.full((1, 1, 3), 100, "uint8"), np.uint8([[[130, 20, 20]]])
        >>> keep_colors(grey, red)
        array([[[177,  67,  67]]], dtype=uint8)

    Reference:
        - Gatys et al. 2017, "Controlling Perceptual Factors in Neural Style Transfer",
          section 5.2, luminance-only transfer.
    """
    stylised, content = np.asarray(stylised), np.asarray(content)
    if stylised.shape != content.shape:
        raise ValueError(
            "`stylised` and `content` must have one shape. Received: "
            f"{stylised.shape} and {content.shape}."
        )
    luma = stylised @ LUMA
    chroma = content - (content @ LUMA)[..., None]
    # Chroma holds both signs or none, so each pixel has one largest share that fits.
    room = np.where(chroma > 0, 255 - luma[..., None], luma[..., None])
    share = room / np.maximum(np.abs(chroma), 1e-9)
    share = np.minimum(share.min(axis=-1, keepdims=True), 1)
    return _to_uint8(luma[..., None] + share * chroma)


def match_colors(style: np.ndarray, content: np.ndarray) -> np.ndarray:
    """A style picture in the colours of a content picture, before a transfer.

    Colours x of the style become A x + b, so that their mean and covariance are those
    of the content: A = Σ_c^½ Σ_s^-½, b = μ_c - A μ_s.

    Args:
        style: uint8 `(height, width, 3)`.
        content: uint8, of any size.

    Returns:
        uint8, of the style's shape, cut to 0..255.

    Example:
        >>> style = np.uint8([[[10, 10, 10], [30, 30, 30]]])
        >>> match_colors(style, style + np.uint8(50))
        array([[[60, 60, 60],
                [80, 80, 80]]], dtype=uint8)

    Reference:
        - Gatys et al. 2017, "Controlling Perceptual Factors in Neural Style Transfer",
          section 5.1 and the supplement, equation 10, "Image Analogies".
    """
    style, content = np.asarray(style, "float64"), np.asarray(content, "float64")
    s_mean, _, s_inverse = _moments(style.reshape(-1, 3))
    c_mean, c_root, _ = _moments(content.reshape(-1, 3))
    return _to_uint8((style - s_mean) @ (c_root @ s_inverse).T + c_mean)


def _moments(colors):
    """Returns mean, root of the covariance, and the root's pseudo-inverse."""
    mean = colors.mean(axis=0)
    spread, axes = np.linalg.eigh(np.cov(colors.T, bias=True))
    # A grey picture has one axis only; along the others there is nothing to stretch.
    is_there = spread > 1e-6 * max(spread.max(), 1e-6)
    root = np.sqrt(np.maximum(spread, 0))
    inverse = np.where(is_there, 1 / np.where(is_there, root, 1), 0)
    return mean, (axes * root) @ axes.T, (axes * inverse) @ axes.T


def _to_uint8(image):
    return np.clip(np.rint(image), 0, 255).astype("uint8")


# Regions


def region_maps(
    mask: np.ndarray | Sequence[np.ndarray],
    num: int,
    *,
    size: tuple[int, int] | None = None,
    name: str = "the mask",
) -> np.ndarray:
    """How much each pixel belongs to each region, from a painted mask or from arrays.

    A grey mask goes from black, the first region, to white, the last; a grey between
    two regions' levels belongs to both, so soft edges stay soft. In a coloured mask
    the `num` colours that cover most are the regions, from dark to bright, and every
    other pixel goes to the nearest of them.

    Args:
        mask: a picture, uint8 or bool `(height, width)` or `(height, width, 3)`, or
            `num` arrays `(height, width)`, each 0 or more.
        num: regions, 2 or more.
        size: (height, width) to bring the maps to.
        name: of the mask, for messages.

    Returns:
        float32 `(height, width, num)`, 0 or more. From a picture they sum to 1.

    Raises:
        ValueError: the mask is not as said here, or a region is nowhere.

    Example:
        >>> region_maps(np.uint8([[0, 255]]), 2).tolist()
        [[[1.0, 0.0], [0.0, 1.0]]]

    Reference:
        - Gatys et al. 2017, section 4, spatial control.
    """
    if num < 2:
        raise ValueError(f"`num` must be 2 or more regions. Received: num={num}.")
    if isinstance(mask, np.ndarray) and mask.dtype in (np.uint8, np.bool_):
        mask = mask.astype("uint8") * 255 if mask.dtype == np.bool_ else mask
        if mask.ndim == 3 and mask.shape[-1] == 3:
            is_grey = int(np.ptp(mask.astype("int16"), axis=-1).max()) <= 12
            maps = _tents(mask[..., 1], num) if is_grey else _nearest(mask, num, name)
        elif mask.ndim == 2:
            maps = _tents(mask, num)
        else:
            raise ValueError(
                f"{name} must be a picture (height, width) or (height, width, 3). "
                f"Received: {mask.shape}."
            )
    else:
        maps = _stacked(mask, num, name)
    if size is not None and maps.shape[:2] != tuple(size):
        smaller = size[0] * size[1] < maps.shape[0] * maps.shape[1]
        way = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        maps = np.stack(
            [
                cv2.resize(np.ascontiguousarray(one), size[::-1], interpolation=way)
                for one in np.moveaxis(maps, -1, 0)
            ],
            axis=-1,
        )
    for region in range(num):
        if not maps[..., region].max() > 0:
            raise ValueError(
                f"Region {region + 1} of {num} is nowhere in {name}. Paint "
                f"{num} regions, the first black and the last white."
            )
    return maps


def _tents(grey, num):
    level = grey.astype("float32") / 255 * (num - 1)
    maps = [np.clip(1 - np.abs(level - region), 0, 1) for region in range(num)]
    return np.stack(maps, axis=-1)


def _nearest(mask, num, name):
    """Regions by colour; JPEG and soft edges make many that are near to a few."""
    codes = (mask // 32).astype("int32") @ (64, 8, 1)
    _, inverse, counts = np.unique(codes, return_inverse=True, return_counts=True)
    pixels, inverse = mask.reshape(-1, 3).astype("float32"), inverse.ravel()
    means = [np.bincount(inverse, pixels[:, c]) / counts for c in range(3)]
    means = np.stack(means, axis=-1)
    chosen = []
    for index in np.argsort(-counts, kind="stable"):
        # A neighbour of a colour that was chosen is the same paint.
        far = [np.abs(means[index] - means[other]).max() for other in chosen]
        if min(far, default=np.inf) > 40:
            chosen.append(index)
        if len(chosen) == num:
            break
    if len(chosen) < num:
        raise ValueError(
            f"{name} has {len(chosen)} of {num} colours that differ clearly. Paint one "
            "for each region."
        )
    palette = means[sorted(chosen, key=lambda index: means[index] @ LUMA)]
    far = ((means[:, None] - palette) ** 2).sum(axis=-1)
    maps = np.eye(num, dtype="float32")[far.argmin(axis=1)][inverse]
    return maps.reshape(*mask.shape[:2], num)


def _stacked(arrays, num, name):
    shapes = {np.shape(one) for one in arrays}
    if len(arrays) != num or len(shapes) != 1 or len(next(iter(shapes))) != 2:
        raise ValueError(
            f"{name} must be a picture, or {num} arrays (height, width), one for each "
            f"region. Received: {len(arrays)} of shapes {sorted(shapes)}."
        )
    maps = np.stack([np.asarray(one) for one in arrays], axis=-1)
    maps = maps.astype("float32") / (255 if maps.dtype == np.uint8 else 1)
    if not (np.isfinite(maps).all() and maps.min() >= 0):
        raise ValueError(f"{name} must hold numbers from 0 on, and no NaN.")
    return maps


# To look at


def draw_sheet(
    path: str | Path,
    content: np.ndarray,
    styles: np.ndarray | Sequence[np.ndarray],
    result: np.ndarray | Sequence[np.ndarray],
    captions: Sequence[str] | None = None,
    *,
    title: str = "",
) -> None:
    """Content, styles and what became of them, side by side at one height.

    Args:
        path: PNG to write.
        content: uint8 `(height, width, 3)`.
        styles: one or several such pictures, of any sizes.
        result: one or several.
        captions: a line below each picture: content, styles, results; "content",
            "style", "result" by default.
        title: stands above.

    Raises:
        ValueError: there are not as many captions as pictures.
    """
    from matplotlib.figure import Figure

    styles, results = _listed(styles), _listed(result)
    pictures = [content, *styles, *results]
    if captions is None:
        captions = ["content", *["style"] * len(styles), *["result"] * len(results)]
    if len(captions) != len(pictures):
        raise ValueError(
            f"`captions` must be {len(pictures)}, one for each picture. Received: "
            f"{len(captions)}."
        )
    widths = [image.shape[1] / image.shape[0] for image in pictures]
    # Not smaller than the pixels of the result, so that strokes can be seen.
    high = max(SHEET_HEIGHT, results[0].shape[0] / 110)
    size = high * sum(widths) + 0.12 * len(widths), high + (0.6 if title else 0.35)
    figure = Figure(figsize=size, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0.01)
    axes = figure.subplots(1, len(pictures), squeeze=False, width_ratios=widths)[0]
    for axis, image, caption in zip(axes, pictures, captions, strict=True):
        axis.imshow(image)
        axis.set_xticks([])
        axis.set_yticks([])
        axis.spines[:].set_visible(False)
        axis.set_xlabel(caption, fontsize=9, color=charts.INK, labelpad=4)
    figure.suptitle(title, fontsize=10)
    charts.save_figure(figure, path)


def _listed(pictures):
    return [pictures] if getattr(pictures, "ndim", 0) == 3 else list(pictures)


def draw_losses(
    path: str | Path,
    curves: Mapping[str, Sequence[float]],
    *,
    at: Mapping[str, Sequence[float]] | None = None,
    label: str = "step",
    title: str = "",
) -> None:
    """Losses over the steps or the seconds of a run, or of several runs.

    Args:
        path: PNG to write.
        curves: name -> a loss after each step, above 0 to be seen.
        at: name -> where each of these belongs, such as seconds; 1, 2, 3... without.
        label: what stands below the axis.
        title: stands above.

    Raises:
        ValueError: `at` and `curves` do not belong together.
    """
    figure, (axis,) = charts.new_figure(1, 3.4)
    colors = [*charts.COLORS, "#edae49", "#66a182"]
    for number, (name, losses) in enumerate(curves.items()):
        places = range(1, len(losses) + 1) if at is None else at.get(name, ())
        if len(places) != len(losses):
            raise ValueError(
                f"`at` must say where each value of `curves` belongs. Received for "
                f"{name}: {len(places)} for {len(losses)} values."
            )
        color = colors[number % len(colors)]
        marker = "o" if len(losses) == 1 else ""
        axis.plot(places, losses, color=color, label=name, lw=1.6, marker=marker)
    axis.set_yscale("log")
    axis.set_xlabel(label)
    axis.set_ylabel("loss")
    axis.set_title(title, fontsize=10)
    axis.grid(alpha=0.3, which="both")
    if curves:
        axis.legend(frameon=False)
    charts.save_figure(figure, path)


def write_gif(
    path: str | Path,
    frames: Iterable[np.ndarray],
    *,
    fps: float = 8.0,
    hold: float = 1.5,
) -> None:
    """An animation that repeats without end; the file is whole or not there.

    Args:
        path: ends in .gif; its folder is made.
        frames: uint8 RGB `(height, width, 3)`, all of one size, one by one.
        fps: frames a second, up to 50.
        hold: seconds that the last one stays.

    Raises:
        ValueError: the name, a number or a frame is not as said here, or there is none.
    """
    path = Path(path)
    if path.suffix.lower() != ".gif":
        raise ValueError(f"An animation's name must end in .gif. Received: {path}.")
    if not (0 < fps <= 50 and math.isfinite(hold) and hold >= 0):
        raise ValueError(
            "`fps` must be above 0 and at most 50, `hold` 0 or more. Received: "
            f"fps={fps}, hold={hold}."
        )
    pictures = []
    for frame in frames:
        frame = np.asarray(frame)
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[-1] != 3:
            raise ValueError(
                "A frame must be uint8 (height, width, 3). Received: "
                f"{frame.dtype} {frame.shape}."
            )
        picture = Image.fromarray(frame)
        if pictures and picture.size != pictures[0].size:
            raise ValueError(
                f"All frames must have one size. Received: {pictures[0].size[::-1]} "
                f"and {picture.size[::-1]}."
            )
        pictures.append(picture.quantize(256, dither=Image.Dither.NONE))
    if not pictures:
        raise ValueError(f"The animation {path} would have no frames.")
    # Hundredths of a second are what the format knows.
    durations = [10 * max(2, round(100 / fps))] * len(pictures)
    durations[-1] += 10 * round(100 * hold)
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.whole_file(path) as partial:
        pictures[0].save(
            partial,
            format="GIF",
            save_all=True,
            append_images=pictures[1:],
            duration=durations,
            loop=0,
        )
