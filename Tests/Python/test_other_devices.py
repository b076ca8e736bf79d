"""States on a device that is not the CPU: one made for these tests, with memory of its own that
the host can't touch (``other_device/device.cpp``)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "other_device"
sys.path.insert(0, str(HERE))

import other_device  # noqa: E402

pytestmark = pytest.mark.skipif(other_device.compiler() is None, reason="no C++ compiler")


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The device, compiled: some ten seconds."""
    path = tmp_path_factory.mktemp("device") / "device.so"
    other_device.build(path)
    return path


@pytest.mark.parametrize(
    "what", ["save_and_load", "full_file", "unchanged", "module_and_optimizer", "memory"]
)
def test_state_on_another_device(library: Path, work: Path, what: str) -> None:
    done = subprocess.run(
        [sys.executable, str(HERE / "program.py"), str(library), what],
        capture_output=True, text=True, check=False, timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
