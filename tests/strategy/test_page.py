"""The page: nothing of an example becomes markup, and nothing is fetched."""

import base64
import json
import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from dlai_keras.strategy.data import Example
from dlai_keras.strategy.error_analysis import tabulate_tags
from dlai_keras.strategy.page import to_data_uri, write_page

VOID = {"meta", "input", "img"}
HOSTILE = "<script>alert('1 & \"2\"')</script>"


class Page(HTMLParser):
    """A tree of `(tag, attributes, children)`; fails where tags do not match."""

    def __init__(self, text):
        super().__init__()
        self.root = ("page", {}, [])
        self.open = [self.root]
        self.feed(text)
        self.close()
        assert len(self.open) == 1, f"<{self.open[-1][0]}> is not closed"

    def handle_starttag(self, tag, attributes):
        node = (tag, dict(attributes), [])
        self.open[-1][2].append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        self.open[-1][2].append(data)

    def all(self, tag, node=None, **wanted):
        node = self.root if node is None else node
        found = []
        for child in node[2]:
            if isinstance(child, tuple):
                if child[0] == tag and wanted.items() <= child[1].items():
                    found.append(child)
                found += self.all(tag, child, **wanted)
        return found


def text(node):
    return "".join(c if isinstance(c, str) else text(c) for c in node[2])


@pytest.fixture
def page(tmp_path):
    examples = [
        Example("right", "cat", "cat", ("dark",)),
        Example("1", "cat", HOSTILE, ("dark", HOSTILE), more={"score": "0.05"}),
        Example(
            "2", "cat", "dog", (), "dog", to_data_uri(np.zeros((8, 8, 3), "uint8"))
        ),
        Example("3", "dog", "cat", ("'\"",), comment=HOSTILE, image="pictures/a b.png"),
        Example("4", "dog", "cat", image="https://example.org/spy.png"),
        Example("5", "dog", "cat", image="javascript:alert(1)"),
        Example("6", "dog", "cat", image="//example.org/spy.png"),
        Example("7", "dog", "cat", image='x" onerror="alert(1)'),
    ]
    path = tmp_path / "deep" / "errors.html"
    num = write_page(
        path,
        examples,
        title=HOSTILE,
        tags=tabulate_tags(examples),
        notes=[HOSTILE],
    )
    assert num == len(examples)
    return Page(path.read_text(encoding="utf-8")), examples


def test_nothing_of_an_example_becomes_markup(page):
    page, _ = page
    assert len(page.all("script")) == 1
    assert "alert" not in text(page.all("script")[0])
    handlers = [
        name
        for node in walk(page.root)
        for name in node[1]
        if name.startswith("on") or name == "srcdoc"
    ]
    assert not handlers
    assert text(page.all("h1")[0]) == HOSTILE
    assert text(page.all("p")[0]) == HOSTILE


def walk(node):
    for child in node[2]:
        if isinstance(child, tuple):
            yield child
            yield from walk(child)


def test_nothing_is_fetched_from_elsewhere(page):
    page, _ = page
    sources = [
        value
        for node in walk(page.root)
        for name, value in node[1].items()
        if name in ("src", "href", "action", "data")
    ]
    assert all(node[1].get("rel") is None for node in walk(page.root))
    assert len(sources) == 3
    assert sources[0].startswith("data:image/png;base64,")
    assert sources[1:] == ["pictures/a b.png", 'x" onerror="alert(1)']
    policy = page.all("meta", **{"http-equiv": "Content-Security-Policy"})
    assert "default-src 'none'" in policy[0][1]["content"]
    assert not re.search(r"url\(|@import", text(page.all("style")[0]))


def test_every_example_is_a_row_with_its_tags_and_mistakes_stand_first(page):
    page, examples = page
    table = page.all("table", id="examples")[0]
    rows = page.all("tr", page.all("tbody", table)[0])
    assert len(rows) == len(examples)
    names = [text(page.all("th", table)[i]) for i in range(8)]
    assert names == [
        *("picture", "name", "label", "prediction", "really", "tags", "comment"),
        "score",
    ]
    assert [row[1].get("class") for row in rows] == ["mistake"] * 7 + [None]
    by_name = {text(page.all("td", row)[1]): row for row in rows}
    for one in examples:
        row = by_name[one.name]
        assert json.loads(row[1]["data-tags"]) == list(one.tags)
        cells = [text(cell) for cell in page.all("td", row)]
        assert cells[2:4] == [one.label, one.prediction]
        assert cells[4] == one.correct_label
        assert cells[5] == "".join(one.tags)
        assert cells[6] == one.comment


def test_every_tag_can_be_filtered_by(page):
    page, _ = page
    buttons = page.all("button", **{"aria-pressed": "false"})
    found = {button[1]["data-tag"]: text(button) for button in buttons}
    assert found == {
        "dark": "dark 2",
        HOSTILE: f"{HOSTILE} 1",
        "'\"": "'\" 1",
        "": "(no tag) 5",
    }
    assert page.all("input", id="search") and page.all("input", id="mistakes")


def test_the_table_of_tags_has_the_figures(page):
    page, examples = page
    table = page.all("table", id="tags")[0]
    rows = page.all("tr", page.all("tbody", table)[0])
    wanted = tabulate_tags(examples)
    assert len(rows) == len(wanted)
    for row, figures in zip(rows, wanted, strict=True):
        cells = page.all("td", row)
        assert text(cells[0]) == figures["tag"]
        assert float(cells[2][1]["data-value"]) == pytest.approx(figures["share"])
        low, high = figures["share_low"], figures["share_high"]
        assert text(cells[2]).endswith(f"({low:.1%} to {high:.1%})")


def test_what_the_script_looks_for_is_on_the_page(page):
    page, _ = page
    script = text(page.all("script")[0])
    for name in re.findall(r'querySelector\("#([\w-]+)"\)', script):
        assert [node for node in walk(page.root) if node[1].get("id") == name]
    for head in page.all("th"):
        assert len(page.all("button", head)) == 1


def test_a_long_page_is_cut_after_the_mistakes(tmp_path):
    examples = [Example(str(n), "a", "ab"[n % 2]) for n in range(10)]
    assert write_page(tmp_path / "page.html", examples, limit=6) == 6
    page = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert text(page.all("p")[0]) == "6 of 10 examples are on this page."
    assert len(page.all("tr", **{"class": "mistake"})) == 5
    assert not page.all("table", id="tags")


def test_a_picture_survives_in_its_data_uri():
    image = np.random.default_rng(0).integers(0, 256, (8, 6, 3), dtype="uint8")
    head, _, data = to_data_uri(image).partition(",")
    assert head == "data:image/png;base64"
    content = np.frombuffer(base64.b64decode(data), "uint8")
    np.testing.assert_array_equal(
        cv2.imdecode(content, cv2.IMREAD_COLOR)[..., ::-1], image
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda path: write_page(path, []), "Received none"),
        (lambda path: write_page(path, [Example("1", "a", "b")], limit=0), "limit"),
        (lambda path: to_data_uri(np.zeros((4, 4))), r"float64, shape \(4, 4\)"),
    ],
)
def test_mistakes_are_named(tmp_path, call, message):
    with pytest.raises(ValueError, match=message):
        call(tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()
