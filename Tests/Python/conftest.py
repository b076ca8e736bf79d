"""What all tests share: the package as it lies in the sources, and clean surroundings."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "Sources" / "Python"
if str(PACKAGE) not in sys.path:
    sys.path.insert(0, str(PACKAGE))

from cairn_ckpt import Repository  # noqa: E402

# A shell lets what it starts in the background ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the user's repositories, or writes among them."""
    monkeypatch.delenv("CAIRN_REPO", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    # Child processes import the package from the sources too.
    monkeypatch.setenv("PYTHONPATH", str(PACKAGE))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """The current directory."""
    return tmp_path / "work"


@pytest.fixture
def repository(work: Path) -> Repository:
    """A repository in the current directory."""
    return Repository.initialize(work / ".cairn")
