"""Face recognition: triplets that teach a network to tell people it never saw."""

import hashlib
import shutil
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from dlai_keras import charts, command_line, video
from dlai_keras import images as image_file
from dlai_keras.face_recognition import data as people_data
from dlai_keras.face_recognition import faces as rendered
from dlai_keras.face_recognition import gallery, metrics, pictures

HELP = """Face recognition: are these two the same person, and who is it?

`train` learns from folders of people (without --data: from rendered faces) and is
tested on people it has not seen; `predict A B` compares two pictures; `enroll`,
`identify` and `remove` keep a database of people, and `door` opens for them. Nothing
here can tell a face from a photograph of it."""

# Name of a loss, and its margin where none is given.
LOSSES = {
    "semi-hard": 0.2,
    "batch-hard": 0.2,
    "batch-hard-soft": 0.0,
    "arcface": 0.3,
    "contrastive": 1.0,
    "siamese": 0.0,
}
ARCFACE_SCALE = 16.0  # 64 is for thousands of people
NETWORK: dict = {}  # what differs from the defaults of `face_embedder`
TEMPLATE = "arcface"  # of the faces that it is trained on
CHANGES = {"rotation": 8.0, "zoom": 0.08, "shift": 0.05, "contrast": 0.2}
# Of Muon; the directions of people are no such matrix.
OPTIMIZER = {
    "num_iterations": 3,
    "exclude": ["arc_face"],
    "weight_decay": 1e-3,
}
WARMUP = 0.1  # share of the steps in which the learning rate rises
JIT_COMPILE = False
NUM_PEOPLE, NUM_PICTURES = 120, 10  # to render
NUM_TEST = 40  # rendered people to evaluate on
TEST_SEED = 1_000_000  # they are those of other seeds
TEST_SHARE = 0.25
VALIDATION_SHARE, FEW = 0.15, 12  # of as many training people or more
NUM_WATCHED = 150  # pictures whose distances are drawn over the epochs
MOST_PICTURES = 3000  # of which all pairs are compared
NUM_DIFFERENT = 2_000_000  # pairs of different people of more pictures than that
NUM_SAMPLES = 1000  # of the bootstrap
ASPECT = 96 / 112  # width over height of what a network sees
PIXELS = (28, 24)  # that are compared without any network
WINDOW = "the door: q ends it"
OPEN, SHUT = (0, 140, 60), (200, 30, 30)
SMALLEST = 32  # height of what a network sees, pixels
AGREEING = 3  # frames in which the door must see the same person
DATABASE = Path("faces.sqlite")


def train(
    *,
    data: Path | None = None,
    dataset: str | None = None,
    loss: str = "semi-hard",
    margin: float | None = None,
    epochs: int = 40,
    steps: int = 25,
    people_per_batch: int = 16,
    pictures_per_batch: int = 4,
    learning_rate: float = 2e-2,
    size: int = 112,
    embedding_size: int = 128,
    augment: bool = True,
    mirror: bool = True,
    test_share: float = TEST_SHARE,
    validation: float | None = None,
    folds: int = 0,
    mtcnn: Path | None = None,
    num_people: int = NUM_PEOPLE,
    num_pictures: int = NUM_PICTURES,
    workers: int = 2,
    seed: int = 0,
    on_error: str = "fail",
    half: bool = False,
    output: Path = Path("runs/face_recognition"),
) -> dict:
    """Trains a network, and tests it on people it has not seen.

    People are split, never their pictures. The figures are those of all pairs of
    pictures of the people who were kept back, beside the correlation of the pixels of
    the same pairs. A run that was interrupted goes on from its last epoch when the same
    command is given again.

    Args:
        data: folder with a folder of pictures for each person; rendered faces without
            it.
        dataset: which set, where --data holds several.
        loss: semi-hard (triplets, chosen as FaceNet does), batch-hard, batch-hard-soft
            (without a margin), arcface (tells the training people apart), contrastive
            (pairs), siamese (pairs and a binary output).
        margin: of the loss; 0.2 for triplets, of squared distances, 0.3 for arcface,
            radians, 1 for contrastive by default.
        epochs: how many.
        steps: batches in an epoch, about.
        people_per_batch: different people in a batch, at most.
        pictures_per_batch: pictures of each of them.
        learning_rate: the highest; it warms up, and falls along a cosine.
        size: height of what the network sees, pixels; the width is 6/7 of it.
        embedding_size: numbers that stand for a face.
        augment: mirror, turn, shift, scale and light pictures at random.
        mirror: embed every picture together with its mirror image.
        test_share: of the people, kept back for the test.
        validation: share of the training people who are left out to choose the
            threshold with; 0.15 of twelve or more by default. With 0 it comes from the
            pictures that were trained on, and refuses too much.
        folds: 2 or more for cross-validation, in which everybody is kept back once and
            the threshold is that of the people kept back; the network that is saved
            learns from all of them.
        mtcnn: folder of MTCNN's weights, to find and align the faces; without it the
            pictures are crops of faces already.
        num_people: to render where there is no --data.
        num_pictures: of each of them.
        workers: processes that render.
        seed: of the rendered people, the splits, the weights and the order.
        on_error: "skip" leaves broken pictures out, and those without a face.
        half: keep the weights in half precision: half the file, all but the same.
        output: folder for the model, its figures and pictures.

    Example:
        python assignments/face_recognition.py train --data my_people --folds 4
    """
    begun = time.perf_counter()
    _check_choice("loss", loss, LOSSES)
    recipe = _Recipe(
        loss=loss,
        margin=LOSSES[loss] if margin is None else margin,
        epochs=epochs,
        steps=steps,
        people_per_batch=people_per_batch,
        pictures_per_batch=pictures_per_batch,
        learning_rate=learning_rate,
        size=(size, round(size * ASPECT)),
        embedding_size=embedding_size,
        augment=augment,
        mirror=mirror,
        aligned=mtcnn is not None,
        seed=seed,
    )
    _check_shares(test_share, validation, folds)
    _check_choice("on_error", on_error, ("fail", "skip"))
    _check_positive(num_people=num_people, num_pictures=num_pictures, workers=workers)
    if data is None:
        people = _render(seed, num_people, num_pictures, recipe.size, workers)
    else:
        people = _load(data, dataset, on_error)
    keras = command_line.load_keras()
    finder = None if mtcnn is None else _load_finder(mtcnn)
    crops = _read_crops(people, recipe.size, finder, on_error)
    job = partial(_train_network, keras, recipe, output)
    if folds:
        trained = _cross_validate(job, people, crops, folds, seed)
    else:
        trained = _train_and_test(job, people, crops, test_share, validation, seed)
    notes = {
        "network": "face_embedder",
        "loss": loss,
        "seed": seed,
        "aligned": recipe.aligned,
        "data": None if data is None else _fingerprint(people),
        "test_share": None if folds else test_share,
        "threshold_from": trained.threshold_from,
    }
    recognizer = replace(trained.recognizer, notes=notes)
    recognizer.save(output, half=half)
    figures = _measure(trained.trial, output, seed, recognizer.threshold)
    if history := trained.history:  # empty where only the figures were left to do
        # A loss of 0, when all triplets are far apart, has no logarithm.
        losses = np.maximum(history["loss"], 1e-6)
        charts.draw_history(output / "training.png", {"loss": losses})
        if history["positive"]:
            pictures.draw_distances(
                output / "distances.png",
                history["positive"],
                history["negative"],
                threshold=recognizer.threshold,
                title=trained.watched,
            )
    figures |= trained.figures | {
        "threshold_from": trained.threshold_from,
        "parameters": recognizer.model.count_params(),
        "epochs": epochs,
        "training_seconds": trained.seconds,
    }
    shutil.rmtree(output / "backup", ignore_errors=True)
    command_line.save_metrics(
        output, figures, seed=seed, seconds=time.perf_counter() - begun
    )
    command_line.note(f"the recognizer, its figures and pictures are in {output}")
    return figures


def evaluate(
    *,
    model: Path | None = None,
    mobile_facenet: Path | None = None,
    openface: Path | None = None,
    data: Path | None = None,
    dataset: str | None = None,
    pairs: Path | None = None,
    mtcnn: Path | None = None,
    no_align: bool = False,
    all_people: bool = False,
    num_people: int = NUM_TEST,
    num_pictures: int = NUM_PICTURES,
    workers: int = 2,
    seed: int | None = None,
    on_error: str = "fail",
    output: Path = Path("runs/face_recognition/evaluation"),
) -> dict:
    """Measures a network on pairs of pictures.

    With --pairs by LFW's protocol: the accuracy is the mean of ten folds, each decided
    by the threshold of the other nine, and pairs whose pictures are missing are
    counted. Without it all pairs of a folder are decided by the network's own
    threshold. Either way, the nearest picture of each should show the same person.
    Intervals are those of a bootstrap over people.

    Args:
        model: model.keras of a training, or its folder; the package's own without it.
        mobile_facenet: the public MobileFaceNet instead: its weights as npz file.
        openface: OpenFace's nn4.small2 instead: the folder of its weights.
        data: folder with a folder of pictures for each person; rendered faces without
            it.
        dataset: which set, where --data holds several.
        pairs: file such as LFW's pairs.txt.
        mtcnn: folder of MTCNN's weights, to find and align the faces.
        no_align: the pictures are aligned crops already.
        all_people: also those that the model was trained on.
        num_people: to render where there is no --data.
        num_pictures: of each of them.
        workers: processes that render.
        seed: of the rendered people; that of the training without it.
        on_error: "skip" leaves broken pictures out, and those without a face.
        output: folder for figures and pictures.

    Example:
        python assignments/face_recognition.py evaluate --data lfw --pairs pairs.txt
    """
    begun = time.perf_counter()
    _check_choice("on_error", on_error, ("fail", "skip"))
    _check_positive(num_people=num_people, num_pictures=num_pictures, workers=workers)
    if pairs is not None and data is None:
        raise ValueError("--pairs names pictures. Give their folder with --data.")
    listed = None if pairs is None else people_data.load_pairs(pairs, data)
    people = (
        None if data is None or pairs is not None else _load(data, dataset, on_error)
    )
    recognizer, finder = _load_network(
        *(model, mobile_facenet, openface, mtcnn),
        no_align or (data is None and mtcnn is None),  # rendered ones are crops
        data=data,
    )
    notes = recognizer.notes
    seed = notes.get("seed", 0) if seed is None else seed
    if listed is not None:
        trial = _try_listed(recognizer, listed, finder, on_error)
    else:
        if people is None:
            people = _render(
                TEST_SEED + seed, num_people, num_pictures, recognizer.size, workers
            )
        elif not all_people:
            people = _kept_back(people, notes)
        trial = _try_all(recognizer, people, finder, on_error, seed)
    threshold = recognizer.threshold if trial.folds is None else None
    figures = _measure(trial, output, seed, threshold)
    figures["aligned"] = finder is not None
    command_line.save_metrics(
        output, figures, seed=seed, seconds=time.perf_counter() - begun
    )
    return figures


def predict(
    first: Path,
    second: Path,
    *,
    model: Path | None = None,
    mobile_facenet: Path | None = None,
    openface: Path | None = None,
    mtcnn: Path | None = None,
    no_align: bool = False,
    threshold: float | None = None,
) -> dict:
    """Says whether two pictures show the same person.

    Args:
        first: picture file.
        second: another one.
        model: model.keras of a training, or its folder; the package's own without it.
        mobile_facenet: the public MobileFaceNet instead: its weights as npz file.
        openface: OpenFace's nn4.small2 instead: the folder of its weights.
        mtcnn: folder of MTCNN's weights, to find and align the faces.
        no_align: the pictures are aligned crops already.
        threshold: largest distance, 0 to 2, of the same person; the network's own
            without it.

    Example:
        python assignments/face_recognition.py predict ann.jpg camera.jpg
    """
    images = [image_file.read(path) for path in (first, second)]
    recognizer, finder = _load_network(
        model, mobile_facenet, openface, mtcnn, no_align, threshold=threshold
    )
    same, distance = recognizer.verify(
        *(
            _crop(image, path, recognizer.size, recognizer.template, finder, "error")
            for image, path in zip(images, (first, second), strict=True)
        )
    )
    return {"same": same, "distance": distance, "threshold": recognizer.threshold}


def enroll(
    name: str,
    inputs: list[Path],
    *,
    database: Path = DATABASE,
    model: Path | None = None,
    mobile_facenet: Path | None = None,
    openface: Path | None = None,
    mtcnn: Path | None = None,
    no_align: bool = False,
    threshold: float | None = None,
) -> dict:
    """Adds pictures of a person to a database; all of them, or none.

    The database is one file. It holds names and embeddings, no pictures; embeddings are
    personal data all the same.

    Args:
        name: of the person, who may be there already.
        inputs: pictures of that person alone, or folders of them.
        database: file; it is begun where there is none.
        model: model.keras of a training, or its folder; the package's own without it.
        mobile_facenet: the public MobileFaceNet instead: its weights as npz file.
        openface: OpenFace's nn4.small2 instead: the folder of its weights.
        mtcnn: folder of MTCNN's weights, to find and align the faces.
        no_align: the pictures are aligned crops already.
        threshold: largest distance, 0 to 2, of the same person, of a database that is
            begun; the network's own without it.

    Example:
        python assignments/face_recognition.py enroll Ann ann_1.jpg ann_2.jpg
    """
    images = [(path, image_file.read(path)) for path in _list_pictures(inputs)]
    recognizer, finder = _load_network(
        model, mobile_facenet, openface, mtcnn, no_align, threshold=threshold
    )
    embeddings = recognizer.embed(
        _crop(image, path, recognizer.size, recognizer.template, finder, "error")
        for path, image in command_line.progress(images, "embedding faces")
    )
    with gallery.open_gallery(
        database,
        recognizer.model_id,
        recognizer.threshold,
        recognizer.embedding_size,
    ) as people:
        if threshold not in (None, people.threshold):
            raise ValueError(
                f"{database} has the threshold {people.threshold:g} already. Leave "
                "--threshold out, or begin another database."
            )
        num = people.enroll(name, embeddings)
        return {
            "name": name,
            "num_pictures": num,
            "num_people": len(people.names()),
            "threshold": people.threshold,
            "database": str(database),
        }


def identify(
    inputs: list[Path],
    *,
    database: Path = DATABASE,
    model: Path | None = None,
    mobile_facenet: Path | None = None,
    openface: Path | None = None,
    mtcnn: Path | None = None,
    no_align: bool = False,
    output: Path = Path("runs/face_recognition/identified"),
) -> dict:
    """Says who is on pictures; strangers are unknown.

    Where faces are found (--mtcnn), every face of a picture is named, and `output` gets
    the pictures with boxes and names.

    Args:
        inputs: picture files, or folders of them.
        database: file that `enroll` made.
        model: model.keras of a training, or its folder; the package's own without it.
        mobile_facenet: the public MobileFaceNet instead: its weights as npz file.
        openface: OpenFace's nn4.small2 instead: the folder of its weights.
        mtcnn: folder of MTCNN's weights, to find and align the faces.
        no_align: the pictures are aligned crops already.
        output: folder for the pictures.

    Example:
        python assignments/face_recognition.py identify party.jpg --mtcnn mtcnn
    """
    images = [(path, image_file.read(path)) for path in _list_pictures(inputs)]
    with gallery.Gallery(database):
        pass  # a mistake shows before Keras is loaded
    recognizer, finder = _load_network(model, mobile_facenet, openface, mtcnn, no_align)
    rows, used = [], Counter()
    with gallery.Gallery(database, model_id=recognizer.model_id) as people:
        for path, image in command_line.progress(images, "identifying"):
            found = None if finder is None else finder.find(image)
            matches = _match(recognizer, people, image, found)
            if not matches:
                command_line.note(f"{path} shows no face that can be found")
            elif found is not None:
                used[path.stem] += 1
                number = used[path.stem]
                name = path.stem if number == 1 else f"{path.stem}_{number}"
                image_file.write(
                    output / f"{name}.png", _draw_matches(image, found, matches)
                )
            rows += [
                {
                    "picture": str(path),
                    "name": match.name,
                    "distance": round(match.distance, 4),
                }
                for match in matches
            ]
    if not rows:
        raise ValueError(
            "None of the pictures shows a face that can be found. Take one from the "
            "front, in good light, or give --no-align where they are crops of faces."
        )
    command_line.show_table(
        "Who it is", [row | {"name": row["name"] or "unknown"} for row in rows]
    )
    one = {key: rows[0][key] for key in ("name", "distance")} if len(rows) == 1 else {}
    return {
        **one,
        "num_images": len(images),
        "num_faces": len(rows),
        "num_unknown": sum(row["name"] is None for row in rows),
        "faces": rows,
        **({} if finder is None else {"output": str(output)}),
    }


def remove(name: str, *, database: Path = DATABASE) -> dict:
    """Removes a person from a database, without a trace.

    Name and embeddings are overwritten, and the file is written anew. Copies that you
    made of it are yours to remove.

    Args:
        name: who is enrolled.
        database: file that `enroll` made.

    Example:
        python assignments/face_recognition.py remove Ann
    """
    with gallery.Gallery(database) as people:
        num = people.remove(name)
        return {"removed": name, "num_pictures": num, "num_people": len(people.names())}


def door(
    *,
    database: Path = DATABASE,
    camera: str = "0",
    seconds: float = 60.0,
    model: Path | None = None,
    mobile_facenet: Path | None = None,
    openface: Path | None = None,
    mtcnn: Path | None = None,
    no_align: bool = False,
    output: Path = Path("runs/face_recognition/door"),
) -> dict:
    """Opens the happy house's door to who is in a database.

    It opens when the same person is seen in three frames running. A photograph of that
    person opens it as well: do not lock anything up with it.

    Args:
        database: file that `enroll` made.
        camera: number of a webcam, such as 0, or a video file. A window shows it where
            OpenCV has windows, else door.png in --output.
        seconds: how long to watch.
        model: model.keras of a training, or its folder; the package's own without it.
        mobile_facenet: the public MobileFaceNet instead: its weights as npz file.
        openface: OpenFace's nn4.small2 instead: the folder of its weights.
        mtcnn: folder of MTCNN's weights, to find and align the faces; without it the
            middle of the picture is taken for a face.
        no_align: take the middle of the picture for a face.
        output: folder for door.png.

    Example:
        python assignments/face_recognition.py door --mtcnn mtcnn
    """
    if seconds <= 0:
        raise ValueError(f"`seconds` must be above 0. Received: {seconds}.")
    with gallery.Gallery(database) as people:
        if not len(people):
            raise ValueError(f"{database} is empty: the door would open to nobody.")
    with video.Video(camera, on_early_end=command_line.note) as film:
        recognizer, finder = _load_network(
            model, mobile_facenet, openface, mtcnn, no_align
        )
        with gallery.Gallery(database, model_id=recognizer.model_id) as people:
            return _watch(film, recognizer, finder, people, seconds, output)


# What is asked for


@dataclass(frozen=True)
class _Recipe:
    """What a network and its training depend on, but for the pictures."""

    loss: str
    margin: float
    epochs: int
    steps: int
    people_per_batch: int
    pictures_per_batch: int
    learning_rate: float
    size: tuple[int, int]
    embedding_size: int
    augment: bool
    mirror: bool
    aligned: bool
    seed: int

    def __post_init__(self):
        _check_positive(
            epochs=self.epochs, steps=self.steps, embedding_size=self.embedding_size
        )
        for name in ("people_per_batch", "pictures_per_batch"):
            if getattr(self, name) < 2:
                raise ValueError(
                    f"`{name}` must be 2 or more. Received: {getattr(self, name)}."
                )
        if self.learning_rate <= 0:
            raise ValueError(
                f"`learning_rate` must be above 0. Received: {self.learning_rate}."
            )
        if self.size[0] < SMALLEST:
            raise ValueError(
                f"`size` must be {SMALLEST} or more. Received: {self.size[0]}."
            )
        if self.seed < 0:
            raise ValueError(f"`seed` must be 0 or more. Received: {self.seed}.")


def _check_positive(**values):
    for name, value in values.items():
        if value < 1:
            raise ValueError(f"`{name}` must be 1 or more. Received: {value}.")


def _check_choice(name, value, choices):
    if value not in choices:
        raise ValueError(
            f"`{name}` must be one of {', '.join(choices)}. Received: {value}."
        )


def _check_shares(test_share, validation, folds):
    if not 0 < test_share < 1:
        raise ValueError(
            f"`test_share` must be between 0 and 1. Received: {test_share}."
        )
    if validation is not None and not 0 <= validation < 1:
        raise ValueError(
            f"`validation` must be from 0 to below 1. Received: {validation}."
        )
    if folds < 0 or folds == 1:
        raise ValueError(
            f"`folds` must be 2 or more, or 0 for a single split. Received: {folds}."
        )


# Pictures of people


def _load(data, dataset, on_error):
    return people_data.load_people(
        data,
        dataset=dataset,
        on_error=on_error,
        progress=partial(command_line.progress, description="reading pictures"),
        skipped=lambda reason: command_line.note(f"left out: {reason}"),
    )


def _render(seed, num_people, num_pictures, size, workers):
    drawn = command_line.progress(
        rendered.iterate_faces(
            seed, num_people, num_pictures, size=size, workers=workers
        ),
        "drawing people",
        num_people,
    )
    images = [image for person in drawn for image, _ in person]
    labels = np.repeat(np.arange(num_people, dtype="int32"), num_pictures)
    return people_data.People(images, labels, rendered.person_names(num_people))


def _name(people, index):
    """What to call a picture."""
    image = people.images[index]
    if isinstance(image, Path):
        return str(image)
    return f"picture {index} ({people.name_of(index)})"


def _fingerprint(people):
    """What says that two runs have read the same people."""
    digest = hashlib.sha256(",".join(people.names).encode())
    digest.update(np.asarray(people.labels, "<i4").tobytes())
    for path in people.paths or ():
        digest.update(path.name.encode())
    return digest.hexdigest()[:16]


def _list_pictures(inputs):
    paths = []
    for path in inputs:
        if path.is_dir():
            found = sorted({*image_file.find(path), *path.rglob("*.pgm")})
            if not found:
                raise ValueError(f"{path} holds no picture.")
            paths += found
        elif not path.exists():
            raise FileNotFoundError(f"No such picture or folder: {path}.")
        else:
            paths.append(path)
    return paths


def _crop(image, name, size, template, finder, several, say=command_line.note):
    """The face in a picture as a network of this size takes it."""
    from dlai_keras.face_recognition.recognizer import crop_face

    if finder is None:
        return crop_face(image, size)
    face = finder.find_one(image, several=several, name=str(name))
    if face.note:
        say(face.note)
    return crop_face(image, size, template, face.landmarks)


def _iterate_crops(people, size, template, finder, on_error, description):
    """Yields `(index, crop)` of the pictures that can be used."""
    several = []
    for index in command_line.progress(range(len(people)), description):
        try:
            crop = _crop(
                people.read(index),
                _name(people, index),
                *(size, template, finder, "largest"),
                say=several.append,
            )
        except (ValueError, OSError) as error:
            if on_error != "skip":
                raise
            command_line.note(f"left out: {error}")
            continue
        yield index, crop
    if several:
        command_line.note(
            f"in {len(several)} of {len(people)} pictures there are several faces; the "
            "largest was taken"
        )


def _read_crops(people, size, finder, on_error):
    """All people as a network takes them, in memory."""
    found = list(
        _iterate_crops(people, size, TEMPLATE, finder, on_error, "reading pictures")
    )
    kept = people.subset([index for index, _ in found])
    return people_data.People([crop for _, crop in found], kept.labels, kept.names)


def _people_of(crops, people, indices, needs_pairs=True):
    """The crops of whoever is on these pictures of `people`."""
    found = crops.of_people(np.unique(people.labels[indices]))
    if needs_pairs and (found.num_people < 2 or not len(found.with_pictures(2))):
        raise ValueError(
            "There must be two people or more, and two pictures or more of one of them,"
            f" on either side of a split. Received: {found.num_people} people with "
            f"{len(found)} pictures in all. Give more people, or another share or seed."
        )
    return found


# Networks


def _load_network(
    model, mobile_facenet, openface, mtcnn, no_align, *, threshold=None, data=None
):
    """A recognizer, and what finds faces for it or None."""
    given = {
        "--model": model,
        "--mobile-facenet": mobile_facenet,
        "--openface": openface,
    }
    given = [name for name, value in given.items() if value is not None]
    if len(given) > 1:
        raise ValueError(f"Give only one of {' and '.join(given)}.")
    if mtcnn is not None and no_align:
        raise ValueError("--mtcnn aligns faces, --no-align does not. Give one of them.")
    command_line.load_keras()
    from dlai_keras.face_recognition import recognizer

    if mobile_facenet is not None:
        found = recognizer.FaceRecognizer.from_mobile_facenet(mobile_facenet)
    elif openface is not None:
        found = recognizer.FaceRecognizer.from_openface(openface)
    elif model is not None:
        found = recognizer.load_recognizer(model)
    else:
        found = recognizer.load_pretrained()
    if threshold is not None:
        found = found.with_threshold(threshold)
    if mtcnn is not None:
        return found, _load_finder(mtcnn)
    if no_align or not found.notes.get("aligned"):
        return found, None
    # As downloads lie side by side.
    near = [data, data and data.parent]
    near += [path and path.parent.parent for path in (mobile_facenet, openface)]
    for folder in filter(None, near):
        try:
            finder = _load_finder(folder)
        except FileNotFoundError:
            continue
        command_line.note(f"faces are aligned by the MTCNN in {folder}")
        return found, finder
    raise ValueError(
        "This network takes aligned faces. Give --mtcnn FOLDER with MTCNN's weights, "
        "or --no-align where the pictures are aligned crops already."
    )


def _load_finder(folder):
    from dlai_keras.face_recognition.mtcnn import load_mtcnn

    return load_mtcnn(folder)


# Training


@dataclass(frozen=True)
class _Trained:
    """A recognizer, how it was tested, and how it came about."""

    recognizer: object
    trial: "_Trial"
    threshold_from: str
    history: dict
    watched: str
    seconds: float
    figures: dict = field(default_factory=dict)


def _train_and_test(job, people, crops, test_share, validation, seed):
    """Trains on some people, chooses the threshold by others, tests on others still."""
    training, test = people_data.split_people(people.labels, test_share, seed)
    test = _people_of(crops, people, test)
    names = np.unique(people.labels[training])
    if validation is None:
        enough = len(names) >= FEW
        validation = max(VALIDATION_SHARE, 2 / len(names)) if enough else 0.0
    held = training[:0]
    if validation:
        rest, held = people_data.split_people(
            people.labels[training], validation, seed + 1
        )
        training, held = training[rest], training[held]
    training = _people_of(crops, people, training)
    held = _people_of(crops, people, held, needs_pairs=validation > 0)
    command_line.note(
        f"{training.num_people} people to train on, {held.num_people} to choose the "
        f"threshold by, {test.num_people} to test on"
    )
    recognizer, history, seconds = job(
        "training", training, held if len(held) else test
    )
    known, threshold_from = training, "the people it was trained on"
    if len(held):
        known, threshold_from = held, f"{held.num_people} people it was not trained on"
    chosen = _try_all(recognizer, known, None, "fail", seed)
    recognizer = recognizer.with_threshold(_best_threshold(chosen))
    return _Trained(
        recognizer,
        _try_all(recognizer, test, None, "fail", seed),
        threshold_from,
        history,
        "pictures of people it does not learn from",
        seconds,
        {"num_training_people": training.num_people},
    )


def _cross_validate(job, people, crops, folds, seed):
    """Trains once for every fold of people, tests on it, and trains on everybody."""
    trials, histories, took = [], [], 0.0
    rows = []
    for number, (training, test) in enumerate(
        people_data.folds_of_people(people.labels, folds, seed), start=1
    ):
        training, test = (_people_of(crops, people, part) for part in (training, test))
        command_line.note(
            f"fold {number} of {folds}: {training.num_people} people to train on, "
            f"{test.num_people} to test on"
        )
        recognizer, history, seconds = job(f"fold_{number}", training, test)
        trials.append(_try_all(recognizer, test, None, "fail", seed))
        histories.append(history)
        took += seconds
        distances = trials[-1].distances(trials[-1].embeddings)
        area = metrics.auc(distances, trials[-1].same)
        command_line.note(f"fold {number} of {folds}: AUC {area:.4f}")
        rows.append(
            {
                "fold": number,
                "people": test.num_people,
                "auc": area,
                "seconds": seconds,
            }
        )
    command_line.show_table("Folds", rows)
    command_line.note("training on everybody, for the network that is saved")
    recognizer, _, seconds = job("everybody", crops, None)
    trial = _joined(trials)
    return _Trained(
        recognizer.with_threshold(_best_threshold(trial)),
        trial,
        f"everybody, each by a network that had not seen them ({folds} folds)",
        histories[0],
        "pictures of people it does not learn from, first fold",
        took + seconds,
        {
            "num_training_people": crops.num_people,
            "auc_by_fold": [row["auc"] for row in rows],
        },
    )


def _best_threshold(trial):
    distances = trial.distances(trial.embeddings)
    threshold = metrics.best_threshold(distances, trial.same, balanced=True)
    return float(np.clip(threshold, 0, 2))


def _train_network(keras, recipe, output, name, training, watched):
    """A recognizer that has learned, its history, and the seconds that it took."""
    from dlai_keras.face_recognition.model import face_embedder
    from dlai_keras.face_recognition.recognizer import FaceRecognizer
    from dlai_keras.optimizers import Muon

    begun = time.perf_counter()
    command_line.set_seed(recipe.seed)
    embedder = face_embedder((*recipe.size, 3), recipe.embedding_size, **NETWORK)
    recognizer = FaceRecognizer(embedder, 1.0, recipe.size, TEMPLATE, recipe.mirror)
    backup = output / "backup" / name
    # What a backup must share with this run to go on from it.
    digest = hashlib.sha256()
    for crop in training.images:
        digest.update(crop.tobytes())
    settings = asdict(recipe) | {"pictures": digest.hexdigest()[:16]}
    first = command_line.first_epoch(backup, settings)
    model, loss, sequence = _task(keras, recipe, embedder, training, first)
    wanted = recipe.epochs * recipe.steps
    epochs = max(recipe.epochs, round(wanted / sequence.num_batches))
    steps = epochs * sequence.num_batches
    warmup = round(WARMUP * steps)
    schedule = keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate / 20,
        max(1, steps - warmup),
        warmup_target=recipe.learning_rate,
        warmup_steps=warmup,
    )
    model.compile(
        Muon(schedule, **OPTIMIZER),
        loss=loss,
        jit_compile=JIT_COMPILE or keras.backend.backend() == "jax",
    )
    lines: dict[str, list[float]] = {}
    seen: dict[str, list] = {"positive": [], "negative": []}
    shown = {"loss": "loss"}
    callbacks = []
    if watched is not None:
        shown |= {kind: f"{kind}_distance" for kind in seen}
        callbacks += _watchers(keras, recognizer, watched, seen)
    # Those who watch come first: the line of an epoch shows what they have seen.
    callbacks += command_line.training_callbacks(output, epochs, lines, shown, backup)
    # Without an epoch left it only reads the weights back.
    model.fit(
        sequence,
        epochs=epochs,
        shuffle=False,  # the sequence is
        callbacks=callbacks,
        verbose=0,
    )
    history = lines and {"loss": lines["loss"], **seen}
    return recognizer, history, time.perf_counter() - begun


def _task(keras, recipe, embedder, training, epoch):
    """What is trained, with which loss, on which batches."""
    from dlai_keras.face_recognition import batches, layers, losses
    from dlai_keras.face_recognition.model import siamese_model

    options = {
        "size": recipe.size,
        "augmentation": batches.Augmentation(**CHANGES) if recipe.augment else None,
        "seed": recipe.seed,
        "epoch": epoch,
    }
    size = recipe.people_per_batch * recipe.pictures_per_batch
    if recipe.loss in ("contrastive", "siamese"):
        sequence = batches.PairSequence(training, batch_size=size // 2, **options)
        if recipe.loss == "siamese":
            loss = keras.losses.BinaryCrossentropy(from_logits=True)
            return siamese_model(embedder), loss, sequence
        two = [keras.Input(embedder.input_shape[1:]) for _ in range(2)]
        distance = layers.PairedDistance()([embedder(image) for image in two])
        loss = losses.ContrastiveLoss(recipe.margin)
        return keras.Model(two, distance), loss, sequence
    num_people = training.with_pictures(2).num_people
    if num_people < 2:
        raise ValueError(
            "Training needs two pictures or more of each of two people or more. "
            f"Received: {num_people} such people."
        )
    num_chosen = min(recipe.people_per_batch, num_people)
    sequence = batches.PeopleSequence(
        training,
        num_people=num_chosen,
        num_pictures=recipe.pictures_per_batch,
        min_pictures=2,
        rounds=max(1, round(recipe.steps / -(-num_people // num_chosen))),
        **options,
    )
    if recipe.loss == "arcface":
        num_classes = len(sequence.labels)
        logits = layers.ArcFaceLogits(num_classes, ARCFACE_SCALE)(embedder.output)
        loss = losses.ArcFaceLoss(ARCFACE_SCALE, recipe.margin)
        return keras.Model(embedder.input, logits), loss, sequence
    if recipe.loss == "semi-hard":
        loss = losses.TripletSemiHardLoss(recipe.margin, "squared-L2")
    else:
        soft = recipe.loss == "batch-hard-soft"
        loss = losses.TripletHardLoss(recipe.margin, soft, "squared-L2")
    # Saved without the optimizer and loss: they belong to this view of the network.
    return keras.Model(embedder.input, embedder.output), loss, sequence


def _watchers(keras, recognizer, people, seen):
    """What measures the distances of a few people after every epoch."""
    order = np.argsort(people.labels, kind="stable")[:NUM_WATCHED]
    few = people.subset(order)
    images = [few.read(index) for index in range(len(few))]
    _, _, same = people_data.all_pairs(few.labels)
    if same.all() or not same.any():
        return []
    quick = replace(recognizer, mirror=False)

    def watch(epoch, logs):
        distances = metrics.all_distances(quick.embed(images))
        for kind, chosen in (("positive", same), ("negative", ~same)):
            seen[kind].append(distances[chosen])
            logs[kind] = float(distances[chosen].mean())

    return [keras.callbacks.LambdaCallback(on_epoch_end=watch)]


# Measuring


@dataclass(frozen=True)
class _Trial:
    """Pictures, what stands for them, and the pairs that are to be decided."""

    embeddings: np.ndarray
    pixels: np.ndarray
    labels: np.ndarray
    names: list[str]  # of the labels
    first: np.ndarray
    second: np.ndarray
    same: np.ndarray
    read: Callable[[int], np.ndarray]
    folds: np.ndarray | None = None  # of the pairs
    groups: np.ndarray | None = None  # of the pictures, a network for each
    num_missing: int = 0

    @property
    def is_complete(self):
        """Whether the pairs are all there are."""
        num = len(self.labels)
        return self.groups is None and len(self.first) == num * (num - 1) // 2

    def distances(self, vectors):
        """Of the pairs, by what stands for the pictures."""
        if self.is_complete and self.folds is None:
            return metrics.all_distances(vectors)
        return metrics.pair_distances(vectors, self.first, self.second)


def _pixels(crop):
    """What a picture is compared by without a network: small, grey, its mean gone."""
    import cv2

    small = cv2.resize(crop, PIXELS[::-1], interpolation=cv2.INTER_AREA)
    grey = small.mean(axis=-1).ravel()
    grey -= grey.mean()
    length = np.linalg.norm(grey)
    return (grey / length if length else grey).astype("float32")


def _embed(recognizer, people, finder, on_error):
    """Embeddings, pixels, and the indices of the pictures that they are of."""
    pixels, kept = [], []

    def read():
        for index, crop in _iterate_crops(
            people,
            *(recognizer.size, recognizer.template, finder, on_error),
            "embedding faces",
        ):
            pixels.append(_pixels(crop))
            kept.append(index)
            yield crop

    embeddings = recognizer.embed(read())
    return embeddings, np.array(pixels).reshape(len(kept), -1), np.array(kept, int)


def _reader(recognizer, people, finder):
    """Function of an index: the picture as the network saw it."""

    def read(index):
        return _crop(
            people.read(int(index)),
            _name(people, int(index)),
            *(recognizer.size, recognizer.template, finder, "largest"),
            say=lambda _: None,
        )

    return read


def _try_all(recognizer, people, finder, on_error, seed):
    """All pairs of pictures; of very many, all of the same person and some others."""
    embeddings, pixels, kept = _embed(recognizer, people, finder, on_error)
    people = people.subset(kept)
    if len(people) <= MOST_PICTURES:
        first, second, same = people_data.all_pairs(people.labels)
    else:
        first, second, same = _some_pairs(people.labels, seed)
        command_line.note(
            f"of {len(people)} pictures {len(same)} pairs are compared: all of the "
            "same person, and others at random"
        )
    return _Trial(
        *(embeddings, pixels, people.labels, people.names, first, second, same),
        read=_reader(recognizer, people, finder),
    )


def _some_pairs(labels, seed):
    same = []
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        same.append(own[np.stack(np.triu_indices(len(own), 1))])
    same = np.concatenate(same, axis=1)
    rng = np.random.default_rng((seed, 6))
    other = rng.integers(len(labels), size=(2, NUM_DIFFERENT))
    other = other[:, labels[other[0]] != labels[other[1]]]
    first, second = np.concatenate([same, other], axis=1)
    return first, second, labels[first] == labels[second]


def _try_listed(recognizer, pairs, finder, on_error):
    """The pairs of a list, in its folds."""
    paths = sorted({*pairs.first, *pairs.second})
    names = sorted({path.parent.name for path in paths})
    if pairs.num_missing:
        command_line.note(
            f"{pairs.num_missing} pairs are left out, for a picture is missing"
        )
    labels = np.array([names.index(path.parent.name) for path in paths], "int32")
    people = people_data.People(paths, labels, names)
    embeddings, pixels, kept = _embed(recognizer, people, finder, on_error)
    places = {paths[index]: place for place, index in enumerate(kept)}
    first, second = (
        np.array([places.get(path, -1) for path in side], int)
        for side in (pairs.first, pairs.second)
    )
    usable = (first >= 0) & (second >= 0)
    people = people.subset(kept)
    return _Trial(
        *(embeddings, pixels, people.labels, people.names),
        *(first[usable], second[usable], pairs.same[usable]),
        read=_reader(recognizer, people, finder),
        folds=pairs.fold[usable],
        num_missing=pairs.num_missing + int((~usable).sum()),
    )


def _joined(trials):
    """Trials of several networks as one, in which a pair is of one network."""
    starts = np.cumsum([0, *(len(trial.labels) for trial in trials)])
    numbers = range(len(trials))

    def read(index):
        number = int(np.searchsorted(starts, index, "right")) - 1
        return trials[number].read(index - starts[number])

    return _Trial(
        np.concatenate([trial.embeddings for trial in trials]),
        np.concatenate([trial.pixels for trial in trials]),
        np.concatenate([trial.labels for trial in trials]),
        trials[0].names,
        np.concatenate([trials[i].first + starts[i] for i in numbers]),
        np.concatenate([trials[i].second + starts[i] for i in numbers]),
        np.concatenate([trial.same for trial in trials]),
        read=read,
        folds=np.repeat(numbers, [len(trial.first) for trial in trials]),
        groups=np.repeat(numbers, [len(trial.labels) for trial in trials]),
    )


def _kept_back(people, notes):
    """Those of the pictures that a model was trained on which it has not seen."""
    if notes.get("data") != _fingerprint(people):
        return people
    if notes["test_share"] is None:
        command_line.note(
            "the model has learned from all of these people: the figures are too good"
        )
        return people
    _, test = people_data.split_people(
        people.labels, notes["test_share"], notes["seed"]
    )
    people = people.subset(test)
    command_line.note(
        "the model was trained on these people: only the "
        f"{people.num_people} who were kept back are measured "
        "(--all-people takes all)"
    )
    return people


def _measure(trial, output, seed, threshold):
    """All figures, beside those of the pixels, and pictures of them."""
    people = trial.labels[trial.first], trial.labels[trial.second]
    distances = trial.distances(trial.embeddings)
    report = metrics.verification_report(
        np.random.default_rng((seed, 5)),
        distances,
        trial.same,
        people,
        folds=trial.folds,
        threshold=threshold if trial.folds is None else None,
        num_samples=NUM_SAMPLES,
    )
    if threshold is not None:
        report["threshold"] = threshold
    curves = {
        "embeddings": metrics.roc_curve(distances, trial.same),
        "pixels": metrics.roc_curve(trial.distances(trial.pixels), trial.same),
    }
    vectors = trial.embeddings
    if trial.groups is not None:  # nobody is looked for among those of other networks
        apart = 9.0 * np.eye(trial.groups.max() + 1, dtype="float32")[trial.groups]
        vectors = np.concatenate([vectors, apart], axis=1)
    num_people = len(np.unique(trial.labels))
    if num_people < len(trial.labels):
        nearest = metrics.nearest_neighbour_accuracy(vectors, trial.labels)
        report["nearest_neighbour_accuracy"] = float(nearest)
    report |= {
        "pixel_auc": curves["pixels"].auc,
        "pixel_equal_error_rate": curves["pixels"].equal_error_rate,
        "num_people": num_people,
        "num_images": len(trial.labels),
        "num_pairs": len(trial.same),
        "num_missing_pairs": trial.num_missing,
    }
    output.mkdir(parents=True, exist_ok=True)
    title = f"{len(trial.same):,} pairs of {num_people:,} people"
    pictures.draw_roc(output / "roc.png", curves, title=title)
    pictures.draw_worst_pairs(
        output / "worst_pairs.png",
        trial.read,
        *(trial.first, trial.second, distances, trial.same),
        threshold=report["threshold"],
    )
    shown = slice(None) if trial.groups is None else trial.groups == 0
    if len(trial.embeddings[shown]) > 2:
        pictures.draw_embeddings(
            output / "embeddings.png",
            trial.embeddings[shown],
            trial.labels[shown],
            trial.names,
            seed=seed,
            title="" if trial.groups is None else "people kept back by the first fold",
        )
    return report


# The database and the door


def _match(recognizer, people, image, found):
    """Who every face of a picture is; the picture itself where none was looked for."""
    points = [None] if found is None else found.landmarks
    crops = [recognizer.face(image, landmarks) for landmarks in points]
    return [people.identify(embedding) for embedding in recognizer.embed(crops)]


def _draw_matches(image, found, matches):
    return pictures.draw_faces(
        image,
        found,
        [f"{match.name or 'unknown'} {match.distance:.2f}" for match in matches],
        known=[match.name is not None for match in matches],
    )


def _watch(frames, recognizer, finder, people, seconds, output):
    """Opens and shuts the door until `seconds` are over or q is pressed."""
    num, openings, last = 0, [], deque(maxlen=AGREEING)
    begun, was_open = time.perf_counter(), False
    with video.Preview(WINDOW, output / "door.png") as preview:
        for frame in frames:
            elapsed = time.perf_counter() - begun
            if elapsed >= seconds:
                break
            num += 1
            found = None if finder is None else finder.find(frame)
            matches = _match(recognizer, people, frame, found)
            # Of several faces nobody says which one asks to come in.
            name = matches[0].name if len(matches) == 1 else None
            last.append(name)
            is_open = name is not None and list(last) == [name] * AGREEING
            if is_open and not was_open:
                openings.append(
                    {
                        "seconds": round(elapsed, 2),
                        "name": name,
                        "distance": round(matches[0].distance, 4),
                    }
                )
                command_line.note(f"{elapsed:.1f} s: it's {name}, welcome in!")
            was_open = is_open
            if found is not None:
                frame = _draw_matches(frame, found, matches)
            text, color = (f"open: {name}", OPEN) if is_open else ("shut", SHUT)
            if not preview.show(video.with_text(frame, text, color)):
                break
    return {"num_images": num, "num_openings": len(openings), "openings": openings}


def main():
    """Runs the script."""
    command_line.run(
        HELP,
        default="train",
        train=train,
        evaluate=evaluate,
        predict=predict,
        enroll=enroll,
        identify=identify,
        remove=remove,
        door=door,
    )


if __name__ == "__main__":
    main()
