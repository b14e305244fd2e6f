"""How fast dates are learned and read, side by side with the course's way."""

import statistics
import time
from pathlib import Path

import numpy as np

from dlai_keras import command_line
from dlai_keras.date_translation import data

HELP = """Measures a training step, and reading dates, against the course's model.

The course writes ten copies of the decoder into the graph and reads one date at a time
with `predict`. Here the decoder is one recurrent cell, and dates are read in batches,
by a search that allows real dates only. Both sides have the same weights and take
turns."""

BATCH = 100  # the course's
ONE_BY_ONE = 50  # dates that are read one at a time, and scaled up
DATES = 10_000


def benchmark(
    *, repeats: int = 7, output: Path = Path("runs/date_translation_benchmark")
) -> dict:
    """Prints what is measured, ratios first, and leaves it in `--output`.

    training step: 100 dates of 30 characters, the course's model both times; ours
    compiled by XLA, and the course's as the course does it. The encoder is the same on
    both sides.

    reading: 10,000 dates by the course's model; the course reads them one by one,
    which is measured on 50 and scaled up. Ours is a beam search of width 4.

    Args:
        repeats: of each measurement; medians are shown.
        output: folder for metrics.json.

    Example:
        python benchmarks/date_translation.py --repeats 5
    """
    if repeats < 1:
        raise ValueError(f"`repeats` must be 1 or more. Received: {repeats}.")
    begun = time.perf_counter()
    pairs = data.make_dates(np.random.default_rng(0), DATES)
    keras = command_line.load_keras()
    from dlai_keras.date_translation import course, model
    from dlai_keras.date_translation.translator import DateTranslator

    command_line.set_seed(0)
    characters, tokens = data.course_vocabularies()
    recurrent = model.date_translator()
    unrolled = course.modelf(30, 10, 32, 64, len(characters), len(tokens))
    course.copy_weights(recurrent, unrolled)
    translator = DateTranslator(recurrent, characters, tokens)
    texts = [pair.text for pair in pairs]
    ids = translator.encode(texts)
    targets = tokens.encode_all([pair.iso for pair in pairs[:BATCH]], length=10)
    one_hot = np.eye(len(characters), dtype="float32")[ids[: max(BATCH, ONE_BY_ONE)]]
    hidden = np.zeros((len(one_hot), 64), "float32")
    theirs = [one_hot[:BATCH], hidden[:BATCH], hidden[:BATCH]]
    their_targets = list(
        np.eye(len(tokens), dtype="float32")[targets].transpose(1, 0, 2)
    )
    recurrent.compile(
        keras.optimizers.Adam(),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=keras.backend.backend() != "torch",
    )
    unrolled.compile(keras.optimizers.Adam(), ["categorical_crossentropy"] * 10)

    def read_one_by_one():
        for row in range(ONE_BY_ONE):
            unrolled.predict(
                [one_hot[row : row + 1], hidden[:1], hidden[:1]], verbose=0
            )

    comparisons = {
        "training step": (
            lambda: recurrent.train_on_batch(ids[:BATCH], targets),
            lambda: unrolled.train_on_batch(theirs, their_targets),
            1,
            repeats,
        ),
        "reading 10,000 dates": (
            lambda: translator.translate(texts),
            read_one_by_one,
            DATES / ONE_BY_ONE,
            max(1, repeats // 2),
        ),
    }
    rows, figures = [], {}
    for name, (ours, other, factor, times) in comparisons.items():
        command_line.note(f"{name} ...")
        ours(), other()  # compile
        pairs_of_seconds = [
            (_seconds(ours), _seconds(other) * factor) for _ in range(times)
        ]
        ratios = [theirs / mine for mine, theirs in pairs_of_seconds]
        mine, theirs = (
            statistics.median(side) for side in zip(*pairs_of_seconds, strict=True)
        )
        rows.append(
            {
                "ratio": statistics.median(ratios),
                "": name,
                "lowest to highest": f"{min(ratios):.1f} to {max(ratios):.1f}",
                "ours, s": mine,
                "the course's, s": theirs,
            }
        )
        key = name.replace(",", "").replace(" ", "_")
        figures |= {f"{key}_ratio": rows[-1]["ratio"], f"{key}_seconds": mine}
    command_line.show_table("ratio: the course's time over ours", rows)
    figures["repeats"] = repeats
    command_line.save_metrics(
        output, figures, seed=0, seconds=time.perf_counter() - begun
    )
    return figures


def _seconds(function):
    begun = time.perf_counter()
    function()
    return time.perf_counter() - begun


def main():
    """Runs the script."""
    command_line.run(HELP, default="benchmark", benchmark=benchmark)


if __name__ == "__main__":
    main()
