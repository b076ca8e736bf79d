"""The command line beside the library under test."""

from __future__ import annotations

import json
import math
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cairn_ckpt import _native


def _program() -> Path:
    return Path(_native._library_path()).resolve().parent / "cairn"


needs_command_line = pytest.mark.skipif(
    not os.access(_program(), os.X_OK), reason="no cairn beside the library"
)


def cairn(*arguments: str) -> Any:
    """What a command prints with ``--json``, but for nulls, as :func:`as_printed` has it."""
    done = subprocess.run(  # noqa: S603
        [str(_program()), *arguments, "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return as_printed(json.loads(done.stdout))


def as_printed(value: Any) -> Any:
    """A value of Python's as the command line has it: without what is not there, and with names
    for numbers that JSON does not have."""
    if isinstance(value, dict):
        return {key: as_printed(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [as_printed(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, bytes):
        return value.hex()
    return value
