"""What the programs here share."""

import argparse
import contextlib
import hashlib
import os
import queue
import shutil
import subprocess
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
IN_MEMORY = "/dev/shm"


def option_parser(description: str) -> argparse.ArgumentParser:
    """A parser with the options that all programs have."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--failures", type=int, default=5, help="how many failures end it")
    parser.add_argument("--build", default=os.path.join(HERE, "../../.build/debug"),
                        help="where `cairn` and `CrashChecker` were built")
    parser.add_argument("--seed", type=int, default=1, help="of what is chosen at random")
    parser.add_argument("--directory", default=IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else tempfile.gettempdir(),
                        help="where repositories are made, thousands of them: in memory where there is such a place")
    return parser


class Programs:
    """The programs that are run, and the library that watches them, compiled now."""

    def __init__(self, options, place: str):
        build = os.path.abspath(options.build)
        self.cairn = build + "/cairn"
        self.checker = build + "/CrashChecker"
        for program in (self.cairn, self.checker):
            if not os.access(program, os.X_OK):
                raise SystemExit(f"{program} is not there: `swift build` makes it")
        self.library = place + "/interpose.so"
        subprocess.run(["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", self.library,
                        HERE + "/interpose.c", "-ldl", "-lpthread"], check=True)

    def interposed(self, root: str, trace: str | None = None, fault: str | None = None) -> dict[str, str]:
        found = {"LD_PRELOAD": self.library, "CAIRN_CRASH_ROOT": root}
        if trace:
            found["CAIRN_CRASH_TRACE"] = trace
        if fault:
            found["CAIRN_CRASH_FAULT"] = fault
        return found


@contextlib.contextmanager
def scratch(options):
    """A directory of this run's own."""
    place = tempfile.mkdtemp(prefix="cairn-crash-", dir=options.directory)
    try:
        yield os.path.realpath(place)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def listing(directory: str, left_out: str) -> dict[str, str | None]:
    """The files below a directory with their digests, and directories (None)."""
    result: dict[str, str | None] = {}
    for parent, directories, files in os.walk(directory):
        under = os.path.relpath(parent, directory)
        prefix = "" if under == "." else under + "/"
        for name in directories:
            result[prefix + name] = None
        for name in files:
            if not name.endswith(left_out):
                with open(os.path.join(parent, name), "rb") as file:
                    result[prefix + name] = hashlib.sha1(file.read()).hexdigest()
    return result


class Report:
    """What was done, and what went wrong."""

    def __init__(self, options):
        self.options = options
        self.failures: list[str] = []
        self.counts: dict[str, int] = {}
        self.lock = threading.Lock()
        self.began = time.monotonic()

    def add(self, line: str) -> None:
        with self.lock:
            print(line, flush=True)

    def count(self, what: str, number: int = 1) -> None:
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + number

    def fail(self, where: str, problems: list[str]) -> None:
        with self.lock:
            self.failures.append(where)
            print(f"FAILED: {where}", *problems, sep="\n  ", flush=True)

    def end(self, title: str) -> int:
        done = ", ".join(f"{number} {what}" for what, number in self.counts.items())
        print(f"{title}: {done}; {len(self.failures)} failures (seed {self.options.seed}, "
              f"{time.monotonic() - self.began:.0f} s)")
        return 1 if self.failures else 0


def in_threads(count: int, jobs: list, do) -> None:
    """Does all jobs, some at once: the work is done in other processes."""
    waiting: queue.SimpleQueue = queue.SimpleQueue()
    for job in jobs:
        waiting.put(job)

    def work() -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                do(waiting.get_nowait())
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
