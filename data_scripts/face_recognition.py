"""Draws people, fetches the sets of photographs, converts weights."""

import csv
import io
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import scipy.io

from dlai_keras import command_line, downloads, files, images
from dlai_keras.downloads import Download
from dlai_keras.face_recognition import faces

HELP = """Draws people, fetches the sets of photographs, or converts weights.

`make` draws people, one folder each, as every recogniser reads them:

    runs/face_recognition_data/person_0000/000.png ... person_0099/009.png

`fetch` downloads LFW or the Olivetti faces into the same form, `convert` turns a
PyTorch checkpoint of MobileFaceNet into arrays."""

PREVIEW_PEOPLE, PREVIEW_PICTURES = 12, 8


# The checksums are scikit-learn's, which has the same files.
DATASETS = {
    # 13,233 photographs of 5,749 people, and the list of pairs that everyone uses.
    "lfw": (
        Download(
            "lfw.tgz",
            "https://ndownloader.figshare.com/files/5976018",
            "055f7d9c632d7370e6fb4afc7468d40f970c34a80d4c6f50ffec63f5a8d536c0",
        ),
        Download(
            "pairs.txt",
            "https://ndownloader.figshare.com/files/5976006",
            "ea42330c62c92989f9d7c03237ed5d591365e89b3e649747777b70e692dc1592",
        ),
    ),
    # ORL's 400 photographs of 40 people, cut to 64 x 64 pixels by Sam Roweis.
    "orl": (
        Download(
            "olivettifaces.mat",
            "https://ndownloader.figshare.com/files/5976027",
            "b612fb967f2dc77c9c62d3e1266e0c73d5fca46a4b8906c18e454d41af987794",
        ),
    ),
}
LFW_PICTURE = re.compile(r"(?:.*/)?([^/.][^/]*)/(\1_\d{4}\.jpg)")
PER_PERSON = 10  # photographs of each in ORL


def make(
    *,
    num_people: int = 100,
    per_person: int = 10,
    height: int = faces.SIZE[0],
    width: int = faces.SIZE[1],
    workers: int = 2,
    seed: int = 0,
    output: Path = Path("runs/face_recognition_data"),
) -> dict:
    """Draws people, a folder each; preview.png shows the first dozen, a row a person.

    Person i depends on the seed, the size and on i alone: a larger set begins with the
    people of a smaller one, and a run that was interrupted, started again, ends with
    the same bytes. landmarks.csv says where in each picture the eyes, the tip of the
    nose and the corners of the mouth are, in pixels from the upper left corner.

    Args:
        num_people: how many, 1 or more.
        per_person: pictures of each, 1 or more.
        height: of the pictures, pixels, 32 or more.
        width: of the pictures, pixels, 32 or more.
        workers: processes that draw; 1 draws in this one.
        seed: same seed, same people.
        output: folder to make, or one that an earlier run made.

    Example:
        python data_scripts/face_recognition.py make --num-people 1000 --output people
    """
    for name, value in (("num_people", num_people), ("per_person", per_person)):
        if value < 1:
            raise ValueError(f"`{name}` must be 1 or more. Received: {name}={value}.")
    drawn = faces.iterate_faces(
        seed, num_people, per_person, size=(height, width), workers=workers
    )
    people = faces.person_names(num_people)
    names = [[f"{one}/{i:03d}.png" for i in range(per_person)] for one in people]
    ours = {name for person in names for name in person}
    files.refuse_others(output, {"preview.png", "landmarks.csv", *ours})

    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    header = [f"{name}, {axis}" for name in faces.LANDMARKS for axis in "xy"]
    table.writerow(["file", *header])
    columns, preview = min(PREVIEW_PICTURES, per_person), []
    drawn = command_line.progress(drawn, "drawing people", num_people)
    for number, (person, pictures) in enumerate(zip(names, drawn, strict=True)):
        for name, (image, landmarks) in zip(person, pictures, strict=True):
            images.write(output / name, image)
            table.writerow([name, *(f"{value:.2f}" for value in landmarks.ravel())])
        if number < PREVIEW_PEOPLE:
            preview += [image for image, _ in pictures[:columns]]
    files.write_atomically(output / "landmarks.csv", text.getvalue())
    images.write(output / "preview.png", images.grid(preview, columns))
    return {
        "num_people": num_people,
        "num_pictures": num_people * per_person,
        "size": (height, width),
        "output": output,
    }


def fetch(
    dataset: str = "lfw",
    *,
    mirror: str = "",
    cache: Path = Path("runs/cache"),
    output: Path = Path("runs/face_recognition"),
) -> dict:
    """Fetches photographs of people, and lays them into one folder a person.

    lfw: Labeled Faces in the Wild, 13,233 photographs of 5,749 people (180 MB), with
    its list of pairs as lfw_pairs.txt. orl: the Olivetti faces, ORL's 400 photographs
    of 40 people, as 64 by 64 grey pixels (4 MB). Both are for research only.

    What is in the cache is not fetched again. A file whose checksum is not the known
    one is refused.

    Args:
        dataset: lfw or orl.
        mirror: address or folder with files of the same names, where theirs is gone.
        cache: folder for what is downloaded.
        output: folder to make, or to add to.

    Example:
        python data_scripts/face_recognition.py fetch orl --output data/face_recognition
    """
    if dataset not in DATASETS:
        raise ValueError(
            f"`dataset` must be one of {', '.join(DATASETS)}. Received: {dataset}."
        )
    paths = [downloads.fetch(one, cache, mirror=mirror) for one in DATASETS[dataset]]
    if dataset == "lfw":
        pictures = _lfw_pictures(paths[0])
        (output / "lfw").mkdir(parents=True, exist_ok=True)
        files.write_atomically(output / "lfw_pairs.txt", paths[1].read_bytes())
    else:
        pictures = _orl_pictures(paths[0])
    people = set()
    num_pictures = 0
    for person, name, content in command_line.progress(pictures, "unpacking"):
        folder = output / dataset / person
        if person not in people:
            folder.mkdir(parents=True, exist_ok=True)
            people.add(person)
        files.write_atomically(folder / name, content)
        num_pictures += 1
    if not num_pictures:
        raise ValueError(f"{paths[0]} holds no pictures. Remove it and fetch it again.")
    return {
        "dataset": dataset,
        "num_people": len(people),
        "num_pictures": num_pictures,
        "output": output / dataset,
    }


def convert(checkpoint: Path, output: Path) -> dict:
    """Writes the weights of a PyTorch checkpoint of MobileFaceNet as arrays.

    Needs PyTorch. The file is what `load_mobile_facenet` reads, without it.

    Args:
        checkpoint: such as 068.ckpt of the public repository.
        output: the file to write; it ends in .npz.

    Example:
        python data_scripts/face_recognition.py convert 068.ckpt mobilefacenet_068.npz
    """
    # Imports Keras.
    from dlai_keras.face_recognition.checkpoints import convert_checkpoint

    convert_checkpoint(checkpoint, output)
    with np.load(output) as arrays:
        sizes = [arrays[name].size for name in arrays.files]
    return {"num_arrays": len(sizes), "num_values": int(sum(sizes)), "output": output}


def _lfw_pictures(path) -> Iterator[tuple[str, str, bytes]]:
    """Yields person, name of the file and its content.

    Names that do not look like the set's are left out, wherever they would lead.
    """
    with tarfile.open(path) as archive:
        for member in archive:
            match = LFW_PICTURE.fullmatch(member.name)
            if match and member.isfile():
                yield match[1], match[2], archive.extractfile(member).read()


def _orl_pictures(path) -> Iterator[tuple[str, str, bytes]]:
    # A column a picture, and a picture column by column.
    pixels = scipy.io.loadmat(path)["faces"].T.reshape(-1, 64, 64).transpose(0, 2, 1)
    for number, image in enumerate(np.clip(np.rint(pixels), 0, 255).astype("uint8")):
        person, picture = divmod(number, PER_PERSON)
        yield (
            f"s{person + 1}",
            f"{picture + 1}.pgm",
            b"P5 64 64 255\n" + image.tobytes(),
        )


def main():
    """Runs the script."""
    command_line.run(HELP, default="make", make=make, fetch=fetch, convert=convert)


if __name__ == "__main__":
    main()
