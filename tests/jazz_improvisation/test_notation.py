"""Tunes in ABC notation."""

import pytest

from dlai_keras.jazz_improvisation import notation
from dlai_keras.jazz_improvisation.chords import write_chords
from dlai_keras.jazz_improvisation.notation import parse_tunes


def tune(body, **fields):
    """One tune; fields are K="F" and the like."""
    key = fields.pop("K", "C")
    head = "".join(f"{name}:{value}\n" for name, value in fields.items())
    return parse_tunes(f"X:1\n{head}K:{key}\n{body}\n")[0]


def line(body, **fields):
    notes = tune(body, **fields).melody.notes
    return [
        (note.pitch, round(note.onset, 4), round(note.duration, 4)) for note in notes
    ]


def pitches(body, **fields):
    return [note[0] for note in line(body, **fields)]


def test_letters_and_marks_are_octaves():
    assert pitches('"C" C, C c c\' B,, B, B b |') == [48, 60, 72, 84, 47, 59, 71, 83]


def test_lengths_are_parts_of_the_unit():
    body = '"C" C C2 C3/2 C/2 C/ C// C3/4 C/ |'
    found = [note[2] for note in line(body, L="1/4", M="7/4")]
    assert found == [1, 2, 1.5, 0.5, 0.5, 0.25, 0.75, 0.5]


def test_rests_move_what_follows():
    assert line('"C" z2 C2 z C z2 |') == [(60, 1.0, 1.0), (60, 2.5, 0.5)]


def test_triplets_are_three_in_the_time_of_two():
    found = line('"C" (3CDE C2 (3G2A2B2 |')
    assert [note[1] for note in found] == [0, 0.3333, 0.6667, 1.0, 2.0, 2.6667, 3.3333]
    assert found[4][2] == pytest.approx(2 / 3, abs=1e-4)


def test_an_accidental_holds_until_the_bar_line_in_every_octave():
    assert pitches('"C" ^F F f =F F _B B2 | F B z6 |') == [
        *(66, 66, 78, 65, 65, 70, 70),
        *(65, 71),
    ]


@pytest.mark.parametrize(
    ("key", "sharps", "flats"),
    [
        ("C", "", ""),
        ("G", "F", ""),
        ("D", "FC", ""),
        ("E", "FCGD", ""),
        ("F#", "FCGDAE", ""),
        ("F", "", "B"),
        ("Bb", "", "BE"),
        ("Eb", "", "BEA"),
        ("Am", "", ""),
        ("Em", "F", ""),
        ("Cm", "", "BEA"),
        ("F#m", "FCG", ""),
        ("Gmin", "", "BE"),
        ("Ddor", "", ""),
        ("Fmix", "", "BE"),
        ("Bb major", "", "BE"),
    ],
)
def test_key_signatures(key, sharps, flats):
    natural = dict(zip("CDEFGAB", (60, 62, 64, 65, 67, 69, 71), strict=True))
    expected = [
        pitch + (letter in sharps) - (letter in flats)
        for letter, pitch in natural.items()
    ]
    assert pitches('"C" CDEFGAB z |', K=key) == expected


def test_ties_join_over_the_bar_line_with_their_accidental():
    assert line('"C" z4 _B4- | B4 B4 |') == [(70, 2.0, 4.0), (71, 6.0, 2.0)]
    assert line('"C" C4- C4 | D8 |')[0] == (60, 0.0, 4.0)
    assert len(line('"C" C4- D4 |')) == 2  # a slur, badly written: two notes


def test_chords_last_until_the_next():
    one = tune('"Dm7" D4 "G7" G4 | "Cmaj7" C8 | E8 |')
    assert write_chords(one.chords) == "Dm7 G7 | Cmaj7 | %"
    assert one.chords[-1].duration == 8.0
    assert one.duration == 12.0


def test_a_short_first_bar_is_a_pick_up():
    found = tune('G2 | "C" C8 |')
    assert [(note.pitch, note.onset) for note in found.melody.notes] == [
        (67, 3.0),
        (60, 4.0),
    ]
    assert found.chords[0].onset == 0


def test_fields_and_comments():
    (found,) = parse_tunes(
        '% a file\nX:7\nT:My tune\nC:me\nM:3/4\nL:1/4\nQ:"Fast" 1/8=400\nR:bossa\n'
        'K:G % sharp\n"G" F2 G % words\n| "D7" A3 |]\nw: la la\n'
    )
    assert found.name == "My tune" and found.style == "bossa"
    assert found.melody.meter == (3, 4) and found.melody.tempo == 200.0
    assert [note.pitch for note in found.melody.notes] == [66, 67, 69]
    assert [chord.duration for chord in found.chords] == [3.0, 3.0]
    assert tune('"C" C8 |', M="C").melody.meter == (4, 4)
    assert tune('"C" C8 |', Q="90").melody.tempo == 90.0


def test_transposition_moves_melody_and_chords():
    one = tune('"Dm7" D4 "G7/B" G4 |').transposed(-2)
    assert [note.pitch for note in one.melody.notes] == [60, 65]
    assert write_chords(one.chords) == "Cm7 F7/A"


@pytest.mark.parametrize(
    ("body", "fields", "message"),
    [
        ('"C" C8 | C7 | C8 |', {}, "bar 2 must be 4 quarters long. Received: 7/2"),
        ('"C" C8 | |: C8 :|', {}, "bar 2: .* is not understood. Write repeats"),
        ('"C" [CEG]8 |', {}, "bar 1: .* one note at a time"),
        ('"C" C3>D C4 |', {}, "not understood"),
        ("C8 |", {}, "it has no chords"),
        ('"C" z8 |', {}, "it has no notes"),
        ('"Cfoo" C8 |', {}, "'Cfoo' is no chord symbol"),
        ('"C" C8 |', {"K": "H"}, "K:H must be a key"),
        ('"C" C8 |', {"K": "Cfoo"}, "K:Cfoo must be a key"),
        ('"C" C8 |', {"M": "four"}, "'four' must be a fraction"),
        ('"C" C8 |', {"L": "1/0"}, "'1/0' must be a fraction"),
        ('"C" C8 |', {"Q": "fast"}, "must be a tempo"),
        ('"C" C8 |', {"R": "polka"}, "must be one of swing, bossa, ballad"),
    ],
)
def test_what_is_not_understood_names_tune_and_bar(body, fields, message):
    with pytest.raises(ValueError, match=message) as error:
        tune(body, T="Odd", **fields)
    assert "tune 'Odd'" in str(error.value)


def test_a_file_without_tunes_is_named(tmp_path):
    path = tmp_path / "a.abc"
    with pytest.raises(FileNotFoundError, match=r"a\.abc"):
        notation.read_tunes(path)
    path.write_text("words")
    with pytest.raises(ValueError, match=r"a\.abc: there is no tune"):
        notation.read_tunes(path)
    path.write_bytes(b"X:1\nT:\xff\n")
    with pytest.raises(ValueError, match=r"a\.abc is not UTF-8 \(byte 7\)"):
        notation.read_tunes(path)
    path.write_bytes('\ufeffX:1\r\nT:Ö\r\nK:C\r\n"C" C8 |\r\n'.encode())
    assert notation.read_tunes(path)[0].name == "Ö"
