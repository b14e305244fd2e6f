"""Vector files of every kind, words spelled otherwise, and points on a map."""

import gzip
import os
import time
import warnings

import numpy as np
import pytest
from sklearn.manifold import TSNE, trustworthiness

from dlai_keras import embeddings
from dlai_keras.embeddings import WordVectors, read_vectors, write_vectors

# Without the time, which would give the test another name in every process.
ZIPPED = gzip.compress(b"a 1 2\n" * 999, mtime=0)
WORDS = ["the", "café", "日本", "new", "it's"]


@pytest.fixture
def vectors():
    matrix = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)
    matrix[3] = 0
    return WordVectors(WORDS, matrix)


def same(one, other):
    assert one.words == other.words
    np.testing.assert_array_equal(one.matrix, other.matrix)
    assert one.matrix.dtype == np.float32


@pytest.mark.parametrize("suffix", [".txt", ".bin", ".npy"])
def test_what_is_written_is_read_bit_by_bit(vectors, tmp_path, suffix):
    write_vectors(tmp_path / f"all{suffix}", vectors)
    same(read_vectors(tmp_path / f"all{suffix}"), vectors)
    few = read_vectors(tmp_path / f"all{suffix}", limit=2)
    same(few, vectors.take(WORDS[:2]))
    assert few.name == f"all{suffix}"


def test_the_content_tells_the_kind_and_not_the_name(vectors, tmp_path):
    write_vectors(tmp_path / "a.bin", vectors)
    write_vectors(tmp_path / "b.txt", vectors)
    text = (tmp_path / "b.txt").read_bytes()
    headed = b"5 7\n" + text.replace(
        b"\n", b" \r\n"
    )  # word2vec ends lines with a space
    for content in (
        (tmp_path / "a.bin").read_bytes(),
        b"\xef\xbb\xbf" + text,
        headed,
        gzip.compress(headed),
        gzip.compress(text),
    ):
        (tmp_path / "vectors").write_bytes(content)
        same(read_vectors(tmp_path / "vectors"), vectors)


def test_words_may_hold_spaces_in_text(tmp_path):
    path = tmp_path / "spaces.txt"
    path.write_text("the 1 2\n. . . 3 4\nat name@domain.com 5 6\n7 8 9\n", "utf-8")
    read = read_vectors(path)
    assert read.words == ("the", ". . .", "at name@domain.com", "7")
    np.testing.assert_array_equal(read.matrix, [[1, 2], [3, 4], [5, 6], [8, 9]])


def test_of_a_word_that_stands_twice_the_first_vector_counts(tmp_path):
    path = tmp_path / "twice.txt"
    path.write_text("a 1 2\nb 3 4\na 5 6\nc 7 8\n", "utf-8")
    with pytest.warns(UserWarning, match="1 words stand twice, such as 'a'"):
        read = read_vectors(path)
    assert read.words == ("a", "b", "c")
    np.testing.assert_array_equal(read.matrix, [[1, 2], [3, 4], [7, 8]])


def test_the_compact_form_is_off_by_half_a_step_at_most(vectors, tmp_path):
    write_vectors(tmp_path / "all.npz", vectors)
    read = read_vectors(tmp_path / "all.npz")
    assert read.words == vectors.words
    steps = np.abs(vectors.matrix).max(axis=1, keepdims=True) / 127
    error = np.abs(read.matrix - vectors.matrix)
    # Scales are rounded, too, to 11 bits.
    assert (error <= 0.5 * steps + 127 * steps * 2**-11).all()
    assert error.max() > 0


@pytest.fixture
def cached(monkeypatch, tmp_path):
    """A folder where every file is large enough to be cached."""
    monkeypatch.setattr(embeddings, "CACHED_FROM", 0)
    monkeypatch.setattr(embeddings, "BLOCK", 100)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    (tmp_path / "files").mkdir()
    return tmp_path / "files"


@pytest.mark.parametrize("suffix", [".txt", ".bin"])
def test_a_file_is_parsed_once_and_then_mapped(vectors, cached, monkeypatch, suffix):
    path = cached / f"all{suffix}"
    write_vectors(path, vectors)
    assert read_vectors(path, limit=2).words == ("the", "café")
    assert not (cached / f"all{suffix}.cache").exists()  # of a part nothing is kept
    same(read_vectors(path), vectors)
    with monkeypatch.context() as patch:
        patch.setattr(embeddings, "_parsed", None)  # no more needed
        again = read_vectors(path)
        assert isinstance(again.matrix, np.memmap)
        same(again, vectors)
        same(read_vectors(path, limit=2), vectors.take(WORDS[:2]))
        with pytest.raises(TypeError):
            read_vectors(path, cache=False)


def test_a_file_that_changed_is_parsed_again(vectors, cached):
    path = cached / "all.txt"
    write_vectors(path, vectors)
    read_vectors(path)
    other = WordVectors(WORDS, vectors.matrix[::-1].copy())
    write_vectors(path, other)
    os.utime(path, ns=(time.time_ns(), time.time_ns() + 10**9))
    same(read_vectors(path), other)
    (cached / "all.txt.cache").write_bytes(b"damaged" * 40)
    same(read_vectors(path), other)


def test_without_a_place_beside_it_the_cache_is_the_users(vectors, cached, tmp_path):
    path = cached / "all.txt"
    write_vectors(path, vectors)
    (cached / "all.txt.cache").mkdir()  # nothing can be written there
    same(read_vectors(path), vectors)
    (kept,) = (tmp_path / "home/dlai_keras").iterdir()
    assert kept.name.startswith("all.txt.") and kept.suffix == ".cache"
    assert isinstance(read_vectors(path).matrix, np.memmap)
    (tmp_path / "home").rename(tmp_path / "gone")
    (tmp_path / "home").write_text("a file")  # nor there: then in memory
    same(read_vectors(path), vectors)


def binary(*, cut=0, word=b"dog"):
    numbers = np.float32([1, 2]).tobytes()
    content = b"2 2\ncat " + numbers + b"\n" + word + b" " + numbers
    return content[: len(content) - cut]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a 1 2\nb 3\n", "line 2, must have a word and 2 numbers. Received: 1"),
        (b"a 1 2\nb 3 4 5\nc 1 2\n", "line 2, must have a word and 2 .* Received: 3"),
        (b"a 1 2\nb 3 4\nc 5", "line 3, must .* cut"),
        (b"a 1 2\nb 3 x\n", "line 2, must hold finite numbers. Received: x"),
        (b"a 1 2\nb 3 nan\n", "line 2, must hold finite numbers. Received: nan"),
        (b"a 1 2\nb 3 1e99\n", "line 2, must hold finite numbers. Received: 1e99"),
        (b"a 1 2\n\xff\xfe 3 4\n", "line 2, is not UTF-8"),
        (b"3 2\na 1 2\nb 3 4\n", "must have 3 words, .* Received: 2. .* cut"),
        (b"0 2\n", "line 1, must have the number of words"),
        (b"", "holds no word vectors"),
        (b"just a text\nof some lines\n", "holds no word vectors"),
        (binary(cut=3), "ends within word 2 of 2. The file is cut"),
        (binary(word=b"\xff"), "word 2, is not UTF-8"),
        (binary()[:-4] + np.float32(np.nan).tobytes(), r"word 2 \('dog'\), holds NaN"),
        (ZIPPED[:-9], "cannot be unpacked; it may be cut"),
        (b"PK\x03\x04 archive", "must be an .npz with `words`"),
        (b"\x93NUMPY\x01", "cannot be read; it may be cut"),
    ],
)
def test_a_damaged_file_is_named_with_its_line(tmp_path, content, message):
    path = tmp_path / "vectors.dat"
    path.write_bytes(content)
    path.with_suffix(".txt").write_text("a\nb\n", "utf-8")
    with pytest.raises(ValueError, match=f"vectors.dat.*{message}") as error:
        read_vectors(path)
    assert "\n" not in str(error.value)


def test_a_missing_file_says_what_was_expected(vectors, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No such vectors: .* Expected GloVe"):
        read_vectors(tmp_path / "none.txt")
    with pytest.raises(ValueError, match="Received a folder"):
        read_vectors(tmp_path)
    write_vectors(tmp_path / "all.npy", vectors)
    (tmp_path / "all.txt").write_text("one\n", "utf-8")
    with pytest.raises(ValueError, match="1 lines for 5 vectors"):
        read_vectors(tmp_path / "all.npy")
    write_vectors(tmp_path / "all.txt", vectors)  # the vectors where words should be
    with pytest.raises(ValueError, match="must have one word a line"):
        read_vectors(tmp_path / "all.npy")
    (tmp_path / "all.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"No such words: .*all\.txt"):
        read_vectors(tmp_path / "all.npy")
    with pytest.raises(ValueError, match=r"must end in .txt, .bin, .npy, .npz"):
        write_vectors(tmp_path / "all.csv", vectors)
    with pytest.raises(ValueError, match="cannot hold the word 'new york'"):
        write_vectors(tmp_path / "all.bin", WordVectors(["new york"], [[1.0]]))


def test_words_and_vectors_must_fit():
    with pytest.raises(ValueError, match="2 words and 3 vectors"):
        WordVectors(["a", "b"], np.eye(3))
    with pytest.raises(ValueError, match="Received twice: 'a'"):
        WordVectors(["a", "b", "a"], np.eye(3))
    with pytest.raises(ValueError, match=r"shape \(num_words, dim\)"):
        WordVectors(["a"], np.ones(3))
    with pytest.raises(KeyError, match="No vector of the word 'cow'"):
        WordVectors(["a"], [[1.0]]).index("cow")


def test_unit_vectors_have_length_one_and_zeros_stay(vectors):
    lengths = np.linalg.norm(vectors.normalized(), axis=1)
    np.testing.assert_allclose(lengths, [1, 1, 1, 0, 1], atol=1e-6)
    assert vectors.normalized() is vectors.normalized()


@pytest.mark.parametrize(
    ("token", "word"),
    [
        ("love", "love"),
        ("LOVE", "love"),
        ("Café", "cafe"),
        ("looooove", "love"),
        ("gooood", "good"),
        ("don't", "not"),
        ("don’t", "not"),
        ("dont", "not"),
        ("won't", "not"),
        ("I'm", "i"),
        ("mum's", "mum"),
        ("e-mail", "email"),
        ("babies", "baby"),
        ("boxes", "box"),
        ("loved", "love"),
        ("loving", "love"),
        ("running", "run"),
        ("happier", "happy"),
        ("happily", "happy"),
        ("nothin", "nothing"),
        ("hapyp", "happy"),  # two letters changed places
        ("lave", "love"),  # and not lane, which is rarer
        ("defanatly", None),  # three edits
        ("definatley", "definitely"),  # two
        ("beautful", "beautiful"),
        ("xe", None),  # too short for a misspelling
        ("beautiful" * 9, None),  # too long
        ("123", None),
        ("🙂", None),
        ("", None),
    ],
)
def test_a_token_without_a_vector_finds_the_word_it_stands_for(token, word):
    words = [
        "i",
        "not",
        "good",
        "love",
        "lane",
        "happy",
        "cafe",
        "mum",
        "email",
        "baby",
        "box",
        "run",
        "nothing",
    ]
    words += ["definitely", "beautiful"]
    assert WordVectors(words, np.eye(len(words))).resolve(token) == word


def divergence(points, places, perplexity=30.0):
    """What t-SNE minimises: KL(P || Q)."""
    near = embeddings._affinities(points, perplexity)
    distances = ((places[:, None] - places) ** 2).sum(axis=2)
    similar = 1 / (1 + distances)
    np.fill_diagonal(similar, 0)
    similar /= similar.sum()
    off = ~np.eye(len(points), dtype=bool)
    return (near[off] * np.log(near[off] / similar[off])).sum()


def test_the_map_is_as_good_as_scikit_learns():
    rng = np.random.default_rng(0)
    centers = 3 * rng.normal(size=(6, 20))
    points = np.repeat(centers, 20, axis=0) + rng.normal(size=(120, 20))
    ours = embeddings.on_a_plane(points)
    theirs = TSNE(init="pca", random_state=0, method="exact", max_iter=500)
    theirs = theirs.fit_transform(points)
    assert divergence(points, ours) < 1.1 * divergence(points, theirs)
    assert trustworthiness(points, ours, n_neighbors=10) > 0.9
    np.testing.assert_array_equal(ours, embeddings.on_a_plane(points))


def test_every_point_has_the_neighbours_that_perplexity_says():
    points = np.random.default_rng(0).normal(size=(60, 5)) * np.arange(1, 61)[:, None]
    # Of points in a row the joint probabilities are half a sum of conditional ones.
    distances = embeddings._squared_distances(points)
    near = embeddings._affinities(points, 8.0)
    assert near.sum() == pytest.approx(1)
    np.testing.assert_allclose(near, near.T)
    np.testing.assert_allclose(
        distances, ((points[:, None] - points) ** 2).sum(axis=2), atol=1e-8
    )
    # On a ring all points are alike, and a row tells how many neighbours count.
    angles = 2 * np.pi * np.arange(60) / 60
    ring = 60 * embeddings._affinities(np.stack([np.cos(angles), np.sin(angles)], 1), 8)
    logs = np.log(np.where(ring > 0, ring, 1))
    np.testing.assert_allclose(np.exp(-(ring * logs).sum(axis=1)), 8, rtol=1e-6)
    with pytest.raises(ValueError, match="4 points or more"):
        embeddings.on_a_plane(np.eye(3))


def test_reading_warns_of_nothing(vectors, tmp_path):
    write_vectors(tmp_path / "all.txt", vectors)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_vectors(tmp_path / "all.txt")
