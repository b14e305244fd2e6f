"""Scenes as records: JSON lines, Audacity label tracks, JAMS."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path

from dlai_keras.trigger_word.synthesis import Event, Scene

EVENT_FIELDS = tuple(field.name for field in fields(Event))
SCENE_FIELDS = tuple(field.name for field in fields(Scene))


def scene_to_record(scene: Scene, *, file: str, mix_gain_db: float) -> dict:
    """A scene as a plain dict: what `annotations.jsonl` holds on one line."""
    record = {"index": scene.index, "file": file, **vars(scene)}
    record["events"] = [{**vars(event), "end": event.end} for event in scene.events]
    record["mix_gain_db"] = mix_gain_db
    return record


def record_to_scene(record: dict) -> Scene:
    """The scene of a record, exactly as it was drawn.

    Raises:
        ValueError: a field is missing or has the wrong type, or an event lies outside
            the scene.
    """
    try:
        events = tuple(
            Event(**{name: event[name] for name in EVENT_FIELDS})
            for event in record["events"]
        )
        values = {name: record[name] for name in SCENE_FIELDS if name != "events"}
        scene = Scene(**values, events=events)
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"This is no annotation of a scene: {type(error).__name__} {error}."
        ) from None
    _check_values(scene, positive=("duration", "sample_rate", "background_duration"))
    for event in events:
        _check_values(event, positive=("duration", "speed"))
        if event.end > scene.duration + 0.5 / scene.sample_rate:
            raise ValueError(
                f"The event at {event.onset:g} s must end within the "
                f"{scene.duration:g} s of the scene. Received: duration="
                f"{event.duration:g}."
            )
    return scene


def count_scenes(path: Path) -> int:
    """Number of scenes in `annotations.jsonl`, each of which is checked.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line is no scene, or not in the order of `index`; the message
            names it.
    """
    number, previous = 0, -1
    for number, record in enumerate(read_records(path), start=1):
        try:
            index = record_to_scene(record).index
            if index <= previous:
                raise ValueError(
                    f"`index` must rise from line to line. Received: {index}."
                )
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from None
        previous = index
    return number


def to_line(record: dict) -> str:
    """A record as one line of JSON; numbers survive exactly."""
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False) + "\n"


def read_records(path: Path) -> Iterable[dict]:
    """Yields the records of `annotations.jsonl`, one at a time.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line is no JSON object; the message names it.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No such annotation file: {path}")
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                record = json.loads(line)
                if not isinstance(record, dict):
                    raise ValueError("not an object")
            except ValueError:
                raise ValueError(
                    f"{path}, line {number}, is no JSON object. Expected the "
                    "annotations.jsonl of a generated dataset."
                ) from None
            yield record


def audacity_labels(spans: Sequence[tuple[float, float, str]]) -> str:
    r"""A label track for Audacity (File, Import, Labels).

    Args:
        spans: `(start, end, label)`, seconds.

    Example:
        >>> audacity_labels([(0.5, 1.25, "activate")])
        '0.500000\t1.250000\tactivate\n'
    """
    return "".join(f"{start:.6f}\t{end:.6f}\t{label}\n" for start, end, label in spans)


def to_jams(scene: Scene) -> str:
    """A scene in the JSON annotated music specification, as scaper writes it.

    Raises:
        ModuleNotFoundError: the extra `jams` is not installed.
    """
    jams = check_jams()
    document = jams.JAMS()
    document.file_metadata.duration = scene.duration
    annotation = jams.Annotation(namespace="tag_open", duration=scene.duration)
    for event in scene.events:
        annotation.append(
            time=event.onset, duration=event.duration, value=event.label, confidence=1.0
        )
    annotation.sandbox.scene = asdict(scene)
    document.annotations.append(annotation)
    return document.dumps(indent=1)


def _check_values(item, positive):
    for kind in fields(item):
        value = getattr(item, kind.name)
        if kind.type is str or kind.type is bool:
            sound, wanted = isinstance(value, kind.type), kind.type.__name__
        elif kind.type is float or kind.type is int:
            number = (int, float) if kind.type is float else int
            sound = isinstance(value, number) and not isinstance(value, bool)
            signed = kind.name.endswith("_db")
            sound = sound and math.isfinite(value) and (signed or value >= 0)
            wanted = "a finite number" if signed else "a number, 0 or more"
            if kind.name in positive:
                sound, wanted = sound and value > 0, "a number above 0"
        else:
            continue
        if not sound:
            raise ValueError(f"`{kind.name}` must be {wanted}. Received: {value!r}.")


def check_jams():
    """The package `jams`.

    Raises:
        ModuleNotFoundError: it is not installed; the message says how.
    """
    try:
        import jams
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            'JAMS needs an extra: pip install "dlai_keras[jams]"'
        ) from None
    return jams
