"""Writes the names of dinosaurs to a file, checks a list, fetches Shakespeare."""

from pathlib import Path

from dlai_keras import command_line, downloads, files
from dlai_keras.dinosaur_names import data, metrics
from dlai_keras.downloads import Download

HELP = """Writes the names of dinosaurs to a file, checks a list, fetches Shakespeare.

`genera` writes the names that ship with the package, one a line. `check` says what is
in a list of yours. `fetch` downloads a megabyte of Shakespeare for --text."""


TEXTS = {
    # Parts of the plays, as they came with char-rnn: 1,115,394 characters.
    "tinyshakespeare": Download(
        "tinyshakespeare.txt",
        "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/"
        "tinyshakespeare/input.txt",
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    ),
}


def genera(
    *,
    lower: bool = False,
    output: Path = Path("runs/dinosaur_names_data/genera.txt"),
) -> dict:
    """Writes the names of dinosaurs that ship with the package, one a line.

    A file that is there already is replaced, once the new one is whole.

    Args:
        lower: in lower case, as the course's code makes them.
        output: the file, in UTF-8, as --data reads it.

    Example:
        python data_scripts/dinosaur_names.py genera --output names.txt
    """
    _check_output(output)
    items = data.load_corpus(lower=lower).items
    output.parent.mkdir(parents=True, exist_ok=True)
    files.write_atomically(output, *(f"{item}\n" for item in items))
    return {"num_items": len(items), "output": output}


def check(path: Path) -> dict:
    """Says what is in a list of items, one a line, before anything is trained on it.

    Args:
        path: the file; or a folder, as --data takes it.

    Example:
        python data_scripts/dinosaur_names.py check names.txt
    """
    corpus = data.load_corpus(path)
    items = corpus.items
    lengths = sorted(map(len, items))
    passed = sum(map(metrics.is_pronounceable, items))
    return {
        "file": corpus.name,
        "num_items": len(items),
        "num_differing_in_case_only": len(items) - len(set(map(str.casefold, items))),
        "num_characters": len(data.CharacterVocabulary.of(items).characters),
        "shortest": lengths[0],
        "median_length": lengths[len(lengths) // 2],
        "longest": lengths[-1],
        "pronounceable": passed / len(items),
    }


def fetch(
    text: str = "tinyshakespeare",
    *,
    mirror: str = "",
    cache: Path = Path("runs/cache"),
    output: Path = Path("runs/dinosaur_names_data"),
) -> dict:
    """Fetches a running text, once.

    What is in the cache is not fetched again. A file whose checksum is not the known
    one is refused.

    Args:
        text: tinyshakespeare.
        mirror: address or folder with a file of the same name, where theirs is gone.
        cache: folder for what is downloaded.
        output: folder to make, or to add to.

    Example:
        python data_scripts/dinosaur_names.py fetch --output data/dinosaur_names
    """
    if text not in TEXTS:
        raise ValueError(f"`text` must be one of {', '.join(TEXTS)}. Received: {text}.")
    wanted = TEXTS[text]
    path = output / wanted.name
    _check_output(path)
    content = downloads.fetch(wanted, cache, mirror=mirror).read_bytes()
    output.mkdir(parents=True, exist_ok=True)
    files.write_atomically(path, content)
    num_characters = len(data.read_text(path).items[0])
    return {"text": text, "num_characters": num_characters, "output": path}


def _check_output(path):
    if path.is_dir():
        raise IsADirectoryError(
            f"`{path}` is a folder. Give the name of a file, such as "
            f"{path / 'genera.txt'}."
        )


def main():
    """Runs the script."""
    command_line.run(HELP, default="genera", genera=genera, check=check, fetch=fetch)


if __name__ == "__main__":
    main()
