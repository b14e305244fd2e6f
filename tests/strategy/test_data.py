"""Tables of models and examples, as people write them."""

import pytest

from dlai_keras.strategy.data import (
    Example,
    load_examples,
    load_models,
    make_examples,
    read_csv,
    to_rows,
    write_csv,
)


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_the_courses_spreadsheet_is_read(tmp_path):
    # Course 3, week 2: columns of marks, and comments.
    file = write(
        tmp_path / "errors.csv",
        "id,label,prediction,Dog,Great cats,Blurry,Comments\n"
        "1,cat,no cat,✓,,,Pitbull\n"
        "2,cat,no cat,,✓,x,\n"
        "3,cat,no cat,,✓,✓,Rainy day at zoo\n",
    )
    examples = load_examples(file)
    assert [one.tags for one in examples] == [
        ("Dog",),
        ("Great cats", "Blurry"),
        ("Great cats", "Blurry"),
    ]
    assert [one.name for one in examples] == ["1", "2", "3"]
    assert examples[0].comment == "Pitbull"
    assert all(one.is_mistake for one in examples)


def test_tags_stand_in_one_column_or_in_a_list():
    rows = [
        {"y_true": 3, "y_pred": 5, "tags": "dark; blurred|dark, old", "score": 0.5},
        {"y_true": 3, "y_pred": 3, "tags": ["dark", ""], "score": 0.75},
        {"y_true": 3, "y_pred": 3, "tags": None, "score": 0.25},
    ]
    examples = make_examples(rows)
    assert [one.tags for one in examples] == [
        ("dark", "blurred", "old"),
        ("dark",),
        (),
    ]
    assert [one.is_mistake for one in examples] == [True, False, False]
    assert examples[0].more == {"score": "0.5"}
    assert [one.name for one in examples] == ["1", "2", "3"]


def test_label_errors_are_known_by_the_correct_label_or_by_a_tag():
    examples = make_examples(
        [
            {"label": "cat", "prediction": "dog", "correct_label": "dog", "tags": ""},
            {"label": "cat", "prediction": "dog", "correct_label": "cat", "tags": ""},
            {
                "label": "cat",
                "prediction": "dog",
                "correct_label": "",
                "tags": "Mislabeled",
            },
            {"label": "cat", "prediction": "dog", "correct_label": "", "tags": "dark"},
        ]
    )
    assert [one.is_label_error for one in examples] == [True, False, True, False]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_any_common_separator_and_quoted_lines_are_read(tmp_path, separator):
    text = separator.join(("model", "f1", "note")) + "\r\n"
    text += separator.join(("A", "95%", '"two\nlines"')) + "\r\n\r\n"
    text += separator.join(("B", "1e-2", "")) + "\r\n"
    models = load_models(write(tmp_path / "models.csv", "\ufeff" + text))
    assert [(one["model"], one["f1"]) for one in models] == [("A", 0.95), ("B", 0.01)]
    assert models[0]["note"].split() == ["two", "lines"]


def test_what_is_written_is_read_again(tmp_path):
    examples = [
        Example(
            "1", "cat", "dog", ("dark", "old"), "dog", "a.png", "x, y", {"p": "1.5"}
        ),
        Example("2", "cat", "cat", more={"p": "2.5"}),
    ]
    write_csv(tmp_path / "again.csv", to_rows(examples))
    assert load_examples(tmp_path / "again.csv") == examples


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a line of names and lines"),
        ("label,prediction\n", "a line of names and lines"),
        ("label,label\na,b\n", "each another one"),
        ("label,\na,b\n", "each another one"),
        ("label,prediction\na,b\na\n", "2 columns.*1 in line 3"),
        ("name,prediction\na,b\n", "columns label and prediction.*name, prediction"),
        ("label,prediction\na,\n", "Example 1 must have a prediction"),
    ],
)
def test_broken_files_are_told_by_name(tmp_path, text, message):
    file = write(tmp_path / "broken.csv", text)
    with pytest.raises(ValueError, match=message):
        load_examples(file)


def test_what_is_no_text_or_is_missing_says_so(tmp_path):
    (tmp_path / "picture.csv").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(ValueError, match="UTF-8"):
        read_csv(tmp_path / "picture.csv")
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv"):
        read_csv(tmp_path / "nowhere.csv")
    with pytest.raises(ValueError, match="Received none"):
        make_examples([])
