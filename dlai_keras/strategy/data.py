"""Tables of models, and of examples with their predictions and tags."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

YES = {"x", "✓", "✔", "yes", "y", "true", "1"}
NO = {"", "-", "no", "n", "false", "0"}
SEPARATORS = ";|,"
# Names of columns and what they are called here.
COLUMNS = {
    "label": ("label", "y_true", "true", "class"),
    "prediction": ("prediction", "y_pred", "predicted", "taken_for"),
    "correct_label": ("correct_label", "right_label"),
    "name": ("name", "id", "example"),
    "image": ("image", "picture", "thumbnail"),
    "tags": ("tags", "tag"),
    "comment": ("comment", "comments", "note"),
}
# Tags that say that the label is wrong, though not which one is right.
LABEL_ERRORS = {
    f"{how} {what}"
    for how in ("incorrectly", "wrongly")
    for what in ("labeled", "labelled")
} | {"mislabeled", "mislabelled", "label error", "wrong label"}


@dataclass(frozen=True)
class Example:
    """One example, what was made of it and what is special about it.

    Attributes:
        name: what it is called.
        label: its class, as the dev set has it.
        prediction: its class, as the model has it.
        tags: what a person, or a program, noticed about it.
        correct_label: the class that it really has, where somebody looked; else "".
        image: a picture file or a data URI, or "".
        comment: what a person noted.
        more: other columns of the table, such as the model's probability.
    """

    name: str
    label: str
    prediction: str
    tags: tuple[str, ...] = ()
    correct_label: str = ""
    image: str = ""
    comment: str = ""
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_mistake(self) -> bool:
        """Whether the prediction is not the label."""
        return self.prediction != self.label

    @property
    def is_label_error(self) -> bool:
        """Whether the label is known to be wrong."""
        if self.correct_label:
            return self.correct_label != self.label
        return any(tag.casefold() in LABEL_ERRORS for tag in self.tags)


def make_examples(rows: Iterable[Mapping]) -> list[Example]:
    """Examples from dicts, as a CSV file or a program has them.

    Tags stand in `tags`, a list or a text with `;`, `|` or `,` between them, or each in
    a column of its own, as in the course's spreadsheet: a column whose values are all
    marks (x, ✓, yes, true, 1) or nothing (empty, -, no, false, 0) is a tag.

    Args:
        rows: with `label` and `prediction`, and if wanted with `tags`,
            `correct_label`, `name`, `image`, `comment` and others.

    Returns:
        An `Example` for each.

    Raises:
        ValueError: there are no rows, or one lacks its label or prediction.

    Example:
        >>> rows = [{"label": "cat", "prediction": "dog", "blurry": "x", "dark": ""},
        ...         {"label": "cat", "prediction": "cat", "blurry": "", "dark": "x"}]
        >>> [(one.is_mistake, one.tags) for one in make_examples(rows)]
        [(True, ('blurry',)), (False, ('dark',))]

    Reference:
        - Course 3, week 2: Carrying out error analysis.
    """
    rows = [dict(row) for row in rows]
    if not rows:
        raise ValueError("There must be one example or more. Received none.")
    columns = list(dict.fromkeys(key for row in rows for key in row))
    named = {}
    for name, aliases in COLUMNS.items():
        found = [column for column in columns if column.strip().lower() in aliases]
        if found:
            named[name] = found[0]
        elif name in ("label", "prediction"):
            raise ValueError(
                f"Examples must have the columns label and prediction. Received: "
                f"{', '.join(map(str, columns))}."
            )
    others = [column for column in columns if column not in named.values()]
    marks = [
        column
        for column in others
        if all(_mark(row.get(column, "")) is not None for row in rows)
        and any(_mark(row.get(column, "")) for row in rows)
    ]
    examples = []
    for number, row in enumerate(rows, start=1):
        values = {key: _text(row.get(column)) for key, column in named.items()}
        tags = _split(row.get(named["tags"])) if "tags" in named else []
        values["tags"] = tuple(
            dict.fromkeys([*tags, *(c for c in marks if _mark(row.get(c)))])
        )
        values["name"] = values.get("name") or str(number)
        for key in ("label", "prediction"):
            if not values[key]:
                raise ValueError(f"Example {values['name']} must have a {key}.")
        values["more"] = {
            column: _text(row.get(column)) for column in others if column not in marks
        }
        examples.append(Example(**values))
    return examples


def load_examples(path: str | Path) -> list[Example]:
    """Reads examples from a CSV file; see `make_examples`.

    Args:
        path: UTF-8 text with commas, semicolons or tabs between the columns. Pictures
            are found from the file's folder.

    Returns:
        An `Example` for each line.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: as of `make_examples` and `read_csv`.
    """
    return make_examples(read_csv(path))


def load_models(path: str | Path) -> list[dict]:
    """Reads a table of models from a CSV file.

    Args:
        path: UTF-8 text with commas, semicolons or tabs between the columns.

    Returns:
        A dict for each line; what reads as a number, or as a percentage, is one.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: as of `read_csv`.
    """
    return [
        {key: _number(value) for key, value in row.items()} for row in read_csv(path)
    ]


def read_csv(path: str | Path) -> list[dict[str, str]]:
    """Reads a CSV file whose first line holds the names, of any common separator.

    Args:
        path: UTF-8 text with commas, semicolons or tabs between the columns.

    Returns:
        A dict for each line that is not empty, without blanks around the values.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no text, holds no lines, a name twice, or a line has another
            number of columns than the first.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No such file: {path}. Expected a CSV file.")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path} must be a text file in UTF-8.") from None
    separator = max(",;\t", key=text.partition("\n")[0].count)
    try:
        lines = [
            [cell.strip() for cell in line]
            for line in csv.reader(io.StringIO(text, newline=""), delimiter=separator)
            if any(cell.strip() for cell in line)
        ]
    except csv.Error as error:
        raise ValueError(f"{path} is no CSV file: {error}.") from None
    if len(lines) < 2:
        raise ValueError(f"{path} must hold a line of names and lines of values.")
    names = lines[0]
    if "" in names or len(set(names)) < len(names):
        raise ValueError(
            f"The columns of {path} must have names, each another one. Received: "
            f"{', '.join(names)}."
        )
    for number, line in enumerate(lines[1:], start=2):
        if len(line) != len(names):
            raise ValueError(
                f"Every line of {path} must have {len(names)} columns, as the first. "
                f"Received: {len(line)} in line {number}."
            )
    return [dict(zip(names, line, strict=True)) for line in lines[1:]]


def to_rows(examples: Sequence[Example]) -> list[dict[str, str]]:
    """Examples as flat dicts of text, for a CSV file that `load_examples` reads."""
    keys = ("name", "label", "prediction", "correct_label", "image", "comment")
    return [
        {key: getattr(one, key) for key in keys}
        | {"tags": "; ".join(one.tags)}
        | {key: str(value) for key, value in one.more.items()}
        for one in examples
    ]


def write_csv(path: str | Path, rows: Sequence[Mapping]) -> None:
    """Writes dicts with the same keys as a CSV file; it is whole or not there."""
    from dlai_keras.files import write_atomically

    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(path, text.getvalue())


def _mark(value):
    """True or False for a mark or its absence, None for anything else."""
    text = _text(value).lower()
    return True if text in YES else False if text in NO else None


def _text(value):
    return "" if value is None else str(value).strip()


def _split(value):
    if value is None:
        return []
    if not isinstance(value, str):
        return [text for text in map(_text, value) if text]
    for separator in SEPARATORS[1:]:
        value = value.replace(separator, SEPARATORS[0])
    return [text for text in map(_text, value.split(SEPARATORS[0])) if text]


def _number(text):
    try:
        if text.endswith("%"):
            return float(text[:-1]) / 100
        return float(text)
    except ValueError:
        return text
