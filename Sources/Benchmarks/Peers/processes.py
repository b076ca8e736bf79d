"""What takes processes of its own: peaks of memory, the lock, many at once."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import states
import torch
from measuring import in_turn

if TYPE_CHECKING:
    from workloads import Bench


def run(command: list[str]) -> int:
    """Runs a program to its end; the most memory it had, in bytes."""
    with tempfile.TemporaryFile() as errors, open(os.devnull, "wb") as nothing:
        child = subprocess.Popen(command, stdout=nothing, stderr=errors)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            errors.seek(0)
            raise RuntimeError(f"{' '.join(command)}: {errors.read().decode(errors='replace')}")
        return usage.ru_maxrss * 1024


def peak(command: list[str]) -> int:
    """The most anonymous memory that a program has, in bytes: mapped files are the kernel's to drop."""
    most = 0
    with open(os.devnull, "wb") as nothing:
        child = subprocess.Popen(command, stdout=nothing, stderr=nothing)
        while child.poll() is None:
            try:
                text = Path(f"/proc/{child.pid}/status").read_text(encoding="ascii")
            except OSError:
                break
            for line in text.splitlines():
                if line.startswith("RssAnon:"):
                    most = max(most, int(line.split()[1]) * 1024)
            time.sleep(0.001)
        if child.wait():
            raise RuntimeError(f"{' '.join(command)}: ended with {child.returncode}")
    return most


def in_child(work: Callable[[], Any]) -> None:
    """Does something in a forked child, and waits for its end."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    if os.waitpid(child, 0)[1]:
        raise RuntimeError("a child of the benchmark failed")


def all_at_once(work: Callable[[int], Any], count: int) -> None:
    """Does something in `count` forked children that begin together."""
    reading, writing = os.pipe()
    children = []
    for number in range(count):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                # The threads of a parallel loop are the parent's.
                torch.set_num_threads(1)
                os.close(writing)
                os.read(reading, 1)
                work(number)
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    os.close(reading)
    os.close(writing)
    if any([os.waitpid(child, 0)[1] for child in children]):
        raise RuntimeError("a child of the benchmark failed")


def eight_at_once(bench: Bench) -> None:
    """Eight processes save an eighth of the size each, all-new, into one repository; or to eight files."""
    from cairn_ckpt import CairnCheckpointIO, Repository

    place = bench.place("together")
    Repository.initialize(place / "repository").close()
    state = states.even(max(bench.mebibytes // 8, 1))

    def cairn(number: int) -> None:
        states.change(state)
        plugin = CairnCheckpointIO(repo=place / "repository")
        plugin.save_checkpoint(state, place / f"cairn-{number}.ckpt")
        plugin.teardown()

    def plain(number: int) -> None:
        states.change(state)
        torch.save(state, place / f"torch-{number}.ckpt")

    for turn in range(bench.rounds):
        torch.manual_seed(turn)
        states.change(state)
        in_turn(bench.results.timings, "eight processes: save", turn, {
            "Cairn": lambda: all_at_once(cairn, 8),
            "torch.save": lambda: all_at_once(plain, 8),
        })


class LockWatch:
    """Tries a repository's lock every tenth of a millisecond, to see how long others hold it."""

    def __init__(self, repository: Path) -> None:
        self._path = repository / "lock"
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.longest = 0.0
        self.total = 0.0

    def _watch(self) -> None:
        file = os.open(self._path, os.O_RDWR)
        since: float | None = None
        while not self._done.is_set():
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                fcntl.flock(file, fcntl.LOCK_UN)
                held = False
            except BlockingIOError:
                held = True
            now = time.perf_counter()
            if held and since is None:
                since = now
            elif not held and since is not None:
                self.longest = max(self.longest, now - since)
                self.total += now - since
                since = None
            time.sleep(0.0001)
        os.close(file)

    def __enter__(self) -> LockWatch:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._thread.join()


def lock_held(bench: Bench) -> None:
    """A save of as many blobs as 100 GB have, and its removal."""
    from cairn_ckpt import Repository

    place = bench.place("lock")
    path = place / "repository"
    # Chunks of 64 KiB, so that 12,800 of them fit on any disk. Every one is another: zeros after a number.
    run([bench.cairn, "init", "--bare", "--chunk-size", "64KiB", str(path)])
    repository = Repository(path)
    words = torch.zeros(12_800, 8_192, dtype=torch.int64)
    words[:, 0] = torch.arange(1, len(words) + 1)
    state = {"weights": words}
    numbers = bench.results.numbers
    with LockWatch(path) as watch:
        repository.save(state, "large")
    numbers["lock: held by a save of 12,800 blobs, ms"] = watch.longest * 1e3
    with LockWatch(path) as watch:
        repository.save(state, "large")
    numbers["lock: held by a save of them unchanged, ms"] = watch.longest * 1e3
    repository.remove("large@2")
    with LockWatch(path) as watch:
        repository.remove("large")
    numbers["lock: held at once by their removal, ms"] = watch.longest * 1e3
    numbers["lock: held in all by their removal, ms"] = watch.total * 1e3
    shutil.rmtree(place)


def _fill(repository: Any, blobs: int) -> None:
    """Puts in so many blobs, each a file of 8 KiB and a tensor of its own, so that a million fit on any disk."""
    each = 12_500
    for start in range(0, blobs, each):
        words = torch.zeros(min(each, blobs - start), 1_024, dtype=torch.int64)
        words[:, 0] = torch.arange(start + 1, start + len(words) + 1)
        repository.save({f"layer.{row}": words[row].clone() for row in range(len(words))}, f"part-{start // each}")


def many_blobs(bench: Bench) -> None:
    """Saves and loads, `gc` and `verify` where there are very many blobs."""
    from savers import CAIRN, TORCH, Savers

    timings, numbers = bench.results.timings, bench.results.numbers
    empty, full = Savers(bench.place("empty")), Savers(bench.place("million"))
    _fill(full.repository, bench.blobs)
    state = states.even(bench.mebibytes)
    crowded = f"{CAIRN}, {bench.blobs} blobs"
    for turn in range(bench.rounds):
        for what, every in (("save, all new", 1), ("save, one tenth changed", 10)):
            states.change(state, every=every)
            in_turn(timings, f"million: {what}", turn, {
                CAIRN: empty.savers(state)[CAIRN], crowded: full.savers(state)[CAIRN],
                TORCH: empty.savers(state)[TORCH],
            })
        in_turn(timings, "million: mapped load", turn, {
            CAIRN: empty.mapped_loaders()[CAIRN], crowded: full.mapped_loaders()[CAIRN],
            "torch.load(mmap=True)": empty.mapped_loaders()["torch.load(mmap=True)"],
        })
    path = str(full.directory / "repository")
    for what, arguments in (
        ("gc", ["gc"]), ("verify", ["verify"]), ("verify --read-data", ["verify", "--read-data"]), ("log", ["log"]),
    ):
        start = time.perf_counter()
        run([bench.cairn, *arguments, "--repo", path])
        numbers[f"{what} over {bench.blobs} blobs, s"] = time.perf_counter() - start
