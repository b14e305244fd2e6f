"""Clips as they lie in folders: finding, checking, reading and splitting them."""

import csv
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dlai_keras import audio as audio_file
from dlai_keras.trigger_word.synthesis import (
    BACKGROUND_BLOCK,
    LOOP_CROSSFADE,
    Background,
    Clip,
    ClipSet,
    Scene,
)

COURSE_FOLDERS = ("activates", "negatives", "backgrounds")
EMBEDDED_CLIPS = Path(__file__).parent / "clips"
SPLITS = ("train", "validation", "test")
SPLIT_FRACTIONS = (0.6, 0.2, 0.2)
LAYOUT = (
    "Expected DIR/activates, DIR/negatives and DIR/backgrounds, each with audio "
    "files (or name your own folders with --positive, --negative, --background)."
)
# Published datasets whose file names tell who speaks or from which recording a clip
# was cut; clips of one group must not stand on both sides of a split.
GROUP_PATTERNS = (
    re.compile(r"^\d_(?P<group>[a-z]+)_\d+$"),  # spoken digits: digit_speaker_take
    re.compile(r"^\d-(?P<group>\d+)-[A-Z](-\d+)?$"),  # ESC: fold-recording-take
    re.compile(r"^\d+_(?P<group>act\d+)$"),  # the course: take_speaker
    re.compile(r"^(?P<group>[0-9a-f]{8})_nohash_\d+$"),  # Speech Commands
)


@dataclass(frozen=True)
class LoadedClips:
    """A clip set with where its files lie and what was left out.

    Attributes:
        clips: see `synthesis.ClipSet`.
        root: folder that the file names are relative to.
        skipped: `(file, reason)` of every broken clip that was left out.
        splits: file -> split, where the folder's `clips.csv` says so.
    """

    clips: ClipSet
    root: Path
    skipped: tuple[tuple[str, str], ...] = ()
    splits: Mapping[str, str] | None = None


@dataclass(frozen=True)
class ClipFolders:
    """Which folders of a collection play which role.

    Attributes:
        root: folder that the others are relative to.
        positives: folders of one trigger word each.
        negatives: folders of other words and sounds.
        backgrounds: folders of backgrounds.
    """

    root: Path
    positives: tuple[str, ...] = ("activates",)
    negatives: tuple[str, ...] = ("negatives",)
    backgrounds: tuple[str, ...] = ("backgrounds",)


def find_clips(data: Path | None, dataset: str | None = None) -> ClipFolders:
    """Finds the clips in a folder of one of the usual layouts.

    - `activates/ negatives/ backgrounds/`, the course's;
    - a folder that holds such ones;
    - `wake_words/<word>/` beside `noise/` and, if there, `spoken_digits/`: one set a
      word, whose negatives are the other words and the digits;
    - a folder that holds any of these as `trigger_word/`.

    Args:
        data: the folder; None takes the embedded clips.
        dataset: which set, where the folder holds several.

    Raises:
        FileNotFoundError: nothing of the kind is there.
        ValueError: several sets are there and none is chosen, or an unknown one is.
    """
    if data is None:
        return ClipFolders(EMBEDDED_CLIPS)
    data = Path(data)
    if not data.is_dir():
        raise FileNotFoundError(f"No such folder: {data}. {LAYOUT}")
    if (data / "trigger_word").is_dir():
        data = data / "trigger_word"
    sets = {}
    for folder in [data, *sorted(item for item in data.iterdir() if item.is_dir())]:
        if all((folder / name).is_dir() for name in COURSE_FOLDERS):
            sets["." if folder == data else folder.name] = ClipFolders(folder)
    if (data / "wake_words").is_dir() and (data / "noise").is_dir():
        words = sorted(x.name for x in (data / "wake_words").iterdir() if x.is_dir())
        digits = ("spoken_digits",) if (data / "spoken_digits").is_dir() else ()
        for word in words:
            others = tuple(f"wake_words/{other}" for other in words if other != word)
            sets[word] = ClipFolders(
                data, (f"wake_words/{word}",), (*others, *digits), ("noise",)
            )
    if not sets:
        raise FileNotFoundError(f"No clips in {data}. {LAYOUT}")
    if dataset is None and len(sets) == 1:
        return next(iter(sets.values()))
    if dataset not in sets:
        received = "none" if dataset is None else dataset
        raise ValueError(
            f"{data} holds several sets; choose one with --dataset: "
            f"{', '.join(sets)}. Received: {received}."
        )
    return sets[dataset]


def group_of(path: Path) -> str:
    """What a clip must not be separated from: its speaker or recording if known.

    Example:
        >>> group_of(Path("7_nicolas_21.wav")), group_of(Path("1-21934-A.ogg"))
        ('nicolas', '21934')
    """
    for pattern in GROUP_PATTERNS:
        if match := pattern.match(Path(path).stem):
            return match["group"]
    return Path(path).as_posix()


def load_clips(
    root: Path,
    *,
    positives: Sequence[str] = ("activates",),
    negatives: Sequence[str] = ("negatives",),
    backgrounds: Sequence[str] = ("backgrounds",),
    sample_rate: int = 44_100,
    trim: bool = True,
    max_duration: float | None = None,
    on_error: str = "fail",
    progress=None,
) -> LoadedClips:
    """Reads every clip once: is it sound, where is it audible, how loud is it.

    Args:
        root: folder that holds the others.
        positives: folders below `root` of one trigger word each; a folder's last
            name is its label.
        negatives: folders of other words and sounds; may be empty.
        backgrounds: folders of backgrounds.
        sample_rate: hertz; starts and durations are whole samples at that rate.
        trim: leave out the silence around each clip.
        max_duration: seconds; a longer clip finds no place in an example and counts
            as broken.
        on_error: `"fail"` raises at the first broken file, `"skip"` leaves it out.
        progress: wraps the files while they are read, to show a bar.

    Returns:
        `LoadedClips`; files in alphabetical order.

    Raises:
        FileNotFoundError: a folder is missing or holds no audio.
        AudioFileError: a broken file, with `on_error="fail"`.
        ValueError: a wrong option.
    """
    root = Path(root)
    if on_error not in ("fail", "skip"):
        raise ValueError(f'`on_error` must be "fail" or "skip". Received: {on_error}.')
    if not positives or not backgrounds:
        raise ValueError("At least one positive and one background folder is needed.")
    folders = [*positives, *negatives, *backgrounds]
    if len({Path(folder) for folder in folders}) < len(folders):
        raise ValueError(f"Each folder must have one role. Received: {folders}.")
    names = [Path(folder).name for folder in (*positives, *negatives)]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        # A negative of that name would be labelled as the trigger word.
        raise ValueError(f"Two folders are both named `{twice[0]}`; rename one.")
    if not root.is_dir():
        raise FileNotFoundError(f"No such folder: {root}. {LAYOUT}")
    files = {}
    for folder in folders:
        if not (root / folder).is_dir():
            raise FileNotFoundError(f"No such folder: {root / folder}. {LAYOUT}")
        files[folder] = audio_file.list_audio_files(root / folder)
        if not files[folder]:
            raise FileNotFoundError(
                f"No audio files in {root / folder}. Put wav, flac, ogg, mp3 or m4a "
                "files there."
            )
    voices, splits = _read_manifest(root)
    found: dict[str, list] = {folder: [] for folder in folders}
    skipped = []
    tasks = [(folder, path) for folder in folders for path in files[folder]]
    for folder, path in progress(tasks) if progress else tasks:
        name = path.relative_to(root).as_posix()
        group = voices.get(name, group_of(path.relative_to(root)))
        label = Path(folder).name
        try:
            if folder in backgrounds:
                found[folder].append(measure_background(path, name, group, sample_rate))
            else:
                clip = _measure_clip(path, name, label, group, sample_rate, trim)
                if max_duration is not None and clip.duration > max_duration:
                    raise audio_file.AudioFileError(
                        f"{path} lasts {clip.duration:.2f} s, longer than the example "
                        f"({max_duration:g} s)."
                    )
                found[folder].append(clip)
        except audio_file.AudioFileError as error:
            if on_error == "fail":
                raise audio_file.AudioFileError(
                    f"{error} Repair or remove it, or leave such clips out with "
                    "--on-error skip."
                ) from None
            skipped.append((name, str(error)))
    for folder in folders:
        if not found[folder]:
            raise audio_file.AudioFileError(
                f"Every file in {root / folder} is broken; the first: {skipped[0][1]}"
            )
    clips = ClipSet(
        positives=_by_label(positives, found),
        negatives=_by_label(negatives, found),
        backgrounds=tuple(item for name in backgrounds for item in found[name]),
    )
    return LoadedClips(clips, root, tuple(skipped), splits)


class AudioFiles:
    """Reads clips and backgrounds from a folder, keeping the recent ones in memory.

    Args:
        root: folder that file names are relative to.
        cache_bytes: how much decoded audio is kept at the most.
        whole_seconds: backgrounds up to this long are decoded whole and kept; of
            longer ones only the part needed is read.
    """

    def __init__(
        self, root: Path, *, cache_bytes: int = 192_000_000, whole_seconds: float = 60.0
    ):
        self.root = Path(root)
        self.cache_bytes = cache_bytes
        self.whole_seconds = whole_seconds
        self._cache: OrderedDict[tuple, np.ndarray] = OrderedDict()
        self._bytes = 0

    def __getstate__(self):
        return {**self.__dict__, "_cache": OrderedDict(), "_bytes": 0}

    def clip(self, file: str, sample_rate: int) -> np.ndarray:
        """The whole recording, float32 `(num_samples,)`; not to be written to."""
        return self._cached(
            (file, sample_rate),
            lambda: audio_file.read(self.root / file, sample_rate=sample_rate),
        )

    def background(self, scene: Scene) -> np.ndarray:
        """The scene's background, looped with a crossfade where it is too short."""
        rate = scene.sample_rate
        num_samples = round(scene.duration * rate)
        key = (
            scene.background,
            rate,
            scene.background_start,
            scene.background_duration,
        )
        if scene.background_duration <= max(self.whole_seconds, scene.duration):
            part = self._cached(
                key,
                lambda: audio_file.read(
                    self.root / scene.background,
                    sample_rate=rate,
                    start=scene.background_start,
                    duration=scene.background_duration,
                ),
            )
            first = round(scene.background_offset * rate)
        else:
            # A little more than needed, so that resampling has no edge inside.
            lead = min(0.05, scene.background_offset)
            part = audio_file.read(
                self.root / scene.background,
                sample_rate=rate,
                start=scene.background_start + scene.background_offset - lead,
                duration=min(
                    scene.duration + 0.1,
                    scene.background_duration - scene.background_offset + lead,
                ),
            )
            first = round(lead * rate)
        if len(part) < first + num_samples <= len(part) + 8:
            first = max(len(part) - num_samples, 0)  # rounding of rates, not a loop
        if len(part) >= first + num_samples:
            return part[first : first + num_samples]
        crossfade = round(LOOP_CROSSFADE * rate)
        if scene.duration > self.whole_seconds or first > len(part):
            return audio_file.loop(part, first + num_samples, crossfade)[first:]
        # Long enough for every offset, so that all scenes share it.
        looped = self._cached(
            (*key, num_samples),
            lambda: audio_file.loop(part, len(part) + num_samples, crossfade),
        )
        return looped[first : first + num_samples]

    def _cached(self, key, read):
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        audio = read()
        audio.flags.writeable = False
        self._cache[key] = audio
        self._bytes += audio.nbytes
        while self._bytes > self.cache_bytes and len(self._cache) > 1:
            self._bytes -= self._cache.popitem(last=False)[1].nbytes
        return audio


def split_clips(
    rng: np.random.Generator,
    loaded: LoadedClips,
    *,
    fractions: tuple[float, float, float] = SPLIT_FRACTIONS,
) -> dict[str, ClipSet]:
    """Divides clips and backgrounds into train, validation and test before any mixing.

    Clips of one group (a speaker, a voice, a source recording) stay together. Where
    the folder's `clips.csv` names a split, that one is taken. Fewer than three
    background recordings are cut in time, so that no second of one is on both sides.

    Args:
        rng: shuffles the groups.
        loaded: as `load_clips` returns it.
        fractions: of the groups of each label, for train, validation and test.

    Returns:
        `{"train": ClipSet, "validation": ClipSet, "test": ClipSet}`.

    Raises:
        ValueError: a label has fewer than three groups.
    """
    clips = loaded.clips
    # One draw of groups for all labels: a voice is on one side whatever it says.
    sides: dict[str, str] = {}
    named = loaded.splits or {}
    for items in [*clips.positives.values(), *clips.negatives.values()]:
        if not all(clip.file in named for clip in items):
            _assign_groups(rng, items, fractions, sides)

    def side(clip):
        return named.get(clip.file) or sides[clip.group]

    parts = {}
    backgrounds = _split_backgrounds(rng, clips.backgrounds, fractions, named)
    for split in SPLITS:
        positives = {
            label: tuple(clip for clip in items if side(clip) == split)
            for label, items in clips.positives.items()
        }
        negatives = {
            label: tuple(clip for clip in items if side(clip) == split)
            for label, items in clips.negatives.items()
        }
        for label, items in {**positives, **negatives}.items():
            if not items:
                raise ValueError(
                    f"`{label}` has no clip for {split}. At least three recordings "
                    "(of three speakers, where they are known) are needed."
                )
        parts[split] = ClipSet(positives, negatives, backgrounds[split], clips.weights)
    return parts


def _read_manifest(root):
    """`clips.csv` beside the folders: who speaks, and in which split, if it says so."""
    path = root / "clips.csv"
    if not path.is_file():
        return {}, {}
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if rows and "file" not in rows[0]:
        raise ValueError(f"{path} must have a column `file`.")
    voices = {row["file"]: row["voice"] for row in rows if row.get("voice")}
    splits = {row["file"]: row["split"] for row in rows if row.get("split")}
    wrong = sorted(set(splits.values()) - set(SPLITS))
    if wrong:
        raise ValueError(f"{path}: `split` must be one of {SPLITS}. Received: {wrong}.")
    return voices, splits


def _by_label(folders, found):
    return {Path(folder).name: tuple(found[folder]) for folder in folders}


def measure_clip(audio: np.ndarray, sample_rate: int, *, trim: bool = True):
    """Where a clip is audible, and how loud it is there.

    Returns:
        `(start, duration, level_db)`: seconds (whole samples), seconds, dBFS.
    """
    first, last = (
        audio_file.audible_span(audio, sample_rate) if trim else (0, len(audio))
    )
    level_db = audio_file.level_db(audio[first:last])
    return first / sample_rate, (last - first) / sample_rate, level_db


def _measure_clip(path, name, label, group, sample_rate, trim):
    audio = audio_file.read(path, sample_rate=sample_rate)
    start, duration, level_db = measure_clip(audio, sample_rate, trim=trim)
    if level_db <= audio_file.SILENCE_DB:
        raise audio_file.AudioFileError(f"{path} is silent.")
    return Clip(name, label, start, duration, level_db, group)


def measure_background(
    path: Path, name: str, group: str, sample_rate: int
) -> Background:
    """A file as a background: its length, and its power in every tenth of a second."""
    # At the scenes' rate: what lies above its half is not heard in them.
    blocks = audio_file.read_blocks(
        path, sample_rate=sample_rate, seconds=BACKGROUND_BLOCK
    )
    powers = np.concatenate(
        [np.einsum("ij,ij->i", part, part) / part.shape[1] for part in blocks]
    )
    duration = audio_file.info(path).duration
    filled = duration / BACKGROUND_BLOCK - (len(powers) - 1)
    powers[-1] /= min(max(filled, 0.01), 1.0)  # the last block is padded with zeros
    return Background(name, duration, tuple(powers.tolist()), group=group)


def _assign_groups(rng, items, fractions, sides):
    groups = sorted({item.group for item in items} - set(sides))
    rng.shuffle(groups)
    have = {
        split: sum(sides.get(group) == split for group in {i.group for i in items})
        for split in SPLITS
    }
    total = len(groups) + sum(have.values())
    wanted = np.array(fractions) / sum(fractions) * total
    for group in groups:
        # The split that lacks most, and an empty one before all others.
        lacks = [
            (have[split] == 0, share - have[split])
            for split, share in zip(SPLITS, wanted, strict=True)
        ]
        split = SPLITS[max(range(3), key=lambda number: lacks[number])]
        sides[group] = split
        have[split] += 1


def _split_backgrounds(rng, backgrounds, fractions, named):
    parts = {split: [] for split in SPLITS}
    sides: dict[str, str] = {}
    unnamed = [item for item in backgrounds if item.file not in named]
    for item in backgrounds:
        if item.file in named:
            parts[named[item.file]].append(item)
    if len({item.group for item in unnamed}) >= 3:
        _assign_groups(rng, unnamed, fractions, sides)
        for item in unnamed:
            parts[sides[item.group]].append(item)
    else:
        edges = np.concatenate([[0], np.cumsum(fractions) / sum(fractions)])
        for item in unnamed:
            blocks = np.round(edges * len(item.powers)).astype(int)
            for split, first, last in zip(SPLITS, blocks[:-1], blocks[1:], strict=True):
                if last > first:
                    start = float(first * BACKGROUND_BLOCK)
                    end = min(float(last * BACKGROUND_BLOCK), item.duration)
                    parts[split].append(
                        replace(
                            item,
                            start=start,
                            duration=end - start,
                            powers=item.powers[first:last],
                        )
                    )
    return {split: tuple(items) for split, items in parts.items()}
