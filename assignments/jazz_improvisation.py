"""Jazz improvisation: solos over any chords, by a network that learned from tunes."""

import itertools
import json
import shutil
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from dlai_keras import charts, command_line, files
from dlai_keras.jazz_improvisation import chords as harmony
from dlai_keras.jazz_improvisation import data as jazz
from dlai_keras.jazz_improvisation import metrics, midi, pictures, synthesis

HELP = """Jazz improvisation: a solo over any chords, as MIDI, sound and picture.

`train` learns from tunes that come with the package, or from a folder of MIDI files;
`predict --chords "Dm7 G7 | Cmaj7 | %"` plays, without --model with the improviser that
comes with the package; `evaluate` says how well it predicts tunes that it does not
know, and how its solos compare with them note by note."""

CHORDS = "Dm7 | G7 | Cmaj7 | A7 | Dm7 | G7 | Em7 A7 | Dm7 G7"
STRIDE = 2  # values between the beginnings of two windows
TEST_SHARE = 0.15  # of the tunes; as many to stop by
FEW_TUNES = 6  # fewer than that are divided in time, at bar lines
PATIENCE = 8  # epochs without a better validation loss
SOLOS = 4  # over the chords of each held-out tune
MOST_TUNES = 12  # whose chords are played over


def train(
    *,
    data: Path | None = None,
    on_error: str = "fail",
    units: int = 64,
    num_layers: int = 1,
    dropout: float = 0.5,
    plain: bool = False,
    length: int = 30,
    epochs: int = 60,
    batch_size: int = 32,
    learning_rate: float = 2e-3,
    seed: int = 0,
    output: Path = Path("runs/jazz_improvisation"),
) -> dict:
    """Trains an improviser.

    Of the tunes a sixth is kept back for the test, and another to stop by; of fewer
    than six tunes the last bars. A run that was interrupted goes on from its last epoch
    when the same command is given again.

    Args:
        data: folder of MIDI files or of tunes in ABC notation, or one file. The tunes
            of the package without it.
        on_error: skip leaves broken files of the folder out, fail stops.
        units: of each LSTM; 64 in the course.
        num_layers: LSTMs on top of one another; 1 in the course.
        dropout: share of the LSTM's outputs that a training step leaves out.
        plain: train the course's network as it is. By default values also learn from
            those with the same rhythm, interval or place in the chord; what is saved is
            the course's network all the same.
        length: values of a training window; 30 in the course.
        epochs: how often each window is seen at most; it stops when the validation loss
            no longer falls.
        batch_size: windows per step.
        learning_rate: of Adam.
        seed: of the split, the weights and the order.
        output: folder for the model, its figures, pictures and a first solo.

    Example:
        python assignments/jazz_improvisation.py train --data my_midi_files
    """
    begun = time.perf_counter()
    command_line.check_training(
        learning_rate, seed, epochs=epochs, batch_size=batch_size
    )
    tunes = _load(data, on_error)
    parts = _split(np.random.default_rng((seed, 0)), tunes)
    corpus, held_out = _encode(parts)
    command_line.note(
        f"{len(tunes)} tunes: {len(corpus)} notes and rests to train on, of "
        f"{len(corpus.values)} kinds, {sum(map(len, held_out['test']))} to test"
    )
    keras = command_line.load_keras()
    from dlai_keras.jazz_improvisation import model
    from dlai_keras.jazz_improvisation.improviser import Improviser

    command_line.set_seed(seed)
    shape = {"units": units, "num_layers": num_layers, "dropout": dropout}
    if plain:
        network = model.music_model(len(corpus.values), **shape)
    else:
        network = model.factored_model(model.value_parts(corpus.values), **shape)
    notes = {"seed": seed, "names": [tune.name for tune in tunes]}
    settings = {
        "plain": plain,
        "names": notes["names"],
        "num_tokens": len(corpus),
        **shape,
        "length": length,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "seed": seed,
    }
    history: dict[str, list[float]] = {}
    fitted = time.perf_counter()
    _fit(keras, network, corpus, held_out["validation"], settings, output, history)
    trained = time.perf_counter() - fitted
    network = network if plain else model.fold_parts(network)
    improviser = Improviser(network, corpus.values, notes)
    improviser.save(output)
    figures = _measure(improviser, parts, output, seed=seed)
    figures |= {
        "num_tunes": len(tunes),
        "num_values": len(corpus.values),
        "num_training": len(corpus),
        "parameters": network.count_params(),
        "epochs": len(history.get("loss", ())),
        "training_seconds": trained,
    }
    if history:  # empty where the run was interrupted after its last epoch
        charts.draw_history(output / "training.png", history)
    shutil.rmtree(output / "backup", ignore_errors=True)
    command_line.save_metrics(
        output, figures, seed=seed, seconds=time.perf_counter() - begun
    )
    command_line.note(f"the improviser, its figures and pictures are in {output}")
    return figures


def evaluate(
    *,
    model: Path | None = None,
    data: Path | None = None,
    on_error: str = "fail",
    solos: int = SOLOS,
    temperature: float = 1.0,
    top_p: float | None = None,
    seed: int = 0,
    output: Path = Path("runs/jazz_improvisation/evaluation"),
) -> dict:
    """Measures an improviser: how it predicts unknown tunes, and what it plays.

    On the tunes of its training it is measured on those that were kept back, on others
    on all of them. The loss stands beside that of n-grams, and of repeating the value
    before. What it plays over the chords of these tunes is compared with the tunes.

    Args:
        model: model.keras of a training; the package's own improviser without it.
        data: folder of MIDI files or of tunes in ABC notation, or one file. The tunes
            of the package without it.
        on_error: skip leaves broken files of the folder out, fail stops.
        solos: to play over the chords of each tune.
        temperature: below 1 it dares less, above 1 more.
        top_p: draw from the fewest values of this probability together.
        seed: of the solos.
        output: folder for figures and pictures.

    Example:
        python assignments/jazz_improvisation.py evaluate --temperature 0.9
    """
    begun = time.perf_counter()
    if solos < 1:
        raise ValueError(f"`solos` must be 1 or more. Received: {solos}.")
    tunes = _load(data, on_error)
    improviser = _load_improviser(model)
    if [tune.name for tune in tunes] == improviser.notes.get("names"):
        rng = np.random.default_rng((improviser.notes["seed"], 0))
        parts = _split(rng, tunes)
    else:
        parts = {"train": [], "validation": [], "test": tunes}
    figures = _measure(
        improviser,
        parts,
        output,
        seed=seed,
        solos=solos,
        temperature=temperature,
        top_p=top_p,
    )
    command_line.save_metrics(
        output, figures, seed=seed, seconds=time.perf_counter() - begun
    )
    return figures


def predict(
    *,
    chords: str | None = None,
    over: Path | None = None,
    bars: int | None = None,
    model: Path | None = None,
    temperature: float = 0.9,
    top_p: float | None = 0.95,
    tempo: float | None = None,
    style: str = "swing",
    swing: float = 0.65,
    count: int = 1,
    seed: int = 0,
    fluidsynth: bool = False,
    sound_font: Path | None = None,
    output: Path = Path("runs/jazz_improvisation/solos"),
) -> dict:
    """Plays solos over chords: MIDI to edit, WAV to hear, a picture to read.

    Args:
        chords: a progression such as "Dm7 G7 | Cmaj7 | %", bars with | between them.
        over: MIDI or ABC file whose chords are played over, instead.
        bars: how many; the progression is repeated or cut. Once through it without.
        model: model.keras of a training; the package's own improviser without it.
        temperature: below 1 it dares less, above 1 more; 0 always takes the most
            probable.
        top_p: draw from the fewest values of this probability together, 1 from all.
        tempo: quarters a minute; by default 150, or that of --over.
        style: of the accompaniment: swing, bossa or ballad.
        swing: share of a quarter that the first of two eighths gets; 0.5 is even.
        count: how many solos; each has the next seed.
        seed: of the first solo.
        fluidsynth: play it with fluidsynth instead of the sounds built in.
        sound_font: file of fluidsynth's sounds; the computer's own by default.
        output: folder for the files.

    Example:
        python assignments/jazz_improvisation.py predict --chords "Dm7 | G7 | Cmaj7 | %"
    """
    if count < 1:
        raise ValueError(f"`count` must be 1 or more. Received: {count}.")
    if chords is not None and over is not None:
        raise ValueError("Give `chords` or `over`, a file with chords, not both.")
    progression, meter, known_tempo = _progression(chords, over)
    improviser = _load_improviser(model)
    output.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in command_line.progress(range(count), "playing"):
        piece = improviser.improvise(
            progression,
            bars=bars,
            tempo=known_tempo if tempo is None else tempo,
            meter=meter,
            style=style,
            swing_ratio=swing,
            seed=seed + number,
            temperature=temperature,
            top_p=top_p,
            name=f"solo {seed + number}",
        )
        played = improviser.chords(progression, bars=bars, meter=meter)
        rows.append(
            _write(
                piece, played, output / f"solo_{seed + number}", fluidsynth, sound_font
            )
        )
    command_line.show_table(
        "Solos",
        [
            {name: row[name] for name in ("file", "bars", "notes", "seconds")}
            for row in rows
        ],
    )
    return {"num_solos": count, "solos": rows, "output": str(output)}


def _load(path, on_error):
    skipped = []
    tunes = jazz.load_tunes(path, on_error=on_error, skipped=skipped.append)
    for line in skipped:
        command_line.note(f"left out: {line}")
    return tunes


def _split(rng, tunes):
    """Tunes to train on, to stop by, and to test; few tunes are divided in time."""
    num = max(1, round(TEST_SHARE * len(tunes)))
    if len(tunes) >= FEW_TUNES:
        order = [tunes[index] for index in rng.permutation(len(tunes))]
        parts = order[2 * num :], order[num : 2 * num], order[:num]
    else:
        pieces = [_divide(tune) for tune in tunes]
        parts = [[one for one in part if one] for part in zip(*pieces, strict=True)]
    parts = dict(zip(("train", "validation", "test"), parts, strict=True))
    for name, part in parts.items():
        if not part:
            raise ValueError(
                f"The tunes are too short to keep bars back: none left to {name}. Give "
                "more tunes, or longer ones; 16 bars with notes are enough."
            )
    return parts


def _divide(tune):
    """A tune in three, at bar lines; None where a part would have no notes."""
    num_bars = tune.melody.num_bars
    held = max(1, round(TEST_SHARE * num_bars))
    lines = np.array([0, num_bars - 2 * held, num_bars - held, num_bars])
    found = []
    for first, last in itertools.pairwise((lines * tune.melody.bar).tolist()):
        begun = [note for note in tune.melody.notes if note.onset >= first]
        notes, chords = _cut(begun, first, last), _cut(tune.chords, first, last)
        melody = tune.melody.with_notes(notes)
        whole = notes and chords
        found.append(jazz.Tune(melody, chords, tune.style) if whole else None)
    return found


def _cut(sounding, first, last):
    """What sounds from one time to another, as if the first were 0."""
    found = []
    for one in sounding:
        onset, end = max(one.onset, first), min(one.end, last)
        if end - onset > 1e-6:
            found.append(replace(one, onset=onset - first, duration=end - onset))
    return tuple(found)


def _encode(parts):
    """The corpus to train on, and the other parts in its values."""
    corpus = jazz.encode(parts["train"])
    return corpus, {
        name: jazz.encode(parts[name], corpus.values).sequences()
        for name in ("validation", "test")
    }


def _fit(keras, network, corpus, validation, settings, output, history):
    from dlai_keras.jazz_improvisation import model

    epochs, length = settings["epochs"], settings["length"]
    backup = output / "backup"
    command_line.first_epoch(backup, settings)
    options = {"batch_size": settings["batch_size"], "verbose": 0}
    inputs, targets, weights = model.examples(corpus.sequences(), length, stride=STRIDE)
    # Whole sequences: what it is measured by later, and no shape of its own.
    longest = max(map(len, validation))
    held_out = model.examples(validation, longest)
    # Saved without the optimizer and loss: they belong to this view of the network.
    fitted = keras.Model(network.inputs, network.output)
    fitted.compile(
        keras.optimizers.Adam(settings["learning_rate"], global_clipnorm=1.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=["accuracy"],
        jit_compile=keras.backend.backend() == "jax",
    )
    shown = {
        "loss": "loss",
        "val_loss": "validation loss",
        "val_accuracy": "validation accuracy",
    }
    callbacks = command_line.training_callbacks(output, epochs, history, shown, backup)
    callbacks.append(
        keras.callbacks.EarlyStopping(patience=PATIENCE, restore_best_weights=True)
    )
    # Without an epoch left it only reads the weights back.
    fitted.fit(
        inputs,
        targets,
        sample_weight=weights,
        epochs=epochs,
        validation_data=held_out,
        callbacks=callbacks,
        **options,
    )


def _measure(
    improviser, parts, output, *, seed, solos=SOLOS, temperature=1.0, top_p=None
):
    output.mkdir(parents=True, exist_ok=True)
    test, known = parts["test"], parts["train"] or parts["test"]
    figures = _losses(improviser, parts)
    begun = time.perf_counter()
    played, tunes = [], test[:MOST_TUNES]
    for number, tune in enumerate(tunes):
        played += [
            (solo, tune.chords)
            for solo in improviser.solos(
                tune.chords,
                num=solos,
                meter=tune.melody.meter,
                seed=seed + number,
                temperature=temperature,
                top_p=top_p,
            )
            if solo.notes
        ]
    seconds = time.perf_counter() - begun
    if not played:
        raise ValueError("All solos are rests. Raise `temperature` or train longer.")
    generated = _report(played, known)
    reference = _report([(tune.melody, tune.chords) for tune in test], known)
    command_line.show_table(
        f"{len(played)} solos, and the {len(test)} tunes whose chords they are over",
        [
            {"": _words(name), "solos": generated[name], "tunes": reference.get(name)}
            for name in generated
        ],
    )
    histograms = {
        "tunes": _histogram([(tune.melody, tune.chords) for tune in known]),
        "solos": _histogram(played),
    }
    pictures.draw_pitch_classes(
        output / "pitch_classes.png",
        histograms,
        to_the_root=True,
        title="What is played, from the root of each chord",
    )
    melody, chords = played[0]
    pictures.draw_piano_roll(output / "solo.png", melody, chords, title="A solo")
    return figures | {
        **generated,
        "tunes": reference,
        "num_solos": len(played),
        "seconds_to_play": seconds,
    }


def _losses(improviser, parts):
    """Nats per value on held-out tunes, beside n-grams and repeating the value before.

    The n-grams learn from the tunes of the training. Where these are not at hand there
    is nothing that they could learn from.
    """
    values = improviser.values
    test = jazz.encode(parts["test"], values).sequences()
    log_probs = improviser.log_probs(test)
    found = {"network": -log_probs}
    if parts["train"]:
        training = jazz.encode(parts["train"], values).sequences()
        for order, name in ((1, "unigram"), (2, "bigram"), (3, "trigram")):
            found[name] = -_ngram_log_probs(training, test, len(values), order)
        found["repeat the last"] = -_repeat_log_probs(training, test, len(values))
    losses = {name: float(np.mean(loss)) for name, loss in found.items()}
    command_line.show_table(
        f"Held-out loss, {len(log_probs)} notes and rests",
        [
            {"": name, "nats": loss, "perplexity": float(np.exp(loss))}
            for name, loss in losses.items()
        ],
    )
    figures = {"loss": losses.pop("network"), "perplexity": 0.0}
    figures["perplexity"] = float(np.exp(figures["loss"]))
    figures |= {f"loss_{name.replace(' ', '_')}": one for name, one in losses.items()}
    return figures | {"num_test_values": len(log_probs)}


def _ngram_log_probs(training, sequences, num_values, order):
    """Log-probabilities of an n-gram, smoothed by Witten and Bell's method.

    `P(w | h) = (count(h w) + kinds(h) P(w | h')) / (count(h) + kinds(h))`: how many
    kinds of values followed a history tells how likely a new one is. `h'` is the
    history without its first value.
    """
    counts = [Counter() for _ in range(order)]
    for sequence in training:
        sequence = [int(value) for value in sequence]
        for end in range(1, len(sequence) + 1):
            for num in range(1, min(order, end) + 1):
                counts[num - 1][tuple(sequence[end - num : end])] += 1
    totals, kinds = Counter(), Counter()
    for table in counts:
        for gram, count in table.items():
            totals[gram[:-1]] += count
            kinds[gram[:-1]] += 1

    found = []
    for sequence in sequences:
        sequence = [int(value) for value in sequence]
        for end in range(1, len(sequence) + 1):
            probability = 1 / num_values
            for num in range(1, min(order, end) + 1):
                gram = tuple(sequence[end - num : end])
                total = totals[gram[:-1]] + kinds[gram[:-1]]
                if total:
                    new = kinds[gram[:-1]] * probability
                    probability = (counts[num - 1][gram] + new) / total
            found.append(np.log(probability))
    return np.array(found)


def _repeat_log_probs(training, sequences, num_values):
    """As often as in the training the value before once more, else a unigram."""
    pairs = [pair for one in training for pair in itertools.pairwise(one)]
    repeats = (sum(first == second for first, second in pairs) + 0.5) / (len(pairs) + 1)
    found = np.exp(_ngram_log_probs(training, sequences, num_values, 1))
    starts = np.cumsum([0, *map(len, sequences)])
    for start, sequence in zip(starts, sequences, strict=False):
        again = sequence[1:] == sequence[:-1]
        part = found[start + 1 : start + len(sequence)]  # the first has none before it
        part *= 1 - repeats
        part += repeats * again
    return np.log(found)


def _report(played, known):
    """The mean of each figure of `metrics.improvisation_report`."""
    rows = []
    for melody, chords in played:
        others = [tune for tune in known if tune.melody is not melody]
        rows.append(metrics.improvisation_report(melody, chords, others or known))
    # The tunes have a column of their own.
    names = [name for name in rows[0] if not name.startswith("corpus_")]
    return {name: float(np.mean([row[name] for row in rows])) for name in names}


def _histogram(played):
    return np.mean([metrics.pitch_class_histogram(*one) for one in played], axis=0)


def _words(name):
    return name.replace("_", " ")


def _progression(text, path):
    """Chords, their meter and a tempo: of a file, or of the command line."""
    if path is None:
        return harmony.parse_chords(CHORDS if text is None else text), (4, 4), 150.0
    tunes = jazz.load_tunes(path)
    melody = tunes[0].melody
    if not tunes[0].chords:
        raise ValueError(f"{path} must hold chords to play over. Received none.")
    return tunes[0].chords, melody.meter, melody.tempo


def _write(piece, chords, stem, fluidsynth, sound_font):
    paths = {end: stem.with_suffix(f".{end}") for end in ("mid", "wav", "png")}
    midi.write_midi(paths["mid"], piece)
    if fluidsynth or sound_font is not None:
        sound = synthesis.render_with_fluidsynth(piece, sound_font=sound_font)
    else:
        sound = synthesis.render(piece)
    synthesis.write_wav(paths["wav"], sound, synthesis.SAMPLE_RATE)
    pictures.draw_piano_roll(paths["png"], piece, chords)
    row = {
        "file": str(paths["mid"]),
        "wav": str(paths["wav"]),
        "picture": str(paths["png"]),
        "chords": harmony.write_chords(chords, bar=piece.bar),
        "bars": piece.num_bars,
        "notes": sum(note.channel == 0 for note in piece.notes),
        "seconds": len(sound) / synthesis.SAMPLE_RATE,
    }
    text = json.dumps(row, ensure_ascii=False, indent=1) + "\n"
    files.write_atomically(stem.with_suffix(".json"), text)
    return row


def _load_improviser(path):
    command_line.load_keras()
    from dlai_keras.jazz_improvisation import improviser

    if path is None:
        return improviser.load_pretrained()
    return improviser.load_improviser(path)


def main():
    """Runs the script."""
    command_line.run(
        HELP, default="train", train=train, evaluate=evaluate, predict=predict
    )


if __name__ == "__main__":
    main()
