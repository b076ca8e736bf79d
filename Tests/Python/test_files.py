"""The files that the plugin leaves: full ones, temporary ones, their modes."""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path
from typing import Any

import pytest
import torch
from states import any_state, same, state, versions

from cairn_ckpt import CairnCheckpointIO, _pointer, _temporaries


def test_full_files(work: Path) -> None:
    plugin = CairnCheckpointIO(files="full")
    content = any_state()
    for _ in range(2):
        plugin.save_checkpoint(content, work / "a.ckpt")
    assert same(torch.load(work / "a.ckpt", weights_only=False), content)
    assert same(torch.load(work / "a.ckpt", weights_only=False, mmap=True), content)
    assert (work / "a.ckpt").stat().st_size > 1_000_000
    assert _pointer.read(str(work / "a.ckpt")) is None
    assert versions(work) == ["a.ckpt@2"]
    assert same(plugin.load_checkpoint(work / "a.ckpt", weights_only=False), content)
    plugin.remove_checkpoint(work / "a.ckpt")
    assert versions(work) == []
    with pytest.raises(ValueError, match="files"):
        CairnCheckpointIO(files="both")


def test_modes_follow_the_umask(work: Path) -> None:
    old = os.umask(0o027)
    try:
        CairnCheckpointIO().save_checkpoint(state(), work / "a.ckpt")
        CairnCheckpointIO(files="full").save_checkpoint(state(), work / "b.ckpt")
    finally:
        os.umask(old)
    for name in ("a.ckpt", "b.ckpt"):
        assert stat.S_IMODE((work / name).stat().st_mode) == 0o640


def test_temporaries_are_not_taken_for_checkpoints(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    replace = os.replace

    def spy(source: Any, target: Any) -> None:
        seen.append(os.path.basename(os.fspath(source)))
        replace(source, target)

    monkeypatch.setattr(os, "replace", spy)
    for files in ("pointer", "full"):
        CairnCheckpointIO(files=files).save_checkpoint(state(), work / "hpc_ckpt_1.ckpt")
    assert len(seen) >= 2 and not any("ckpt" in name or "last" in name for name in seen)


def test_a_hand_over_between_processes_is_no_checkpoint(tmp_path: Path) -> None:
    plugin = CairnCheckpointIO()
    path = tmp_path / "hand over" / ".temp.ckpt"
    plugin.save_checkpoint(state(6), path)
    assert plugin.load_checkpoint(path)["epoch"] == 6
    plugin.remove_checkpoint(path)
    assert list(path.parent.iterdir()) == []


@pytest.fixture
def leftovers(work: Path) -> list[Path]:
    """What writers that were killed leave: files, and a repository that was being made."""
    found = [work / ".cairn-0123456789abcdef.tmp", work / ".cairn-1f.tmp", work / ".cairn-2.tmp"]
    for path in found[:2]:
        path.write_bytes(b"half")
    (found[2] / "blobs" / "00").mkdir(parents=True)
    return found


def test_what_dead_writers_left_goes_with_the_next_save(
    work: Path, leftovers: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [".cairn-notes.tmp", ".cairn-12.tmp.old", "cairn-12.tmp", ".cairn-12.tm"]
    for name in others:
        (work / name).write_bytes(b"mine")
    os.symlink("cairn-12.tmp", work / ".cairn-abc.tmp")
    monkeypatch.setattr(_temporaries, "ABANDONED_AGE", 0.0)
    with open(leftovers[1], "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # its writer lives
        CairnCheckpointIO().save_checkpoint(state(), work / "a.ckpt")
    expected = {leftovers[1].name, *others, ".cairn-abc.tmp", ".cairn", "a.ckpt"}
    assert {entry.name for entry in work.iterdir()} == expected


def test_what_may_be_being_written_stays(work: Path, leftovers: list[Path]) -> None:
    """Whatever its time of modification says: a restore sets that to the original's."""
    for path in leftovers:
        os.utime(path, (1, 1))
    CairnCheckpointIO().save_checkpoint(state(), work / "a.ckpt")
    assert all(path.exists() for path in leftovers)
