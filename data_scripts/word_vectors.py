"""A text to train word vectors on, the vectors that ship, and those of others."""

import re
import shutil
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from dlai_keras import command_line, downloads, embeddings, files
from dlai_keras.downloads import Download
from dlai_keras.embeddings import tokenize
from dlai_keras.word_vectors.corpus import read_corpus

HELP = """A text to train word vectors on, the vectors that ship, and those of others.

`corpus` puts a text together from WordNet's definitions and examples and from everyday
sentences of Tatoeba. `ship` trains the vectors that come with the package on it.
`fetch` downloads GloVe's vectors and the questions and judgments to measure them."""

WORDNET = Path("/usr/share/wordnet")  # where Debian's wordnet-base puts it
PARTS_OF_SPEECH = ("noun", "verb", "adj", "adv")
# Pointers of WordNet whose two ends mean something alike, or are one kind of another.
RELATED = {"@": "is a kind of", "@i": "is", "&": "is like", "!": "not", "=": "of"}
NUM_FREQUENT = 3000  # words of the sentences that ship before all others
# How the vectors that ship were made.
RECIPE = {"method": "skip_gram", "dim": 64, "window": 5, "epochs": 25}
NUM_WORDS = 12_000

QUESTIONS = "https://raw.githubusercontent.com/tmikolov/word2vec/master/"
JUDGMENTS = (
    "https://raw.githubusercontent.com/piskvorky/gensim/develop/gensim/test/test_data/"
)
FILES = {
    "glove": Download(
        "glove.6B.zip",
        "https://nlp.stanford.edu/data/glove.6B.zip",
        "617afb2fe6cbd085c235baf7a465b96f4112bd7f7ccb2b2cbd649fed9cbcf2fb",
    ),
    "questions": Download(
        "questions-words.txt",
        QUESTIONS + "questions-words.txt",
        "8c29b3332afc46f3fb8be04cb5297bf96f39aa7131272dff57869b4485b22a36",
    ),
    "judgments": Download(
        "wordsim353.tsv",
        JUDGMENTS + "wordsim353.tsv",
        "f92a022fc2537793a15bc3a8c162ebcd74990e033a228bb6388cb71e4c0b1e1d",
    ),
}
WIDTHS = (50, 100, 200, 300)  # of GloVe's vectors


def corpus(
    *,
    wordnet: Path = WORDNET,
    tatoeba: Path | None = None,
    output: Path = Path("runs/word_vectors_data/corpus.txt"),
) -> dict:
    """Writes a text of definitions, examples and everyday sentences, one a line.

    Args:
        wordnet: folder with WordNet's data.noun and the like; on Debian the package
            wordnet-base has it.
        tatoeba: pairs of sentences with tabs between them, English first, as .txt or
            in a .zip, such as manythings.org's fra-eng.zip; without it WordNet alone.
        output: the file, in UTF-8.

    Example:
        python data_scripts/word_vectors.py corpus --tatoeba fra-eng.zip
    """
    lines = list(_definitions(wordnet))
    counts = {"wordnet_lines": len(lines)}
    if tatoeba is not None:
        sentences = _sentences(tatoeba)
        counts["tatoeba_lines"] = len(sentences)
        lines += sentences
    output.parent.mkdir(parents=True, exist_ok=True)
    files.write_atomically(output, *(f"{line}\n" for line in lines))
    return {**counts, "output": output}


def ship(
    *,
    wordnet: Path = WORDNET,
    tatoeba: Path,
    seed: int = 0,
    output: Path = embeddings.EMBEDDED,
) -> dict:
    """Trains the vectors that come with the package, and writes their 12,000 words.

    Those are the most frequent 3,000 words of the sentences, and then the most frequent
    of the whole text.

    Args:
        wordnet: as of corpus.
        tatoeba: as of corpus.
        seed: of the training.
        output: .npz to write, each number in a byte.

    Example:
        python data_scripts/word_vectors.py ship --tatoeba fra-eng.zip
    """
    command_line.load_keras()
    from dlai_keras.word_vectors.trainer import train_vectors

    begun = time.perf_counter()
    lines = [*_definitions(wordnet), *(sentences := _sentences(tatoeba))]
    history: dict = {}
    shown = command_line.EpochLines(RECIPE["epochs"], history, {"loss": "loss"})
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "corpus.txt"
        files.write_atomically(text, *(f"{line}\n" for line in lines))
        read = read_corpus(text, folder, min_count=5)
        vectors = train_vectors(read, **RECIPE, seed=seed, on_epoch=shown)
    spoken = Counter(word for line in sentences for word in tokenize(line))
    chosen = {word for word, _ in spoken.most_common(NUM_FREQUENT)} & set(read.words)
    for word in vectors.words:
        if len(chosen) == NUM_WORDS:
            break
        chosen.add(word)
    kept = vectors.take([word for word in vectors.words if word in chosen])
    # Only directions are asked for; at length 1 a byte's steps are used alike.
    kept = embeddings.WordVectors(kept.words, kept.normalized())
    output.parent.mkdir(parents=True, exist_ok=True)
    embeddings.write_compact(output, kept)
    return {
        "num_words": len(kept),
        "dim": kept.dim,
        "num_tokens": read.num_tokens,
        "bytes": output.stat().st_size,
        "seconds": time.perf_counter() - begun,
        "output": output,
    }


def fetch(
    what: str = "glove",
    *,
    dim: int = 50,
    mirror: str = "",
    cache: Path = Path("runs/cache"),
    output: Path = Path("runs/word_vectors_data"),
) -> dict:
    """Fetches vectors, or what they are measured with, once.

    What is in the cache is not fetched again. A file whose checksum is not the known
    one is refused.

    Args:
        what: glove, the 400,000 words of GloVe 6B (862 MB); questions, the analogies
            questions-words.txt; or judgments, the similarities wordsim353.tsv.
        dim: numbers of GloVe's vectors: 50, 100, 200 or 300.
        mirror: address or folder with a file of the same name, where theirs is gone.
        cache: folder for what is downloaded.
        output: folder to make, or to add to.

    Example:
        python data_scripts/word_vectors.py fetch questions --output data/word_vectors
    """
    if what not in FILES:
        raise ValueError(f"`what` must be one of {', '.join(FILES)}. Received: {what}.")
    if dim not in WIDTHS:
        raise ValueError(f"`dim` must be one of {WIDTHS}. Received: {dim}.")
    fetched = downloads.fetch(FILES[what], cache, mirror=mirror)
    output.mkdir(parents=True, exist_ok=True)
    if what != "glove":
        path = output / fetched.name
        files.write_atomically(path, fetched.read_bytes())
        return {"what": what, "bytes": path.stat().st_size, "output": path}
    path = output / f"glove.6B.{dim}d.txt"
    with (
        zipfile.ZipFile(fetched) as archive,
        archive.open(path.name) as packed,
        files.whole_file(path) as partial,
        partial.open("wb") as file,
    ):
        shutil.copyfileobj(packed, file, 1 << 22)
    return {"what": what, "bytes": path.stat().st_size, "output": path}


def _definitions(folder: Path) -> Iterator[str]:
    """WordNet's definitions and examples, and what is related to what."""
    synsets, pointers = {}, []
    for part in PARTS_OF_SPEECH:
        path = folder / f"data.{part}"
        if not path.is_file():
            raise FileNotFoundError(
                f"No {path}. Install Debian's wordnet-base, or give the folder with "
                "--wordnet."
            )
        for line in files.read_text(path).splitlines():
            if line.startswith("  "):  # the licence
                continue
            record, _, gloss = line.partition(" | ")
            fields = record.split()
            end = 4 + 2 * int(fields[3], 16)
            words = [_plain(word) for word in fields[4:end:2]]
            synsets[_key(fields[0], fields[2])] = words
            for place in range(end + 1, end + 1 + 4 * int(fields[end]), 4):
                kind, offset, other, ends = fields[place : place + 4]
                if kind in RELATED:
                    own = words[int(ends[:2], 16) - 1] if ends[:2] != "00" else words[0]
                    pointers.append((own, kind, _key(offset, other), int(ends[2:], 16)))
            yield f"{', '.join(words)}: {gloss}"
    for own, kind, key, end in pointers:
        others = synsets[key]
        chosen = others[end - 1 : end] if end else others[:3]
        yield f"{own} {RELATED[kind]} {' '.join(chosen)}"


def _key(offset, part):
    return offset, "a" if part == "s" else part


def _plain(word):
    """A word of WordNet as it is written: "look_at(a)" is "look at"."""
    return re.sub(r"\(\w+\)$", "", word).replace("_", " ")


def _sentences(path: Path) -> list[str]:
    """The English sentences, each once."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = [
                one.filename
                for one in archive.infolist()
                if re.fullmatch(r"(\w+-\w+/)?[a-z]{3}\.txt", one.filename)
            ]
            if not names:
                raise ValueError(f"{path} has no text such as fra.txt.")
            text = archive.read(names[0]).decode("utf-8")
    else:
        text = files.read_text(path)
    return list(dict.fromkeys(line.split("\t")[0] for line in text.splitlines()))


def main():
    """Runs the script."""
    command_line.run(HELP, default="corpus", corpus=corpus, ship=ship, fetch=fetch)


if __name__ == "__main__":
    main()
