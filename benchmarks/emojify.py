"""How many sentences a second get their emoji: at once, one by one, and by LSTMs."""

import statistics
import time
from pathlib import Path

from dlai_keras import command_line
from dlai_keras.emojify.data import load_sentences

HELP = """Measures how many sentences a second get their emoji.

The network that ships reads all of them at once, and one after another, as a notebook's
loop does. The course's two LSTMs, which have learned nothing, read the same sentences.
All take turns."""

ONE_BY_ONE = 20  # sentences that are read one after another


def benchmark(
    *,
    sentences: int = 500,
    repeats: int = 5,
    output: Path = Path("runs/emojify_benchmark"),
) -> dict:
    """Prints sentences a second, and leaves them in `--output`.

    Args:
        sentences: how many are read at once.
        repeats: of each measurement; medians are shown.
        output: folder for metrics.json.

    Example:
        python benchmarks/emojify.py --sentences 100
    """
    for name, value in (("sentences", sentences), ("repeats", repeats)):
        if value < 1:
            raise ValueError(f"`{name}` must be 1 or more. Received: {value}.")
    begun = time.perf_counter()
    command_line.load_keras()
    from dlai_keras.emojify.model import lstm_network
    from dlai_keras.emojify.reader import EmojiReader, load_pretrained

    ours = load_pretrained()
    network = lstm_network(ours.lookup.dim, len(ours.emoji))
    lstms = EmojiReader(network, ours.emoji, ours.lookup)
    known = load_sentences().texts
    texts = [known[row % len(known)] for row in range(sentences)]
    few = texts[:ONE_BY_ONE]
    sides = {
        "at once": (lambda: ours.predict(texts), len(texts)),
        "one by one": (lambda: [ours.predict([text]) for text in few], len(few)),
        "two LSTMs, at once": (lambda: lstms.predict(texts), len(texts)),
    }
    seconds = {name: [] for name in sides}
    for turn in range(repeats + 1):  # the first is for warming up
        for name, (side, number) in sides.items():
            started = time.perf_counter()
            side()
            if turn:
                seconds[name].append((time.perf_counter() - started) / number)
    rates = {name: 1 / statistics.median(each) for name, each in seconds.items()}
    rows = [
        {"": name, "times the loop": rate / rates["one by one"], "a second": rate}
        for name, rate in rates.items()
    ]
    command_line.show_table(f"sentences a second, of {sentences}", rows)
    figures = {
        "batched_over_one_by_one": rates["at once"] / rates["one by one"],
        "ours_over_lstms": rates["at once"] / rates["two LSTMs, at once"],
        "sentences_per_second": rates["at once"],
        "sentences": sentences,
        "repeats": repeats,
    }
    command_line.save_metrics(
        output, figures, seed=0, seconds=time.perf_counter() - begun
    )
    return figures


def main():
    """Runs the script."""
    command_line.run(HELP, default="benchmark", benchmark=benchmark)


if __name__ == "__main__":
    main()
