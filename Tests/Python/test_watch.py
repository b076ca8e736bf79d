"""What `cairn watch --replace` leaves in a directory, followed by torch."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import torch

from cairn_ckpt import Repository

TOP = Path(__file__).resolve().parents[2]


def _program() -> Path | None:
    """The `cairn` program: beside the library that is tested, or of the last build."""
    library = os.environ.get("CAIRN_LIBRARY")
    places = [Path(library).parent] if library else []
    places += [TOP / ".build" / kind for kind in ("release", "debug")]
    return next((place / "cairn" for place in places if (place / "cairn").exists()), None)


PROGRAM = _program()

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="the cairn program is not built")


def watch(*arguments: str) -> str:
    """Runs `cairn watch --once` on the directory `runs`."""
    return subprocess.run(
        [str(PROGRAM), "watch", "runs", "--once", "--settle", "0", *arguments],
        check=True, capture_output=True, text=True,
    ).stdout


def test_files_that_became_pointers_load_as_before(repository: Repository, work: Path) -> None:
    (work / "runs").mkdir()
    state = {"w": torch.arange(5000.0), "b": torch.ones(3, dtype=torch.bfloat16), "epoch": 3}
    torch.save(state, work / "runs" / "last.ckpt")
    assert "points to runs/last.ckpt@1 now" in watch("--replace")
    assert (work / "runs" / "last.ckpt").stat().st_size < 4096
    for options in ({"weights_only": True}, {"weights_only": False}, {"map_location": "cpu"}, {"mmap": True}):
        loaded = torch.load(work / "runs" / "last.ckpt", **options)
        assert loaded["epoch"] == 3
        assert torch.equal(loaded["w"], state["w"])
        assert torch.equal(loaded["b"], state["b"])
    meta = torch.load(work / "runs" / "last.ckpt", map_location="meta")
    assert meta["w"].device.type == "meta"


def test_a_checkpoint_that_replaces_a_pointer_is_the_next_version(repository: Repository, work: Path) -> None:
    (work / "runs").mkdir()
    for epoch in (1, 2):
        torch.save({"epoch": epoch}, work / "runs" / "last.ckpt")
        watch("--replace")
    assert torch.load(work / "runs" / "last.ckpt")["epoch"] == 2
    subprocess.run([str(PROGRAM), "restore", "runs/last.ckpt@1", "-o", "first.ckpt"], check=True, capture_output=True)
    assert torch.load(work / "first.ckpt")["epoch"] == 1
