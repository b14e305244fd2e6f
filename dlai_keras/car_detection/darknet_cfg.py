"""Darknet's `.cfg` files: sections with options, each known by its line."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

# Other names that Darknet knows its sections by.
ALIASES = {
    "network": "net",
    "conv": "convolutional",
    "conn": "connected",
    "max": "maxpool",
    "avg": "avgpool",
    "soft": "softmax",
    "lrn": "normalization",
    "silence": "empty",
}


@dataclass(frozen=True)
class Section:
    """One section: `[net]`, or a layer of the network.

    Numbers are read as Darknet writes them; what is not one raises a ValueError with
    the file, the line and the option.

    Attributes:
        kind: its name without brackets; of several names that Darknet knows, the
            usual one.
        path: the file.
        line: of the name, from 1.
        index: how routes count the layers: from 0, -1 for `[net]`.
        options: `(value, line)` by name, without any white space.
    """

    kind: str
    path: Path
    line: int
    index: int
    options: dict[str, tuple[str, int]] = field(default_factory=dict)

    def error(self, message: str, option: str | None = None) -> ValueError:
        """A ValueError that says where: at an option, or at the section's name."""
        _, line = self.options.get(option, (None, self.line))
        layer = f", layer {self.index}" if self.index >= 0 else ""
        return ValueError(f"{self.path}, line {line} ([{self.kind}]{layer}): {message}")

    def require(self, option: str, valid: bool, must: str) -> None:
        """Raises unless an option is valid, saying what it must."""
        if not valid:
            value = self.text(option, "")
            raise self.error(
                f"`{option}` must {must}. Received: {option}={value}.", option
            )

    def text(self, option: str, default: str) -> str:
        """The value of an option as it stands there."""
        return self.options.get(option, (default, 0))[0]

    def number(self, option: str, default: float) -> float:
        """A real number."""
        if option not in self.options:
            return default
        number = _finite(self.text(option, ""))
        self.require(option, number is not None, "be a number")
        return number

    def integer(self, option: str, default: int | None, *, least: int = 0) -> int:
        """A whole number.

        Args:
            option: its name.
            default: where it is not given; None if it must be.
            least: the smallest one allowed.
        """
        if option not in self.options:
            if default is None:
                raise self.error(f"`{option}` is missing.")
            return default
        number = _finite(self.text(option, ""))
        valid = number is not None and number.is_integer() and number >= least
        self.require(option, valid, f"be a whole number from {least} up")
        return int(number)

    def numbers(self, option: str) -> list[float]:
        """Numbers with commas between them; one after the last does no harm."""
        if option not in self.options:
            raise self.error(f"`{option}` is missing.")
        parts = self.text(option, "").removesuffix(",").split(",")
        numbers = [_finite(part) for part in parts]
        self.require(option, None not in numbers, "be numbers with commas between them")
        return numbers

    def integers(self, option: str) -> list[int]:
        """Whole numbers with commas between them."""
        numbers = self.numbers(option)
        whole = all(number.is_integer() for number in numbers)
        self.require(option, whole, "be whole numbers")
        return [int(number) for number in numbers]

    def refuse(self, *options: str) -> None:
        """Raises where one of these is given and is neither `0` nor `none`."""
        for option in options:
            value = self.text(option, "0")
            if value not in {"0", "none"}:
                message = f"{option}={value} is not supported. Take a network without."
                raise self.error(message, option)


def read_cfg(path: Path) -> list[Section]:
    r"""Reads a Darknet network's description.

    As Darknet does, it leaves out white space wherever it stands, lines that begin
    with `#` or `;`, and what is given a second time in a section. What follows `#` or
    `;` in a line is left out too.

    Args:
        path: the `.cfg` file.

    Returns:
        `[net]` and the layers, in order.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file does not begin with `[net]`, has no layers, or a line is
            neither a section's name nor an option.

    Example:
        >>> import tempfile
        >>> cfg = "[net]\nwidth = 32\n\n[maxpool]\nsize=2 # halves\n"
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "tiny.cfg"
        ...     _ = path.write_text(cfg)
        ...     net, layer = read_cfg(path)
        >>> net.integer("width", None), layer.kind, layer.line
        (32, 'maxpool', 4)
        >>> layer.integer("size", 1), layer.integer("stride", 1)
        (2, 1)

    Reference:
        Redmon, 2013-2016, "Darknet: open source neural networks in C".
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No such Darknet network: {path}")
    sections: list[Section] = []
    for number, text in _lines(path):
        if text.startswith("["):
            name = re.fullmatch(r"\[([^\[\]]+)\]", text)
            if name is None:
                raise ValueError(
                    f"{path}, line {number}: expected a section's name in brackets, "
                    f"such as [convolutional]. Received: {text[:60]!r}"
                )
            kind = ALIASES.get(name[1], name[1])
            sections.append(Section(kind, path, number, len(sections) - 1))
            continue
        option, equals, value = text.partition("=")
        if not equals or not option or not sections:
            expected = "option=value" if sections else "the section [net]"
            raise ValueError(
                f"{path}, line {number}: expected {expected}. Received: {text[:60]!r}"
            )
        sections[-1].options.setdefault(option, (value, number))
    if not sections or sections[0].kind != "net":
        begin = f"[{sections[0].kind}]" if sections else "nothing"
        raise ValueError(f"{path} must begin with [net]. Received: {begin}.")
    if len(sections) == 1:
        raise ValueError(f"{path} has no layers, only [net].")
    return sections


def _finite(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbers and texts of the lines that say something."""
    # Comments are in any encoding; what counts is ASCII.
    text = path.read_bytes().decode("utf-8-sig", errors="replace")
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), start=1):
        line = re.sub(r"\s+", "", re.split("[#;]", line)[0])
        if line:
            yield number, line
