"""Pictures are PNG files, and every mark in them can be seen."""

import cv2
import numpy as np
import pytest

from dlai_keras.trigger_word import pictures
from dlai_keras.trigger_word.detection import Detection
from dlai_keras.trigger_word.synthesis import Event, Scene

RATE = 16_000


def rgb(color):
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)])


def read(path):
    """The picture as `(height, width, 3)`, red first."""
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [x.name for x in path.parent.iterdir()] == [path.name]
    image = cv2.imread(str(path))
    assert image is not None, "this is no picture"
    assert image.std() > 5, "the picture is blank"
    return image[..., ::-1].astype(int)


def num_pixels(image, color, tolerance=12):
    """How many pixels have about this color."""
    return int((np.abs(image - rgb(color)).max(axis=-1) <= tolerance).sum())


def noise(seconds=2.0, rate=RATE):
    rng = np.random.default_rng(0)
    return (0.05 * rng.standard_normal(round(seconds * rate))).astype("float32")


def scene(*events, index=0):
    return Scene(2.0, RATE, "backgrounds/rain.flac", 0, 9, 0, 0, events, index=index)


def event(label, onset):
    return Event(label, "clip.wav", 0.0, onset, 0.4, 0.0, 7.0)


def draw_scenes(folder, *scenes, **options):
    path = folder / "scenes.png"
    audios = [noise() for _ in scenes]
    pictures.draw_scenes(path, scenes, audios, ["activates"], **options)
    image = read(path)
    path.unlink()
    return image


def test_events_are_drawn_in_the_color_of_their_kind(tmp_path):
    empty = draw_scenes(tmp_path, scene())
    redder = {}
    for label in ("activates", "noise"):
        image = draw_scenes(tmp_path, scene(event(label, 0.5)))
        added = (image - empty)[(image != empty).any(axis=-1)]
        assert len(added) > 10_000
        redder[label] = (added[:, 0] - added[:, 2]).mean()
    assert redder["noise"] < -5 < 10 < redder["activates"]


def columns_that_differ(one, other):
    """Where two pictures of one size differ, as shares of their width."""
    rows = slice(one.shape[0] // 4, -one.shape[0] // 4)  # neither titles nor ticks
    different = (one[rows] != other[rows]).any(axis=(0, 2))
    return np.flatnonzero(different) / one.shape[1]


def test_targets_are_drawn_after_trigger_words_only(tmp_path):
    for label, drawn in (("activates", True), ("noise", False)):
        one = scene(event(label, 0.2))
        without = draw_scenes(tmp_path, one)
        columns = np.flatnonzero(
            (draw_scenes(tmp_path, one, label_width=0.5) != without).any(axis=(0, 2))
        )
        assert (len(columns) > 0) == drawn
        if drawn:  # from 0.6 to 1.1 of 2 seconds
            assert np.ptp(columns) / without.shape[1] == pytest.approx(0.23, abs=0.03)


def test_an_event_is_drawn_where_it_is(tmp_path):
    empty = draw_scenes(tmp_path, scene())
    early = columns_that_differ(
        draw_scenes(tmp_path, scene(event("activates", 0.2))), empty
    )
    late = columns_that_differ(
        draw_scenes(tmp_path, scene(event("activates", 1.4))), empty
    )
    assert early.max() < 0.5 < late.min()
    assert late.min() - early.min() == pytest.approx(1.2 / 2.0 * 0.93, abs=0.05)
    assert np.ptp(early) == pytest.approx(np.ptp(late), abs=0.01)


def test_every_scene_has_its_row(tmp_path):
    one = draw_scenes(tmp_path, scene(event("activates", 0.5)))
    three = draw_scenes(
        tmp_path, *(scene(event("activates", 0.5), index=i) for i in range(3))
    )
    assert three.shape[0] > 2 * one.shape[0]
    red = [num_pixels(x, pictures.POSITIVE, tolerance=40) for x in (one, three)]
    assert red[1] > 2.5 * red[0] > 0


def draw_detections(folder, detections=(), *, audio=None, rate=RATE, **options):
    path = folder / "detections.png"
    audio = noise(rate=rate) if audio is None else audio
    times = np.arange(0.025, len(audio) / rate, 0.03)
    scores = options.pop("scores", np.full((len(times), 1), 0.1))
    pictures.draw_detections(
        path, audio, rate, times, scores, detections, threshold=0.5, **options
    )
    image = read(path)
    path.unlink()
    return image


def test_detections_are_marked(tmp_path):
    without = draw_detections(tmp_path)
    once = draw_detections(tmp_path, [Detection(0.7, 0.9, "activates")])
    twice = draw_detections(
        tmp_path, [Detection(0.7, 0.9, "activates"), Detection(1.5, 0.8, "activates")]
    )
    counts = [num_pixels(x, pictures.POSITIVE) for x in (without, once, twice)]
    assert counts[0] + 100 < counts[1] < counts[2] - 100
    assert 0.3 < columns_that_differ(once, without).mean() < 0.5


def test_where_words_really_end_is_marked(tmp_path):
    without = draw_detections(tmp_path)
    with_ends = draw_detections(tmp_path, ends=[1.0])
    marks = columns_that_differ(with_ends, without)
    assert len(marks) > 0
    assert marks == pytest.approx(0.5, abs=0.02)


def test_the_score_is_drawn(tmp_path):
    low = draw_detections(tmp_path)
    shape = (len(np.arange(0.025, 2.0, 0.03)), 1)
    high = draw_detections(tmp_path, scores=np.linspace(0, 1, shape[0])[:, None])
    half = low.shape[0] // 2
    assert (low[half:] != high[half:]).any()
    assert num_pixels(high[half:], pictures.INK) > 100


def test_the_title_is_drawn(tmp_path):
    image = draw_detections(tmp_path, title="street.wav")
    assert (image[:40, :300] < 100).any()


@pytest.mark.parametrize(
    ("seconds", "rate"),
    [(0.0, 16_000), (1 / RATE, 16_000), (0.01, 8000), (75.0, 8000)],
)
def test_recordings_of_any_length_are_drawn(tmp_path, seconds, rate):
    audio = noise(seconds, rate)
    times = np.arange(0.025, seconds, 0.03)
    late = [Detection(70.0, 0.9, "activates")]
    image = draw_detections(
        tmp_path, late, audio=audio, rate=rate, scores=np.zeros((len(times), 1))
    )
    assert num_pixels(image, pictures.POSITIVE) == 0, "what is not shown has no mark"


def test_silence_is_drawn(tmp_path):
    silent = draw_detections(tmp_path, audio=np.zeros(RATE, "float32"))
    loud = draw_detections(tmp_path, audio=noise(rate=RATE)[:RATE])
    assert silent.shape == loud.shape
    assert (silent != loud).any()


def test_the_tradeoff_shows_every_curve_and_the_choice(tmp_path):
    path = tmp_path / "tradeoff.png"
    clips = (np.array([30.0, 3.0, 0.0]), np.array([0.0, 0.1, 0.4]))
    spoken = (np.array([60.0, 9.0, 1.0]), np.array([0.0, 0.2, 0.6]))
    images = []
    for curves, chosen in (
        ({"clips": clips}, None),
        ({"clips": clips, "spoken": spoken}, None),
        ({"clips": clips}, (3.0, 0.1)),
    ):
        pictures.draw_tradeoff(path, curves, chosen)
        images.append(read(path))
    one, both, marked = images
    assert num_pixels(one, pictures.POSITIVE) > 200
    assert num_pixels(one, pictures.NEGATIVE) == 0
    assert num_pixels(both, pictures.NEGATIVE) > 200
    assert num_pixels(marked, pictures.INK) > num_pixels(one, pictures.INK) + 30


def test_the_tradeoff_can_be_without_a_false_accept(tmp_path):
    path = tmp_path / "tradeoff.png"
    pictures.draw_tradeoff(path, {"clips": (np.zeros(3), np.array([0.0, 0.5, 1.0]))})
    assert num_pixels(read(path), pictures.POSITIVE) > 100
