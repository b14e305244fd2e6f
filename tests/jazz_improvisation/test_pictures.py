"""Pictures of pieces; looked at by people, checked for their content here."""

import cv2
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from dlai_keras.jazz_improvisation import midi, pictures
from dlai_keras.jazz_improvisation.chords import parse_chords
from dlai_keras.jazz_improvisation.midi import Note, Piece


def draw(path, *arguments, **options):
    pictures.draw_piano_roll(path, *arguments, **options)
    return cv2.imread(str(path))[..., ::-1].astype(int)


def like(image, color, tolerance=12):
    """Where an image has a colour."""
    wanted = np.round(255 * np.array(to_rgb(color)))
    return (np.abs(image - wanted) <= tolerance).all(axis=-1)


def test_a_note_is_drawn_where_it_sounds(tmp_path):
    """Two loud notes: the second begins later, is twice as long, and lies higher."""
    notes = (Note(60, 0.0, 1.0, 127), Note(67, 2.0, 2.0, 127))
    mask = like(draw(tmp_path / "a.png", Piece(notes)), pictures.COLORS[0])
    num, _, boxes, _ = cv2.connectedComponentsWithStats(mask.astype("uint8"))
    boxes = sorted(boxes[1:], key=lambda box: -box[cv2.CC_STAT_AREA])[:2]
    second, first = boxes
    assert num >= 3
    assert second[cv2.CC_STAT_WIDTH] == pytest.approx(
        2 * first[cv2.CC_STAT_WIDTH], abs=4
    )
    assert second[cv2.CC_STAT_LEFT] - first[cv2.CC_STAT_LEFT] == pytest.approx(
        2 * first[cv2.CC_STAT_WIDTH], abs=4
    )
    assert second[cv2.CC_STAT_TOP] < first[cv2.CC_STAT_TOP]


def test_a_note_over_the_end_of_a_row_goes_on_in_the_next(tmp_path):
    long = Piece((Note(60, 0.0, 1.0), Note(60, 30.0, 4.0, 127), Note(60, 63.0, 1.0)))
    cut = long.with_notes(
        (Note(60, 0.0, 1.0), Note(60, 30.0, 2.0, 127), *long.notes[2:])
    )
    one, other = (draw(tmp_path / "a.png", piece) for piece in (long, cut))
    assert one.shape == other.shape
    rows, columns = np.nonzero((np.abs(one - other) > 60).any(axis=-1))
    # What differs is the begin of the second row, an eighth of half its width.
    assert rows.min() > one.shape[0] / 2
    assert columns.max() < one.shape[1] * 0.13


def test_the_tones_of_a_chord_are_tinted_and_its_symbol_is_written(tmp_path):
    piece = Piece((Note(60, 0.0, 1.0), Note(76, 15.0, 1.0)))
    bare = draw(tmp_path / "a.png", piece)
    chords = draw(tmp_path / "b.png", piece, parse_chords("Dm7 | G7 | Cmaj7 | %"))
    assert not like(bare, pictures.TINT, 2).any()
    tinted = like(chords, pictures.TINT, 2)
    # Four of twelve pitch classes, of what is not covered by lines and notes.
    assert 0.2 < tinted.mean() < 0.4
    other = draw(tmp_path / "c.png", piece, parse_chords("Dm7 | G7 | C#maj7 | %"))
    changed = (chords != other).any(axis=-1)
    assert changed[:, : changed.shape[1] // 2].sum() == 0 < changed.sum()


def test_markers_stand_in_for_chords(tmp_path):
    notes = (Note(60, 0.0, 16.0),)
    one, other = (
        draw(tmp_path / "a.png", Piece(notes, markers=((0.0, "Dm7"), (8.0, text))))
        for text in ("Cmaj7", "$5")  # a dollar sign begins a formula elsewhere
    )
    columns = np.flatnonzero((one != other).any(axis=(0, 2)))
    width = one.shape[1]
    assert 0.45 * width < columns.min() < columns.max() < 0.7 * width


def test_every_player_has_a_colour_and_a_name(tmp_path):
    notes = tuple(Note(60 - 8 * c, 0.0, 4.0, 127, channel=c) for c in range(3))
    three = draw(tmp_path / "a.png", Piece(notes))
    for color in pictures.COLORS[:3]:
        assert like(three, color).sum() > 200
    alone = draw(tmp_path / "b.png", Piece(notes[:1]))
    assert not like(alone, pictures.COLORS[1]).any()


def test_rows_hold_eight_bars_and_more_where_a_piece_is_long(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "MOST_ROWS", 4)
    heights = []
    for bars in (8, 9, 40):
        piece = Piece((Note(60, 0.0, 1.0), Note(62, 4.0 * bars - 1, 1.0)))
        heights.append(draw(tmp_path / "a.png", piece).shape[0])
    row = heights[1] - heights[0]
    assert row > 0.5 * heights[0]
    # Five rows would be one too many: three of sixteen bars.
    assert heights[2] == pytest.approx(heights[0] + 2 * row, abs=2)


def test_a_piece_without_pitches_is_refused(tmp_path):
    drum = Note(36, 0.0, 1.0, channel=midi.PERCUSSION)
    with pytest.raises(ValueError, match="must have notes with a pitch"):
        pictures.draw_piano_roll(tmp_path / "a.png", Piece((drum,)))


def test_pitch_classes_stand_beside_one_another(tmp_path):
    path = tmp_path / "a.png"
    flat, peaked = np.full(12, 1 / 12), np.eye(12)[3]
    pictures.draw_pitch_classes(path, {"tunes": flat, "solos": peaked})
    image = cv2.imread(str(path))[..., ::-1].astype(int)
    first, second = (like(image, color) for color in pictures.COLORS[:2])
    # Twelve low bars and one that is twelve times as high, of the same width; the
    # legend adds a little of both.
    assert second.sum() == pytest.approx(first.sum(), rel=0.15)
    tall = np.flatnonzero(second.sum(axis=0) > 0.4 * len(image))
    assert len(tall) and np.ptp(tall) < 0.07 * image.shape[1]
    pictures.draw_pitch_classes(path, {"tunes": flat}, to_the_root=True)
    assert not np.array_equal(cv2.imread(str(path))[..., ::-1].astype(int), image)
