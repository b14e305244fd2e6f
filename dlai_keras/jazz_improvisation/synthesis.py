"""From notes to sound: an electric piano and a bass in a small room, or fluidsynth.

Sound is stereo float32 `(num_samples, 2)` in [-1, 1].
"""

import io
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile
from scipy import signal

from dlai_keras import files
from dlai_keras.jazz_improvisation import midi

SAMPLE_RATE = 44_100
PEAK = 10 ** (-1 / 20)  # -1 dBFS leaves room for what an MP3 encoder adds
BASSES = range(32, 40)  # General MIDI's programs
BASS_BELOW = 48  # middle of the pitches of a channel that names no program
ATTACK, RELEASE = 0.004, 0.12  # seconds
TAIL = 1.2  # seconds for the room to die away
ROOM_SEED = 9
# Where Debian, Fedora, Arch and Homebrew put them.
SOUND_FONTS = (
    "/usr/share/sounds/sf2",
    "/usr/share/sounds/sf3",
    "/usr/share/soundfonts",
    "/usr/local/share/fluidsynth",
    "/opt/homebrew/share/fluidsynth",
)


def render(
    piece: midi.Piece, sample_rate: int = SAMPLE_RATE, *, room: float = 0.15
) -> np.ndarray:
    """Plays a piece with the instruments built in here.

    What has a General MIDI program of a bass, or no program and low pitches, is played
    by the bass, all else by the electric piano. Percussion is left out. The loudest
    sample is at -1 dBFS.

    Args:
        piece: at least one note with a pitch.
        sample_rate: hertz, 8000 or more.
        room: how loud the echo of the room is, from 0 (none) to 1 (as the notes).

    Returns:
        float32 `(num_samples, 2)`. The same piece gives the same samples.

    Raises:
        ValueError: the piece has no notes, or an argument is out of its range.

    Example:
        >>> sound = render(midi.Piece((midi.Note(60, 0.0, 1.0),)), 8000)
        >>> sound.shape[1], f"{20 * np.log10(np.abs(sound).max()):.2f}"
        (2, '-1.00')

    Reference:
        - Chowning, 1973, "The synthesis of complex audio spectra by means of frequency
          modulation", Journal of the Audio Engineering Society 21, 526-534.
    """
    if sample_rate < 8000:
        raise ValueError(
            f"`sample_rate` must be 8000 or more. Received: sample_rate={sample_rate}."
        )
    if not 0 <= room <= 1:
        raise ValueError(f"`room` must be from 0 to 1. Received: room={room}.")
    notes = [note for note in piece.notes if note.channel != midi.PERCUSSION]
    if not notes:
        received = "percussion only" if piece.notes else "no notes"
        raise ValueError(f"`piece` must have notes with a pitch. Received: {received}.")
    second = piece.tempo / 60  # quarters
    basses = bass_channels(piece)
    places = _places(piece.channels, basses)
    end = max(note.end for note in notes) / second + TAIL
    mix = np.zeros((int(end * sample_rate) + 1, 2), "float32")
    for note in notes:
        play = bass if note.channel in basses else electric_piano
        sound = play(
            note.pitch, note.duration / second, note.velocity, sample_rate=sample_rate
        )
        first = round(note.onset / second * sample_rate)
        mix[first : first + len(sound)] += sound[:, None] * places[note.channel]
    if room:
        mix += room * _echo(mix, sample_rate)
    return mix * np.float32(PEAK / np.abs(mix).max())


def electric_piano(
    pitch: int, seconds: float, velocity: int = 80, *, sample_rate: int = SAMPLE_RATE
) -> np.ndarray:
    """A note of an electric piano, by frequency modulation.

    `sin(wt + I(t) sin(wt))` is the tone, and the same with a modulator fourteen times
    as high is the tine that the hammer strikes. I falls faster than the level,
    and a hard stroke raises it, so that loud notes are brighter.

    Args:
        pitch: MIDI number; 69 is 440 Hz.
        seconds: until the key is let go.
        velocity: 1 to 127.
        sample_rate: hertz.

    Returns:
        float32 `(num_samples,)`, 0 at both ends.

    Example:
        >>> electric_piano(69, 0.5, sample_rate=8000).shape
        (4960,)
    """
    t = _times(seconds, sample_rate)
    strength = velocity / 127
    w = 2 * np.pi * hertz(pitch)
    lasts = 1.6 * 2 ** ((60 - pitch) / 24)  # seconds to 1/e
    index = (0.3 + 1.4 * strength) * np.exp(-t / (0.5 * lasts))
    sound = np.sin(w * t + index * np.sin(w * t)) * np.exp(-t / lasts)
    if 15 * hertz(pitch) < sample_rate / 2:  # else it would fold back as another tone
        tine = np.sin(w * t + 0.9 * strength * np.sin(14 * w * t))
        sound += 0.3 * strength * tine * np.exp(-t / 0.15)
    return _shaped(sound, strength, seconds, sample_rate)


def bass(
    pitch: int, seconds: float, velocity: int = 80, *, sample_rate: int = SAMPLE_RATE
) -> np.ndarray:
    """A plucked note of a bass: ten overtones, the higher the sooner gone.

    Args:
        pitch: MIDI number; 28 is the lowest string.
        seconds: until the string is damped.
        velocity: 1 to 127.
        sample_rate: hertz.

    Returns:
        float32 `(num_samples,)`, 0 at both ends.

    Example:
        >>> bass(28, 0.5, sample_rate=8000).shape
        (4960,)
    """
    t = _times(seconds, sample_rate)
    strength = velocity / 127
    lasts = 0.9 * 2 ** ((40 - pitch) / 36)
    sound = np.zeros_like(t)
    for number in range(1, 11):
        frequency = number * hertz(pitch)
        if frequency < sample_rate / 2:
            level = number ** -(1.9 - 0.5 * strength)
            decay = np.exp(-t * number**0.8 / lasts)
            sound += level * decay * np.sin(2 * np.pi * frequency * t)
    return _shaped(1.3 * sound, strength, seconds, sample_rate)


def hertz(pitch: float) -> float:
    """The frequency of a MIDI pitch, equally tempered.

    Args:
        pitch: 69 is 440 Hz, 12 more are an octave.

    Example:
        >>> hertz(57), round(hertz(60), 2)
        (220.0, 261.63)
    """
    return 440 * 2 ** ((pitch - 69) / 12)


def bass_channels(piece: midi.Piece) -> frozenset[int]:
    """The channels that the bass plays.

    Args:
        piece: its programs say so; where a channel has none, its pitches.

    Example:
        >>> low = midi.Note(36, 0.0, 1.0, channel=2)
        >>> sorted(bass_channels(midi.Piece((low, midi.Note(60, 0.0, 1.0)))))
        [2]
    """
    programs = dict(piece.programs)
    found = set()
    for channel in piece.channels:
        pitches = [note.pitch for note in piece.notes if note.channel == channel]
        if channel in programs:
            low = programs[channel] in BASSES
        else:
            low = np.median(pitches) < BASS_BELOW
        if low and channel != midi.PERCUSSION:
            found.add(channel)
    return frozenset(found)


def write_wav(path: str | Path, sound: np.ndarray, sample_rate: int) -> None:
    """Writes a 16-bit WAV file, which is whole whenever it exists.

    Args:
        path: where to, in a folder that exists.
        sound: float `(num_samples,)` or `(num_samples, num_channels)` in [-1, 1].
        sample_rate: hertz.

    Raises:
        OSError: it cannot be written.
    """
    # Encoded in memory first: an error while writing must surface as an OSError.
    buffer = io.BytesIO()
    soundfile.write(buffer, sound, sample_rate, format="WAV", subtype="PCM_16")
    files.write_atomically(path, buffer.getbuffer())


def find_sound_font(folders: Iterable[str | Path] = SOUND_FONTS) -> Path | None:
    """The first sound font of this computer, in the usual places.

    Args:
        folders: to look in.

    Returns:
        A file that ends in .sf2 or .sf3, or None.

    Example:
        >>> find_sound_font(()) is None
        True
    """
    for folder in map(Path, folders):
        for path in sorted(folder.glob("*")) if folder.is_dir() else ():
            if path.suffix.lower() in {".sf2", ".sf3"}:
                return path
    return None


def render_with_fluidsynth(
    piece: midi.Piece,
    sample_rate: int = SAMPLE_RATE,
    *,
    sound_font: str | Path | None = None,
) -> np.ndarray:
    """Plays a piece with fluidsynth, which has recordings of every instrument.

    Args:
        piece: any.
        sample_rate: hertz.
        sound_font: file of recordings; the computer's own by default.

    Returns:
        float32 `(num_samples, 2)`, the loudest sample at -1 dBFS.

    Raises:
        FileNotFoundError: fluidsynth or the sound font is missing.
        ValueError: fluidsynth failed.
    """
    program = shutil.which("fluidsynth")
    if program is None:
        raise FileNotFoundError(
            "The program fluidsynth is not installed. Install it (`apt install "
            "fluidsynth`, `brew install fluid-synth`), or use the sound built in."
        )
    sound_font = find_sound_font() if sound_font is None else Path(sound_font)
    if sound_font is None or not sound_font.is_file():
        raise FileNotFoundError(
            f"No sound font: {sound_font or 'none in ' + ', '.join(SOUND_FONTS)}. "
            "Give a file that ends in .sf2 (`apt install fluid-soundfont-gm`)."
        )
    with tempfile.TemporaryDirectory() as folder:
        score, wav = (Path(folder) / name for name in ("piece.mid", "piece.wav"))
        midi.write_midi(score, piece)
        options = ["-n", "-i", "-q", "-r", str(sample_rate), "-F", os.fspath(wav)]
        done = subprocess.run(
            [program, *options, os.fspath(sound_font), os.fspath(score)],
            capture_output=True,
            text=True,
            errors="replace",
        )
        if done.returncode or not wav.is_file():
            said = " ".join((done.stderr or done.stdout).split())[-200:]
            raise ValueError(f"fluidsynth could not play the piece: {said}")
        sound, _ = soundfile.read(os.fspath(wav), dtype="float32", always_2d=True)
    return sound * np.float32(PEAK / max(np.abs(sound).max(initial=0), 1e-6))


def _times(seconds, sample_rate):
    return np.arange(round((seconds + RELEASE) * sample_rate)) / sample_rate


def _shaped(sound, strength, seconds, sample_rate):
    """Fades a note in and out, so that it does not click, and makes it as loud."""
    num_attack = round(ATTACK * sample_rate)
    num_release = min(round(RELEASE * sample_rate), len(sound) // 2)
    sound[:num_attack] *= _rise(num_attack)[: len(sound)]
    sound[len(sound) - num_release :] *= _rise(num_release)[::-1]
    return (0.25 * strength**1.5 * sound).astype("float32")


def _rise(num_samples):
    return 0.5 - 0.5 * np.cos(np.pi * np.arange(num_samples) / max(num_samples, 1))


def _places(channels, basses):
    """Gains of the left and right speaker: the bass in the middle, others around it."""
    places, sides = {}, 0
    for channel in channels:
        angle = 0.0
        if channel not in basses:
            angle = (-0.25, 0.3, 0.0, -0.4, 0.45)[sides % 5]  # of an eighth of a turn
            sides += 1
        turn = (1 + angle) * np.pi / 4
        places[channel] = np.array([np.cos(turn), np.sin(turn)], "float32")
    return places


def _echo(mix, sample_rate):
    """What a room gives back: noise that dies away, other in each ear."""
    rng = np.random.default_rng(ROOM_SEED)
    num = int((TAIL - RELEASE) * sample_rate) - 1
    t = np.arange(num)[:, None] / sample_rate
    # The first echo takes 15 ms, and walls swallow high tones.
    noise = rng.standard_normal((num, 2)) * np.exp(-t / 0.22) * (t > 0.015)
    noise = signal.lfilter([0.35], [1, -0.65], noise, axis=0)
    noise[-(num // 5) :] *= _rise(num // 5)[::-1, None]
    noise /= np.sqrt((noise**2).sum(axis=0))
    echo = signal.oaconvolve(mix.mean(axis=1, keepdims=True), noise, axes=0)
    return echo[: len(mix)].astype("float32")
