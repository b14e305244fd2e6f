"""The espeak-ng synthesiser through ctypes: the same call gives the same samples.

The library carries state from one utterance to the next (the phase of the voice's
flutter, filter memories, a random number seeded from the clock), so that a word sounds
a little different after another one. Here every utterance is spoken by a library loaded
afresh and seeded: what comes out depends on the text and the voice only, not on what
was said before, by which process, or in which order. That costs about a millisecond.
"""

import _ctypes
import contextlib
import ctypes
import ctypes.util
import os
import shutil
import sys
import tempfile
import threading
import zlib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np

# espeak-ng's files of the English accents, without folder, in lower case
ACCENTS = {
    "en-us": "en-us",
    "en-us-nyc": "en-us-nyc",
    "en-gb": "en",
    "en-gb-x-rp": "en-gb-x-rp",
    "en-gb-scotland": "en-gb-scotland",
    "en-gb-x-gbclan": "en-gb-x-gbclan",
    "en-gb-x-gbcwmd": "en-gb-x-gbcwmd",
    "en-029": "en-029",
}

# From espeak-ng's speak_lib.h
_OUTPUT_SYNCHRONOUS = 2
_RATE, _PITCH, _PITCH_RANGE = 1, 3, 4
_UTF8, _PHONEMES = 1, 0x100
_SEED = 1

_COMMON_DATA = ("phontab", "phonindex", "phondata", "intonations", "en_dict")
_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)
_lock = threading.Lock()  # the library has one state per process
_chunks: list[bytes] = []


def is_available() -> bool:
    """Whether espeak-ng is installed, from PyPI or by the system."""
    try:
        _find()
    except ModuleNotFoundError:
        return False
    return True


def has_variant(variant: str) -> bool:
    """Whether the installed espeak-ng knows this voice variant."""
    return (_find()[1] / "voices" / "!v" / variant).is_file()


def synthesize(
    text: str,
    accent: str,
    variant: str,
    *,
    rate: int = 170,
    pitch: int = 50,
    pitch_range: int = 50,
    phonemes: bool = False,
) -> tuple[np.ndarray, int]:
    """Speaks a text.

    Args:
        text: English text, or espeak-ng's phoneme mnemonics without brackets.
        accent: a key of `ACCENTS`.
        variant: an espeak-ng voice variant, such as `"f1"`.
        rate: words per minute.
        pitch: 0 to 99, 50 is the variant's own.
        pitch_range: 0 (monotonous) to 99.
        phonemes: whether `text` is mnemonics.

    Returns:
        int16 `(num_samples,)` as espeak-ng gives it, and its sample rate in hertz.

    Raises:
        ModuleNotFoundError: espeak-ng is not installed.
    """
    flags = _UTF8 | _PHONEMES if phonemes else _UTF8
    spoken = ctypes.create_string_buffer((f"[[{text}]]" if phonemes else text).encode())
    with _lock, _fresh_library(accent, variant) as (library, sample_rate):
        library.espeak_SetParameter(_RATE, rate, 0)
        library.espeak_SetParameter(_PITCH, pitch, 0)
        library.espeak_SetParameter(_PITCH_RANGE, pitch_range, 0)
        _chunks.clear()
        status = library.espeak_Synth(
            spoken, ctypes.c_size_t(len(spoken)), 0, 1, 0, flags, None, None
        )
        if status != 0:
            raise RuntimeError(f"espeak-ng could not speak {text!r} (code {status}).")
        return np.frombuffer(b"".join(_chunks), "int16"), sample_rate


def transcribe(texts: Sequence[str], accent: str = "en-us") -> list[str]:
    """Phoneme mnemonics of each text, as espeak-ng pronounces it.

    Example:
        >>> transcribe(["two", "too"])
        ["t'u:", "t'u:"]
    """
    with _lock, _fresh_library(accent) as (library, _):
        library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        transcriptions = []
        for text in texts:
            rest, clauses = ctypes.c_char_p(text.encode()), []
            while rest.value is not None:  # it reads one clause and moves on
                clause = library.espeak_TextToPhonemes(ctypes.byref(rest), _UTF8, 0)
                clauses.append(clause.decode())
            transcriptions.append(" ".join(clauses).strip())
        return transcriptions


@contextlib.contextmanager
def _fresh_library(accent: str, variant: str = "") -> Iterator[tuple[ctypes.CDLL, int]]:
    """The library in the state of a new process, set to a voice; unloaded at the end.

    Only unloading resets it: `espeak_Terminate` leaves most of the state as it was.
    """
    path, _ = _find()
    library = ctypes.CDLL(path)
    try:
        data = os.fsencode(_english_data())
        sample_rate = library.espeak_Initialize(_OUTPUT_SYNCHRONOUS, 0, data, 0)
        if sample_rate <= 0:
            raise RuntimeError(f"espeak-ng could not start with its data in {data!r}.")
        library.espeak_SetSynthCallback(_collect)
        if hasattr(library, "espeak_ng_SetRandSeed"):  # since 1.52
            library.espeak_ng_SetRandSeed(ctypes.c_long(_SEED))
        elif hasattr(library, "srand"):  # older ones draw from C's generator
            library.srand(_SEED)
        voice = f"{ACCENTS[accent]}+{variant}" if variant else ACCENTS[accent]
        if library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise RuntimeError(f"espeak-ng has no voice {voice!r}.")
        yield library, sample_rate
        library.espeak_Terminate()
    finally:
        _unload(library)


def _unload(library: ctypes.CDLL) -> None:
    unload = _ctypes.FreeLibrary if sys.platform == "win32" else _ctypes.dlclose
    unload(library._handle)


@_CALLBACK
def _collect(samples, num_samples, events):
    if num_samples > 0:
        _chunks.append(ctypes.string_at(samples, 2 * num_samples))
    return 0


@cache
def _find() -> tuple[str, Path]:
    """Path of the library and of its data: the PyPI package's, else the system's."""
    try:
        import espeakng_loader
    except ModuleNotFoundError:
        path = ctypes.util.find_library("espeak-ng")
        if path is None:
            raise ModuleNotFoundError(
                "Speaking words needs espeak-ng, which was not found. "
                'Install it with: pip install "dlai_keras[speech]"'
            ) from None
        library = ctypes.CDLL(path)
        library.espeak_Initialize(_OUTPUT_SYNCHRONOUS, 0, None, 0)
        data = ctypes.c_char_p()
        library.espeak_Info.restype = ctypes.c_char_p
        library.espeak_Info(ctypes.byref(data))
        found = path, Path(os.fsdecode(data.value))
        library.espeak_Terminate()
        _unload(library)
        return found
    return espeakng_loader.get_library_path(), Path(espeakng_loader.get_data_path())


@cache
def _english_data() -> Path:
    """A copy of the English part of the data, in the user's cache (1 MB).

    espeak-ng looks a voice up by reading all its 245 language and voice files, which
    takes three times as long as to speak a word; where a file has the voice's very
    name it reads that one only. Without a cache it is slower and sounds the same.
    """
    data = _find()[1]
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
    else:
        base = os.environ.get("XDG_CACHE_HOME")
    try:
        cache_folder = (Path(base) if base else Path.home() / ".cache") / "dlai_keras"
        checksum = 0
        for name in _COMMON_DATA:
            checksum = zlib.crc32((data / name).read_bytes(), checksum)
        folder = cache_folder / f"espeak-{checksum:08x}"
        if not folder.is_dir():
            cache_folder.mkdir(parents=True, exist_ok=True)
            _copy_english_data(data, folder)
    except (OSError, RuntimeError):  # no home folder, or not writable
        return data
    return folder


def _copy_english_data(data: Path, folder: Path) -> None:
    partial = Path(tempfile.mkdtemp(prefix=".espeak-", dir=folder.parent))
    try:
        for name in _COMMON_DATA:
            shutil.copyfile(data / name, partial / name)
        shutil.copytree(data / "voices" / "!v", partial / "voices" / "!v")
        (partial / "lang").mkdir()
        for path in (data / "lang" / "gmw").glob("en*"):
            shutil.copyfile(path, partial / "lang" / path.name.lower())
        # Another process may have been first, with the same files.
        with contextlib.suppress(OSError):
            partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _renew_lock() -> None:
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    # A thread that is speaking while another forks would leave the child a locked lock.
    os.register_at_fork(after_in_child=_renew_lock)
