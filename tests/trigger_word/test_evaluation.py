import numpy as np
import pytest

from dlai_keras.trigger_word.detection import DetectorSettings
from dlai_keras.trigger_word.evaluation import Trial, run_trial
from dlai_keras.trigger_word.synthesis import Background, Clip

RATE = 8000
SETTINGS = DetectorSettings(
    sample_rate=RATE,
    labels=("beep",),
    hop_samples=80,
    first_samples=80,
    context=0.0,
    smoothing=1,
)


class Tones:
    """Clips of half a second: a high tone is the trigger word, a low one is not."""

    def clip(self, file, sample_rate):
        frequency = {"beep": 3000, "boop": 300}[file]
        time = np.arange(sample_rate // 2) / sample_rate
        return np.sin(2 * np.pi * frequency * time).astype("float32")

    def background(self, scene):
        rng = np.random.default_rng(0)
        size = round(scene.duration * scene.sample_rate)
        return rng.normal(size=size, scale=0.01).astype("float32")


def clips(num_beeps, num_boops):
    level_db = 10 * np.log10(0.5)
    return [
        Clip(name, name, 0.0, 0.5, level_db)
        for name, count in (("beep", num_beeps), ("boop", num_boops))
        for _ in range(count)
    ]


def hears_what_has_just_ended(audio):
    """Fires in the 0.1 s after a loud stretch whose neighbouring samples differ."""
    blocks = audio[0].reshape(-1, 80)
    level = np.sqrt((blocks**2).mean(axis=1))
    high = np.abs(np.diff(blocks, axis=1)).mean(axis=1) > level
    word = (level > 0.05 / 3) & high
    ended = np.zeros(len(word), bool)
    for delay in range(1, 11):
        ended[delay:] |= word[:-delay] & ~word[delay:]
    return np.where(ended, 4.0, -9.0)[None, :, None]


def trial_of(num_beeps, num_boops, predict=hears_what_has_just_ended):
    background = Background("noise", 10.0, (1e-4,) * 100)
    return run_trial(
        np.random.default_rng(0),
        predict,
        SETTINGS,
        clips(num_beeps, num_boops),
        [background],
        Tones(),
        snr_db=20.0,
    )


def test_every_clip_is_heard_once_at_thirty_words_a_minute():
    trial = trial_of(30, 70)
    assert len(trial.words) == 100
    assert len(trial.ends) == 30
    assert trial.num_negatives == 70
    assert trial.hours == pytest.approx(100 / 30 / 60, rel=0.03)


def test_a_detector_that_knows_the_word_has_no_misses_and_no_false_accepts():
    hits, false_accepts, blamed = trial_of(30, 70).outcome(0.5)
    assert (hits, false_accepts, blamed) == (30, 0, {})


def test_a_deaf_detector_misses_everything():
    deaf = trial_of(30, 70, lambda audio: np.full((1, audio.shape[1] // 80, 1), -9.0))
    assert deaf.outcome(0.5) == (0, 0, {})


def test_false_accepts_are_blamed_on_the_word_they_follow():
    trial = Trial(
        candidates=((1.1, 0.9), (3.2, 0.8), (5.2, 0.3)),
        ends=(1.0,),
        words=((0.5, 1.0, "beep"), (2.5, 3.0, "boop"), (4.5, 5.0, "boop")),
        hours=1.0,
    )
    assert trial.outcome(0.5) == (1, 1, {"boop": 1})
    assert trial.outcome(0.1) == (1, 2, {"boop": 2})
    assert trial.outcome(0.95) == (0, 0, {})


def test_latency_is_measured_on_words_that_were_heard():
    trial = Trial(((1.2, 0.9), (9.0, 0.9)), (1.0, 5.0), (), 1.0)
    np.testing.assert_allclose(trial.latencies(), [0.2])


def test_the_same_generator_gives_the_same_trial():
    assert trial_of(5, 5) == trial_of(5, 5)
