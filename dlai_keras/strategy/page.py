"""A page to browse mistakes in: one HTML file that needs nothing else."""

import base64
import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np

from dlai_keras.files import write_atomically
from dlai_keras.strategy.data import Example

# Nothing is fetched from anywhere, whatever an example holds.
POLICY = (
    "default-src 'none'; img-src 'self' data: file:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'"
)
STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 1.5rem auto; padding: 0 1rem;
  max-width: 78rem; color: #1b1b1b; background: #fff; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #ddd;
  vertical-align: middle; }
th button { font: inherit; font-weight: 600; border: 0; background: none; padding: 0;
  cursor: pointer; color: inherit; }
th[aria-sort=ascending] button::after { content: " \\25B2"; }
th[aria-sort=descending] button::after { content: " \\25BC"; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
tr.mistake td.prediction { color: #b3263a; font-weight: 600; }
td img { image-rendering: pixelated; height: 64px; min-width: 32px; }
.filter { display: flex; flex-wrap: wrap; gap: .4rem; align-items: center;
  margin: .6rem 0; }
.filter button, .tag { border: 1px solid #3d7ea6; border-radius: 1rem; color: #1b5578;
  background: #fff; padding: .1rem .6rem; font: inherit; font-size: .9rem; }
.filter button { cursor: pointer; }
.filter button[aria-pressed=true] { background: #1b5578; color: #fff; }
.tag { display: inline-block; margin: .1rem; }
.bar { background: #d1495b; height: .7rem; display: block; min-width: 1px; }
[hidden] { display: none !important; }
"""
SCRIPT = """
const rows = [...document.querySelectorAll("#examples tbody tr")];
const search = document.querySelector("#search");
const only = document.querySelector("#mistakes");
const buttons = [...document.querySelectorAll("button[data-tag]")];
function show() {
  const wanted = buttons.filter(b => b.getAttribute("aria-pressed") === "true")
    .map(b => b.dataset.tag);
  const text = search.value.toLowerCase();
  let shown = 0;
  for (const row of rows) {
    const tags = JSON.parse(row.dataset.tags);
    const fits = wanted.every(tag => tag === "" ? !tags.length : tags.includes(tag))
      && (!only.checked || row.classList.contains("mistake"))
      && row.textContent.toLowerCase().includes(text);
    row.hidden = !fits;
    shown += fits;
  }
  document.querySelector("#count").textContent = shown + " of " + rows.length;
}
for (const button of buttons) button.addEventListener("click", () => {
  const was = button.getAttribute("aria-pressed") === "true";
  button.setAttribute("aria-pressed", String(!was));
  show();
});
search.addEventListener("input", show);
only.addEventListener("change", show);
function key(row, column) {
  const cell = row.cells[column];
  return cell.dataset.value ?? cell.textContent;
}
for (const table of document.querySelectorAll("table")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.querySelector("button")?.addEventListener(
    "click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const body = table.tBodies[0];
      const sorted = [...body.rows].sort((a, b) => {
        const [x, y] = [key(a, column), key(b, column)];
        const [n, m] = [parseFloat(x), parseFloat(y)];
        return Number.isNaN(n) || Number.isNaN(m) ? x.localeCompare(y) : n - m;
      });
      if (down) sorted.reverse();
      body.append(...sorted);
    }));
}
show();
"""


def write_page(
    path: str | Path,
    examples: Sequence[Example],
    *,
    title: str = "Error analysis",
    tags: Sequence[Mapping] = (),
    notes: Sequence[str] = (),
    limit: int | None = 5000,
) -> int:
    """Writes a page with the table of tags and all examples, mistakes first.

    The page is one file, works without a network and fetches nothing: examples can be
    filtered by tag, by text and to mistakes only, and every column can be sorted.
    Pictures that are data URIs are in it; picture files are linked, as they are
    written in the examples.

    Args:
        path: HTML file to write.
        examples: what to browse.
        title: stands above.
        tags: rows of `tabulate_tags`.
        notes: lines below the title.
        limit: most examples on the page, mistakes first; None for all.

    Returns:
        How many examples are on the page.

    Raises:
        ValueError: there is no example, or `limit` is below 1.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     page = Path(folder) / "errors.html"
        ...     write_page(page, [Example("1", "cat", "dog", ("<b>",))])
        ...     "&lt;b&gt;" in page.read_text() and "<b>" not in page.read_text()
        1
        True
    """
    if not examples:
        raise ValueError("`examples` must hold one or more. Received none.")
    if limit is not None and limit < 1:
        raise ValueError(f"`limit` must be 1 or more, or None. Received: {limit}.")
    ordered = sorted(examples, key=lambda one: not one.is_mistake)
    shown = ordered[:limit]
    lines = [*notes]
    if len(shown) < len(ordered):
        lines.append(f"{len(shown)} of {len(ordered)} examples are on this page.")
    counts: dict[str, int] = {}
    for one in shown:
        for tag in one.tags or ("",):
            counts[tag] = counts.get(tag, 0) + 1
    parts = [
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        "</head>",
        "<body>",
        f"<h1>{escape(title)}</h1>",
        *(f"<p>{escape(line)}</p>" for line in lines),
        *_tag_table(tags),
        "<h2>Examples</h2>",
        '<div class="filter">',
        '<label>Find <input id="search" type="search"></label>',
        '<label><input id="mistakes" type="checkbox"> mistakes only</label>',
        *(_filter(tag, num) for tag, num in sorted(counts.items(), key=_by_number)),
        '<span id="count" role="status"></span>',
        "</div>",
        *_example_table(shown),
        f"<script>{SCRIPT}</script>",
        "</body>",
        "</html>",
    ]
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, "\n".join(parts) + "\n")
    return len(shown)


def to_data_uri(image: np.ndarray) -> str:
    """A picture as a text that a page can hold.

    Args:
        image: uint8 RGB `(height, width, 3)`.

    Returns:
        `data:image/png;base64,...`

    Raises:
        ValueError: the array is no picture.

    Example:
        >>> to_data_uri(np.zeros((8, 8, 3), "uint8"))[:22]
        'data:image/png;base64,'
    """
    import cv2

    image = np.asarray(image)
    if image.ndim != 3 or image.shape[-1] != 3 or image.dtype != np.uint8:
        raise ValueError(
            "`image` must be uint8 (height, width, 3). Received: "
            f"{image.dtype}, shape {image.shape}."
        )
    _, content = cv2.imencode(".png", np.ascontiguousarray(image[..., ::-1]))
    return f"data:image/png;base64,{base64.b64encode(content.tobytes()).decode()}"


def _by_number(item):
    tag, num = item
    return tag == "", -num, tag


def _filter(tag, num):
    return (
        f'<button type="button" aria-pressed="false" data-tag="{escape(tag)}">'
        f"{escape(tag or '(no tag)')} {num}</button>"
    )


def _head(names):
    cells = "".join(
        f'<th scope="col"><button type="button">{escape(name)}</button></th>'
        for name in names
    )
    return f"<thead><tr>{cells}</tr></thead>"


def _tag_table(rows):
    if not rows:
        return
    has_errors = any("num_examples" in row for row in rows)
    names = ["tag", "mistakes", "share of the mistakes", "", "gain", "ceiling"]
    names += ["examples", "error among them"] * has_errors
    yield "<h2>Tags: how far the error would drop</h2>"
    yield f'<div class="scroll"><table id="tags">{_head(names)}<tbody>'
    for row in rows:
        cells = [
            f"<td>{escape(row['tag'])}</td>",
            _number(row["num"], str(row["num"])),
            _number(row["share"], _with_interval(row, "share")),
            f'<td data-value="{row["share"]:.6f}">'
            f'<span class="bar" style="width:{160 * row["share"]:.0f}px"></span></td>',
            _number(row["gain"], f"{row['gain']:.2%}"),
            _number(row["ceiling"], _with_interval(row, "ceiling")),
        ]
        if has_errors:
            cells.append(_number(row["num_examples"], str(row["num_examples"])))
            cells.append(_number(row["error"], _with_interval(row, "error")))
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</tbody></table></div>"


def _example_table(examples):
    has = {
        name: any(getattr(one, name) for one in examples)
        for name in ("image", "correct_label", "comment")
    }
    more = list(dict.fromkeys(key for one in examples for key in one.more))
    names = ["picture"] * has["image"] + ["name", "label", "prediction"]
    names += ["really"] * has["correct_label"] + ["tags"]
    names += ["comment"] * has["comment"] + more
    yield f'<div class="scroll"><table id="examples">{_head(names)}<tbody>'
    for one in examples:
        cells = []
        if has["image"]:
            cells.append(f"<td>{_image(one.image)}</td>")
        cells += [_cell(one.name), _cell(one.label)]
        cells.append(f'<td class="prediction">{escape(one.prediction)}</td>')
        if has["correct_label"]:
            cells.append(_cell(one.correct_label))
        tags = "".join(f'<span class="tag">{escape(tag)}</span>' for tag in one.tags)
        cells.append(f"<td>{tags}</td>")
        if has["comment"]:
            cells.append(_cell(one.comment))
        cells += [_cell(one.more.get(key, "")) for key in more]
        kind = ' class="mistake"' if one.is_mistake else ""
        data = escape(json.dumps(list(one.tags), ensure_ascii=False))
        yield f'<tr{kind} data-tags="{data}">{"".join(cells)}</tr>'
    yield "</tbody></table></div>"


def _image(source):
    # A link to elsewhere would be fetched, or run; the policy above forbids it, too.
    scheme = source.partition(":")[0].lower() if ":" in source else ""
    is_file = not scheme and not source.startswith(("//", "\\\\"))
    if not source or not (is_file or source.startswith("data:image/")):
        return escape(source)
    return f'<img src="{escape(source)}" alt="" loading="lazy">'


def _cell(value):
    text = str(value)
    try:
        float(text)
    except ValueError:
        return f"<td>{escape(text)}</td>"
    return _number(text, text)


def _number(value, text):
    return f'<td class="number" data-value="{escape(str(value))}">{escape(text)}</td>'


def _with_interval(row, name):
    return f"{row[name]:.1%} ({row[f'{name}_low']:.1%} to {row[f'{name}_high']:.1%})"
