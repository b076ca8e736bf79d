"""What was measured, as text and as JSON."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import Any

import torch
from bars import bars
from savers import CAIRN
from workloads import Results


def machine(directory: Path) -> str:
    """What it ran on, in words."""
    model = platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores of {model}, {memory:.0f} GiB, {_filesystem(directory)}, "
        f"Linux {platform.release()}, Python {platform.python_version()}, PyTorch {torch.__version__}"
    )


def _filesystem(directory: Path) -> str:
    found, longest = "?", -1
    path = str(directory.resolve())
    with open("/proc/mounts", encoding="utf-8") as file:
        for line in file:
            _, place, kind = line.split()[:3]
            inside = path == place or path.startswith(place.rstrip("/") + "/")
            if inside and len(place) > longest:
                found, longest = kind, len(place)
    return found


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        lines.append("  ".join(cells).rstrip())
    return lines


def _number(value: float, unit: str) -> str:
    return f"{value:.{2 if unit == '×' else 1}f} {unit}"


def text(results: Results, about: str) -> str:
    """The tables: times, numbers, bars."""
    lines = [about, ""]
    for workload, contenders in results.timings.samples.items():
        ours = contenders.get(CAIRN)
        rows = [[workload, "median", "least", "most", "user+sys", "Cairn / it"]]
        for name, samples in contenders.items():
            ratio = f"{ours.median / samples.median:.2f}" if ours and name != CAIRN else ""
            times = [samples.median, samples.least, samples.most, min(samples.processor)]
            rows.append([f"  {name}", *(f"{seconds:.3f} s" for seconds in times), ratio])
        lines += [*_aligned(rows), ""]
    if results.numbers:
        lines += _aligned([[name, f"{value:,.1f}"] for name, value in results.numbers.items()]) + [""]
    found = bars(results)
    if found:
        rows = [["", "measured", "of least times", "bar", ""]]
        for bar in found:
            rows.append([
                bar.what, _number(bar.value, bar.unit), "" if bar.best is None else _number(bar.best, bar.unit),
                ("≥ " if bar.at_least else "≤ ") + _number(bar.limit, bar.unit), "met" if bar.is_met else "MISSED"])
        lines += _aligned(rows)
    lines += [f"skipped: {reason}" for reason in results.skipped]
    return "\n".join(lines) + "\n"


def document(results: Results, about: str) -> dict[str, Any]:
    """All of it, every single time."""
    return {
        "machine": about,
        "seconds": {
            workload: {name: samples.values for name, samples in contenders.items()}
            for workload, contenders in results.timings.samples.items()
        },
        "processor_seconds": {
            workload: {name: samples.processor for name, samples in contenders.items()}
            for workload, contenders in results.timings.samples.items()
        },
        "numbers": results.numbers,
        "bars": [
            {"what": bar.what, "value": bar.value, "of_least": bar.best, "unit": bar.unit, "bar": bar.limit,
             "at_least": bar.at_least, "met": bar.is_met}
            for bar in bars(results)
        ],
        "skipped": results.skipped,
    }


def write_json(results: Results, about: str, path: Path) -> None:
    """Writes the document."""
    path.write_text(json.dumps(document(results, about), indent=1) + "\n", encoding="utf-8")
