"""What is done once a save has returned, in a thread of its own: the index follows the log, and
what the save has replaced is freed.

The checkpoint is committed by then, and its pointer in its place. A process that dies meanwhile
leaves what one leaves that dies there anyway: an index that the next command brings up to the log,
and a version that ``cairn gc --pointers`` finds. One that ends waits for it.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable

_FORK_PATIENCE = 10.0
"""Seconds that a fork waits: another process may have the repository's lock for longer."""


class _Worker(threading.Thread):
    """One piece of work, which may use any repository."""

    def __init__(self, repository: str, work: Callable[[], None]) -> None:
        # Also where a daemon saves: it must not end with the program.
        super().__init__(name="cairn-afterwards", daemon=False)
        self._repository = repository
        self._work = work

    def run(self) -> None:
        try:
            self._work()
        finally:
            _ended(self._repository, self)

    def wait(self, patience: float | None = None) -> None:
        # One whose start was interrupted may never have begun.
        if self.ident is not None:
            self.join(patience)


# Those at work, by the repository's id. Changed by single operations only, since a signal handler
# that saves may run between any two.
_workers: dict[str, list[_Worker]] = {}


def _ended(repository: str, worker: _Worker) -> None:
    workers = _workers.get(repository, [])
    if worker in workers:
        workers.remove(worker)


def start(repository: str, work: Callable[[], None]) -> None:
    """Does `work` after this has returned, for a save to the repository with this id."""
    worker = _Worker(repository, work)
    _workers.setdefault(repository, []).append(worker)
    try:
        worker.start()
    except RuntimeError:
        # There are too many threads, or the interpreter is ending.
        _ended(repository, worker)
        work()


def wait(repository: str) -> None:
    """Returns when all is done that saves to the repository with this id have left to do."""
    workers = _workers.get(repository)
    # Those that are at it ask for repositories too, and would wait for each other.
    if workers and not isinstance(threading.current_thread(), _Worker):
        for worker in list(workers):
            worker.wait()


def _wait_for_all(patience: float | None = None) -> None:
    for workers in list(_workers.values()):
        for worker in list(workers):
            if worker is not threading.current_thread():
                worker.wait(patience)


# A child gets no locks, such as SQLite's, of a thread that it does not have.
os.register_at_fork(
    before=lambda: _wait_for_all(_FORK_PATIENCE), after_in_child=_workers.clear
)
# The interpreter waits for threads before this: for those that begin later, of other such functions.
atexit.register(_wait_for_all)
