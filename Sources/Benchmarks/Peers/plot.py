"""What was measured, as a picture: for each workload the median of each contender, and its spread."""

from __future__ import annotations

from html import escape
from pathlib import Path

from savers import CAIRN
from workloads import Results

ROW, NAME, WIDTH = 20, 240, 900
BAR = WIDTH - NAME - 90


def _text(x: float, y: float, text: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(text)}</text>'


def write(results: Results, about: str, path: Path) -> None:
    """Writes an SVG; each workload has a scale of its own."""
    parts: list[str] = []
    y = 30
    parts.append(_text(10, y, about, 'class="small"'))
    y += 10
    for workload, contenders in results.timings.samples.items():
        y += 2 * ROW
        parts.append(_text(10, y, workload, 'class="title"'))
        scale = BAR / max(samples.most for samples in contenders.values())
        for name, samples in sorted(contenders.items(), key=lambda item: item[1].median):
            y += ROW
            kind = "ours" if name == CAIRN else "theirs"
            middle = y - 5
            parts.append(_text(NAME - 8, y, name, 'text-anchor="end"'))
            parts.append(
                f'<rect class="{kind}" x="{NAME}" y="{y - 13}" width="{samples.median * scale:.1f}" height="14"/>')
            parts.append(
                f'<line x1="{NAME + samples.least * scale:.1f}" x2="{NAME + samples.most * scale:.1f}" '
                f'y1="{middle}" y2="{middle}"/>')
            label = f"{samples.median:.3f} s"
            parts.append(_text(NAME + samples.most * scale + 6, y, label, 'class="small"'))
    style = (
        "text{font:13px sans-serif;fill:#24292f}.title{font-weight:bold}.small{font-size:11px}"
        ".ours{fill:#2a7f62}.theirs{fill:#b9c3cd}line{stroke:#24292f}"
    )
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + ROW}" '
        f'viewBox="0 0 {WIDTH} {y + ROW}"><style>{style}</style>'
        f'<rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>\n',
        encoding="utf-8")
