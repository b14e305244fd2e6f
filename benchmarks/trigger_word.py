"""How fast training examples are made, side by side with the course's way."""

import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from threadpoolctl import threadpool_limits

from dlai_keras import audio, command_line, files
from dlai_keras.trigger_word import data, dataset, stream, synthesis

HELP = """Measures how fast training examples are made, against the course's way.

Examples are the course's: 10 s at 44.1 kHz, 0 to 4 activates and 0 to 2 negatives at
fixed levels. Both sides hold every recording decoded in memory before the clock
starts, and run on one thread. They take turns, repeat by repeat, so that whatever
else the machine does slows both; a ratio is the median over the repeats, wall time."""

SECONDS, SAMPLE_RATE, STREAM_RATE = 10.0, 44_100, 16_000
MILLISECONDS = 10_000
NUM_TARGETS = 1375
# Two processes take about a second to start; so many times --num-examples are made
# that it hardly counts; three repeats are enough for runs that long.
WORKER_EXAMPLES = 100
WORKER_REPEATS = 3
SCAPER_EXAMPLES_PER_SECOND = 8  # quoted, not measured here


def benchmark(
    *,
    clips: Path | None = None,
    num_examples: int = 40,
    repeats: int = 7,
    output: Path = Path("runs/trigger_word_benchmark"),
) -> dict:
    """Prints what is measured, ratios first, and leaves it in `--output`.

    in memory: ours plans and renders a scene and computes its float32 spectrogram and
    its targets. The course mixes with pydub, writes a WAV file, reads it back and
    computes matplotlib's spectrogram and its targets.

    to WAV: a 16-bit WAV file and nothing else. Ours plans, renders and writes; the
    course mixes with pydub and exports. Ours is mono; the course keeps the channels
    that the recordings have.

    WAV, features: both of the above on both sides: a file, a spectrogram, targets.

    two workers: a whole dataset by two processes against the same by one, their start
    included. It is stored as FLAC, because WAV files are made so quickly that the disk
    would be measured. 100 times `--num-examples`, three repeats at the most.

    stream: scenes and log-mel energies at 16 kHz, as training takes them.

    Args:
        clips: folder with activates, negatives and backgrounds. The course's
            recordings in $DLAI_DATA where that is set, else the embedded clips.
        num_examples: how many each side makes in every repeat.
        repeats: of everything; medians are reported.
        output: folder for metrics.json and benchmark.png; examples are written to it
            and removed.

    Example:
        python benchmarks/trigger_word.py --clips my_clips
    """
    if num_examples < 1 or repeats < 1:
        raise ValueError(
            "`num_examples` and `repeats` must be 1 or more. "
            f"Received: {num_examples} and {repeats}."
        )
    start = time.perf_counter()
    root = _clip_folder(clips)
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output) as folder:
        rows = {}
        with threadpool_limits(1):
            ours, course = _Ours(root, Path(folder)), _Course(root, Path(folder))
            for name, mine, theirs in (
                ("in memory", ours.in_memory, course.with_features),
                ("to WAV", ours.to_wav, course.to_wav),
                ("WAV, features", ours.with_features, course.with_features),
            ):
                command_line.note(f"{name} ...")
                rows[name] = _compare(mine, theirs, num_examples, repeats, Path(folder))
            command_line.note("stream ...")
            rate = _stream_rate(root, num_examples, repeats)
        command_line.note(f"two workers, {WORKER_EXAMPLES * num_examples} examples ...")
        rows["two workers"] = _compare_workers(
            root,
            WORKER_EXAMPLES * num_examples,
            min(repeats, WORKER_REPEATS),
            Path(folder),
        )
    metrics = {
        **{_key(name): row for name, row in rows.items()},
        "stream": {"examples_per_second": rate},
        "scaper": {"examples_per_second_quoted": SCAPER_EXAMPLES_PER_SECOND},
        "num_examples": num_examples,
        "num_worker_examples": WORKER_EXAMPLES * num_examples,
        "repeats": repeats,
        "num_channels_of_backgrounds": course.num_channels,
        "num_cores": os.cpu_count(),
    }
    command_line.save_metrics(
        output, metrics, seed=0, seconds=time.perf_counter() - start
    )
    _draw(output / "benchmark.png", rows)
    command_line.show_table(
        "ratio: the course's time over ours; one worker's over two's",
        [
            {
                "ratio": f"{row['ratio']:.2f}",
                "": name,
                "lowest to highest": f"{row['lowest']:.2f} to {row['highest']:.2f}",
                "of CPU time": row["cpu_ratio"],
                "ours, ms": row["ours_ms"],
                "other, ms": row["other_ms"],
            }
            for name, row in rows.items()
        ],
    )
    command_line.show_table(
        "examples per second",
        {
            **{name: row["ours_per_second"] for name, row in rows.items()},
            "stream, log-mel at 16 kHz": rate,
            "scaper, quoted": SCAPER_EXAMPLES_PER_SECOND,
        },
    )
    return metrics


class _Ours:
    """Examples as this package makes them; example `i` each time."""

    def __init__(self, root, folder):
        self.folder = folder
        self.settings = synthesis.SceneSettings.course(
            duration=SECONDS, sample_rate=SAMPLE_RATE
        )
        self.clips = data.load_clips(
            root, sample_rate=SAMPLE_RATE, trim=False, max_duration=SECONDS
        ).clips
        self.source = data.AudioFiles(root)
        for clip in _all_clips(self.clips):
            self.source.clip(clip.file, SAMPLE_RATE)

    def in_memory(self, index):
        scene, sound = self._render(index)
        return self._features(scene, sound)

    def to_wav(self, index):
        _, sound = self._render(index)
        audio.write(self.folder / f"ours-{index}.wav", sound, SAMPLE_RATE)

    def with_features(self, index):
        scene, sound = self._render(index)
        audio.write(self.folder / f"ours-{index}.wav", sound, SAMPLE_RATE)
        return self._features(scene, sound)

    def _render(self, index):
        rng = synthesis.example_rng(0, index)
        scene = synthesis.plan(rng, self.clips, self.settings)
        return scene, synthesis.render(scene, self.source)[0]

    def _features(self, scene, sound):
        inputs = dataset.compute_features("spectrogram", sound, SAMPLE_RATE)
        num_targets = dataset.num_target_frames("spectrogram", len(inputs))
        targets = synthesis.frame_labels(
            scene.events, num_targets, duration=SECONDS, labels=self.clips.labels
        )
        return inputs, targets


class _Course:
    """Examples as the course makes them, from the same recordings."""

    def __init__(self, root, folder):
        from dlai_keras.trigger_word import course  # slow, and workers don't need it

        self.course = course
        self.folder = folder
        clips = data.load_clips(root, trim=False, max_duration=SECONDS).clips
        self.activates, self.negatives = (
            [self._segment(root / clip.file) for group in groups for clip in group]
            for groups in (clips.positives.values(), clips.negatives.values())
        )
        self.backgrounds = []
        for background in clips.backgrounds:
            segment = self._segment(root / background.file)
            repeats = -(-MILLISECONDS // len(segment))
            self.backgrounds.append((segment * repeats)[:MILLISECONDS])
        self.num_channels = max(item.channels for item in self.backgrounds)
        np.random.seed(0)  # noqa: NPY002 (the course draws from the global generator)

    def to_wav(self, index):
        """`create_training_example` up to its file, without what follows."""
        sound = self.backgrounds[index % len(self.backgrounds)] - 20
        targets = np.zeros((1, NUM_TARGETS))
        taken = []
        for clip in self._draw(self.activates, 4):
            sound, (_, end) = self.course.insert_audio_clip(sound, clip, taken)
            self.course.insert_ones(targets, end)
        for clip in self._draw(self.negatives, 2):
            sound, _ = self.course.insert_audio_clip(sound, clip, taken)
        sound = self.course.match_target_amplitude(sound, -20.0)
        sound.export(self.folder / f"course-{index}.wav", format="wav").close()

    def with_features(self, index):
        return self.course.create_training_example(
            self.backgrounds[index % len(self.backgrounds)],
            self.activates,
            self.negatives,
            NUM_TARGETS,
            path=self.folder / f"course-{index}.wav",
        )

    def _draw(self, clips, maximum):
        count = np.random.randint(0, maximum + 1)  # noqa: NPY002
        return [clips[i] for i in np.random.randint(len(clips), size=count)]  # noqa: NPY002

    def _segment(self, path):
        # pydub would need ffmpeg for all but WAV.
        samples, rate = soundfile.read(path, dtype="int16", always_2d=True)
        segment = self.course.AudioSegment(
            samples.tobytes(),
            sample_width=2,
            frame_rate=rate,
            channels=samples.shape[1],
        )
        return segment.set_frame_rate(SAMPLE_RATE)


def _compare(
    ours: Callable, course: Callable, num_examples: int, repeats: int, folder: Path
) -> dict:
    for side in (ours, course):
        side(0)
    rounds = []
    for _ in range(repeats):
        seconds = []
        for side in (ours, course):
            wall, cpu = time.perf_counter(), time.process_time()
            for index in range(num_examples):
                side(index)
            seconds += [time.perf_counter() - wall, time.process_time() - cpu]
            for file in folder.glob("*.wav"):  # always new files, on both sides
                file.unlink()
        rounds.append(seconds)
    mine, my_cpu, theirs, their_cpu = np.array(rounds).T
    return _row(
        mine, theirs, num_examples, cpu_ratio=float(np.median(their_cpu / my_cpu))
    )


def _compare_workers(root, num_examples, repeats, folder):
    clips = data.load_clips(root, sample_rate=SAMPLE_RATE, max_duration=SECONDS).clips
    scene = synthesis.SceneSettings(duration=SECONDS, sample_rate=SAMPLE_RATE)
    settings = dataset.DatasetSettings(scene, format="flac")
    description = dataset.describe(settings, clips, root)

    def seconds(workers):
        with tempfile.TemporaryDirectory(dir=folder) as output:
            start = time.perf_counter()
            dataset.write_dataset(
                Path(output),
                num_examples,
                settings,
                clips,
                root,
                description=description,
                workers=workers,
            )
            return time.perf_counter() - start

    pairs = [(seconds(2), seconds(1)) for _ in range(repeats)]
    two, one = np.array(pairs).T
    return _row(two, one, num_examples)


def _row(ours, others, num_examples, cpu_ratio=None):
    """Medians over the repeats; `ours` and `others` are their seconds."""
    ratios = others / ours
    return {
        "ratio": float(np.median(ratios)),
        "lowest": float(ratios.min()),
        "highest": float(ratios.max()),
        "cpu_ratio": cpu_ratio,
        "ours_ms": float(np.median(ours)) / num_examples * 1000,
        "other_ms": float(np.median(others)) / num_examples * 1000,
        "ours_per_second": num_examples / float(np.median(ours)),
    }


def _stream_rate(root, num_examples, repeats):
    """Examples per second of what training reads, on one thread."""
    loaded = data.load_clips(root, sample_rate=STREAM_RATE, max_duration=SECONDS)
    settings = synthesis.SceneSettings(duration=SECONDS, sample_rate=STREAM_RATE)
    scenes = stream.SceneStream(loaded.clips, root, settings)
    for clip in _all_clips(loaded.clips):
        scenes.source.clip(clip.file, STREAM_RATE)
    scenes.example(0)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        for index in range(num_examples):
            scenes.example(index)
        times.append(time.perf_counter() - start)
    return num_examples / statistics.median(times)


def _clip_folder(clips):
    if clips is not None:
        return clips
    recordings = Path(os.environ.get("DLAI_DATA", "")) / "trigger_word/raw_data"
    if "DLAI_DATA" in os.environ and recordings.is_dir():
        return recordings
    return data.EMBEDDED_CLIPS


def _all_clips(clips):
    groups = (*clips.positives.values(), *clips.negatives.values())
    return [clip for group in groups for clip in group]


def _key(name):
    return name.lower().replace(", ", "_and_").replace(" ", "_")


def _draw(path, rows):
    from matplotlib.figure import Figure  # slow, and workers don't need it

    figure = Figure(figsize=(7, 0.6 + 0.5 * len(rows)), layout="constrained")
    axis = figure.add_subplot()
    names = list(rows)[::-1]
    ratios = [rows[name]["ratio"] for name in names]
    bars = axis.barh(names, ratios, color="#3d7ea6")
    axis.bar_label(bars, [f"{ratio:.1f}×" for ratio in ratios], padding=4)
    axis.axvline(1, color="#1b1b1b", lw=1)
    axis.margins(x=0.12)
    axis.set_xlabel("times as fast as the course's way; two workers: as one")
    axis.spines[["top", "right"]].set_visible(False)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=120)
    files.write_atomically(path, picture.getvalue())


def main():
    """Runs the script."""
    command_line.run(HELP, default="benchmark", benchmark=benchmark)


if __name__ == "__main__":
    main()
