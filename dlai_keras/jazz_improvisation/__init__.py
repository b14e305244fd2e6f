"""Jazz improvisation: solos over chords, note by note, learned from tunes."""
