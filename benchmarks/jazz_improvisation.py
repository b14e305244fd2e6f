"""How fast music is played and learned, side by side with one step at a time."""

import statistics
import time
from pathlib import Path

import numpy as np

from dlai_keras import command_line

HELP = """Measures notes per second, and a training step, against one step at a time.

Here a melody is one compiled loop, and a training step one recurrent layer. The other
side plays with one `predict` call for each note, and trains the course's `djmodel`,
whose thirty steps a Python loop has written into the graph. Both sides have the same
weights and take turns."""

NUM_VALUES = 78  # the course's
LENGTH = 30  # of its windows
BATCH = 60  # of its 60 windows
NOTES = 400  # a chorus or two
ONE_BY_ONE = 60  # notes that are played one predict each, and scaled up
TOGETHER = 32  # melodies that are drawn at once


def benchmark(
    *, repeats: int = 7, output: Path = Path("runs/jazz_improvisation_benchmark")
) -> dict:
    """Prints what is measured, ratios first, and leaves it in `--output`.

    playing: 400 values of one melody, the course's network of 64 units; one predict
    call for each value is measured on 60 of them and scaled up.

    32 melodies: the same, drawn together; the other side plays one after the other.

    training step: 60 windows of 30 values, Adam. The course feeds one-hot values, which
    are made beforehand.

    Args:
        repeats: of each measurement; medians are shown.
        output: folder for metrics.json.

    Example:
        python benchmarks/jazz_improvisation.py --repeats 5
    """
    if repeats < 1:
        raise ValueError(f"`repeats` must be 1 or more. Received: {repeats}.")
    begun = time.perf_counter()
    keras = command_line.load_keras()
    from dlai_keras.jazz_improvisation import course, model

    command_line.set_seed(0)
    ours = model.music_model(NUM_VALUES)
    lstm = keras.layers.LSTM(64, return_state=True)
    densor = keras.layers.Dense(NUM_VALUES, activation="softmax")
    reshaper = keras.layers.Reshape((1, NUM_VALUES))
    theirs = course.djmodel(LENGTH, lstm, densor, reshaper)
    theirs.set_weights(ours.get_weights())
    one_step = _one_step(keras, lstm, densor)

    tokens = np.random.default_rng(0).integers(NUM_VALUES, size=(BATCH, LENGTH))
    given = np.concatenate([np.full((BATCH, 1), model.START), tokens[:, :-1]], axis=1)
    table = np.eye(NUM_VALUES + 1, NUM_VALUES, dtype="float32")  # the last row: START
    zeros = np.zeros((BATCH, 64), "float32")
    their_inputs = [table[given], zeros, zeros]
    their_targets = list(table[tokens].transpose(1, 0, 2))
    given = given.astype("int32")
    ours.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    theirs.compile("adam", ["categorical_crossentropy"] * LENGTH)

    def play_one_by_one():
        rng = np.random.default_rng(0)
        x = np.zeros((1, 1, NUM_VALUES), "float32")
        states = [zeros[:1], zeros[:1]]
        for _ in range(ONE_BY_ONE):
            probs, *states = one_step.predict([x, *states], verbose=0)
            drawn = np.searchsorted(np.cumsum(probs[0]), rng.random() * probs[0].sum())
            x = table[min(drawn, NUM_VALUES - 1)][None, None]

    comparisons = {
        "playing": (
            lambda: model.generate(ours, NOTES),
            play_one_by_one,
            NOTES / ONE_BY_ONE,
            NOTES,
        ),
        "playing 32 melodies": (
            lambda: model.generate(ours, NOTES, num_sequences=TOGETHER),
            play_one_by_one,
            TOGETHER * NOTES / ONE_BY_ONE,
            TOGETHER * NOTES,
        ),
        "training step": (
            lambda: ours.train_on_batch(given, tokens),
            lambda: theirs.train_on_batch(their_inputs, their_targets),
            1,
            BATCH * LENGTH,
        ),
    }
    rows, figures = [], {}
    for name, (mine, other, factor, num_values) in comparisons.items():
        command_line.note(f"{name} ...")
        mine(), other()  # compile
        seconds = [(_seconds(mine), _seconds(other) * factor) for _ in range(repeats)]
        ratios = [other_time / own for own, other_time in seconds]
        own, other_time = map(statistics.median, zip(*seconds, strict=True))
        rows.append(
            {
                "ratio": statistics.median(ratios),
                "": name,
                "lowest to highest": f"{min(ratios):.1f} to {max(ratios):.1f}",
                "ours, values/s": num_values / own,
                "one at a time, values/s": num_values / other_time,
            }
        )
        key = name.replace(" ", "_")
        figures |= {
            f"{key}_ratio": rows[-1]["ratio"],
            f"{key}_values_per_second": num_values / own,
        }
    command_line.show_table("ratio: the other side's time over ours", rows)
    figures["repeats"] = repeats
    command_line.save_metrics(
        output, figures, seed=0, seconds=time.perf_counter() - begun
    )
    return figures


def _one_step(keras, lstm, densor):
    """One value in, the probabilities of the next one and the states out."""
    x = keras.Input((1, NUM_VALUES))
    a0, c0 = keras.Input((lstm.units,)), keras.Input((lstm.units,))
    a, _, c = lstm(x, initial_state=[a0, c0])
    return keras.Model([x, a0, c0], [densor(a), a, c])


def _seconds(function):
    begun = time.perf_counter()
    function()
    return time.perf_counter() - begun


def main():
    """Runs the script."""
    command_line.run(HELP, default="benchmark", benchmark=benchmark)


if __name__ == "__main__":
    main()
