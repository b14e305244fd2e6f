"""The script that draws pictures and fetches weights, as a user meets it."""

import functools
import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
import scripted

from data_scripts import style_transfer as script
from dlai_keras import files, images
from dlai_keras.style_transfer import data


def content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


run = functools.partial(scripted.call, script)
failure = functools.partial(scripted.failure, script)


# Drawn pictures

OPTIONS = {"size": 32, "seed": 4, "styles": ["waves", "pointillism"]}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    output = tmp_path_factory.mktemp("pictures") / "deep/out"
    return output, script.make(num_contents=3, output=output, **OPTIONS)


def test_the_folder_holds_the_pictures_that_were_asked_for(made):
    output, result = made
    expected = {"num_contents": 3, "num_styles": 2, "size": 32, "output": output}
    assert result == expected
    contents = data.make_contents(4, 3, 32)
    for index, image in enumerate(contents):
        read = data.read_picture(output / f"contents/{index:06d}.png")
        np.testing.assert_array_equal(read, image)
    for name, image in data.make_styles(4, 32, OPTIONS["styles"]).items():
        read = data.read_picture(output / f"styles/{name}.png")
        np.testing.assert_array_equal(read, image)
    assert len(content(output)) == 3 + 2 + 1
    assert len(data.load_contents(output)) == 3


def test_the_preview_has_styles_above_and_contents_below(made):
    preview = images.read(made[0] / "preview.png")
    side = script.PREVIEW_SIZE
    assert preview.shape == (2 * side + 2, 6 * (side + 2) - 2, 3)
    for row, column, name in (
        (0, 0, "styles/waves"),
        (0, 1, "styles/pointillism"),
        (1, 0, "contents/000000"),
        (1, 2, "contents/000002"),
    ):
        top, left = row * (side + 2), column * (side + 2)
        tile = preview[top : top + side, left : left + side]
        read = images.read(made[0] / f"{name}.png", size=side)
        np.testing.assert_array_equal(tile, read)
    assert (preview[:side, 2 * side + 4 :] == 255).all()


def test_a_set_grows_by_asking_for_more_and_repeats_to_the_byte(made, tmp_path):
    script.make(num_contents=1, output=tmp_path, **OPTIONS)
    few = content(tmp_path)
    script.make(num_contents=3, output=tmp_path, **OPTIONS)
    assert content(tmp_path) == content(made[0])
    del few["preview.png"]
    assert len(few) == 3 and few.items() <= content(made[0]).items()


def test_a_run_that_was_killed_is_overwritten_cleanly(made, tmp_path, monkeypatch):
    write = files.write_atomically

    def dies(path, data):
        if path.name == "000001.png":
            path.with_name(f".{path.name}.partial").write_bytes(data[:50])
            raise KeyboardInterrupt
        write(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(files, "write_atomically", dies)
        with pytest.raises(KeyboardInterrupt):
            script.make(num_contents=3, output=tmp_path, **OPTIONS)
    assert not (tmp_path / "contents/000001.png").exists()
    script.make(num_contents=3, output=tmp_path, **OPTIONS)
    assert content(tmp_path) == content(made[0])


def test_mistakes_are_one_line_with_exit_code_2_and_write_nothing(
    tmp_path, capsys, monkeypatch
):
    output = tmp_path / "out"

    def fails(*arguments):
        line = failure(capsys, monkeypatch, "--output", output, *arguments)
        assert not output.exists()
        return line

    assert "`num_contents` must be 1 or more" in fails("--num-contents", 0)
    assert "`size` must be 32 pixels or more" in fails("--size", 31)
    assert "`seed` must be 0 or more" in fails("--seed", -1)
    assert "`names` must be one of strokes" in fails("--styles", "crayon")
    assert "--num-contents" in fails("--num-content", 6)


def test_an_output_that_holds_other_files_is_left_as_it_is(
    made, tmp_path, capsys, monkeypatch
):
    file = tmp_path / "file"
    file.write_text("mine")
    line = failure(capsys, monkeypatch, "--output", file)
    assert "must be a folder" in line and file.read_text() == "mine"
    for name in ("notes.txt", "contents/000001.png", "styles/mosaic.png"):
        output = tmp_path / name.replace("/", "_") / "held"
        (output / name).parent.mkdir(parents=True)
        (output / name).write_text("mine")
        small = ("--size", 32, "--styles", "waves", "--num-contents", 1)
        line = failure(capsys, monkeypatch, "--output", output, *small)
        assert f"such as {name}" in line and "another --output" in line
        assert content(output) == {name: b"mine"}


# Weights


@pytest.fixture
def weights(web, monkeypatch):
    """A small file on the server as the weights of SqueezeNet, and what is in it."""
    folder, address, _ = web
    payload = np.random.default_rng(0).bytes(300_000)
    known = script.WEIGHTS["squeezenet"]
    wanted = replace(
        known,
        url=f"{address}/v1/{known.name}",
        checksum=hashlib.sha256(payload).hexdigest(),
    )
    (folder / "v1").mkdir(exist_ok=True)
    (folder / "v1" / known.name).write_bytes(payload)
    monkeypatch.setitem(script.WEIGHTS, "squeezenet", wanted)
    return wanted, payload


def test_weights_are_fetched_once_into_the_cache(
    weights, web, tmp_path, monkeypatch, capsys
):
    wanted, payload = weights
    cache = tmp_path / "deep/cache"
    for _ in range(2):
        run(monkeypatch, "fetch", "squeezenet", "--cache", cache, "--json")
        line = capsys.readouterr().out.splitlines()[-1]
        assert json.loads(line) == {
            "weights": "squeezenet",
            "megabytes": 0.3,
            "file": str(cache / wanted.name),
        }
        assert content(cache) == {wanted.name: payload}
    assert web.asked == [f"/v1/{wanted.name}"]


def test_a_broken_file_in_the_cache_is_fetched_again(weights, tmp_path):
    wanted, payload = weights
    (tmp_path / wanted.name).write_bytes(payload[:1000])
    script.fetch("squeezenet", cache=tmp_path)
    assert content(tmp_path) == {wanted.name: payload}


def test_the_cache_is_where_keras_looks(weights, tmp_path, monkeypatch):
    wanted, _ = weights
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    path = script.fetch("squeezenet")["file"]
    assert path == tmp_path / "keras/models" / wanted.name and path.is_file()


def test_a_mirror_is_an_address_or_a_folder(weights, web, tmp_path):
    wanted, payload = weights
    folder, address, _ = web
    for number, mirror in enumerate((f"{address}/v1/", folder / "v1")):
        cache = tmp_path / str(number)
        script.fetch("squeezenet", mirror=str(mirror), cache=cache)
        assert content(cache) == {wanted.name: payload}


def test_another_file_is_refused_and_not_kept(
    weights, web, tmp_path, capsys, monkeypatch
):
    wanted, payload = weights
    (web.folder / "v1" / wanted.name).write_bytes(payload[::-1])
    arguments = ("fetch", "squeezenet", "--cache", tmp_path)
    line = failure(capsys, monkeypatch, *arguments)
    assert "is not the file that was expected" in line and "--mirror" in line
    assert wanted.checksum in line and content(tmp_path) == {}


@pytest.mark.parametrize("mirror", ["{address}/none", "http://127.0.0.1:9", "{folder}"])
def test_what_cannot_be_fetched_is_one_line(
    mirror, weights, web, tmp_path, capsys, monkeypatch
):
    mirror = mirror.format(address=web.address, folder=tmp_path / "empty")
    arguments = ("fetch", "squeezenet", "--cache", tmp_path, "--mirror", mirror)
    line = failure(capsys, monkeypatch, *arguments)
    assert "cannot be fetched" in line and weights[0].name in line
    assert content(tmp_path) == {}


def test_unknown_weights_are_a_mistake(capsys, monkeypatch):
    line = failure(capsys, monkeypatch, "fetch", "resnet")
    assert "`weights` must be one of vgg19, vgg19-full, vgg19-mat, squeezenet" in line


def test_the_places_and_checksums_of_vgg19_are_those_of_keras():
    import inspect

    from keras.src.applications import vgg19

    source = inspect.getsource(vgg19.VGG19)
    for name, path in (
        ("vgg19", vgg19.WEIGHTS_PATH_NO_TOP),
        ("vgg19-full", vgg19.WEIGHTS_PATH),
    ):
        wanted = script.WEIGHTS[name]
        assert wanted.url == path and wanted.url.endswith(f"/{wanted.name}")
        assert wanted.checksum in source and wanted.name in source
    for wanted in script.WEIGHTS.values():
        assert wanted.url.startswith("https://")
        assert len(bytes.fromhex(wanted.checksum)) in (16, 32)


def test_help_shows_every_verb_and_option(monkeypatch, capsys):
    shown = {
        "make": ("--num-contents", "--size", "--styles", "--output", "Example:"),
        "fetch": ("--mirror", "--cache", "vgg19-mat", "fetch vgg19"),
    }
    for verb, words in shown.items():
        with pytest.raises(SystemExit) as stop:
            run(monkeypatch, verb, "--help")
        assert not stop.value.code
        text = capsys.readouterr().out
        for word in words:
            assert word in text, (verb, word)
