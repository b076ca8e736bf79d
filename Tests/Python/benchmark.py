"""Saving and loading 1 GiB of float32, with Lightning's own plugin and with Cairn's.

usage: python Tests/Python/benchmark.py [DIRECTORY] [MiB]
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Sources" / "Python"))

import torch  # noqa: E402
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO  # noqa: E402

from cairn_ckpt import CairnCheckpointIO  # noqa: E402


def resident() -> int:
    """Anonymous memory of this process, in bytes: mapped files are the kernel's to drop."""
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    return 0


def measured(work: Callable[[], Any]) -> tuple[float, int, Any]:
    """Seconds, bytes of memory on top, and the result."""
    gc.collect()
    before = peak = resident()
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.002):
            peak = max(peak, resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.perf_counter()
    try:
        result = work()
        seconds = time.perf_counter() - start
    finally:
        done.set()
        watcher.join()
    return seconds, max(peak, resident()) - before, result


def synced(path: Path) -> None:
    """Makes a file durable, which torch.save does not."""
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def touch(state: dict[str, torch.Tensor]) -> float:
    """Reads every page."""
    return float(sum(tensor.view(torch.int32)[::1024].sum() for tensor in state.values()))


def main() -> None:
    """Prints seconds and memory of each."""
    parent = os.path.abspath(sys.argv[1] if sys.argv[1:] else ".")
    directory = Path(tempfile.mkdtemp(prefix="benchmark-", dir=parent))
    mebibytes = int(sys.argv[2]) if sys.argv[2:] else 1024
    os.chdir(directory)
    state = {f"{n:02}": torch.randn(mebibytes * 2**18 // 20) for n in range(20)}
    theirs, ours = TorchCheckpointIO(), CairnCheckpointIO()
    their_path, our_path = directory / "torch.ckpt", directory / "cairn.ckpt"
    ours.save_checkpoint({"w": torch.ones(1)}, directory / "warm.ckpt")

    def report(name: str, result: tuple[float, int, Any]) -> None:
        print(f"{name:<44} {result[0]:8.3f} s   {result[1] / 2**20:8.1f} MiB", flush=True)

    try:
        for _ in range(2):
            for tensor in state.values():
                tensor.normal_()
            report("TorchCheckpointIO, save", measured(
                lambda: (theirs.save_checkpoint(state, their_path), synced(their_path))))
            report("Cairn, save of all-new data", measured(
                lambda: ours.save_checkpoint(state, our_path)))
            for name in ("03", "11"):
                state[name].normal_()
            report("torch.save", measured(
                lambda: (torch.save(state, their_path), synced(their_path))))
            report("Cairn, save, a tenth changed", measured(
                lambda: ours.save_checkpoint(state, our_path)))
            report("TorchCheckpointIO, load", measured(lambda: theirs.load_checkpoint(their_path)))
            report("Cairn, load", measured(lambda: ours.load_checkpoint(our_path)))
            report("TorchCheckpointIO, load and touch", measured(
                lambda: touch(theirs.load_checkpoint(their_path))))
            report("Cairn, load and touch", measured(
                lambda: touch(ours.load_checkpoint(our_path))))
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
