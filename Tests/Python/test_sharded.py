"""Strategies that spread a model over processes: which of them use the plugin, tried on the CPU."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("sharded.py")


@pytest.mark.parametrize(
    "what",
    [
        "trainer_fsdp_full", "trainer_fsdp_sharded", "trainer_model_parallel_full",
        "trainer_model_parallel_distributed", "fabric_fsdp", "fabric_model_parallel",
    ],
)
def test_sharded_strategy(work: Path, what: str) -> None:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), what],
        capture_output=True, text=True, check=False, timeout=300, env=dict(os.environ),
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
