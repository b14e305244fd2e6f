import numpy as np
import pytest

from dlai_keras.trigger_word import espeak, speech
from dlai_keras.trigger_word.speech import Voice

needs_espeak = pytest.mark.skipif(
    not speech.is_available(),
    reason='needs espeak-ng: pip install "dlai_keras[speech]"',
)


def _pitch(audio, sample_rate=16_000):
    """Fundamental frequency in hertz of a steady vowel, by autocorrelation."""
    middle = audio[len(audio) // 3 : len(audio) * 2 // 3]
    similarity = np.correlate(middle, middle, "full")[len(middle) - 1 :]
    shortest, longest = sample_rate // 400, sample_rate // 60
    return sample_rate / (shortest + np.argmax(similarity[shortest:longest]))


@needs_espeak
@pytest.mark.parametrize("sample_rate", [8000, 16_000, 22_050, 44_100])
def test_speech_is_trimmed_and_has_its_peak_at_any_rate(sample_rate):
    audio = speech.speak("activate", Voice("en-gb", "f2"), sample_rate=sample_rate)
    assert audio.dtype == np.float32
    assert 0.4 < len(audio) / sample_rate < 0.9
    assert np.abs(audio).max() == pytest.approx(0.7, abs=1e-4)
    edge = sample_rate // 50
    assert np.abs(audio[:edge]).max() > 1e-4
    assert np.abs(audio[-edge:]).max() > 1e-4


@needs_espeak
def test_pitch_rises_with_pitch():
    pitches = [
        _pitch(speech.speak("A:", Voice(pitch=pitch, pitch_range=0), phonemes=True))
        for pitch in (10, 40, 70)
    ]
    assert pitches[0] * 1.1 < pitches[1] < pitches[2] / 1.1


@needs_espeak
def test_faster_speech_is_shorter():
    lengths = [len(speech.speak("activate", Voice(rate=r))) for r in (120, 170, 230)]
    assert lengths[0] > lengths[1] > lengths[2]


@needs_espeak
def test_phonemes_are_spoken_as_the_word_they_spell():
    spelled = speech.speak("aktI#v,eIt", Voice(), phonemes=True)
    assert abs(len(spelled) - len(speech.speak("activate", Voice()))) < 800


@needs_espeak
@pytest.mark.parametrize("text", ["", "   ", "..."])
def test_a_text_without_words_is_refused(text):
    with pytest.raises(ValueError, match="`text` must hold a word"):
        speech.speak(text, Voice())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"accent": "fr"}, "`accent` must be one of en-us, .* Received: accent='fr'"),
        ({"variant": "Reed"}, "`variant` must be one of .* Received: variant='Reed'"),
        ({"rate": 20}, "`rate` must be an integer from 80 to 450. Received: rate=20."),
        ({"pitch": 100}, "`pitch` must be .* Received: pitch=100."),
        ({"pitch_range": 1.5}, "`pitch_range` must be .* Received: pitch_range=1.5."),
    ],
)
def test_a_bad_voice_is_refused_in_one_line(arguments, message):
    with pytest.raises(ValueError, match=message) as caught:
        Voice(**arguments)
    assert "\n" not in str(caught.value)


def test_voices_split_without_a_shared_speaker():
    split = speech.split_voices()
    assert sorted(sum(split.values(), ())) == sorted(speech.VARIANTS)
    shares = {name: len(v) / len(speech.VARIANTS) for name, v in split.items()}
    assert 0.6 < shares["train"] < 0.75
    assert min(shares["validation"], shares["test"]) > 0.12
    for family in ("steph", "klatt", "iven", "RicishayMax"):
        homes = [n for n, v in split.items() if any(x.startswith(family) for x in v)]
        assert len(homes) == 1


def test_a_voice_stays_in_its_split_whoever_else_there_is():
    everybody = speech.split_voices()
    few = speech.split_voices(speech.VARIANTS[::7])
    for name, members in few.items():
        assert set(members) <= set(everybody[name])


def test_random_voices_vary_and_come_from_the_given_variants():
    rng = np.random.default_rng(0)
    voices = [speech.random_voice(rng, ("f1", "m2")) for _ in range(200)]
    assert {voice.variant for voice in voices} == {"f1", "m2"}
    assert {voice.accent for voice in voices} == set(espeak.ACCENTS)
    assert len(set(voices)) > 190
    with pytest.raises(ValueError, match="`variants` must be a list"):
        speech.random_voice(rng, ())


def test_words_are_many_distinct_and_spell_no_common_trigger_word():
    words = speech.words()
    assert len(words) > 1200
    assert len(set(words)) == len(words)
    assert not {"activate", "alexa", "computer", "jarvis", "computing"} & set(words)
    assert {"captivate", "alexander", "commuter", "service"} <= set(words)


def test_pseudo_words_are_unlimited_and_have_the_syllables_asked_for():
    rng = np.random.default_rng(0)
    words = [speech.pseudo_word(rng) for _ in range(1000)]
    assert len(set(words)) > 950
    vowels = {*speech._SHORT_VOWELS, *speech._LONG_VOWELS, *speech._WEAK_VOWELS}
    for num_syllables in (1, 2, 5):
        phonemes = speech.pseudo_word(rng, num_syllables).split("|")
        assert sum(p.strip("'") in vowels for p in phonemes) == num_syllables
        assert sum(p.startswith("'") for p in phonemes) == 1
    with pytest.raises(ValueError, match="`num_syllables` must be at least 1"):
        speech.pseudo_word(rng, 0)


@needs_espeak
def test_every_mnemonic_of_pseudo_words_is_one_phoneme_in_every_accent():
    # A mnemonic that an accent lacks is read out as nothing, or as its letters.
    consonants = {
        phoneme
        for cluster in (
            *speech._ONSETS,
            *speech._ONSET_CLUSTERS,
            *speech._CODAS,
            *speech._CODA_CLUSTERS,
        )
        for phoneme in cluster.split("|")
    }
    vowels = {*speech._SHORT_VOWELS, *speech._LONG_VOWELS, *speech._WEAK_VOWELS}
    for accent in espeak.ACCENTS:

        def seconds(text, accent=accent):
            return len(speech.speak(text, Voice(accent), phonemes=True)) / 16_000

        plain = seconds("'A:")
        for consonant in consonants:
            assert abs(seconds(f"{consonant}|'A:") - plain) < 0.25, consonant
        durations = {vowel: seconds(f"t|'{vowel}") for vowel in vowels}
        assert all(0.1 < duration < 0.6 for duration in durations.values()), durations


@needs_espeak
@pytest.mark.parametrize(
    ("exclude", "said", "unsaid"),
    [
        ("service", ["serve", "harvest"], ["service"]),
        ("two", ["ten", "toe"], ["two", "tuesday", "tooth"]),
        ("eight", ["eat"], ["eight", "eighty", "active at eight", "wait", "hate"]),
        ("know", ["now", "nose dive"], ["know", "I don't know", "snow"]),
        ("alexa", ["alexander", "alex", "elixir"], []),
    ],
)
def test_what_is_or_sounds_like_an_excluded_word_is_not_said(exclude, said, unsaid):
    allowed = {word for word, _ in speech._vocabulary((exclude,))[0]}
    assert allowed.isdisjoint(unsaid)
    assert set(said) & set(speech.words()) <= allowed


@pytest.mark.parametrize(
    ("word", "inflections", "others"),
    [
        ("activate", "activate activates activated activating deactivate", "activity"),
        ("stop", "stop stops stopped stopping", "stopwatch"),
        ("alexa", "alexa alexas alexa's", "alexander"),
    ],
)
def test_inflections_of_an_excluded_word_are_recognised(word, inflections, others):
    pattern = speech._inflections(word)
    assert all(pattern.search(inflected) for inflected in inflections.split())
    assert not any(pattern.search(other) for other in others.split())


@needs_espeak
def test_pseudo_words_and_phrases_do_not_sound_like_an_excluded_word():
    # So short a word turns up in every tenth utterance unless it is kept out.
    rng = np.random.default_rng(0)
    utterances = [speech.random_utterance(rng, ("at",)) for _ in range(400)]
    spoken = [text for text, phonemes in utterances if not phonemes]
    assert {phonemes for _, phonemes in utterances} == {True, False}
    assert any(" " in text for text in spoken)
    sounds = [speech._plain(text) for text, phonemes in utterances if phonemes]
    assert not any("at" in sound for sound in sounds)
    unrestricted = [speech.pseudo_word(rng) for _ in range(400)]
    assert any("at" in speech._plain(text) for text in unrestricted)


@needs_espeak
def test_speak_words_repeats_itself_and_keeps_to_its_voices():
    def spoken(seed):
        rng = np.random.default_rng(seed)
        return list(speech.speak_words(rng, 12, variants=("f1", "m3")))

    first, again, other = spoken(0), spoken(0), spoken(1)
    assert [text for text, *_ in first] == [text for text, *_ in again]
    assert all(np.array_equal(a[2], b[2]) for a, b in zip(first, again, strict=True))
    assert [text for text, *_ in first] != [text for text, *_ in other]
    assert {voice.variant for _, voice, _ in first} == {"f1", "m3"}
    assert len({text for text, *_ in first}) > 9
