"""Draws pictures to stylise and styles, fetches the weights of networks."""

import os
from pathlib import Path

import numpy as np

from dlai_keras import command_line, downloads, files, images
from dlai_keras.downloads import Download
from dlai_keras.style_transfer import data

HELP = """Draws pictures to stylise and styles, or fetches the weights of networks.

`make` draws landscapes, towns and one picture of each style:

    runs/style_transfer_data/contents/000000.png ... 000199.png
    runs/style_transfer_data/styles/strokes.png, mosaic.png, waves.png ...

`fetch` downloads the weights that some extractors need."""

PREVIEW_COLUMNS, PREVIEW_ROWS, PREVIEW_SIZE = 6, 3, 160


WEIGHTS = {
    # Name, place and checksum are those of keras.applications, so that it finds the
    # file in its own cache and fetches nothing.
    "vgg19": Download(
        "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "https://storage.googleapis.com/tensorflow/keras-applications/vgg19/"
        "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "253f8cb515780f3b799900260a226db6",
        "the extractor vgg19 finds it there",
    ),
    "vgg19-full": Download(
        "vgg19_weights_tf_dim_ordering_tf_kernels.h5",
        "https://storage.googleapis.com/tensorflow/keras-applications/vgg19/"
        "vgg19_weights_tf_dim_ordering_tf_kernels.h5",
        "cbe5617147190e668d6c5d5026f83318",
        "give it to the extractor vgg19 as --weights",
    ),
    # The course's file, of MatConvNet.
    "vgg19-mat": Download(
        "imagenet-vgg-verydeep-19.mat",
        "https://www.vlfeat.org/matconvnet/models/imagenet-vgg-verydeep-19.mat",
        "106118b7cf60435e6d8e04f6a6dc3657",
        "give it to the extractor vgg19 as --weights",
    ),
    # SqueezeNet 1.1, the authors' weights in the form of Keras.
    "squeezenet": Download(
        "squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "https://github.com/rcmalli/keras-squeezenet/releases/download/v1.0/"
        "squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5",
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
    files.refuse_others(output, {"preview.png", *names, *works})
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
    if cache is None:
        home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
        cache = Path(home) / "models"
    path = downloads.fetch(wanted, cache, mirror=mirror)
    command_line.note(wanted.note)
    return {"weights": weights, "megabytes": path.stat().st_size / 1e6, "file": path}


def _small(image):
    return images.resize(image, PREVIEW_SIZE)


def main():
    """Runs the script."""
    command_line.run(HELP, default="make", make=make, fetch=fetch)


if __name__ == "__main__":
    main()
