"""Makes trigger-word datasets: clips overlaid on backgrounds, with labels."""

import json
from functools import partial
from pathlib import Path
from typing import Literal

from dlai_keras import command_line
from dlai_keras.trigger_word import annotations, data, dataset, synthesis

HELP = """Makes trigger-word datasets: positive and negative clips on backgrounds.

Put recordings of your word, of other words and of backgrounds into three folders,

    my_clips/activates/*.wav  my_clips/negatives/*.wav  my_clips/backgrounds/*.wav

and run `python data_scripts/trigger_word.py --clips my_clips --num-examples 1000
--output my_dataset`. No recordings at hand? `speak computer --output my_clips` has a
synthesiser say your word, and others, in ninety voices."""


def generate(
    *,
    clips: Path | None = None,
    num_examples: int = 20,
    seed: int = 0,
    output: Path = Path("datasets/trigger_word"),
    preset: Literal["default", "course"] = "default",
    duration: float = 10.0,
    sample_rate: int = 44_100,
    num_positives: tuple[int, int] = (0, 4),
    num_negatives: tuple[int, int] = (0, 2),
    levels: Literal["preset", "snr", "course"] = "preset",
    snr: tuple[float, float] = (5.0, 20.0),
    trim: bool | None = None,
    fade: float | None = None,
    min_gap: float | None = None,
    label_width: float = synthesis.COURSE_LABEL_WIDTH,
    label_offset: float = 0.0,
    positive: list[str] | None = None,
    negative: list[str] | None = None,
    background: list[str] | None = None,
    format: Literal["wav", "flac", "tfrecord"] = "wav",
    features: Literal["none", "spectrogram", "log_mel"] = "none",
    audacity: bool = False,
    jams: bool = False,
    workers: int = 1,
    on_error: Literal["fail", "skip"] = "fail",
    from_annotations: Path | None = None,
    preview: bool = True,
) -> dict:
    """Generates a dataset, or continues one that was interrupted.

    Beside the audio stand `annotations.jsonl` (what lies where, in seconds and
    decibels), `dataset.json` (settings and checksums of the clips) and `preview.png`.
    Example i depends on the seed, on i and on the clips alone: the number of workers
    and of examples changes nothing, and an interrupted run, started again, ends with
    the same bytes.

    Args:
        clips: folder with activates, negatives and backgrounds; the embedded clips
            of the word "activate" without it.
        num_examples: how many; a dataset that has fewer is continued.
        seed: same seed, same dataset.
        output: folder to make or to continue.
        preset: "course" takes whole clips at -20 dBFS over the background less 20 dB,
            as the course does; "default" trims them and draws a signal-to-noise ratio.
        duration: seconds of each example.
        sample_rate: hertz; 44100 in the course, 16000 is usual elsewhere.
        num_positives: fewest and most trigger words in an example.
        num_negatives: fewest and most other words in an example.
        levels: "snr" draws from --snr, "course" takes fixed levels; the preset's
            otherwise.
        snr: lowest and highest level of a clip above the background, decibels.
        trim: cut the silence around clips off; yes but in the course's preset.
        fade: seconds over which clips fade in and out; 0.01, course 0.
        min_gap: least seconds between clips; 0.1, course 0.
        label_width: seconds that a label lasts; the course's 50 of 1375 frames.
        label_offset: seconds between the end of a word and its label.
        positive: folder of a trigger word, below --clips; several give several labels.
        negative: folder of other words; may be given several times.
        background: folder of backgrounds; may be given several times.
        format: wav and flac write a file an example, tfrecord shards of 64 MB.
        features: store spectrograms (the course's) or log-mel energies, with targets.
        audacity: write an Audacity label track beside each example.
        jams: write a JAMS file beside each example (extra "jams").
        workers: processes.
        on_error: "skip" leaves broken clips out and lists them.
        from_annotations: annotations.jsonl of a dataset to render again, bit for bit.
        preview: draw the first examples with their labels.

    Example:
        python data_scripts/trigger_word.py --clips my_clips --num-examples 1000
    """
    if from_annotations is not None:
        given = {name for name, value in locals().items() if _is_given(name, value)}
        return _regenerate(from_annotations, output, clips, workers, preview, given)

    base = synthesis.SceneSettings.course if preset == "course" else None
    optional = {"trim": trim, "fade": fade, "min_gap": min_gap}
    chosen = {name: value for name, value in optional.items() if value is not None}
    if levels == "snr" or (levels == "preset" and preset == "default"):
        chosen["snr_db"] = snr
    else:
        chosen["snr_db"] = None
        if snr != generate.__kwdefaults__["snr"]:
            raise ValueError("`snr` needs drawn levels. Add --levels snr, or leave it.")
    scene = (base or synthesis.SceneSettings)(
        duration=duration,
        sample_rate=sample_rate,
        num_positives=num_positives,
        num_negatives=num_negatives,
        label_width=label_width,
        label_offset=label_offset,
        **chosen,
    )
    settings = dataset.DatasetSettings(
        scene, seed, format, features, audacity=audacity, jams=jams
    )
    dataset.check_extras(settings)
    loaded = data.load_clips(
        clips if clips is not None else data.EMBEDDED_CLIPS,
        positives=positive or ("activates",),
        negatives=negative or ("negatives",),
        backgrounds=background or ("backgrounds",),
        sample_rate=sample_rate,
        trim=scene.trim,
        max_duration=duration,
        on_error=on_error,
        progress=partial(command_line.progress, description="reading clips"),
    )
    for _, reason in loaded.skipped:
        command_line.note(f"left out: {reason}")
    description = dataset.describe(settings, loaded.clips, loaded.root, loaded.skipped)
    summary = dataset.write_dataset(
        output,
        num_examples,
        settings,
        loaded.clips,
        loaded.root,
        description=description,
        workers=workers,
        progress=_block_progress(settings),
    )
    return _finish(
        output, loaded.root, loaded.clips.labels, summary, preview, settings.scene
    )


def speak(
    word: str,
    *,
    output: Path = Path("my_clips"),
    num_positives: int = 200,
    num_negatives: int = 1000,
    seed: int = 0,
    sample_rate: int = 16_000,
) -> dict:
    """Has espeak-ng say your word, and others, in many voices: a clip folder.

    The negatives are English words, invented words and short phrases, never one that
    sounds like yours. The backgrounds are the embedded ones; add your own recordings
    of both to the folders, real ones make a better detector.

    Args:
        word: what to say; a short phrase works too.
        output: folder to make; must be empty or missing.
        num_positives: how often your word is spoken.
        num_negatives: how many other utterances.
        seed: same seed, same clips.
        sample_rate: hertz.

    Example:
        python data_scripts/trigger_word.py speak computer --output my_clips
    """
    from dlai_keras.trigger_word import negatives

    summary = negatives.make_clip_folder(
        word,
        output,
        num_positives=num_positives,
        num_negatives=num_negatives,
        seed=seed,
        sample_rate=sample_rate,
        progress=lambda items, total: command_line.progress(items, "speaking", total),
    )
    command_line.note(
        f"clips are in {output}; make a dataset of them: --clips {output}"
    )
    return summary


def embedded(*, output: Path = data.EMBEDDED_CLIPS, seed: int = 0) -> dict:
    """Remakes the clips that come with the package.

    Args:
        output: folder; the package's own by default.
        seed: the package's clips were made with 0.
    """
    from dlai_keras.trigger_word.embedded import make_embedded

    return make_embedded(output, seed=seed)


def _is_given(name, value):
    """Whether an option that annotations fix has another value than its default."""
    free = {"from_annotations", "output", "clips", "workers", "preview", "on_error"}
    return name not in free and value != generate.__kwdefaults__.get(name)


def _regenerate(path, output, clips, workers, preview, given):
    beside = path.with_name(dataset.DESCRIPTION)
    if not path.is_file() or not beside.is_file():
        missing = beside if path.is_file() else path
        raise FileNotFoundError(
            f"No such file: {missing}. Expected annotations.jsonl and "
            f"{dataset.DESCRIPTION} side by side, as a generated dataset has them."
        )
    if given:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in sorted(given))
        command_line.note(f"the annotations fix {options}: what was given is ignored")
    if output.resolve() == path.parent.resolve():
        raise ValueError(
            f"{output} is the dataset that the annotations come from. Choose another "
            "--output."
        )
    try:
        description = json.loads(beside.read_text(encoding="utf-8"))
    except ValueError:
        raise ValueError(f"{beside} is no JSON.") from None
    settings = dataset.settings_from(description)
    root = clips if clips is not None else Path(description["clips_folder"])
    dataset.check_clips(root, description["clips"])
    labels = tuple(description["labels"])
    clip_set = synthesis.ClipSet({label: () for label in labels}, {}, ())
    num_examples = annotations.count_scenes(path)
    summary = dataset.write_dataset(
        output,
        num_examples,
        settings,
        clip_set,
        root,
        # The checksum tells an edited file from the one that a run began with.
        description={
            **{key: description[key] for key in dataset.REPRODUCED},
            "clips_folder": Path(root).as_posix(),
            "annotations": dataset.checksum(path),
        },
        records=annotations.read_records(path),
        workers=workers,
        progress=_block_progress(settings),
    )
    return _finish(output, root, labels, summary, preview, settings.scene)


def _block_progress(settings):
    text = "rendering" + (
        f" blocks of {settings.block_size}" if settings.block_size > 1 else ""
    )
    return lambda blocks, total: command_line.progress(blocks, text, total)


def _finish(output, root, labels, summary, preview, settings):
    if preview:
        from dlai_keras.trigger_word.pictures import draw_scenes

        scenes, audios = dataset.first_scenes(output, root)
        if scenes:
            draw_scenes(
                output / "preview.png",
                scenes,
                audios,
                labels,
                label_width=settings.label_width,
                label_offset=settings.label_offset,
            )
    if summary["num_dropped"]:
        command_line.note(
            f"{summary['num_dropped']} clips found no place; fewer or shorter clips, "
            "or longer examples, would help"
        )
    command_line.note(f"the dataset is in {output}")
    return {
        "num_examples": summary["num_examples"],
        **{f"num_{name}": count for name, count in summary["num_events"].items()},
        "num_dropped": summary["num_dropped"],
        "num_scaled": summary["num_scaled"],
        "output": output,
    }


def main():
    """Runs the script."""
    command_line.run(
        HELP, default="generate", generate=generate, speak=speak, embedded=embedded
    )


if __name__ == "__main__":
    main()
