"""Trigger-word detection: make scenes, train a detector, hear the word."""

import json
import shutil
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from dlai_keras import audio as audio_file
from dlai_keras import charts, command_line, files
from dlai_keras.trigger_word import (
    annotations,
    data,
    detection,
    evaluation,
    metrics,
    negatives,
    pictures,
    speech,
    synthesis,
)

HELP = """Trigger-word detection: hears one word in a stream of sound.

`demo` shows all of it in a few minutes; `train` learns a word from a folder of clips
(without --data: the embedded clips of "activate"); `predict recording.wav` tells when
the word is spoken, without --model with the detector that comes with the package."""

SAMPLE_RATE = 16_000
STEPS_PER_EPOCH = 100
VALIDATION_ROUNDS = 3  # each word over as many backgrounds, for a steady threshold
# How often each kind of other word is heard: the folder's own, and what is made of
# them. More parts and pieces of the word mean fewer false accepts and more misses.
SHARES = {
    "folder": 0.25,
    "partial": 0.1,
    "scrambled": 0.1,
    "reversed": 0.1,
    "spoken": 0.45,
}
JIT_COMPILE = True  # half the time per step, for 10 s before the first one
THRESHOLDS = np.linspace(0.02, 0.98, 97)
# Scenes denser than speech: a detector learns from words, not from the gaps.
SCENES = synthesis.SceneSettings(
    duration=6.0,
    sample_rate=SAMPLE_RATE,
    num_positives=(0, 3),
    num_negatives=(1, 5),
    snr_db=(5.0, 25.0),
    background_db=(-60.0, -30.0),
    min_gap=0.03,
    speed=(0.88, 1.14),
    channel=0.4,  # positives and negatives through the same bad microphones
    noise_only=0.03,
)


def train(
    *,
    data: Path | None = None,
    dataset: str | None = None,
    word: str | None = None,
    epochs: int = 30,
    spoken_negatives: int | None = None,
    spoken_positives: int = 60,
    unknown: list[str] | None = None,
    batch_size: int = 32,
    filters: int = 64,
    learning_rate: float = 2e-3,
    positive_weight: float = 2.0,
    max_false_accepts: float = 3.0,
    workers: int = 2,
    seed: int = 0,
    on_error: str = "fail",
    output: Path = Path("runs/trigger_word"),
) -> dict:
    """Trains a detector on fresh scenes, drawn for ever from your clips.

    Clips and backgrounds are split into train, validation and test before any mixing.
    Beside the negatives of the folder the detector hears parts of the word itself,
    voices backwards and in scrambled order, and thousands of words that a synthesiser
    speaks. The threshold is chosen on the validation clips, the figures are those of
    the test clips. Ctrl-C ends the training early and keeps what was learned.

    Args:
        data: folder of clips, as data_scripts/trigger_word.py describes it.
        dataset: which set, where --data holds several.
        word: the trigger word as text, so that the synthesiser does not say it among
            the negatives; the folder's name otherwise.
        epochs: of 100 steps each; 30 take about 10 minutes on two cores.
        spoken_negatives: utterances of the synthesiser to train on; 6000 if there is
            a synthesiser and --data is given, else 0.
        spoken_positives: how often it says the trigger word, with spoken negatives.
        unknown: negatives, by folder name, to leave out of training altogether and to
            test on; may be given several times.
        batch_size: scenes per step.
        filters: width of the network.
        learning_rate: the highest; it warms up, and falls along a cosine.
        positive_weight: weight of the frames after a trigger word in the loss.
        max_false_accepts: per 1,000 other words, as bad as 5 % of misses; a smaller
            one makes a quieter detector.
        workers: processes that make scenes.
        seed: of the split, the scenes and the weights.
        on_error: "skip" leaves broken clips out.
        output: folder for the model, its figures and pictures.

    Example:
        python assignments/trigger_word.py train --data my_clips --word computer
    """
    begun = time.perf_counter()
    _check_training(epochs, batch_size, filters, learning_rate, max_false_accepts)
    if (output / "model.keras").exists():
        command_line.note(f"the detector in {output} will be replaced")
    splits, tests, root, word = _prepare_clips(
        data,
        dataset,
        word=word,
        unknown=tuple(unknown or ()),
        spoken_negatives=spoken_negatives,
        spoken_positives=spoken_positives,
        seed=seed,
        on_error=on_error,
        output=output,
    )
    keras = command_line.load_keras()
    from dlai_keras.trigger_word import batches, losses, model, stream

    command_line.set_seed(seed)
    scenes = batches.TriggerWordSequence.from_clips(
        splits["train"],
        root,
        SCENES,
        batch_size=batch_size,
        seed=seed,
        workers=workers,
    )
    validation = stream.SceneStream(
        splits["validation"], root, SCENES, batch_size=64, seed=seed + 1
    )(0)
    network = model.causal_trigger_word_detector(filters=filters)
    steps = epochs * STEPS_PER_EPOCH
    schedule = keras.optimizers.schedules.CosineDecay(
        learning_rate / 20,
        steps,
        warmup_target=learning_rate,
        warmup_steps=min(100, steps // 5),
    )
    network.compile(
        keras.optimizers.AdamW(schedule, weight_decay=1e-3),
        loss=losses.MaskedBinaryCrossentropy(positive_weight),
        jit_compile=JIT_COMPILE and keras.backend.backend() != "torch",
    )
    history: dict[str, list[float]] = {}
    shown = {"loss": "loss", "val_loss": "validation_loss"}
    try:
        network.fit(
            scenes,
            steps_per_epoch=STEPS_PER_EPOCH,
            epochs=epochs,
            validation_data=validation,
            validation_batch_size=32,
            shuffle=False,  # scenes are random already
            callbacks=command_line.training_callbacks(output, epochs, history, shown),
            verbose=0,
        )
    except KeyboardInterrupt:
        if not history:
            raise
        command_line.note("stopped early; what was learned is tested and saved")
    finally:
        scenes.close()
    trained = time.perf_counter() - begun

    detector = model.listen(network)
    settings = detection.DetectorSettings(
        sample_rate=SAMPLE_RATE,
        labels=splits["train"].labels,
        context=model.receptive_field(),
    )
    settings = _choose_threshold(
        detector, settings, splits["validation"], root, seed, max_false_accepts
    )
    model.save_detector(
        output, detector, settings, word=word, seed=seed, unknown=list(unknown or ())
    )
    figures, trials = _evaluate(detector, settings, tests, root, seed)
    figures |= {
        "threshold": settings.threshold,
        "parameters": network.count_params(),
        "epochs": len(history["loss"]),
        "training_seconds": trained,
    }
    charts.draw_history(output / "training.png", history)
    _draw_trials(output, detector, settings, tests, trials, root, seed)
    shutil.rmtree(output / "speech", ignore_errors=True)  # the seed makes it again
    command_line.save_metrics(
        output, figures, seed=seed, seconds=time.perf_counter() - begun
    )
    command_line.note(f"the detector, its figures and pictures are in {output}")
    return figures


def evaluate(
    *,
    model: Path | None = None,
    data: Path | None = None,
    dataset: str | None = None,
    all_clips: bool = False,
    unknown: list[str] | None = None,
    spoken: int = 0,
    snr: float = 10.0,
    seed: int | None = None,
    on_error: str = "fail",
    output: Path = Path("runs/trigger_word/evaluation"),
) -> dict:
    """Measures a detector on clips it has not been trained on.

    Every clip is heard once in a stream of 30 words a minute over backgrounds. A hit
    is a detection from 0.25 s before to 0.75 s after the word's end.

    Args:
        model: model.keras of a training; the package's own detector without it.
        data: folder of clips.
        dataset: which set, where --data holds several.
        all_clips: test on every clip; without it on those that a training with the
            same seed has kept back.
        unknown: negatives, by folder name, that training has not met at all: every
            one of their clips is a test; those of the training without it.
        spoken: also test this many words of synthesised voices kept back for tests.
        snr: level of the words above the background, decibels.
        seed: of the split; that of the training without it.
        on_error: "skip" leaves broken clips out.
        output: folder for figures and pictures.

    Example:
        python assignments/trigger_word.py evaluate --model runs/trigger_word \
            --data my_clips
    """
    begun = time.perf_counter()
    detector, settings, notes = _load(model)
    seed = notes.get("seed", 0) if seed is None else seed
    unknown = notes.get("unknown", ()) if unknown is None else unknown
    loaded = _load_clips(data, dataset, on_error)
    label = loaded.clips.labels[0]
    settings = replace(settings, labels=(label,))
    test = loaded.clips if all_clips else _split(loaded, seed, unknown)["test"]
    tests = {"clips": test}
    if spoken:
        tests["spoken"] = _spoken_tests(
            spoken, notes.get("word", label), seed, output, test.backgrounds
        )
    figures, trials = _evaluate(
        detector, settings, tests, loaded.root, seed, snr_db=snr
    )
    output.mkdir(parents=True, exist_ok=True)
    _draw_trials(output, detector, settings, tests, trials, loaded.root, seed)
    shutil.rmtree(output / "speech", ignore_errors=True)
    command_line.save_metrics(
        output, figures, seed=seed, seconds=time.perf_counter() - begun
    )
    return figures


def predict(
    recordings: list[Path],
    *,
    model: Path | None = None,
    threshold: float | None = None,
    chime: Path | None = None,
    chime_sound: Path | None = None,
    output: Path = Path("runs/trigger_word/predictions"),
) -> dict:
    """Tells when the word is spoken in recordings of any length and format.

    Beside the table on the screen, `output` gets for each recording a JSON file, an
    Audacity label track and a picture.

    Args:
        recordings: audio files.
        model: model.keras of a training; the package's own detector of "activate"
            without it.
        threshold: score from which on a word counts; chosen in training.
        chime: wav file to write: the recording with a chime after each word.
        chime_sound: what to insert; two soft notes without it.
        output: folder for the results.

    Example:
        python assignments/trigger_word.py predict recording.wav --chime chimed.wav
    """
    if threshold is not None and not 0 < threshold < 1:
        raise ValueError(f"`threshold` must be between 0 and 1. Received: {threshold}.")
    if chime is not None and len(recordings) > 1:
        raise ValueError("--chime takes one recording at a time.")
    for recording in recordings:  # all mistakes before the first result
        audio_file.check(recording)
    detector, settings, notes = _load(model)
    if threshold is not None:
        settings = replace(settings, threshold=threshold)
    output.mkdir(parents=True, exist_ok=True)
    rows, results = [], []
    for recording in recordings:
        scores, duration, beginning = _listen(detector, settings, recording)
        found = detection.find_words(scores, settings)
        stem = output / recording.stem
        result = {
            "recording": recording.as_posix(),
            "duration": round(duration, 3),
            "threshold": round(settings.threshold, 3),
            "detections": [
                {"time": round(d.time, 3), "score": round(d.score, 4), "label": d.label}
                for d in found
            ],
        }
        results.append(result)
        rows += [
            {"recording": recording.name, "word ends at, s": d.time, "score": d.score}
            for d in found
        ]
        files.write_atomically(
            stem.with_suffix(".json"), json.dumps(result, indent=1) + "\n"
        )
        files.write_atomically(
            stem.with_suffix(".txt"),
            annotations.audacity_labels([(d.time, d.time, d.label) for d in found]),
        )
        pictures.draw_detections(
            stem.with_suffix(".png"),
            beginning,
            settings.sample_rate,
            detection.frame_times(len(scores), settings),
            scores,
            found,
            threshold=settings.threshold,
            title=f'{recording.name}: "{notes.get("word", settings.labels[0])}"',
        )
        if chime is not None:
            _write_chimed(recording, chime, chime_sound, found)
    if rows:
        command_line.show_table("words heard", rows)
    else:
        command_line.note("the word was not heard")
    command_line.note(f"results and pictures are in {output}")
    return {"num_detections": len(rows), "results": results}


def demo(*, seed: int = 0, output: Path = Path("runs/demo")) -> dict:
    """All of it on the embedded clips, in a few minutes.

    Generates a small dataset to look at, trains for a short while, and listens to a
    recording made of voices that the detector has never heard.

    Args:
        seed: same seed, same result.
        output: folder for the dataset, the model and the pictures.
    """
    from dlai_keras.trigger_word import dataset

    command_line.note('1 of 3: a dataset of the word "activate"')
    settings = dataset.DatasetSettings(
        replace(synthesis.SceneSettings(), sample_rate=SAMPLE_RATE), seed, "wav"
    )
    loaded = _load_clips(None, None, "fail")
    folder = output / "dataset"
    dataset.write_dataset(
        folder,
        20,
        settings,
        loaded.clips,
        loaded.root,
        description=dataset.describe(settings, loaded.clips, loaded.root),
    )
    pictures.draw_scenes(
        folder / "preview.png",
        *dataset.first_scenes(folder, loaded.root),
        loaded.clips.labels,
        label_width=settings.scene.label_width,
    )

    command_line.note("2 of 3: training, about two minutes")
    figures = train(epochs=5, spoken_negatives=0, seed=seed, output=output / "detector")
    command_line.note("3 of 3: listening to a recording of unknown voices")
    heard = predict(
        [output / "detector" / "held_out.wav"],
        model=output / "detector",
        chime=output / "held_out_with_chimes.wav",
        output=output,
    )
    command_line.note(
        f"look at {folder / 'preview.png'}, {output / 'held_out.png'} and "
        f"{output / 'detector' / 'tradeoff.png'}; listen to "
        f"{output / 'held_out_with_chimes.wav'}"
    )
    names = ("recall", "precision", "f1", "misses", "false_accepts_per_hour")
    names += tuple(f"{name}_interval" for name in names)
    return {
        **{name: figures[name] for name in names if name in figures},
        "num_detections": heard["num_detections"],
        "training_seconds": figures["training_seconds"],
    }


def _check_training(epochs, batch_size, filters, learning_rate, max_false_accepts):
    for name, value in (
        ("epochs", epochs),
        ("batch_size", batch_size),
        ("filters", filters),
    ):
        if value < 1:
            raise ValueError(f"`{name}` must be 1 or more. Received: {value}.")
    if not 0 < learning_rate < 1:
        raise ValueError(
            f"`learning_rate` must be between 0 and 1. Received: {learning_rate}."
        )
    if max_false_accepts <= 0:
        raise ValueError(
            f"`max_false_accepts` must be above 0. Received: {max_false_accepts}."
        )


def _load_clips(folder, dataset, on_error):
    found = data.find_clips(folder, dataset)
    loaded = data.load_clips(
        found.root,
        positives=found.positives,
        negatives=found.negatives,
        backgrounds=found.backgrounds,
        sample_rate=SAMPLE_RATE,
        max_duration=SCENES.duration,
        on_error=on_error,
        progress=partial(command_line.progress, description="reading clips"),
    )
    for _, reason in loaded.skipped:
        command_line.note(f"left out: {reason}")
    return loaded


def _split(loaded, seed, unknown):
    """Train, validation and test clips; unknown negatives are all in test."""
    missing = sorted(set(unknown) - set(loaded.clips.negatives))
    if missing:
        raise ValueError(
            f"--unknown must name negatives: {', '.join(loaded.clips.negatives)}. "
            f"Received: {', '.join(missing)}."
        )
    splits = data.split_clips(np.random.default_rng(seed), loaded)
    for split, clips in splits.items():
        kept = {
            label: items
            for label, items in clips.negatives.items()
            if label not in unknown
        }
        if split == "test":
            kept |= {label: loaded.clips.negatives[label] for label in unknown}
        splits[split] = replace(clips, negatives=kept)
    return splits


def _prepare_clips(
    folder,
    dataset,
    *,
    word,
    unknown,
    spoken_negatives,
    spoken_positives,
    seed,
    on_error,
    output,
):
    """The clips of each split, with all that is made to make training harder."""
    if spoken_negatives is None:
        spoken_negatives = 6000 if folder is not None and speech.is_available() else 0
        if folder is not None and not spoken_negatives:
            command_line.note(
                "no synthesiser: training hears the negatives of the folder only, and "
                'will fire too often. pip install "dlai_keras[speech]" helps'
            )
    loaded = _load_clips(folder, dataset, on_error)
    label = loaded.clips.labels[0]
    if word is None:
        word = "activate" if label == "activates" else label.replace("_", " ")
    splits = _split(loaded, seed, unknown)
    rng = np.random.default_rng((seed, 1))
    training = splits["train"]
    positives = training.positives[label]
    others = [clip for items in training.negatives.values() for clip in items]
    if taken := sorted(SHARES.keys() & training.negatives.keys()):
        raise ValueError(
            f"A folder of negatives must not be called {', '.join(taken)}: training "
            "makes others of that name. Rename it."
        )
    harder = {
        "partial": negatives.partial_words(rng, positives, 800),
        "reversed": negatives.reversed_clips(others),
        "scrambled": negatives.scrambled_clips(
            rng,
            output / "speech" / "train-scrambled",
            2000,
            [*positives, *others],
            data.AudioFiles(loaded.root),
            sample_rate=SAMPLE_RATE,
        ),
    }
    tests = {"clips": splits["test"]}
    rooms = ()
    if spoken_negatives:
        speak = partial(_speak, word, seed, output)
        harder["spoken"] = speak("train", spoken_negatives)
        positives += speak("train", spoken_positives, text=word, label=label)
        rooms = negatives.babble_backgrounds(
            rng,
            output / "speech" / "train-babble",
            20,
            [*others, *harder["spoken"]],
            data.AudioFiles(loaded.root),
            sample_rate=SAMPLE_RATE,
        )
        validation = splits["validation"]
        splits["validation"] = replace(
            validation,
            negatives={
                **validation.negatives,
                "spoken": speak("validation", max(2, spoken_negatives // 5)),
            },
        )
        tests["spoken"] = _spoken_tests(
            1000, word, seed, output, splits["test"].backgrounds
        )
    heard = {**training.negatives, **harder}
    folder_share = SHARES["folder"] / len(training.negatives)
    shares = {name: SHARES.get(name, folder_share) for name in heard}
    splits["train"] = replace(
        training,
        positives={label: positives},
        negatives=heard,
        backgrounds=training.backgrounds + rooms,
        weights={name: shares[name] / len(clips) for name, clips in heard.items()},
    )
    return splits, tests, loaded.root, word


def _speak(word, seed, output, split, num, *, text=None, label="spoken"):
    folder = output / "speech" / f"{split}-{'positives' if text else 'negatives'}"
    number = ("train", "validation", "test").index(split)
    return negatives.spoken_clips(
        np.random.default_rng((seed, 2, number, text is None)),
        folder,
        num,
        split=split,
        # Also what is spelled alike: "alexander" begins with "alexa" to most ears.
        exclude=(word, *(other for other in speech.words() if word.lower() in other)),
        text=text,
        label=label,
        sample_rate=SAMPLE_RATE,
        progress=lambda items, total: command_line.progress(
            items, f"speaking for {split}", total
        ),
    )


def _spoken_tests(num, word, seed, output, backgrounds):
    clips = _speak(word, seed, output, "test", num)
    return synthesis.ClipSet({}, {"spoken": clips}, backgrounds)


def _choose_threshold(detector, settings, clips, root, seed, max_false_accepts):
    """Threshold and latency of a detector, from validation clips alone."""
    trials = [
        _trial(detector, settings, clips, root, (seed, 3, number), "validation")
        for number in range(VALIDATION_ROUNDS)
    ]
    # The middle between early and late peaks: no word's time is far off.
    latencies = np.concatenate([trial.latencies() for trial in trials])
    latency = np.percentile(latencies, (5, 95)).mean() if len(latencies) else 0.0
    counts = [
        metrics.detection_error_tradeoff(trial.candidates, trial.ends, THRESHOLDS)
        for trial in trials
    ]
    num_misses, num_false_accepts = np.sum(counts, axis=0)
    threshold = metrics.choose_threshold(
        THRESHOLDS,
        num_misses,
        num_false_accepts,
        num_words=sum(len(trial.ends) for trial in trials),
        num_negatives=sum(trial.num_negatives for trial in trials),
        max_false_accepts_per_1000=max_false_accepts,
    )
    return replace(
        settings,
        threshold=round(threshold, 4),
        latency=round(float(latency), 4),
    )


def _trial(detector, settings, clips, root, seed, text, snr_db=10.0):
    chosen = [
        clip
        for items in (*clips.positives.values(), *clips.negatives.values())
        for clip in items
    ]
    return evaluation.run_trial(
        np.random.default_rng(seed),
        detector.predict_on_batch,
        settings,
        chosen,
        clips.backgrounds,
        data.AudioFiles(root),
        snr_db=snr_db,
        progress=partial(command_line.progress, description=text),
    )


def _evaluate(detector, settings, tests, root, seed, snr_db=10.0):
    """Event metrics on test clips, and those on synthesised words beside them."""
    trials = {
        name: _trial(
            detector, settings, clips, root, (seed, 4), f"testing on {name}", snr_db
        )
        for name, clips in tests.items()
    }
    trial = trials["clips"]
    hits, false_accepts, blamed = trial.outcome(settings.threshold)
    figures = metrics.event_metrics(
        hits,
        len(trial.ends),
        false_accepts,
        hours=trial.hours,
        num_negatives=trial.num_negatives,
    )
    figures["false_accepts_by_label"] = blamed
    if "spoken" in trials:
        spoken = trials["spoken"]
        _, false_accepts, _ = spoken.outcome(settings.threshold)
        figures |= {
            "spoken_false_accepts_per_1000_negatives": 1000
            * false_accepts
            / spoken.num_negatives,
            "spoken_false_accepts_per_hour": false_accepts / spoken.hours,
        }
    return figures, trials


def _draw_trials(output, detector, settings, tests, trials, root, seed):
    """The trade-off, and a held-out recording with what was heard in it."""
    output.mkdir(parents=True, exist_ok=True)
    trial = trials["clips"]
    num_words, num_negatives = len(trial.ends), max(trial.num_negatives, 1)
    curves = {}
    for name, one in trials.items():
        misses, _ = metrics.detection_error_tradeoff(
            trial.candidates, trial.ends, THRESHOLDS
        )
        _, false_accepts = metrics.detection_error_tradeoff(
            one.candidates, one.ends, THRESHOLDS
        )
        curves[f"false accepts on {name}"] = (
            1000 * false_accepts / max(one.num_negatives, 1),
            misses / num_words,
        )
    hits, false_accepts, _ = trial.outcome(settings.threshold)
    pictures.draw_tradeoff(
        output / "tradeoff.png",
        curves,
        (1000 * false_accepts / num_negatives, 1 - hits / num_words),
    )
    clips = tests["clips"]
    rng = np.random.default_rng((seed, 5))
    positives = [clip for items in clips.positives.values() for clip in items]
    others = [clip for items in clips.negatives.values() for clip in items]
    chosen = [positives[i] for i in rng.permutation(len(positives))[:5]]
    chosen += [others[i] for i in rng.permutation(len(others))[:7]]
    scene = synthesis.plan_stream(
        rng,
        [chosen[i] for i in rng.permutation(len(chosen))],
        clips.backgrounds[0],
        sample_rate=settings.sample_rate,
    )
    audio, _ = synthesis.render(scene, data.AudioFiles(root))
    audio_file.write(output / "held_out.wav", audio, settings.sample_rate)
    scores = detection.score_audio(detector.predict_on_batch, audio, settings)
    pictures.draw_detections(
        output / "held_out.png",
        audio,
        settings.sample_rate,
        detection.frame_times(len(scores), settings),
        scores,
        detection.find_words(scores, settings),
        threshold=settings.threshold,
        ends=[event.end for event in scene.events if event.label in settings.labels],
        title="words that were kept back, at 10 dB above the background",
    )


def _load(path):
    command_line.load_keras()
    from dlai_keras.trigger_word import model

    return model.load_pretrained() if path is None else model.load_detector(path)


def _listen(detector, settings, recording):
    """Scores of a recording of any length, its length, and its beginning."""
    beginning, num_samples = [], 0

    def parts():
        nonlocal num_samples
        for part in audio_file.stream(recording, sample_rate=settings.sample_rate):
            if num_samples < pictures.MAX_SECONDS * settings.sample_rate:
                beginning.append(part)
            num_samples += len(part)
            yield part

    scores = detection.score_stream(
        detector.predict_on_batch,
        command_line.progress(parts(), f"listening to {recording.name}"),
        settings,
    )
    return scores, num_samples / settings.sample_rate, np.concatenate(beginning)


def _write_chimed(recording, path, sound, found):
    """The recording at its own rate with a chime where each word ends."""
    rate = audio_file.info(recording).sample_rate
    chime = (
        detection.make_chime(rate)
        if sound is None
        else audio_file.read(sound, sample_rate=rate)
    )
    chimed = detection.insert_chimes(
        audio_file.read(recording), chime, [one.time for one in found], rate
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    audio_file.write(path, chimed, rate)


def main():
    """Runs the script."""
    command_line.run(
        HELP,
        default="train",
        train=train,
        evaluate=evaluate,
        predict=predict,
        demo=demo,
    )


if __name__ == "__main__":
    main()
