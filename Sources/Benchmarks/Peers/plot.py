"""What was measured, as a picture: for each workload the median of each contender, and its spread."""

from __future__ import annotations

from html import escape
from pathlib import Path

from savers import CAIRN
from workloads import Results

ROW, NAME, WIDTH = 20, 240, 900
BAR = WIDTH - NAME - 90
CHUNKS = "chunks"
DEFAULT_CHUNKS = "8 MiB"


def _text(x: float, y: float, text: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(text)}</text>'


Row = tuple[str, float, float, float, str]
"""A name, the median, the least and the most, and what is written behind them."""


def _panels(results: Results) -> dict[str, list[Row]]:
    panels: dict[str, list[Row]] = {}
    for workload, contenders in results.timings.samples.items():
        rows = [
            (name, samples.median, samples.least, samples.most, f"{samples.median * 1e3:,.1f} ms")
            for name, samples in contenders.items()
        ]
        # Peers by their times, sizes of chunks by their sizes.
        panels[workload] = rows if workload.startswith(CHUNKS) else sorted(rows, key=lambda row: row[1])
    for name, value in results.numbers.items():
        size, _, what = name.partition(": ")
        if size.startswith("chunks of "):
            row = (size.removeprefix("chunks of "), value, value, value, f"{value:,.1f}")
            panels.setdefault(f"{CHUNKS}: {what}", []).append(row)
    return panels


def write(results: Results, about: str, path: Path) -> None:
    """Writes an SVG; each workload has a scale of its own."""
    parts: list[str] = []
    y = 30
    parts.append(_text(10, y, about, 'class="small"'))
    y += 10
    for title, rows in _panels(results).items():
        y += 2 * ROW
        parts.append(_text(10, y, title, 'class="title"'))
        scale = BAR / (max(row[3] for row in rows) or 1)
        for name, median, least, most, label in rows:
            y += ROW
            kind = "ours" if name in (CAIRN, DEFAULT_CHUNKS) else "theirs"
            middle = y - 5
            parts.append(_text(NAME - 8, y, name, 'text-anchor="end"'))
            parts.append(f'<rect class="{kind}" x="{NAME}" y="{y - 13}" width="{median * scale:.1f}" height="14"/>')
            if least < most:
                parts.append(
                    f'<line x1="{NAME + least * scale:.1f}" x2="{NAME + most * scale:.1f}" '
                    f'y1="{middle}" y2="{middle}"/>')
            parts.append(_text(NAME + most * scale + 6, y, label, 'class="small"'))
    style = (
        "text{font:13px sans-serif;fill:#24292f}.title{font-weight:bold}.small{font-size:11px}"
        ".ours{fill:#2a7f62}.theirs{fill:#b9c3cd}line{stroke:#24292f}"
    )
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + ROW}" '
        f'viewBox="0 0 {WIDTH} {y + ROW}"><style>{style}</style>'
        f'<rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>\n',
        encoding="utf-8")
