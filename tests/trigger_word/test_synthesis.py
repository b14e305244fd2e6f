"""Scenes: how they are drawn, what they sound like, and their targets."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from dlai_keras import audio as audio_file
from dlai_keras.trigger_word.course import insert_ones
from dlai_keras.trigger_word.synthesis import (
    PEAK,
    Background,
    Clip,
    ClipSet,
    Event,
    Scene,
    SceneSettings,
    example_rng,
    frame_labels,
    plan,
    plan_stream,
    render,
)

RATE = 8000


class Arrays:
    """An audio source that holds its recordings in memory, all at one rate."""

    def __init__(self, recordings):
        self.recordings = recordings

    def clip(self, file, sample_rate):
        return self.recordings[file]

    def background(self, scene):
        first = round(scene.background_offset * scene.sample_rate)
        count = round(scene.duration * scene.sample_rate)
        return np.roll(self.recordings[scene.background], -first)[:count]


def noise(seconds, *, seed=0, level=0.1, rate=RATE):
    rng = np.random.default_rng(seed)
    return (level * rng.standard_normal(round(seconds * rate))).astype("float32")


def clip_of(name, audio, label="word", rate=RATE):
    return Clip(name, label, 0.0, len(audio) / rate, audio_file.level_db(audio))


def background_of(name, audio, rate=RATE):
    blocks = audio[: len(audio) // (rate // 10) * (rate // 10)].reshape(-1, rate // 10)
    return Background(name, len(audio) / rate, tuple((blocks**2).mean(1).tolist()))


def small_set(**lengths):
    """Clips of one label each, `lengths` seconds long; levels do not matter."""
    made = {
        name: (Clip(f"{name}.wav", name, 0.0, seconds, -20.0),)
        for name, seconds in lengths.items()
    }
    first = next(iter(made))
    negatives = {name: clip for name, clip in made.items() if name != first}
    return ClipSet({first: made[first]}, negatives, (Background("b", 9.0, (0.01,)),))


@pytest.fixture(scope="module")
def world():
    """Two words, two other sounds and two backgrounds, with their audio."""
    audio = {
        "on": noise(0.3, seed=1),
        "on2": noise(0.4, seed=2, level=0.05),
        "off": noise(0.2, seed=3),
        "dog": noise(0.25, seed=4),
        "cat": noise(0.15, seed=5, level=0.02),
        "rain": noise(5.0, seed=6, level=0.03),
        "fan": noise(3.0, seed=7, level=0.2),
    }
    clip_set = ClipSet(
        {
            "on": (
                clip_of("on", audio["on"], "on"),
                clip_of("on2", audio["on2"], "on"),
            ),
            "off": (clip_of("off", audio["off"], "off"),),
        },
        {
            "dog": (clip_of("dog", audio["dog"], "dog"),),
            "cat": (clip_of("cat", audio["cat"], "cat"),),
        },
        (background_of("rain", audio["rain"]), background_of("fan", audio["fan"])),
    )
    return clip_set, Arrays(audio)


SHORT = SceneSettings(duration=2.0, sample_rate=RATE)


def draw(clip_set, scene_settings, index, seed=0):
    rng = example_rng(seed, index)
    return plan(rng, clip_set, scene_settings, seed=seed, index=index)


def test_example_i_depends_on_the_seed_on_i_and_on_the_clips_only(world):
    clip_set, source = world
    forwards = [draw(clip_set, SHORT, index) for index in range(20)]
    backwards = [draw(clip_set, SHORT, index) for index in reversed(range(20))][::-1]
    assert forwards == backwards
    assert draw(clip_set, SHORT, 13) == forwards[13]
    np.testing.assert_array_equal(
        render(forwards[13], source)[0], render(backwards[13], source)[0]
    )
    others = [draw(clip_set, SHORT, index, seed=1) for index in range(20)]
    assert not {scene.background_offset for scene in forwards} & {
        scene.background_offset for scene in others
    }
    fewer = replace(clip_set, backgrounds=clip_set.backgrounds[:1])
    assert [draw(fewer, SHORT, index) for index in range(20)] != forwards


def test_planning_and_rendering_change_neither_their_inputs_nor_global_randomness(
    world,
):
    clip_set, source = world
    before = {name: audio.copy() for name, audio in source.recordings.items()}
    np.random.seed(5)  # noqa: NPY002 - the global generator is what is watched
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    for audio in source.recordings.values():
        audio.flags.writeable = False
    for index in range(10):
        render(draw(clip_set, replace(SHORT, channel=1.0), index), source)
    for name, audio in source.recordings.items():
        np.testing.assert_array_equal(audio, before[name])
    np.testing.assert_array_equal(state, np.random.get_state()[1])  # noqa: NPY002


@given(
    seed=st.integers(0, 10_000),
    duration=st.floats(0.05, 3.0),
    min_gap=st.floats(0, 0.5),
    rate=st.sampled_from([100, 8000, 11_025, 44_100]),
    lengths=st.lists(st.floats(0.001, 1.0), min_size=2, max_size=4),
    count=st.integers(0, 12),
    speed=st.sampled_from([(1.0, 1.0), (0.5, 2.0)]),
)
@settings(max_examples=300, deadline=None)
def test_events_keep_their_gap_and_stay_within_the_scene(
    seed, duration, min_gap, rate, lengths, count, speed
):
    clip_set = small_set(**{f"word{i}": x for i, x in enumerate(lengths)})
    scene_settings = SceneSettings(
        duration=duration,
        sample_rate=rate,
        min_gap=min_gap,
        num_positives=(count, count),
        num_negatives=(count, count),
        speed=speed,
    )
    scene = draw(clip_set, scene_settings, 0, seed)
    assert len(scene.events) + scene.num_dropped == 2 * count
    total, gap = round(duration * rate), round(min_gap * rate)
    reached = -gap
    for event in scene.events:
        onset, length = round(event.onset * rate), round(event.duration * rate)
        assert onset / rate == event.onset and length / rate == event.duration
        assert length >= 1
        assert onset >= reached + gap
        reached = onset + length
        assert reached <= total


def test_an_event_without_a_place_is_dropped_and_counted():
    too_long = small_set(long=1.5)
    exactly_two = replace(
        SHORT, duration=1.0, num_positives=(3, 3), num_negatives=(0, 0), min_gap=0.0
    )
    scene = draw(too_long, exactly_two, 0)
    assert scene.events == () and scene.num_dropped == 3
    # One of 0.9 s in 1 s leaves no place for a second, wherever it stands.
    scene = draw(small_set(word=0.9), exactly_two, 0)
    assert len(scene.events) == 1 and scene.num_dropped == 2
    scene = draw(small_set(word=1.0), exactly_two, 0)
    assert scene.events[0].onset == 0.0 and scene.num_dropped == 2


def test_onsets_are_uniform_among_all_free_places():
    # A grid of 14 samples; a word of 4 first, then another of 3, a gap of 1.
    total, first, second, gap = 14, 4, 3, 1
    clip_set = small_set(positive=first / 100, negative=second / 100)
    scene_settings = SceneSettings(
        duration=total / 100,
        sample_rate=100,
        num_positives=(1, 1),
        num_negatives=(1, 1),
        min_gap=gap / 100,
    )
    expected = {}
    places = range(total - first + 1)
    for onset in places:
        free = [
            other
            for other in range(total - second + 1)
            if other + second + gap <= onset or other >= onset + first + gap
        ]
        for other in free or [None]:
            expected[onset, other] = 1 / len(places) / max(len(free), 1)
    assert sum(expected.values()) == pytest.approx(1)
    rng, draws, seen = np.random.default_rng(0), 12_000, Counter()
    for _ in range(draws):
        scene = plan(rng, clip_set, scene_settings)
        at = {event.label: round(event.onset * 100) for event in scene.events}
        seen[at["positive"], at.get("negative")] += 1
    assert set(seen) == set(expected)
    observed = [seen[place] for place in expected]
    p_value = stats.chisquare(observed, np.array(list(expected.values())) * draws)[1]
    assert p_value > 1e-3


def test_counts_clips_and_labels_are_uniform(world):
    clip_set, _ = world
    roomy = replace(SHORT, duration=20.0)
    scenes = [draw(clip_set, roomy, index) for index in range(3000)]
    positives = Counter(
        sum(event.label in clip_set.labels for event in scene.events)
        for scene in scenes
    )
    negatives = Counter(
        sum(event.label not in clip_set.labels for event in scene.events)
        for scene in scenes
    )
    assert sorted(positives) == [0, 1, 2, 3, 4] and sorted(negatives) == [0, 1, 2]
    for counts in (
        positives,
        negatives,
        Counter(scene.background for scene in scenes),
        Counter(x.label for s in scenes for x in s.events if x.label in ("on", "off")),
        Counter(x.clip for s in scenes for x in s.events if x.label == "on"),
        Counter(x.label for s in scenes for x in s.events if x.label in ("dog", "cat")),
    ):
        assert stats.chisquare(list(counts.values()))[1] > 1e-3


def test_weights_make_negatives_rarer_or_leave_them_out(world):
    clip_set, _ = world
    some = replace(SHORT, duration=20.0, num_positives=(0, 0), num_negatives=(2, 2))

    def share(weights):
        weighted = replace(clip_set, weights=weights)
        scenes = [draw(weighted, some, index) for index in range(800)]
        return np.mean([x.label == "cat" for scene in scenes for x in scene.events])

    assert share({"cat": 0.0}) == 0
    assert share({"cat": 0.25}) == pytest.approx(0.2, abs=0.04)
    assert share({"dog": 0.0}) == 1


def test_without_negatives_there_are_only_trigger_words(world):
    alone = replace(world[0], negatives={})
    scenes = [draw(alone, SHORT, index) for index in range(20)]
    assert {x.label for scene in scenes for x in scene.events} == {"on", "off"}


def test_noise_only_scenes_have_no_events(world):
    scenes = [draw(world[0], replace(SHORT, noise_only=1.0), i) for i in range(20)]
    assert not any(scene.events or scene.num_dropped for scene in scenes)
    some = [draw(world[0], replace(SHORT, noise_only=0.5), i) for i in range(300)]
    without = np.mean([not scene.events for scene in some])
    assert without == pytest.approx(0.5 + 0.5 / 15, abs=0.09)


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 12.0])
def test_the_measured_ratio_is_snr_db_over_a_stationary_background(world, snr_db):
    clip_set, source = world
    scene_settings = replace(
        SHORT,
        snr_db=(snr_db, snr_db),
        fade=0.0,
        background_db=(-50.0, -40.0),
        num_positives=(1, 4),
    )
    measured = []
    for index in range(15):
        scene = draw(clip_set, scene_settings, index)
        alone = render(replace(scene, events=()), source)[0]
        assert scene.background_gain_db < 60
        assert -50.5 < audio_file.level_db(alone) < -39.5
        added = render(scene, source)[0] - alone
        for event in scene.events:
            assert event.snr_db == snr_db
            first = round(event.onset * RATE)
            heard = added[first : first + round(event.duration * RATE)]
            measured.append(audio_file.level_db(heard) - audio_file.level_db(alone))
    assert len(measured) > 20
    np.testing.assert_allclose(measured, snr_db, atol=0.1)


@pytest.mark.parametrize(("power", "target_db"), [(0.0, -40.0), (1e-6, -80.0)])
def test_over_near_silence_words_are_heard_and_the_ratio_is_the_true_one(
    power, target_db
):
    quiet = Background("b", 9.0, (power,))
    clip_set = replace(small_set(word=0.1), backgrounds=(quiet,))
    scene_settings = replace(
        SHORT, num_positives=(1, 1), background_db=(target_db, target_db)
    )
    scene = draw(clip_set, scene_settings, 0)
    (event,) = scene.events
    assert scene.background_gain_db <= 60
    level_db = -20.0 + event.gain_db
    assert -56 < level_db < -39
    background_db = audio_file.power_to_db(power) + scene.background_gain_db
    assert event.snr_db == pytest.approx(level_db - background_db)


def test_the_course_preset_has_its_levels_and_whole_clips(world):
    clip_set, source = world
    course = SceneSettings.course(duration=2.0, sample_rate=RATE)
    assert (course.trim, course.fade, course.min_gap) == (False, 0.0, 0.0)
    assert (course.num_positives, course.num_negatives) == ((0, 4), (0, 2))
    assert SceneSettings.course().duration == 10.0
    assert SceneSettings.course().sample_rate == 44_100
    events = 0
    for index in range(20):
        scene = draw(clip_set, course, index)
        alone = render(replace(scene, events=()), source)[0]
        np.testing.assert_array_equal(
            alone, np.float32(0.1) * source.background(scene)
        )  # -20 dB
        added = render(scene, source)[0] - alone
        for event in scene.events:
            first = round(event.onset * RATE)
            heard = added[first : first + round(event.duration * RATE)]
            assert len(heard) == len(source.recordings[event.clip])
            assert audio_file.level_db(heard) == pytest.approx(-20.0, abs=0.01)
            level_db = audio_file.level_db(alone)
            assert event.snr_db == pytest.approx(-20 - level_db, abs=0.3)
            events += 1
    assert events > 20


def test_a_mix_that_would_clip_is_scaled_as_a_whole_and_says_so(world):
    clip_set, source = world
    loud = replace(SHORT, snr_db=(25.0, 25.0), background_db=(-20.0, -20.0))
    scene = draw(clip_set, replace(loud, num_positives=(2, 2)), 3)
    audio, mix_gain_db = render(scene, source)
    assert np.abs(audio).max() == pytest.approx(PEAK, abs=1e-6)
    assert mix_gain_db < -3
    quiet = replace(
        scene,
        background_gain_db=scene.background_gain_db - 40,
        events=tuple(replace(x, gain_db=x.gain_db - 40) for x in scene.events),
    )
    expected, none = render(quiet, source)
    assert none == 0.0
    np.testing.assert_allclose(
        audio, expected * audio_file.gain(40 + mix_gain_db), atol=1e-5
    )


def one_event(**changes):
    event = Event("word", "ramp", 0.0, 0.5, 0.2, 0.0, 0.0, **changes)
    return Scene(1.0, RATE, "silence", 0.0, 1.0, 0.0, 0.0, (event,))


def heard_of(event_scene, recording):
    source = Arrays({"ramp": recording, "silence": np.zeros(RATE, "float32")})
    audio, _ = render(event_scene, source)
    assert audio.dtype == np.float32 and audio.shape == (RATE,)
    assert not audio[:4000].any() and not audio[5600:].any()
    return audio[4000:5600]


def test_the_stretch_of_the_clip_that_the_event_names_is_heard():
    ramp = np.linspace(-1, 1, 4000).astype("float32")
    scene = one_event()
    np.testing.assert_array_equal(heard_of(scene, ramp), ramp[:1600])
    event = replace(scene.events[0], clip_start=0.25, gain_db=-20.0)
    later = replace(scene, events=(event,))
    np.testing.assert_allclose(heard_of(later, ramp), 0.1 * ramp[2000:3600], atol=1e-7)
    backwards = replace(scene, events=(replace(scene.events[0], reverse=True),))
    np.testing.assert_array_equal(heard_of(backwards, ramp), ramp[:1600][::-1])


def test_fades_begin_and_end_at_the_event():
    ones = np.ones(1600, "float32")
    heard = heard_of(replace(one_event(), fade=0.01), ones)
    assert heard[0] < 0.01 and heard[-1] < 0.01
    np.testing.assert_array_equal(heard[80:-80], 1)


@pytest.mark.parametrize("speed", [0.8, 1.25])
def test_speed_raises_the_pitch_and_shortens_the_event(speed):
    time = np.arange(RATE) / RATE
    word = (0.5 * np.sin(2 * np.pi * 1000 * time)).astype("float32")
    heard = heard_of(one_event(speed=speed), word)
    spectrum = np.abs(np.fft.rfft(heard[200:1400]))
    assert spectrum.argmax() * RATE / 1200 == pytest.approx(1000 * speed, abs=7)
    assert audio_file.level_db(heard[200:1400]) == pytest.approx(-9.03, abs=0.1)
    clip_set = small_set(word=0.4)
    drawn = draw(
        clip_set, replace(SHORT, speed=(speed, speed), num_positives=(1, 1)), 0
    )
    assert drawn.events[0].duration == pytest.approx(0.4 / speed, abs=1 / RATE)


def test_the_channel_cuts_frequencies_and_keeps_the_level():
    word = noise(0.2, level=0.1)
    heard = heard_of(one_event(low_cut=500.0, high_cut=2000.0), word)
    assert audio_file.level_db(heard) == pytest.approx(
        audio_file.level_db(word), abs=0.05
    )
    power = np.abs(np.fft.rfft(heard)) ** 2
    frequencies = np.fft.rfftfreq(len(heard), 1 / RATE)
    middle = power[(frequencies > 800) & (frequencies < 1500)].mean()
    assert power[frequencies < 150].mean() < 0.02 * middle
    assert power[frequencies > 3500].mean() < 0.02 * middle
    tilted = np.abs(np.fft.rfft(heard_of(one_event(tilt_db=3.0), word))) ** 2
    plain = np.abs(np.fft.rfft(word)) ** 2
    ratio = 10 * np.log10(tilted / plain)
    octave = ratio[np.abs(frequencies - 3000) < 300].mean() - (
        ratio[np.abs(frequencies - 1500) < 150].mean()
    )
    assert octave == pytest.approx(3.0, abs=0.5)


def test_channels_are_alike_for_trigger_words_and_others(world):
    coloured = replace(SHORT, duration=20.0, channel=0.5)
    scenes = [draw(world[0], coloured, index) for index in range(400)]
    share = {"positive": [], "negative": []}
    for scene in scenes:
        for event in scene.events:
            kind = "positive" if event.label in world[0].labels else "negative"
            share[kind].append(event.high_cut > 0)
            assert 0 <= event.high_cut <= RATE / 2
    for values in share.values():
        assert np.mean(values) == pytest.approx(0.5, abs=0.08)


def word_ending_at(end, label="word"):
    return Event(label, "clip", 0.0, end - 0.25, 0.25, 0.0, 0.0)


def course_labels(ends, **options):
    events = [word_ending_at(end) for end in ends]
    return frame_labels(events, 1375, duration=10.0, labels=["word"], **options)[:, 0]


def test_frame_labels_are_the_published_ones():
    labels = course_labels([9.7, 4.251])
    assert (labels[1333], labels[634], labels[635]) == (0.0, 1.0, 0.0)
    assert np.flatnonzero(course_labels([5.0])).tolist() == list(range(688, 738))


@pytest.mark.parametrize("num_steps", [1375, 5511, 100])
def test_frame_labels_are_insert_ones_at_every_millisecond(num_steps):
    width = 50 * 10.0 / num_steps
    for end_ms in range(250, 10_001, 13):
        ours = frame_labels(
            [word_ending_at(end_ms / 1000)],
            num_steps,
            duration=10.0,
            labels=["word"],
            width=width,
        )
        expected = insert_ones(np.zeros((1, num_steps)), end_ms)
        np.testing.assert_array_equal(ours[:, 0], expected[0], err_msg=f"{end_ms}")


def test_width_and_offset_of_labels_are_in_seconds():
    labels = course_labels([5.0], width=0.1, offset=0.2)
    assert np.flatnonzero(labels).tolist() == list(range(716, 730))
    early = course_labels([5.0], width=0.1, offset=-0.2)
    assert np.flatnonzero(early).tolist() == list(range(661, 675))
    assert course_labels([5.0], width=1e-9).sum() == 1


def test_each_trigger_word_has_a_column_and_others_have_none():
    events = [
        word_ending_at(1.0, "on"),
        word_ending_at(2.0, "dog"),
        word_ending_at(3.0, "off"),
    ]
    labels = frame_labels(events, 1000, duration=10.0, labels=("off", "on"), width=0.1)
    assert labels.shape == (1000, 2) and labels.dtype == np.float32
    assert np.flatnonzero(labels[:, 0]).tolist() == list(range(301, 311))
    assert np.flatnonzero(labels[:, 1]).tolist() == list(range(101, 111))


def test_a_stream_has_every_clip_once_in_order_and_never_two_at_a_time(world):
    clip_set, _ = world
    clips = [clip_set.positives["on"][i % 2] for i in range(8)]
    scene = plan_stream(
        np.random.default_rng(0),
        clips,
        clip_set.backgrounds[0],
        sample_rate=RATE,
        words_per_minute=100.0,
    )
    assert [event.clip for event in scene.events] == [clip.file for clip in clips]
    ends = [0.0, *(event.end for event in scene.events)]
    for event, before in zip(scene.events, ends, strict=False):
        assert event.onset >= before
    assert scene.events[-1].end < scene.duration
    assert scene.duration == pytest.approx(8 * 0.6 + 1.5, abs=1.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"duration": 0.0}, "`duration` must be above 0"),
        ({"duration": float("nan")}, "`duration`"),
        ({"sample_rate": -1}, "`sample_rate`"),
        ({"fade": -0.1}, "`fade`"),
        ({"min_gap": float("inf")}, "`min_gap`"),
        ({"label_width": 0.0}, "`label_width`"),
        ({"label_offset": float("nan")}, "`label_offset`"),
        ({"num_positives": (3, 1)}, "`num_positives`"),
        ({"num_negatives": (-1, 2)}, "`num_negatives`"),
        ({"snr_db": (10.0, 5.0)}, "`snr_db`"),
        ({"snr_db": (float("nan"), 5.0)}, "`snr_db`"),
        ({"speed": (0.0, 1.0)}, "`speed`"),
        ({"channel": 1.5}, "`channel`"),
        ({"noise_only": -0.5}, "`noise_only`"),
    ],
)
def test_wrong_settings_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        SceneSettings(**changes)
