"""The plugin in forked and spawned children, threads and signal handlers."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from states import state, versions

from cairn_ckpt import CairnCheckpointIO, Repository


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_children_save_and_load(work: Path, method: str) -> None:
    plugin = CairnCheckpointIO()
    plugin.save_checkpoint(state(1), work / "a.ckpt")
    context = multiprocessing.get_context(method)
    process = context.Process(target=_child, args=(plugin, str(work)))
    process.start()
    process.join(120)
    assert process.exitcode == 0
    assert plugin.load_checkpoint(work / "child.ckpt")["epoch"] == 5
    plugin.save_checkpoint(state(2), work / "a.ckpt")
    assert versions(work) == ["a.ckpt@2", "child.ckpt@1"]


def _child(plugin: CairnCheckpointIO, work: str) -> None:
    os.chdir(work)
    assert plugin.load_checkpoint("a.ckpt")["epoch"] == 1
    plugin.save_checkpoint(state(5), "child.ckpt")


def test_a_thread_pool(work: Path) -> None:
    plugin = CairnCheckpointIO()

    def task(number: int) -> None:
        path = work / f"{number % 5}.ckpt"
        plugin.save_checkpoint(state(number), work / f"own {number}.ckpt")
        plugin.save_checkpoint(state(number % 5), path)
        assert plugin.load_checkpoint(work / f"own {number}.ckpt")["epoch"] == number

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(task, range(20)))
    for number in range(5):
        assert plugin.load_checkpoint(work / f"{number}.ckpt")["epoch"] == number


def test_a_state_that_changes_while_it_is_saved(work: Path) -> None:
    """Some moment's bytes are kept, under the digest that they have."""
    plugin = CairnCheckpointIO()
    weights = torch.zeros(4_000_000)
    stop = threading.Event()

    def train() -> None:
        while not stop.is_set():
            weights.add_(1)

    trainer = threading.Thread(target=train)
    trainer.start()
    try:
        for _ in range(3):
            plugin.save_checkpoint({"w": weights}, work / "a.ckpt")
    finally:
        stop.set()
        trainer.join()
    Repository(work).load("a.ckpt", verify=True)


def test_a_signal_handler_that_saves_in_the_middle_of_a_save(work: Path) -> None:
    """As Lightning's does for SLURM."""
    plugin = CairnCheckpointIO()
    inner: list[int] = []

    def handler(number: int, frame: Any) -> None:
        plugin.save_checkpoint(state(7), work / "hpc.ckpt")
        inner.append(number)

    old = signal.signal(signal.SIGUSR1, handler)
    timer = threading.Timer(0.02, lambda: os.kill(os.getpid(), signal.SIGUSR1))
    try:
        timer.start()
        plugin.save_checkpoint({"w": torch.rand(20_000_000), "epoch": 1}, work / "a.ckpt")
        timer.join()
    finally:
        signal.signal(signal.SIGUSR1, old)
    assert inner
    assert plugin.load_checkpoint(work / "hpc.ckpt")["epoch"] == 7
    assert plugin.load_checkpoint(work / "a.ckpt")["epoch"] == 1


def test_a_signal_handler_that_saves_while_the_plugin_is_busy(work: Path) -> None:
    plugin = CairnCheckpointIO()
    with plugin._repositories.lock:
        plugin.save_checkpoint(state(1), work / "a.ckpt")
    assert plugin.load_checkpoint(work / "a.ckpt")["epoch"] == 1


def test_ctrl_c_aborts_a_save(work: Path) -> None:
    plugin = CairnCheckpointIO()
    plugin.save_checkpoint(state(1), work / "a.ckpt")
    big = {"w": torch.rand(60_000_000), "epoch": 2}
    timer = threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        timer.start()
        plugin.save_checkpoint(big, work / "a.ckpt")
        timer.join(5)
    assert plugin.load_checkpoint(work / "a.ckpt")["epoch"] == 1
    assert len(versions(work)) == 1
    plugin.save_checkpoint(state(3), work / "a.ckpt")
    assert plugin.load_checkpoint(work / "a.ckpt")["epoch"] == 3
