"""What a save leaves to do when it returns: it is done in a moment, before the program ends, and before anybody in it
who looks sees anything else."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from command_line import cairn, needs_command_line

from cairn_ckpt import CairnCheckpointIO, Repository, _afterwards, _holding

MEBIBYTE = 2**20


def state(seed: int) -> dict[str, torch.Tensor]:
    return {"w": torch.rand(MEBIBYTE // 4, generator=torch.Generator().manual_seed(seed))}


def stored(work: Path) -> int:
    """Bytes of the blobs that are there."""
    return sum(path.stat().st_size for path in (work / ".cairn" / "blobs").rglob("*") if path.is_file())


def test_what_was_replaced_is_freed(work: Path) -> None:
    plugin = CairnCheckpointIO()
    for seed in range(3):
        plugin.save_checkpoint(state(seed), "a.ckpt")
    plugin.teardown()
    assert MEBIBYTE < stored(work) < 1.5 * MEBIBYTE
    assert torch.equal(torch.load("a.ckpt")["w"], state(2)["w"])


@pytest.mark.parametrize("saves", [1, 3])
def test_an_index_that_was_left_behind_is_soon_caught_up(work: Path, saves: int) -> None:
    plugin = CairnCheckpointIO()
    for turn in range(saves):
        plugin.save_checkpoint({str(number): torch.full((3,), number + turn) for number in range(300)}, "a.ckpt")
    _afterwards.wait()
    # Read by nobody who would catch up with the log first.
    with contextlib.closing(sqlite3.connect(work / ".cairn" / "index.sqlite")) as index:
        assert index.execute("SELECT tensor_count FROM manifest").fetchall() == [(300,)]
        assert index.execute("SELECT count(*) FROM tensor WHERE refs = 1").fetchone() == (300,)


def test_a_signal_handler_saves_at_any_moment(work: Path) -> None:
    """Also while the main thread starts what it does afterwards, or waits for it."""
    script = """
import random
saved = 0
def save(*arguments):
    global saved
    saved += 1
    plugin.save_checkpoint(state(saved), "emergency.ckpt")
    signal.setitimer(signal.ITIMER_REAL, random.uniform(0.001, 0.05))
signal.signal(signal.SIGALRM, save)
save()
for seed in range(60):
    plugin.save_checkpoint(state(seed), "a.ckpt")
signal.setitimer(signal.ITIMER_REAL, 0)
sys.exit(0 if saved > 20 else 3)
"""
    assert run(work, script) == 0
    assert stored(work) < 2.5 * MEBIBYTE


@pytest.fixture
def held_up(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Nothing is done afterwards until this is set."""
    go = threading.Event()
    release = _holding._release

    def wait_and_release(*arguments: object) -> None:
        assert go.wait(60)
        release(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(_holding, "_release", wait_and_release)
    return go


def test_a_save_does_not_wait_for_it_and_those_who_look_do(work: Path, held_up: threading.Event) -> None:
    plugin = CairnCheckpointIO()
    for seed in range(2):
        plugin.save_checkpoint(state(seed), "a.ckpt")
    assert torch.equal(plugin.load_checkpoint("a.ckpt")["w"], state(1)["w"])  # no index is needed
    repository = Repository(work / ".cairn")
    found: list[str] = []
    looker = threading.Thread(target=lambda: found.extend(record["name"] for record in repository.log()))
    looker.start()
    looker.join(0.3)
    assert looker.is_alive() and stored(work) > 2 * MEBIBYTE
    held_up.set()
    looker.join(60)
    assert found == ["a.ckpt@2"] and stored(work) < 1.5 * MEBIBYTE


@pytest.mark.parametrize("look", ["close", "teardown", "save", "fork"])
def test_these_wait_for_it(work: Path, held_up: threading.Event, look: str) -> None:
    plugin = CairnCheckpointIO()
    for seed in range(2):
        plugin.save_checkpoint(state(seed), "a.ckpt")
    threading.Timer(0.3, held_up.set).start()
    if look == "close":
        Repository(work / ".cairn").close()
    elif look == "teardown":
        plugin.teardown()
    elif look == "save":
        plugin.save_checkpoint(state(1), "b.ckpt")
    else:
        child = os.fork()
        if child == 0:
            os._exit(0 if held_up.is_set() else 1)
        assert os.waitpid(child, 0)[1] == 0
    assert held_up.is_set() and stored(work) < 1.5 * MEBIBYTE


def run(work: Path, script: str) -> int:
    head = "import atexit, os, signal, sys, threading, torch; from cairn_ckpt import CairnCheckpointIO\n"
    head += f"sys.path.insert(0, {str(Path(__file__).parent)!r}); from test_afterwards import state\n"
    head += "plugin = CairnCheckpointIO()\n"
    return subprocess.run([sys.executable, "-c", head + script], cwd=work, check=False, timeout=120).returncode


@pytest.mark.parametrize(
    "script",
    [
        "for seed in range(3): plugin.save_checkpoint(state(seed), 'a.ckpt')",
        "for seed in range(3): plugin.save_checkpoint(state(seed), 'a.ckpt')\nraise SystemExit(0)",
        "for seed in range(3): atexit.register(plugin.save_checkpoint, state(2 - seed), 'a.ckpt')",
        "def save():\n  for seed in range(3): plugin.save_checkpoint(state(seed), 'a.ckpt')\n"
        "daemon = threading.Thread(target=save, daemon=True); daemon.start(); daemon.join()",
    ],
    ids=["end", "exit", "atexit", "daemon"],
)
def test_a_program_that_ends_leaves_nothing_to_do(work: Path, script: str) -> None:
    assert run(work, script) == 0
    assert stored(work) < 1.5 * MEBIBYTE
    assert torch.equal(torch.load("a.ckpt")["w"], state(2)["w"])


@needs_command_line
def test_a_program_that_is_killed_leaves_what_gc_finds(work: Path) -> None:
    script = "from cairn_ckpt import _holding\n"
    script += "_holding._release = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)\n"
    script += "for seed in range(2): plugin.save_checkpoint(state(seed), 'a.ckpt')\nthreading.Event().wait(60)"
    assert run(work, script) == -signal.SIGKILL
    assert torch.equal(torch.load("a.ckpt")["w"], state(1)["w"])
    assert [record["name"] for record in Repository(work / ".cairn").log()] == ["a.ckpt@2", "a.ckpt@1"]
    assert cairn("gc", "--pointers", str(work), "--remove")
    assert [record["name"] for record in Repository(work / ".cairn").log()] == ["a.ckpt@2"]
    assert stored(work) < 1.5 * MEBIBYTE


def test_two_repositories_wait_for_each_other_only_once(work: Path) -> None:
    """What is freed may lie in another repository than what was saved."""
    plugins = [CairnCheckpointIO(repo=work / name) for name in ("r1", "r2")]
    for turn in range(6):
        for number in range(2):
            plugins[(turn + number) % 2].save_checkpoint(state(turn), f"{number}.ckpt")
    for plugin in plugins:
        plugin.teardown()
    assert not _afterwards._workers
    for name in ("r1", "r2"):
        assert len(Repository(work / name).log()) == 1
