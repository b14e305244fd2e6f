"""A database on disk: right, safe, and able to forget."""

import errno
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from dlai_keras.face_recognition import gallery as module
from dlai_keras.face_recognition.gallery import Gallery, Match, open_gallery

SIZE = 16
ROOT = Path(__file__).parents[2]


def units(rng, num, size=SIZE):
    embeddings = rng.normal(size=(num, size)).astype("float32")
    return embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "people.gallery"


@pytest.fixture
def embeddings():
    return units(np.random.default_rng(0), 40)


@pytest.fixture
def gallery(path):
    with open_gallery(path, "model-1", 0.7, SIZE) as opened:
        yield opened


@pytest.fixture
def full(gallery, embeddings):
    """Ten people of four pictures."""
    gallery.enroll_people(
        {f"person {number}": embeddings[4 * number :][:4] for number in range(10)}
    )
    return gallery


def start_python(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


# Enrolling and identifying


def test_identify_finds_the_nearest_of_all_pictures(full, embeddings):
    rng = np.random.default_rng(1)
    known = unknown = 0
    for row in range(200):
        asked = embeddings[row % 40] + rng.uniform(0, 0.5) * rng.normal(size=SIZE)
        asked /= np.linalg.norm(asked)
        distances = [float(np.linalg.norm(asked - each)) for each in embeddings]
        nearest = int(np.argmin(distances))
        match = full.identify(asked)
        assert match.distance == pytest.approx(distances[nearest], abs=1e-6)
        if match.distance <= 0.7:
            assert match.name == f"person {nearest // 4}"
            known += 1
        else:
            assert match.name is None
            unknown += 1
    assert known > 20 and unknown > 20


def test_an_enrolled_picture_has_distance_0(full, embeddings):
    assert full.identify(embeddings[13]) == Match(
        "person 3", pytest.approx(0, abs=1e-7)
    )


def test_lengths_that_are_a_little_off_are_corrected(gallery, embeddings):
    gallery.enroll("Ann", 1.0008 * embeddings[0])
    match = gallery.identify(0.9992 * embeddings[0])
    assert match.distance == pytest.approx(0, abs=1e-6)


def test_the_threshold_itself_is_within(gallery):
    one = np.eye(SIZE)[0]
    gallery.enroll("Ann", one)
    angle = 2 * np.arcsin(0.35)
    for factor, name in ((0.9999, "Ann"), (1.0001, None)):
        turned = np.eye(SIZE)[1] * np.sin(angle * factor) + one * np.cos(angle * factor)
        match = gallery.identify(turned)
        assert match.name == name
        assert match.distance == pytest.approx(0.7, abs=1e-3)


def test_nobody_is_known_in_an_empty_gallery(gallery, embeddings):
    assert gallery.identify(embeddings[0]) == Match(None, np.inf)
    assert gallery.names() == {} and len(gallery) == 0


def test_pictures_of_a_person_add_up(gallery, embeddings):
    assert gallery.enroll("Zoë", embeddings[:3]) == 3
    assert gallery.enroll("Ann", embeddings[3]) == 1
    assert gallery.enroll(" Zoe\u0308 ", embeddings[4:6]) == 5  # another way to write ë
    assert list(gallery.names().items()) == [("Ann", 1), ("Zoë", 5)]
    assert len(gallery) == 6


def test_a_gallery_is_one_file_that_keeps_everything(full, path, embeddings):
    names = full.names()
    full.close()
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    with Gallery(path, model_id="model-1") as again:
        assert again.names() == names
        assert (again.model_id, again.threshold) == ("model-1", 0.7)
        assert again.embedding_size == SIZE
        assert again.identify(embeddings[8]).name == "person 2"


def test_opening_again_keeps_what_is_there(full, path):
    with open_gallery(path, "model-1", 0.9, SIZE) as again:
        assert again.threshold == 0.7  # that it was begun with
        assert len(again) == 40


@pytest.mark.skipif(os.name != "posix", reason="other rights")
def test_only_its_owner_may_read_it(gallery, path):
    assert path.stat().st_mode & 0o777 == 0o600


# Removing


def traces(folder, name, embeddings):
    """What the files below a folder still hold of somebody."""
    found = []
    for file in folder.rglob("*"):
        content = file.read_bytes() if file.is_file() else b""
        found += [name] * (name.encode() in content)
        for embedding in embeddings:
            whole = embedding.astype("<f4").tobytes()
            parts = [whole[start : start + 12] for start in range(0, len(whole), 12)]
            found += [part for part in parts if len(part) == 12 and part in content]
    return found


def test_who_is_removed_leaves_no_trace(gallery, path):
    rng = np.random.default_rng(2)
    removed = units(rng, 120)
    gallery.enroll("Xaver Quitt", removed[:3])
    # Enough others, before and after, that the tables are rearranged meanwhile.
    for number in range(12):
        gallery.enroll(f"person {number}", units(rng, 20))
        if number == 6:
            gallery.enroll("Xaver Quitt", removed[3:])
    assert len(traces(path.parent, "Xaver Quitt", removed)) > 120
    size = path.stat().st_size
    assert gallery.remove("Xaver Quitt") == 120
    assert traces(path.parent, "Xaver Quitt", removed) == []
    assert path.stat().st_size < size
    assert "Xaver Quitt" not in gallery.names() and len(gallery) == 240
    assert gallery.identify(removed[5]).name != "Xaver Quitt"
    gallery.close()
    with Gallery(path) as again:
        assert len(again) == 240


def test_nobody_is_removed_by_a_name_that_is_not_there(full):
    with pytest.raises(ValueError, match="has nobody named 'Person 1'"):
        full.remove("Person 1")
    assert len(full) == 40


# Models


def test_a_gallery_of_another_model_is_refused(full, path):
    content = path.read_bytes()
    with pytest.raises(
        ValueError, match="of the model model-1, which those of model-2"
    ):
        Gallery(path, model_id="model-2")
    with pytest.raises(
        ValueError, match="of the model model-1, which those of model-2"
    ):
        open_gallery(path, "model-2", 0.7, SIZE)
    with pytest.raises(ValueError, match="embeddings of 16 numbers"):
        open_gallery(path, "model-1", 0.7, 128)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("", 0.7, 128), "`model_id` must be a text"),
        (("m", 2.5, 128), "`threshold` must be a distance"),
        (("m", np.nan, 128), "`threshold` must be a distance"),
        (("m", 0.7, 0), "`embedding_size` must be 1 or more"),
    ],
)
def test_settings_are_checked(arguments, message, path):
    with pytest.raises(ValueError, match=message):
        open_gallery(path, *arguments)
    assert not path.exists()


# Bad input


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "a line of 1 to 200"),
        ("  ", "a line of 1 to 200"),
        ("a\nb", "a line of 1 to 200"),
        ("a\0b", "a line of 1 to 200"),
        ("\udcff", "a line of 1 to 200"),
        ("x" * 201, "a line of 1 to 200"),
        (7, "must be a text"),
    ],
)
def test_names_are_checked(name, message, gallery, embeddings):
    with pytest.raises(ValueError, match=message):
        gallery.enroll(name, embeddings)
    assert len(gallery) == 0


@pytest.mark.parametrize(
    ("embedding", "message"),
    [
        (np.ones(SIZE), "must be of length 1.*one of length 4"),
        (np.zeros(SIZE), "must be of length 1"),
        (np.full(SIZE, np.nan), "must be of length 1"),
        (np.eye(8), "must have 16 numbers"),
        (np.zeros((2, 1, SIZE)), "must have 16 numbers"),
        (np.zeros((0, SIZE)), "an embedding or more"),
    ],
)
def test_embeddings_are_checked(embedding, message, gallery, embeddings):
    with pytest.raises(ValueError, match=message):
        # One bad embedding, and nothing of the transaction is added.
        gallery.enroll_people({"Ann": embeddings[:2], "Bob": embedding})
    assert len(gallery) == 0
    with pytest.raises(ValueError, match=message):
        gallery.identify(embedding)


def test_pictures_are_identified_one_by_one(gallery, embeddings):
    with pytest.raises(ValueError, match="embeddings of 2"):
        gallery.identify(embeddings[:2])


def test_a_missing_file_is_said(path):
    with pytest.raises(FileNotFoundError, match="enrolling somebody begins one"):
        Gallery(path)
    assert not path.exists()


# Damage


def foreign_database(path):
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE pictures (name TEXT)")
    connection.commit()
    connection.close()


def later_format(path):
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 2")
    connection.close()


def without_settings(path):
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM settings")
    connection.commit()
    connection.close()


DAMAGES = {
    "empty": (lambda path: path.write_bytes(b""), "no gallery of people"),
    "text": (lambda path: path.write_text("Ann\n" * 999), "no gallery of people"),
    "other tables": (
        lambda path: (path.unlink(), foreign_database(path)),
        "no gallery of people",
    ),
    "cut off": (lambda path: os.truncate(path, 5000), "damaged"),
    "later": (later_format, "format 2; this version of dlai_keras reads format 1"),
    "settings": (without_settings, "damaged: its settings have changed"),
    "a page": (
        lambda path: path.write_bytes(
            path.read_bytes()[:8192] + b"\xaa" * 4096 + path.read_bytes()[12288:]
        ),
        "damaged",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_or_foreign_file_is_refused_and_left_as_it_is(damage, full, path):
    full.close()
    spoil, message = DAMAGES[damage]
    spoil(path)
    content = path.read_bytes()
    with pytest.raises(ValueError, match=message) as caught:
        Gallery(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    if content:
        with pytest.raises(ValueError, match=message):
            open_gallery(path, "model-1", 0.7, SIZE)
    assert path.read_bytes() == content
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_no_flipped_bit_changes_what_is_known_without_being_noticed(full, path):
    names, known = full.names(), full._embeddings.copy()
    full.close()
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    filled = np.flatnonzero(np.frombuffer(content, "uint8"))
    noticed = 0
    for place in rng.choice(filled, 150, replace=False):
        spoilt = bytearray(content)
        spoilt[place] ^= 1 << rng.integers(8)
        path.write_bytes(spoilt)
        try:
            with Gallery(path) as again:
                assert again.names() == names
                np.testing.assert_array_equal(again._embeddings, known)
                assert (again.model_id, again.threshold) == ("model-1", 0.7)
        except ValueError:
            noticed += 1
        assert path.read_bytes() == spoilt
    assert noticed > 100


def test_a_page_that_was_written_over_another_is_noticed(gallery, path):
    for number in range(8):
        gallery.enroll(f"person {number}", units(np.random.default_rng(number), 40))
    gallery.close()
    content = path.read_bytes()
    pages = [content[start : start + 4096] for start in range(0, len(content), 4096)]
    leaves = [number for number, page in enumerate(pages) if page[0] == 0x0D]
    pages[leaves[-1]] = pages[leaves[-2]]  # each embedding has its checksum
    path.write_bytes(b"".join(pages))
    with pytest.raises(ValueError, match="damaged"):
        Gallery(path)


def test_a_name_that_is_no_text_is_noticed(full, path):
    full.close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE pictures SET name = CAST(name AS BLOB) WHERE id = 7")
    connection.commit()
    connection.close()
    with pytest.raises(ValueError, match="damaged"):
        Gallery(path)


def test_damage_that_comes_later_is_noticed(full, path, embeddings):
    connection = sqlite3.connect(path)
    connection.execute("UPDATE pictures SET name = 'Eve' WHERE name = 'person 4'")
    connection.commit()
    connection.close()
    with pytest.raises(ValueError, match="damaged: an embedding has changed"):
        full.identify(embeddings[0])


# Transactions


def test_a_killed_process_leaves_the_old_state(full, path):
    names = full.names()
    full.close()
    content = path.read_bytes()
    killed = start_python(
        """
        import os, signal, sys
        import numpy as np
        from dlai_keras.face_recognition.gallery import Gallery
        gallery = Gallery(sys.argv[1])
        gallery._connection.execute("PRAGMA cache_size = 1")  # writes to disk at once
        one = np.eye(16)[0]
        with gallery._writing():
            gallery._connection.execute("DELETE FROM pictures WHERE id < 20")
            for number in range(500):
                gallery._connection.execute(
                    "INSERT INTO pictures (name, embedding, checksum) VALUES (?, ?, 0)",
                    ["Eve", bytes(500)],
                )
            os.kill(os.getpid(), signal.SIGKILL)
        """,
        path,
    )
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert path.read_bytes() != content  # it was killed half way
    with Gallery(path) as again:
        assert again.names() == names
    assert path.read_bytes() == content
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_full_disk_leaves_the_old_state(full, embeddings):
    names = full.names()
    pages = full._ask("PRAGMA page_count")
    full._connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    rng = np.random.default_rng(3)
    with pytest.raises(OSError) as caught:
        full.enroll("Ann", units(rng, 400))
    assert caught.value.errno == errno.ENOSPC
    assert full.names() == names
    full._connection.execute(f"PRAGMA max_page_count = {pages + 100}")
    assert full.enroll("Ann", embeddings[:2]) == 2


def test_a_write_protected_gallery_can_be_asked_only(full, embeddings):
    full._connection.execute("PRAGMA query_only = ON")
    assert full.identify(embeddings[0]).name == "person 0"
    with pytest.raises(PermissionError, match="cannot be written"):
        full.enroll("Ann", embeddings[0])


def test_two_processes_enroll_at_a_time_and_lose_nobody(path):
    code = """
        import sys
        import numpy as np
        from dlai_keras.face_recognition.gallery import open_gallery
        with open_gallery(sys.argv[1], "model-1", 0.7, 16) as gallery:
            for number in range(20):
                embeddings = np.eye(16)[[number % 16, 3]]
                gallery.enroll(f"{sys.argv[2]} {number}", embeddings)
                gallery.identify(np.eye(16)[0])
        """
    both = [start_python(code, path, name) for name in "ab"]  # both begin the file
    for process in both:
        process.communicate()
        assert process.returncode == 0
    with Gallery(path) as gallery:
        assert gallery.names() == {
            f"{name} {number}": 2 for name in "ab" for number in range(20)
        }


def test_what_another_has_changed_is_seen_at_once(full, path, embeddings):
    rng = np.random.default_rng(4)
    new = units(rng, 1)[0]
    assert full.identify(new).name is None
    with Gallery(path, model_id="model-1") as other:
        other.enroll("Ann", new)
        assert full.identify(new).name == "Ann"
        assert full.names()["Ann"] == 1
        other.remove("Ann")
        other.remove("person 3")
        assert full.identify(new).name is None
        assert full.identify(embeddings[12]).name is None
        assert len(full) == 36


def test_an_unchanged_gallery_is_not_read_again(full, embeddings, monkeypatch):
    full.identify(embeddings[0])
    monkeypatch.setattr(Gallery, "_load", None)
    assert full.identify(embeddings[5]).name == "person 1"


def test_a_gallery_that_another_holds_is_said_to_be_in_use(
    full, path, embeddings, monkeypatch
):
    monkeypatch.setattr(module, "SECONDS_TO_WAIT", 0.02)
    with Gallery(path) as impatient:
        full._connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(TimeoutError, match="in use by another process"):
            impatient.enroll("Ann", embeddings[0])
        full._connection.execute("COMMIT")
        assert impatient.enroll("Ann", embeddings[0]) == 1
        # Nobody writes a file anew that another is reading.
        reader = full._connection.execute("SELECT id FROM pictures")
        reader.fetchone()
        with pytest.raises(TimeoutError, match="could not be written anew"):
            impatient.compact()
        reader.close()
        impatient.compact()
