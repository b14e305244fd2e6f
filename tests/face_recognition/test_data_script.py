"""The script that draws people and fetches photographs, as a user meets it."""

import csv
import functools
import hashlib
import io
import json
import sys
import tarfile
import types
from dataclasses import replace

import cv2
import numpy as np
import pytest
import scipy.io
import scripted

from data_scripts import face_recognition as script
from dlai_keras import files
from dlai_keras.face_recognition import faces
from dlai_keras.face_recognition.data import load_pairs, load_people

SIZE = {"height": 48, "width": 40}


def content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


run = functools.partial(scripted.call, script)
failure = functools.partial(scripted.failure, script)


# Drawn people


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    output = tmp_path_factory.mktemp("people") / "deep/out"
    options = {"num_people": 3, "per_person": 2, "workers": 1, "seed": 5}
    return output, script.make(**options, output=output, **SIZE)


def test_the_folder_is_read_back_as_the_people_that_were_drawn(made):
    output, result = made
    assert result == {
        "num_people": 3,
        "num_pictures": 6,
        "size": (48, 40),
        "output": output,
    }
    read = load_people(output)
    drawn = faces.make_faces(5, 3, 2, size=(48, 40))
    assert read.names == drawn.names and read.labels.tolist() == drawn.labels.tolist()
    for index in range(6):
        np.testing.assert_array_equal(read.read(index), drawn.read(index))
    with (output / "landmarks.csv").open() as file:
        header, *rows = csv.reader(file)
    assert header[:3] == ["file", "left eye, x", "left eye, y"]
    assert [row[0] for row in rows] == [
        path.relative_to(output).as_posix() for path in read.paths
    ]
    values = np.array([row[1:] for row in rows], float).reshape(6, 5, 2)
    np.testing.assert_allclose(values, drawn.landmarks, atol=0.0051)


def test_the_preview_has_a_row_a_person(made):
    preview = cv2.imread(str(made[0] / "preview.png"))
    assert preview.shape == (3 * 48 + 2 * 2, 2 * 40 + 2, 3)
    tile = cv2.imread(str(made[0] / "person_0001/000.png"))
    np.testing.assert_array_equal(preview[50:98, :40], tile)


def test_a_set_grows_by_asking_for_more(made, tmp_path):
    options = {"workers": 1, "seed": 5, "output": tmp_path, **SIZE}
    script.make(num_people=2, per_person=1, **options)
    few = content(tmp_path)
    script.make(num_people=3, per_person=2, **options)
    assert content(tmp_path) == content(made[0])
    del few["preview.png"], few["landmarks.csv"]
    assert len(few) == 2 and few.items() <= content(made[0]).items()


def test_a_run_that_was_killed_is_overwritten_cleanly(made, tmp_path, monkeypatch):
    options = {"num_people": 3, "per_person": 2, "workers": 1, "seed": 5, **SIZE}
    write = files.write_atomically

    def dies(path, data):
        if path.parent.name == "person_0001":
            path.with_name(f".{path.name}.partial").write_bytes(data[:50])
            raise KeyboardInterrupt
        write(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(files, "write_atomically", dies)
        with pytest.raises(KeyboardInterrupt):
            script.make(**options, output=tmp_path)
    assert not (tmp_path / "person_0001/000.png").exists()
    script.make(**options, output=tmp_path)
    assert content(tmp_path) == content(made[0])


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--num-people", "0"], "`num_people` must be 1 or more"),
        (["--per-person", "0"], "`per_person` must be 1 or more"),
        (["--seed", "-1"], "`seed` must be 0 or more"),
        (["--workers", "0"], "`workers` must be 1 or more"),
        (["--width", "31"], "`size` must be a height and a width of 32 pixels"),
        (["--num-poeple", "5"], "Did you mean --num-people"),
        (["fetch", "casia"], "`dataset` must be one of lfw, orl. Received: casia"),
    ],
)
def test_mistakes_end_in_one_line(argv, message, monkeypatch, capsys, tmp_path):
    output = tmp_path / "new"
    argv = [*argv, "--output", output]
    assert message in failure(capsys, monkeypatch, *argv) and not output.exists()


def test_other_files_are_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"such as thesis\.txt"):
        script.make(num_people=1, output=tmp_path, **SIZE)
    with pytest.raises(FileExistsError, match="must be a folder"):
        script.make(num_people=1, output=tmp_path / "thesis.txt")
    assert content(tmp_path) == {"thesis.txt": b"mine"}


# Photographs


def serve(web, monkeypatch, dataset, **contents):
    """Puts files where `fetch` looks for them, with their checksums."""
    folder, address, _ = web
    wanted = []
    for one in script.DATASETS[dataset]:
        data = contents[one.name.partition(".")[0]]
        (folder / one.name).write_bytes(data)
        checksum = hashlib.sha256(data).hexdigest()
        wanted.append(replace(one, url=f"{address}/{one.name}", checksum=checksum))
    monkeypatch.setitem(script.DATASETS, dataset, tuple(wanted))


def jpeg(value):
    return cv2.imencode(".jpg", np.full((250, 250, 3), value, "uint8"))[1].tobytes()


LFW = {f"lfw/{name}/{name}_000{i}.jpg": (name, i) for name in "AB" for i in (1, 2)}
STRANGERS = ("../evil.jpg", "lfw/../../A/A_0009.txt", "lfw/../.._0001.jpg")
STRANGERS += ("lfw/x.jpg", "lfw/B/A_0003.jpg", "lfw/A/A_0001.jpg.bak")
PAIRS = b"1\t1\nA\t1\t2\nA\t1\tB\t2\n"


def lfw_archive():
    """As the real one, with what must not be unpacked besides."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for number, name in enumerate([*LFW, *STRANGERS]):
            member = tarfile.TarInfo(name)
            member.size = len(jpeg(number))
            archive.addfile(member, io.BytesIO(jpeg(number)))
        link = tarfile.TarInfo("lfw/C/C_0001.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return packed.getvalue()


def test_lfw_is_fetched_with_its_pairs(web, monkeypatch, tmp_path):
    serve(web, monkeypatch, "lfw", lfw=lfw_archive(), pairs=PAIRS)
    folders = {"cache": tmp_path / "cache", "output": tmp_path / "out"}
    result = script.fetch("lfw", **folders)
    assert (result["num_people"], result["num_pictures"]) == (2, 4)
    unpacked = content(tmp_path / "out")
    assert unpacked.keys() == {*LFW, "lfw_pairs.txt"}
    assert unpacked["lfw/B/B_0001.jpg"] == jpeg(2)
    people = load_people(tmp_path / "out")
    assert people.names == ["A", "B"] and len(people) == 4
    pairs = load_pairs(tmp_path / "out/lfw_pairs.txt", tmp_path / "out")
    assert pairs.same.tolist() == [True, False] and pairs.num_missing == 0
    assert content(tmp_path / "cache").keys() == {"lfw.tgz", "pairs.txt"}
    # From the cache, without a server.
    for path in web.folder.iterdir():
        path.unlink()
    (tmp_path / "out/lfw/B/B_0001.jpg").unlink()
    assert script.fetch("lfw", **folders) == result
    assert content(tmp_path / "out") == unpacked


def test_orl_is_fetched_and_its_pictures_stand_upright(web, monkeypatch, tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (20, 64, 64), dtype="uint8")
    packed = io.BytesIO()  # each picture is a column, written column by column
    columns = np.stack([image.ravel(order="F") for image in images], axis=1)
    scipy.io.savemat(packed, {"faces": columns.astype("float64")})
    serve(web, monkeypatch, "orl", olivettifaces=packed.getvalue())
    result = script.fetch("orl", cache=tmp_path / "cache", output=tmp_path / "out")
    assert (result["num_people"], result["num_pictures"]) == (2, 20)
    people = load_people(tmp_path / "out")
    assert people.names == ["s1", "s2"]
    assert people.labels.tolist() == [0] * 10 + [1] * 10
    for path, image in zip(people.paths, map(people.read, range(20)), strict=True):
        number = 10 * (int(path.parent.name[1:]) - 1) + int(path.stem) - 1
        np.testing.assert_array_equal(image, np.stack([images[number]] * 3, axis=-1))


def test_a_file_with_another_checksum_is_refused_and_not_kept(
    web, monkeypatch, tmp_path, capsys
):
    serve(web, monkeypatch, "lfw", lfw=lfw_archive(), pairs=PAIRS)
    (web.folder / "lfw.tgz").write_bytes(lfw_archive()[:-5])
    folders = ["--cache", tmp_path / "cache", "--output", tmp_path / "out"]
    line = failure(capsys, monkeypatch, "fetch", "lfw", *folders)
    assert "lfw.tgz is not the file that was expected: its checksum is" in line
    assert content(tmp_path / "cache") == {} and not (tmp_path / "out").exists()


def test_a_broken_file_in_the_cache_is_fetched_again(
    web, monkeypatch, tmp_path, capsys
):
    serve(web, monkeypatch, "lfw", lfw=lfw_archive(), pairs=PAIRS)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/pairs.txt").write_bytes(PAIRS[:-3])
    script.fetch("lfw", cache=tmp_path / "cache", output=tmp_path / "out")
    assert (tmp_path / "cache/pairs.txt").read_bytes() == PAIRS
    assert "pairs.txt is broken or another version" in capsys.readouterr().err


def test_what_cannot_be_fetched_is_one_line_and_a_mirror_helps(
    web, monkeypatch, tmp_path, capsys
):
    serve(web, monkeypatch, "lfw", lfw=lfw_archive(), pairs=PAIRS)
    folder, address, _ = web
    folders = ["--cache", tmp_path / "cache", "--output", tmp_path / "out"]
    line = failure(
        capsys, monkeypatch, "fetch", *folders, "--mirror", f"{address}/gone"
    )
    assert f"{address}/gone/lfw.tgz cannot be fetched: HTTP Error 404" in line
    assert "--mirror" in line
    line = failure(capsys, monkeypatch, "fetch", *folders, "--mirror", tmp_path)
    assert "lfw.tgz cannot be fetched" in line
    wanted = tuple(replace(one, url="x:nowhere") for one in script.DATASETS["lfw"])
    monkeypatch.setitem(script.DATASETS, "lfw", wanted)
    line = failure(capsys, monkeypatch, "fetch", *folders)
    assert "x:nowhere cannot be fetched" in line
    assert content(tmp_path / "cache") == {}
    for mirror in (folder, f"{address}/"):
        cache, output = tmp_path / "other", tmp_path / "out"
        result = script.fetch("lfw", mirror=str(mirror), cache=cache, output=output)
        assert result["num_pictures"] == 4
        for path in cache.iterdir():
            path.unlink()


def test_the_known_checksums_are_sha256():
    for wanted in script.DATASETS.values():
        for one in wanted:
            assert len(bytes.fromhex(one.checksum)) == 32
            assert one.url.startswith("https://")


# Weights


def test_convert_hands_over_its_files_and_counts_the_arrays(
    monkeypatch, tmp_path, capsys
):
    handed = []

    def convert(checkpoint, output):
        handed.append((checkpoint, output))
        np.savez(output, a=np.zeros((2, 3)), b=np.zeros(4))

    module = "dlai_keras.face_recognition.checkpoints"
    fake = types.SimpleNamespace(convert_checkpoint=convert)
    monkeypatch.setitem(sys.modules, module, fake)
    run(monkeypatch, "convert", tmp_path / "a.ckpt", tmp_path / "a.npz", "--json")
    assert handed == [(tmp_path / "a.ckpt", tmp_path / "a.npz")]
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (result["num_arrays"], result["num_values"]) == (2, 10)


def test_help_shows_every_verb_and_option(monkeypatch, capsys):
    shown = {
        "make": ("--num-people", "--per-person", "--height", "--width", "Example:"),
        "fetch": ("--mirror", "--cache", "--output", "fetch orl"),
        "convert": ("checkpoint", "output", "mobilefacenet_068.npz"),
    }
    for verb, words in shown.items():
        with pytest.raises(SystemExit) as stop:
            run(monkeypatch, verb, "--help")
        assert not stop.value.code
        text = capsys.readouterr().out
        for word in words:
            assert word in text, (verb, word)
