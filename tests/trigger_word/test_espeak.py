import json
import os
import subprocess
import sys

import numpy as np
import pytest

from dlai_keras.trigger_word import espeak, speech
from dlai_keras.trigger_word.speech import Voice

needs_espeak = pytest.mark.skipif(
    not espeak.is_available(),
    reason='needs espeak-ng: pip install "dlai_keras[speech]"',
)

# Speaks the utterances of the command line in their order, prints a checksum of each.
_SPEAKER = """
import json, sys, zlib
from dlai_keras.trigger_word.speech import Voice, speak
for accent, variant, text in json.loads(sys.argv[1]):
    audio = speak(text, Voice(accent, variant))
    print(accent, variant, text, zlib.crc32(audio.tobytes()))
"""


def _checksums_in_new_process(utterances, **environment):
    output = subprocess.run(
        [sys.executable, "-c", _SPEAKER, json.dumps(utterances)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | environment,
    ).stdout
    return set(output.splitlines())


@needs_espeak
def test_same_samples_in_another_process_and_another_order():
    # f2, f5, victor and whisper have breath: noise that espeak-ng seeds by the clock.
    utterances = [
        [accent, variant, text]
        for variant in (
            "m3",
            "f2",
            "f5",
            "victor",
            "whisper",
            "klatt4",
            "Andy",
            "croak",
        )
        for accent, text in (("en-us", "activate"), ("en-gb", "close the door"))
    ]
    first = _checksums_in_new_process(utterances)
    second = _checksums_in_new_process(utterances[::-1])
    assert len(first) == len(utterances)
    assert first == second


@needs_espeak
def test_every_variant_says_the_same_whatever_was_said_before():
    def say(variant):
        return espeak.synthesize("activate", "en-us", variant)[0]

    once = {variant: say(variant) for variant in speech.VARIANTS}
    again = {variant: say(variant) for variant in reversed(speech.VARIANTS)}
    different = [v for v in once if not np.array_equal(once[v], again[v])]
    assert different == []
    assert len({samples.tobytes() for samples in once.values()}) == len(once)


@needs_espeak
def test_without_a_cache_folder_it_sounds_the_same(tmp_path):
    nowhere = tmp_path / "file"
    nowhere.touch()
    utterances = [[accent, "f1", "activate"] for accent in espeak.ACCENTS]
    cached = _checksums_in_new_process(utterances, XDG_CACHE_HOME=str(tmp_path / "new"))
    uncached = _checksums_in_new_process(utterances, XDG_CACHE_HOME=str(nowhere))
    assert list((tmp_path / "new" / "dlai_keras").iterdir())
    assert cached == uncached
    assert len({line.split()[-1] for line in cached}) == len(espeak.ACCENTS)


@needs_espeak
def test_synthesize_gives_the_samples_of_espeak_at_its_rate():
    samples, sample_rate = espeak.synthesize("activate", "en-us", "m3")
    assert samples.dtype == np.int16
    assert sample_rate == 22_050
    assert np.abs(samples.astype(int)).max() > 3000


@needs_espeak
def test_transcribe_gives_homophones_the_same_phonemes_and_keeps_the_order():
    two, ten, too = espeak.transcribe(["two", "ten", "too"])
    assert two == too == "t'u:"
    assert ten == "t'En"
    # One text of several clauses is one transcription.
    assert len(espeak.transcribe(["go up, then away"])[0].split()) > 3


@needs_espeak
def test_has_variant_knows_what_is_installed():
    assert espeak.has_variant("m3")
    assert not espeak.has_variant("nobody")


def test_without_espeak_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    monkeypatch.setattr("ctypes.util.find_library", lambda name: None)
    espeak._find.cache_clear()
    try:
        assert not speech.is_available()
        with pytest.raises(ModuleNotFoundError, match=r"dlai_keras\[speech\]"):
            speech.speak("activate", Voice())
    finally:
        espeak._find.cache_clear()
