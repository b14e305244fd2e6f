"""Draws pictures to stylise and styles, fetches the weights of networks."""

import contextlib
import http.client
import os
import socket
import sys
import urllib.error
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dlai_keras import command_line, images
from dlai_keras.style_transfer import data

HELP = """Draws pictures to stylise and styles, or fetches the weights of networks.

`make` draws landscapes, towns and one picture of each style:

    runs/style_transfer_data/contents/000000.png ... 000199.png
    runs/style_transfer_data/styles/strokes.png, mosaic.png, waves.png ...

`fetch` downloads the weights that some extractors need."""

PREVIEW_COLUMNS, PREVIEW_ROWS, PREVIEW_SIZE = 6, 3, 160
TIMEOUT = 60  # seconds without a byte


@dataclass(frozen=True)
class Download:
    """A file on the web.

    Attributes:
        name: what it is called in the cache.
        url: the folder where it is.
        checksum: its MD5, as its publisher names it, or its SHA-256.
        note: what it is for, in one line.
    """

    name: str
    url: str
    checksum: str
    note: str


WEIGHTS = {
    # Name, place and checksum are those of keras.applications, so that it finds the
    # file in its own cache and fetches nothing.
    "vgg19": Download(
        "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "https://storage.googleapis.com/tensorflow/keras-applications/vgg19",
        "253f8cb515780f3b799900260a226db6",
        "the extractor vgg19 finds it there",
    ),
    "vgg19-full": Download(
        "vgg19_weights_tf_dim_ordering_tf_kernels.h5",
        "https://storage.googleapis.com/tensorflow/keras-applications/vgg19",
        "cbe5617147190e668d6c5d5026f83318",
        "give it to the extractor vgg19 as --weights",
    ),
    # The course's file, of MatConvNet.
    "vgg19-mat": Download(
        "imagenet-vgg-verydeep-19.mat",
        "https://www.vlfeat.org/matconvnet/models",
        "106118b7cf60435e6d8e04f6a6dc3657",
        "give it to the extractor vgg19 as --weights",
    ),
    # SqueezeNet 1.1, the authors' weights in the form of Keras.
    "squeezenet": Download(
        "squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "https://github.com/rcmalli/keras-squeezenet/releases/download/v1.0",
        "17154246284f555591549ac2c83e127abfbf4307dc4b0060fdaa2931d0fa38da",
        "give it to the extractor squeezenet as --weights",
    ),
}


def make(
    *,
    num_contents: int = 200,
    size: int = 256,
    seed: int = 0,
    styles: list[str] | None = None,
    output: Path = Path("runs/style_transfer_data"),
) -> dict:
    """Draws pictures to stylise, and a picture of each style.

    Content i depends on the seed, the size and on i alone: a larger set begins with the
    pictures of a smaller one, and a run that was interrupted, started again, ends with
    the same bytes. preview.png shows the styles and the first contents.

    Args:
        num_contents: how many landscapes and towns, 1 or more.
        size: width and height, pixels, 32 or more.
        seed: same seed, same pictures.
        styles: which to draw; may be given several times. All by default.
        output: folder to make, or one that an earlier run made.

    Example:
        python data_scripts/style_transfer.py --num-contents 1000 --output pictures
    """
    if num_contents < 1:
        raise ValueError(
            f"`num_contents` must be 1 or more. Received: num_contents={num_contents}."
        )
    names = [f"contents/{index:06d}.png" for index in range(num_contents)]
    works = [f"styles/{name}.png" for name in styles or data.STYLES]
    _check_output(output, {"preview.png", *names, *works})
    painted = data.make_styles(seed, size, styles or None)
    for name, image in painted.items():
        images.write(output / f"styles/{name}.png", image)
    preview = [_small(image) for image in painted.values()]
    # Styles are above; the rest of their row stays white, and contents are below.
    blank = np.full_like(preview[0], 255)
    preview += [blank] * (-len(preview) % PREVIEW_COLUMNS)
    room = len(preview) + PREVIEW_COLUMNS * PREVIEW_ROWS
    for index in command_line.progress(range(num_contents), "drawing contents"):
        image = data.make_contents(seed, 1, size, first=index)[0]
        images.write(output / names[index], image)
        if len(preview) < room:
            preview.append(_small(image))
    images.write(output / "preview.png", images.grid(preview, PREVIEW_COLUMNS))
    return {
        "num_contents": num_contents,
        "num_styles": len(painted),
        "size": size,
        "output": output,
    }


def fetch(
    weights: str = "vgg19",
    *,
    mirror: str = "",
    cache: Path | None = None,
) -> dict:
    """Fetches the weights of a network, once.

    vgg19: the convolutions of VGG-19 (80 MB), where keras.applications looks for them.
    vgg19-full: with its dense layers (575 MB). vgg19-mat: the course's
    imagenet-vgg-verydeep-19.mat (535 MB). squeezenet: SqueezeNet 1.1 (3 MB).

    What is in the cache is not fetched again. A file whose checksum is not the known
    one is refused.

    Args:
        weights: vgg19, vgg19-full, vgg19-mat or squeezenet.
        mirror: address or folder with a file of the same name, where theirs is gone.
        cache: folder for what is downloaded; by default models/ in the cache of Keras.

    Example:
        python data_scripts/style_transfer.py fetch vgg19
    """
    if weights not in WEIGHTS:
        raise ValueError(
            f"`weights` must be one of {', '.join(WEIGHTS)}. Received: {weights}."
        )
    wanted = WEIGHTS[weights]
    path = _fetch_file(wanted, mirror, cache)
    command_line.note(wanted.note)
    return {"weights": weights, "megabytes": path.stat().st_size / 1e6, "file": path}


def _fetch_file(wanted, mirror, cache):
    """Returns where a file lies in the cache, which has it now."""
    command_line.load_keras()
    from keras.utils import get_file

    folder = mirror.rstrip("/") or wanted.url
    if "://" not in folder:
        folder = Path(folder).resolve().as_uri()
    source = f"{folder}/{wanted.name}"
    if cache is None:
        home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
        cache = Path(home) / "models"
    cache.mkdir(parents=True, exist_ok=True)
    timeout = socket.getdefaulttimeout()
    try:
        socket.setdefaulttimeout(TIMEOUT)
        # What it says belongs beside our own notes, not among results.
        with contextlib.redirect_stdout(sys.stderr):
            path = get_file(
                *(wanted.name, source),
                file_hash=wanted.checksum,
                cache_dir=str(cache.resolve()),
                cache_subdir="",
            )
    except Exception as error:
        if isinstance(error, ValueError) and "hash" in str(error):
            # Others would take what lies there for the file.
            (cache / wanted.name).unlink(missing_ok=True)
            raise ValueError(
                f"{source} is not the file that was expected: its checksum is not "
                f"{wanted.checksum}. Try again, or give another --mirror."
            ) from None
        if not _is_of_network(error):
            raise
        if isinstance(error.__context__, urllib.error.HTTPError):
            error.__context__.close()  # it is the server's answer
        raise ConnectionError(
            f"{source} cannot be fetched: {error}. Try again, or give a --mirror: an "
            f"address or a folder with {wanted.name}."
        ) from None
    finally:
        socket.setdefaulttimeout(timeout)
    return Path(path)


def _is_of_network(error):
    """Whether a server or the way to it failed, and not a disk or a program."""
    if isinstance(error, OSError):
        return error.errno is None or isinstance(error, ConnectionError | TimeoutError)
    # A bare Exception is what `get_file` makes of an answer such as 404.
    known = http.client.HTTPException, ValueError
    return isinstance(error, known) or type(error) is Exception


def _small(image):
    return images.resize(image, PREVIEW_SIZE)


def _check_output(output, ours):
    """Refuses a folder with files that this run would not overwrite."""
    if output.exists() and not output.is_dir():
        raise FileExistsError(
            f"`output` must be a folder. Received a file: {output}. Choose another "
            "--output."
        )
    for path in sorted(output.rglob("*")) if output.exists() else []:
        name = path.relative_to(output).as_posix()
        is_partial = name.removesuffix(".partial") != name  # of a run that was killed
        if not (path.is_dir() or name in ours or is_partial):
            raise FileExistsError(
                f"{output} already holds other files, such as {name}. Choose another "
                "--output, or remove it."
            )


def main():
    """Runs the script."""
    command_line.run(HELP, default="make", make=make, fetch=fetch)


if __name__ == "__main__":
    main()
