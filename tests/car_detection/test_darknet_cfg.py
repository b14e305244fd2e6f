"""Darknet's descriptions of networks, as people write them."""

import pytest

from dlai_keras.car_detection.darknet_cfg import read_cfg


def sections(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "net.cfg"
    path.write_bytes(text.encode(encoding))
    return read_cfg(path)


def test_sections_options_and_lines_are_read(tmp_path):
    net, conv, route = sections(
        tmp_path,
        "[net]\nwidth=320\n\n# a comment\n[convolutional]\nfilters=8\npad=1\n"
        "; another\n[route]\nlayers=-1,0\n",
    )
    assert (net.kind, net.index, net.line) == ("net", -1, 1)
    assert (conv.kind, conv.index, conv.line) == ("convolutional", 0, 5)
    assert (route.kind, route.index, route.line) == ("route", 1, 9)
    assert net.integer("width", None) == 320
    assert conv.integer("filters", 1) == 8
    assert conv.integer("stride", 7) == 7
    assert route.integers("layers") == [-1, 0]


def test_files_from_the_net_are_read_as_darknet_reads_them(tmp_path):
    net, conv, pool, head = sections(
        tmp_path,
        "\ufeff[network]\r\nwidth = 416 # pixels\r\n\thue=.1\r\n"
        "[conv]   # first\r\nfilters = 1 6\r\nfilters=99\r\n"
        "activation = leaky ; slope\r\n"
        "[max]\r\nsize=2.\r\n#[cost]\r\n"
        "[yolo]\r\nmask = 0, 1,2,\r\nanchors = 10,13,  16.5,30\r\n# caf\u00e9\r\n",
    )
    assert net.kind == "net"
    assert net.number("hue", 0) == 0.1
    assert net.integer("width", None) == 416
    assert conv.kind == "convolutional"
    assert conv.integer("filters", 1) == 16  # the first of two, without white space
    assert conv.text("activation", "logistic") == "leaky"
    assert (pool.kind, pool.integer("size", 1)) == ("maxpool", 2)
    assert head.integers("mask") == [0, 1, 2]
    assert head.numbers("anchors") == [10, 13, 16.5, 30]


def test_comments_may_be_in_any_encoding(tmp_path):
    net, _ = sections(tmp_path, "[net]\nwidth=8 # caf\u00e9\n[dropout]\n", "latin-1")
    assert net.integer("width", None) == 8


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must begin with"),
        ("# nothing\n", "must begin with"),
        ("[convolutional]\nsize=3\n[net]\n", r"must begin with \[net\]"),
        ("[net]\nwidth=8\n", "no layers"),
        ("width=8\n[net]\n", "line 1: expected the section"),
        ("[net]\nwidth 8\n[cost]\n", "line 2: expected option=value"),
        ("[net]\n[cost\n", "line 2: expected a section's name"),
        ("[net]\n=8\n[cost]\n", "line 2"),
    ],
)
def test_what_is_no_description_is_named_with_its_line(tmp_path, text, message):
    with pytest.raises(ValueError, match=message) as caught:
        sections(tmp_path, text)
    assert "net.cfg" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("x", lambda s: s.integer("a", 1)),
        ("", lambda s: s.integer("a", 1)),
        ("2.5", lambda s: s.integer("a", 1)),
        ("-1", lambda s: s.integer("a", 1)),
        ("0", lambda s: s.integer("a", 1, least=1)),
        ("inf", lambda s: s.integer("a", 1)),
        ("nan", lambda s: s.number("a", 1)),
        ("1,5", lambda s: s.number("a", 1)),
        ("1,,2", lambda s: s.numbers("a")),
        ("1,two", lambda s: s.integers("a")),
        ("1,2.5", lambda s: s.integers("a")),
        ("1", lambda s: s.refuse("b", "a")),
    ],
)
def test_bad_numbers_are_named_with_their_line(tmp_path, value, read):
    _, section = sections(tmp_path, f"[net]\n[cost]\nb=0\na={value}\n")
    expected = rf"net\.cfg, line 4 \(\[cost\], layer 0\): .*a={value}"
    with pytest.raises(ValueError, match=expected):
        read(section)


@pytest.mark.parametrize("read", ["integer", "numbers", "integers"])
def test_missing_options_are_named_with_their_section(tmp_path, read):
    _, section = sections(tmp_path, "[net]\n[route]\nb=0\n")
    arguments = ("a", None) if read == "integer" else ("a",)
    with pytest.raises(ValueError, match=r"line 2 \(\[route\], layer 0\): `a` is miss"):
        getattr(section, read)(*arguments)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing"):
        read_cfg(tmp_path / "nothing.cfg")
