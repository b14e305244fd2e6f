"""How fast characters are written and learned, beside a loop in Python."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dlai_keras import command_line
from dlai_keras.dinosaur_names import data

HELP = """Measures writing and learning against a Python loop over the characters.

The notebooks call `predict` once for every character that they write, and take a
training step by looping over time in Python. Here both loops are compiled. Both sides
have the same network with the same weights, and take turns."""

NAMES = 512
PASSAGE = 500  # characters
ONE_BY_ONE = 40  # characters that are written by one `predict` each
BATCH, LENGTH = 32, 32  # of a training step
UNITS = 128


def benchmark(
    *, repeats: int = 5, output: Path = Path("runs/dinosaur_names_benchmark")
) -> dict:
    """Prints what is measured, ratios first, and leaves it in `--output`.

    writing names: characters a second of 512 names, against one `predict` of the
    one-step network for each character of one name.

    writing a passage: the same of 500 characters of one running text, which cannot be
    written side by side.

    training step: 32 names of 32 characters, compiled, against the same network whose
    loop over time is Python's, run eagerly.

    Args:
        repeats: of each measurement; medians are shown.
        output: folder for metrics.json.

    Example:
        python benchmarks/dinosaur_names.py --repeats 3
    """
    if repeats < 1:
        raise ValueError(f"`repeats` must be 1 or more. Received: {repeats}.")
    begun = time.perf_counter()
    corpus = data.load_genera()
    keras = command_line.load_keras()
    from dlai_keras.dinosaur_names.batches import NameBatches
    from dlai_keras.dinosaur_names.model import (
        character_model,
        initial_states,
        one_step_model,
    )
    from dlai_keras.dinosaur_names.writer import Writer

    command_line.set_seed(0)
    vocabulary = data.CharacterVocabulary.of(corpus.items)
    model = character_model(len(vocabulary), units=UNITS)
    writers = {kind: Writer(model, vocabulary, kind) for kind in ("items", "text")}
    step = one_step_model(model)
    rng = np.random.default_rng(0)

    def write_names():
        return sum(len(name) + 1 for name in writers["items"].generate(NAMES))

    def write_passage():
        return len(writers["text"].generate(1, max_length=PASSAGE)[0])

    def write_one_by_one():
        token = np.zeros((1, 1), "int32")
        states = [keras.ops.convert_to_numpy(s) for s in initial_states(model, 1)]
        for _ in range(ONE_BY_ONE):
            logits, *states = step.predict([token, *states], verbose=0)
            weights = np.exp(logits[0] - logits[0].max()).astype("float64")
            token[0, 0] = rng.choice(len(weights), p=weights / weights.sum())
        return ONE_BY_ONE

    sequences = [rng.integers(2, len(vocabulary), LENGTH - 1) for _ in range(BATCH)]
    batch = NameBatches(sequences, batch_size=BATCH, shuffle=False)[0]
    batch = [array[:, :LENGTH] for array in batch]
    compiled, looped = (
        _trained(keras, character_model(len(vocabulary), units=UNITS), eagerly)
        for eagerly in (False, True)
    )
    looped.set_weights(compiled.get_weights())

    def learn(network):
        network.train_on_batch(batch[0], batch[1], sample_weight=batch[2])
        return BATCH * LENGTH

    comparisons = {
        "writing names": (write_names, write_one_by_one),
        "writing a passage": (write_passage, write_one_by_one),
        "training step": (lambda: learn(compiled), lambda: learn(looped)),
    }
    rows, figures = [], {}
    for name, sides in comparisons.items():
        command_line.note(f"{name} ...")
        for side in sides:
            side()  # compile
        rates = [[_per_second(side) for side in sides] for _ in range(repeats)]
        ratios = [ours / theirs for ours, theirs in rates]
        ours, theirs = (statistics.median(side) for side in zip(*rates, strict=True))
        rows.append(
            {
                "ratio": statistics.median(ratios),
                "": name,
                "lowest to highest": f"{min(ratios):.1f} to {max(ratios):.1f}",
                "ours, characters/s": round(ours),
                "Python's loop, characters/s": round(theirs),
            }
        )
        key = name.replace(" ", "_")
        figures |= {
            f"{key}_ratio": rows[-1]["ratio"],
            f"{key}_characters_per_second": ours,
        }
    command_line.show_table("ratio: our characters a second by the loop's", rows)
    figures["repeats"] = repeats
    command_line.save_metrics(
        output, figures, seed=0, seconds=time.perf_counter() - begun
    )
    return figures


def _trained(keras, model, eagerly):
    """The network, to be trained; eagerly with its loop over time in Python."""
    for layer in model.layers:
        if layer.name.startswith("recurrent"):
            layer.unroll = eagerly
    model.compile(
        keras.optimizers.Adam(),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        run_eagerly=eagerly,
    )
    return model


def _per_second(write: Callable[[], int]) -> float:
    begun = time.perf_counter()
    num_characters = write()
    return num_characters / (time.perf_counter() - begun)


def main():
    """Runs the script."""
    command_line.run(HELP, default="benchmark", benchmark=benchmark)


if __name__ == "__main__":
    main()
