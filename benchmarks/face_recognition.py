"""How fast triplets are chosen, faces embedded and people found among 100,000."""

import contextlib
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from dlai_keras import command_line
from dlai_keras.face_recognition.gallery import open_gallery

HELP = """Measures the batch-hard loss, embeddings per second, and identification.

The loss beside a loop over the anchors, embeddings in batches beside pictures one by
one, and a database of 100,000 people beside a loop as the course has it and beside
scikit-learn. The sides get the same numbers, find the same, and take turns."""

BATCH, NUM_PER_PERSON, SIZE = 1024, 8, 128  # of the loss
MARGIN = 0.2
NUM_IMAGES = 64
NUM_KNOWN = 100_000  # people in the database
SMALL: dict = {}  # what differs from the defaults of the networks
ADDONS = """
import sys
import numpy as np
import tensorflow as tf
from tensorflow_addons.losses import triplet_hard_loss

labels = tf.constant(np.load(sys.argv[1] + "/labels.npy"))
embeddings = tf.constant(np.load(sys.argv[1] + "/embeddings.npy"))
compiled = tf.function(triplet_hard_loss)
for line in sys.stdin:  # one answer to each
    print(float(compiled(labels, embeddings, float(line))), flush=True)
"""


def benchmark(
    *,
    repeats: int = 9,
    addons: Path | None = None,
    output: Path = Path("runs/face_recognition_benchmark"),
) -> dict:
    """Prints what is measured, ratios first, and leaves it in `--output`.

    batch-hard: the loss of 1,024 embeddings of 128 numbers, 8 pictures a person.

    embeddings: 64 pictures of 112 x 96 pixels through the small network and through
    MobileFaceNet, in batches of 32; and one by one, as the course does it.

    identify: one person among 100,000. The loop takes the distance to one person after
    another, as the course's `who_is_it`; scikit-learn compares with all at once.

    Args:
        repeats: of each measurement; medians are shown. The loops take a third.
        addons: Python of an environment with TensorFlow Addons (`make parity` builds
            .venv-parity), to compare with its loss too.
        output: folder for metrics.json.

    Example:
        python benchmarks/face_recognition.py --repeats 5
    """
    if repeats < 1:
        raise ValueError(f"`repeats` must be 1 or more. Received: {repeats}.")
    begun = time.perf_counter()
    keras = command_line.load_keras()
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "The loss is compiled by TensorFlow here. Received: KERAS_BACKEND="
            f"{keras.backend.backend()}. Run it without KERAS_BACKEND."
        )
    command_line.set_seed(0)
    few = max(1, repeats // 3)
    comparisons = {}  # ours, the other, how many at a time, how often
    loss, loop = _losses()
    comparisons["batch-hard, loop over anchors"] = loss, loop, 1, few
    for name, sides in _embeddings().items():
        comparisons[f"embeddings, {name}, one by one"] = (*sides, NUM_IMAGES, few)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        if addons is not None:
            theirs = stack.enter_context(_loss_of_addons(addons, Path(folder)))
            comparisons["batch-hard, TensorFlow Addons"] = loss, theirs, 1, repeats
        gallery, ours, others = _identification(Path(folder))
        with gallery:
            for name, other in others.items():
                times = few if name == "loop" else repeats
                comparisons[f"identify, {name}"] = (ours, other, 1, times)
            rows, figures = _measure(comparisons)
    command_line.show_table("ratio: the other's time over ours", rows)
    figures["repeats"] = repeats
    command_line.save_metrics(
        output, figures, seed=0, seconds=time.perf_counter() - begun
    )
    return figures


def _measure(comparisons):
    rows, figures = [], {}
    for name, (ours, other, amount, times) in comparisons.items():
        command_line.note(f"{name} ...")
        ours(), other()  # compile
        pairs = [(_seconds(ours), _seconds(other)) for _ in range(times)]
        ratios = [theirs / mine for mine, theirs in pairs]
        mine, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
        rows.append(
            {
                "ratio": statistics.median(ratios),
                "": name,
                "lowest to highest": f"{min(ratios):.3g} to {max(ratios):.3g}",
                "ours, ms": 1000 * mine / amount,
                "other, ms": 1000 * theirs / amount,
                "ours, per second": amount / mine,
            }
        )
        key = "_".join(name.lower().replace(",", "").replace("-", " ").split())
        figures |= {
            f"{key}_ratio": rows[-1]["ratio"],
            f"{key}_seconds": mine / amount,
            f"{key}_per_second": amount / mine,
        }
    return rows, figures


def _seconds(function):
    begun = time.perf_counter()
    function()
    return time.perf_counter() - begun


def _unit_vectors(rng, num):
    vectors = rng.normal(size=(num, SIZE)).astype("float32")
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _batch():
    return (
        np.arange(BATCH) // NUM_PER_PERSON,
        _unit_vectors(np.random.default_rng(0), BATCH),
    )


@contextlib.contextmanager
def _loss_of_addons(python, folder):
    """The loss of TensorFlow Addons, in a process of its own environment."""
    labels, embeddings = _batch()
    np.save(folder / "labels.npy", labels)
    np.save(folder / "embeddings.npy", embeddings)
    command = [str(python), "-c", ADDONS, str(folder)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    try:
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, **pipes)
    except OSError as error:
        raise ValueError(
            "`addons` must be the Python of an environment with TensorFlow Addons; "
            f"`make parity` builds .venv-parity/bin/python. Received: {python} "
            f"({error.strerror})."
        ) from error

    def loss():
        try:
            print(MARGIN, file=process.stdin, flush=True)
            return float(process.stdout.readline())
        except (OSError, ValueError) as error:
            raise ValueError(
                "TensorFlow Addons did not answer. Expected `addons` to be the Python "
                "of an environment that has it; `make parity` builds "
                f".venv-parity/bin/python. Received: {python}."
            ) from error

    with process:
        yield loss
        process.stdin.close()


def _losses():
    """The batch-hard loss of a batch, and the same by a loop."""
    import tensorflow as tf

    from dlai_keras.face_recognition.losses import triplet_hard_loss

    labels, embeddings = _batch()
    tensors = tf.constant(labels), tf.constant(embeddings)

    @tf.function(autograph=False)
    def compiled(y_true, y_pred):
        return tf.reduce_mean(triplet_hard_loss(y_true, y_pred, MARGIN))

    def ours():
        return float(compiled(*tensors))

    def loop():
        total = 0.0
        for anchor, (label, embedding) in enumerate(
            zip(labels, embeddings, strict=True)
        ):
            distances = np.linalg.norm(embeddings - embedding, axis=1)
            same = labels == label
            negative = distances[~same].min()
            same[anchor] = False
            total += max(distances[same].max() - negative + MARGIN, 0.0)
        return total / len(labels)

    return ours, loop


def _embeddings():
    """Pictures in batches, and one by one, through two networks."""
    from dlai_keras.face_recognition.model import face_embedder, mobile_facenet
    from dlai_keras.face_recognition.recognizer import FaceRecognizer

    networks = {
        "small network": face_embedder(**SMALL),
        "MobileFaceNet": mobile_facenet(**SMALL),
    }
    sides = {}
    for name, network in networks.items():
        recognizer = FaceRecognizer(network, 1.0, network.input_shape[1:3])
        images = np.random.default_rng(0).integers(
            256, size=(NUM_IMAGES, *recognizer.size, 3), dtype="uint8"
        )

        def batched(recognizer=recognizer, images=images):
            return recognizer.embed(images)

        def one_by_one(network=network, images=images):
            return np.concatenate(
                [network.predict_on_batch(image[None]) for image in images]
            )

        sides[name] = batched, one_by_one
    return sides


def _identification(folder):
    """A gallery of many people, who is asked of it, and the same by others."""
    rng = np.random.default_rng(0)
    known = _unit_vectors(rng, NUM_KNOWN)
    names = [f"person {number}" for number in range(NUM_KNOWN)]
    asked = known[NUM_KNOWN // 2] + rng.normal(0, 0.02, SIZE).astype("float32")
    asked /= np.linalg.norm(asked)
    command_line.note(f"enrolling {NUM_KNOWN:,} people ...")
    gallery = open_gallery(folder / "people.sqlite", "benchmark", 1.0, SIZE)
    gallery.enroll_people(dict(zip(names, known, strict=True)))
    database = dict(zip(names, known, strict=True))

    def ours():
        return gallery.identify(asked).name

    def loop():
        nearest, identity = np.inf, None
        for name, embedding in database.items():
            distance = np.linalg.norm(asked - embedding)
            if distance < nearest:
                nearest, identity = distance, name
        return identity

    others = {"loop": loop}
    try:
        from sklearn.neighbors import NearestNeighbors
    except ImportError:
        command_line.note("scikit-learn is not installed: not compared")
        return gallery, ours, others
    neighbours = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(known)

    def scikit_learn():
        return names[neighbours.kneighbors(asked[None], return_distance=False)[0, 0]]

    return gallery, ours, others | {"scikit-learn": scikit_learn}


def main():
    """Runs the script."""
    command_line.run(HELP, default="benchmark", benchmark=benchmark)


if __name__ == "__main__":
    main()
