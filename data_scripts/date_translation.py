"""Generates dates as people write them, each with its ISO form."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from dlai_keras import command_line, files
from dlai_keras.date_translation import data

HELP = """Generates dates as people write them, each with its ISO form.

A line a date: the text, a tab, yyyy-mm-dd."""

CHUNK = 5000  # dates between two steps of the progress bar


def generate(
    *,
    num_dates: int = 10_000,
    locales: str = "en_US",
    patterns: str = "course",
    typos: int = 0,
    seed: int = 0,
    output: Path = Path("runs/date_translation_data/dates.tsv"),
    annotations: Path | None = None,
) -> dict:
    """Writes a file of dates.

    A larger file begins with the dates of a smaller one from the same seed. A file
    that is there already is replaced, once the new one is whole.

    Args:
        num_dates: how many, 1 or more.
        locales: names with commas between them, such as en_US,fr,ja, or all.
        patterns: course for the course's 17 formats, all for every format.
        typos: how many in each text; in letters only, so that some texts have fewer.
        seed: same seed, same bytes.
        output: the file, in UTF-8, as load_dates and --data read it.
        annotations: a second file, with a JSON object a line that also says locale,
            pattern and number of typos.

    Example:
        python data_scripts/date_translation.py --locales all --patterns all --typos 1
    """
    if num_dates < 1:
        raise ValueError(
            f"`num_dates` must be 1 or more. Received: num_dates={num_dates}."
        )
    if seed < 0:
        raise ValueError(f"`seed` must be 0 or more. Received: seed={seed}.")
    if annotations is not None and annotations.resolve() == output.resolve():
        raise ValueError(
            f"`annotations` must be another file than `output`. Received: {output}."
        )
    for path in filter(None, (output, annotations)):
        if path.is_dir():
            raise IsADirectoryError(
                f"`{path}` is a folder. Give the name of a file, such as "
                f"{path / 'dates.tsv'}."
            )
    names = [name.strip() for name in locales.split(",")]
    options = {
        "locales": data.LOCALES if locales == "all" else names,
        "patterns": patterns,
        "typos": typos,
    }
    rng = np.random.default_rng(seed)
    pairs = []
    starts = range(0, num_dates, CHUNK)
    for start in command_line.progress(starts, "generating, in blocks of 5000"):
        pairs += data.make_dates(rng, min(CHUNK, num_dates - start), **options)

    lines = [f"{pair.text}\t{pair.iso}\n" for pair in pairs]
    _write(output, lines)
    result = {
        "num_dates": num_dates,
        "num_texts": len({pair.text for pair in pairs}),
        "output": output,
    }
    if annotations is not None:
        lines = [json.dumps(asdict(pair), ensure_ascii=False) + "\n" for pair in pairs]
        _write(annotations, lines)
        result["annotations"] = annotations
    return result


def _write(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_atomically(path, "".join(lines))


def main():
    """Runs the script."""
    command_line.run(HELP, default="generate", generate=generate)


if __name__ == "__main__":
    main()
