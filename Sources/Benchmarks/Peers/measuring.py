"""Taking times: contenders in turn, in rounds whose order rotates, so that a slow minute hits all."""

from __future__ import annotations

import gc
import resource
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Samples:
    """What one contender came to in each round, in seconds."""

    values: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    """User and system time of it and of programs that it ran: what other work on the machine spoils least."""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def least(self) -> float:
        return min(self.values)

    @property
    def most(self) -> float:
        return max(self.values)


class Timings:
    """The samples of all contenders of all workloads: ``workload / contender``."""

    def __init__(self) -> None:
        self.samples: dict[str, dict[str, Samples]] = {}

    def add(self, workload: str, contender: str, seconds: float, processor: float) -> None:
        """Notes one round's times."""
        found = self.samples.setdefault(workload, {}).setdefault(contender, Samples())
        found.values.append(seconds)
        found.processor.append(processor)

    def get(self, workload: str, contender: str) -> Samples | None:
        """The samples of one; None if it did not run."""
        return self.samples.get(workload, {}).get(contender)


class FullCache:
    """Has each contender begin on a machine whose memory is full of cached files, as one in use is.

    A virtual machine gives memory that nobody uses back to its host, and the first touch of it afterwards costs several
    times what the write of a page does. Who writes over a file gets that file's pages back, and who writes a new file
    before the old one goes does not: without this, a benchmark on an idle machine measures which of them comes first.
    """

    def __init__(self, directory: Path) -> None:
        """Uses a file there that is all hole: reading it takes memory, and nothing of the disk."""
        self._file = tempfile.TemporaryFile(dir=directory)
        self._file.truncate(2**43)
        self._piece = bytearray(2**24)
        self.fill()

    def fill(self) -> None:
        """Reads on, as much as there is free memory. What is cached already stays, all in all."""
        for _ in range(self._free() // len(self._piece)):
            self._file.readinto(self._piece)

    @staticmethod
    def _free() -> int:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemFree:"):
                    return int(line.split()[1]) * 1024
        return 0


full_cache: FullCache | None = None
"""Set where it was asked for."""


def processor_seconds() -> float:
    """User and system time of this process and of its children that have ended."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def seconds(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """How long something takes, on the clock and of the processors, and its result."""
    gc.collect()
    return _timed(work)


def _timed(work: Callable[[], Any]) -> tuple[float, float, Any]:
    used = processor_seconds()
    start = time.perf_counter()
    result = work()
    taken = time.perf_counter() - start
    return taken, processor_seconds() - used, result


class Unfinished:
    """Work that leaves something to a thread when it returns."""

    def __init__(self, work: Callable[[], Any], wait: Callable[[], Any]) -> None:
        self._work = work
        self._wait = wait

    def __call__(self) -> Any:
        return self._work()

    def finish(self) -> tuple[float, float]:
        """Waits for what it has left; how long that took, on the clock and of the processors."""
        # Without collecting garbage first: the thread would go on meanwhile, unmeasured.
        return _timed(self._wait)[:2]

    def whole(self) -> None:
        """All of it."""
        self._work()
        self._wait()


def in_turn(
    timings: Timings,
    workload: str,
    turn: int,
    contenders: dict[str, Callable[[], Any]],
    check: Callable[[str, Any], None] | None = None,
) -> None:
    """Runs each contender once, beginning with another one each turn; `check` looks at results."""
    names = list(contenders)
    shift = turn % len(names) if names else 0
    for name in names[shift:] + names[:shift]:
        if full_cache is not None:
            full_cache.fill()
        taken, processor, result = seconds(contenders[name])
        if isinstance(contenders[name], Unfinished):
            # Now, and not among the next one's work.
            more, its_processor = contenders[name].finish()
            timings.add(workload, f"{name}, with what it does afterwards", taken + more, processor + its_processor)
        if check is not None:
            check(name, result)
        del result
        timings.add(workload, name, taken, processor)


def resident() -> int:
    """Anonymous memory of this process in bytes: pages of mapped files are the kernel's to drop."""
    with open("/proc/self/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    return 0


def extra_memory(work: Callable[[], Any]) -> tuple[int, Any]:
    """The most memory that `work` had on top of what there was, in bytes, and its result."""
    gc.collect()
    before = peak = resident()
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.002):
            peak = max(peak, resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        result = work()
    finally:
        done.set()
        watcher.join()
    return max(peak, resident()) - before, result
