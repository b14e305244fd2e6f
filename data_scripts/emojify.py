"""Writes the sentences that ship, checks a list of yours, draws the emoji."""

import csv
import io
from collections import Counter
from pathlib import Path

from dlai_keras import command_line, embeddings, files
from dlai_keras.emojify import data
from dlai_keras.emojify.drawings import DRAWINGS, draw_emoji, emoji_name
from dlai_keras.emojify.lookup import Lookup, describe_replaced

HELP = """Writes the sentences that ship, checks a list of yours, draws the emoji.

`sentences` writes the sentences that come with the package as a CSV, to add your own.
`check` says what is in a CSV before a network learns from it. `draw` draws the emoji
of the pictures as PNG."""

COLUMNS = ("sentence", "emoji", "group", "kind")


def sentences(*, output: Path = Path("runs/emojify_data/sentences.csv")) -> dict:
    """Writes the sentences that come with the package, with their emoji.

    Column `group` has the same number where sentences belong together: those of the
    same words in another order, and some negations with what they deny.

    Args:
        output: the CSV, in UTF-8.

    Example:
        python data_scripts/emojify.py sentences --output mine.csv
    """
    known = data.load_sentences()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in range(len(known)):
        emoji = "|".join(known.emoji[label] for label in known.labels[row])
        writer.writerow(
            (known.texts[row], emoji, int(known.groups[row]), known.kinds[row])
        )
    output.parent.mkdir(parents=True, exist_ok=True)
    files.write_atomically(output, text.getvalue())
    return {
        "num_sentences": len(known),
        "num_emoji": len(known.emoji),
        "output": output,
    }


def check(path: Path, *, vectors: Path | None = None) -> dict:
    """Says what is in a list of sentences: emoji, repetitions, words without a vector.

    Args:
        path: CSV as --data of the assignment takes it.
        vectors: file of word vectors; the embedded ones without it.

    Example:
        python data_scripts/emojify.py check mine.csv
    """
    known = data.load_sentences(path)
    if vectors is None:
        words = embeddings.embedded_vectors()
    else:
        words = embeddings.read_vectors(vectors)
    counts = Counter(label for labels in known.labels for label in labels)
    rows = [
        {"emoji": emoji, "called": emoji_name(emoji), "sentences": counts[label]}
        for label, emoji in enumerate(known.emoji)
    ]
    command_line.show_table(f"Emoji of {known.name}", rows)
    spoken = {word for text in known.texts for word in embeddings.tokenize(text)}
    replaced = Lookup(words).replaced(known.texts)
    for line in describe_replaced(replaced):
        command_line.note(line)
    num_left_out = sum(other is None for other in replaced.values())
    told: dict[tuple[str, ...], set] = {}
    for text, labels in zip(known.texts, known.labels, strict=True):
        told.setdefault(tuple(embeddings.tokenize(text)), set()).add(labels)
    return {
        "num_sentences": len(known),
        "num_emoji": len(known.emoji),
        "num_of_the_same_words": len(known) - len(told),
        "num_with_contradicting_emoji": sum(len(each) > 1 for each in told.values()),
        "num_words": len(spoken),
        "num_words_read_as_others": len(replaced) - num_left_out,
        "num_words_left_out": num_left_out,
    }


def draw(*, size: int = 128, output: Path = Path("runs/emojify_data/emoji")) -> dict:
    """Draws the emoji that the confusion matrix shows, one PNG each.

    Args:
        size: height and width, pixels.
        output: folder to make, or to add to.

    Example:
        python data_scripts/emojify.py draw --size 64
    """
    if not 8 <= size <= 2048:
        raise ValueError(f"`size` must be from 8 to 2048. Received: {size}.")
    from dlai_keras import images

    output.mkdir(parents=True, exist_ok=True)
    for emoji in DRAWINGS:
        name = emoji_name(emoji).replace(" ", "_")
        images.write(output / f"{name}.png", draw_emoji(emoji, size))
    return {"num_emoji": len(DRAWINGS), "output": output}


def main():
    """Runs the script."""
    command_line.run(
        HELP, default="sentences", sentences=sentences, check=check, draw=draw
    )


if __name__ == "__main__":
    main()
