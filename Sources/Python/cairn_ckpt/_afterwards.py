"""What is done once a save has returned, in a thread of its own: the index follows the log, and
what the save has replaced is freed.

The checkpoint is committed by then, and its pointer in its place. A process that dies meanwhile
leaves what one leaves that dies there anyway: an index that the next command brings up to the log,
and a version that ``cairn gc --pointers`` finds. One that ends waits for it.

Signal handlers save too (Lightning's for SLURM), at any instruction of the main thread. So no lock
of Python's is taken here that this may hold: threads are started, and waited for, by ``_thread``'s
own functions, and everything that changes is changed by single operations.
"""

from __future__ import annotations

import _thread
import atexit
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable

_logger = logging.getLogger("cairn_ckpt")

PATIENCE = 10.0
"""Seconds that most wait at most: what is freed may be very large, another process may have the
repository's lock for long, and whoever does not wait does nothing wrong."""


class _Worker:
    """One piece of work."""

    def __init__(self, repositories: frozenset[str], work: Callable[[], None]) -> None:
        self.repositories = repositories
        self._work = work
        self._at_work = _thread.allocate_lock()
        self._at_work.acquire()

    def run(self) -> None:
        identifier = threading.get_ident()
        _identifiers.add(identifier)
        try:
            self._work()
        except Exception:
            _logger.warning("what a save has left to do was not done", exc_info=True)
        finally:
            _identifiers.discard(identifier)
            self.end()

    def end(self) -> None:
        _workers.discard(self)
        self._at_work.release()

    def wait(self, deadline: float | None) -> None:
        patience = -1.0 if deadline is None else max(deadline - time.monotonic(), 0.0)
        if self._at_work.acquire(timeout=patience):
            self._at_work.release()


_workers: set[_Worker] = set()
_identifiers: set[int] = set()
"""Of the threads they work in."""


def start(repositories: Iterable[str], work: Callable[[], None]) -> None:
    """Does `work`, which concerns the repositories with these ids, after this has returned."""
    worker = _Worker(frozenset(repositories), work)
    _workers.add(worker)
    try:
        _thread.start_new_thread(worker.run, ())
    except RuntimeError:
        # There are too many threads, or the interpreter is ending.
        worker.run()


def wait(repository: str | None = None, patience: float | None = PATIENCE) -> None:
    """Waits until all is done that saves have left to do.

    Args:
        repository: Only what concerns the one with this id.
        patience: For so many seconds at most; None: however long it takes.
    """
    # Those that are at it ask for repositories too, and would wait for each other.
    if not _workers or threading.get_ident() in _identifiers:
        return
    deadline = None if patience is None else time.monotonic() + patience
    for worker in _workers.copy():
        if repository is None or repository in worker.repositories:
            worker.wait(deadline)


class _Fork:
    """A child gets no locks, such as SQLite's, of a thread that it does not have."""

    interrupted = False

    @classmethod
    def before(cls) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                wait(patience=max(deadline - time.monotonic(), 0.0))
                return
            except KeyboardInterrupt:
                # It would be ignored here, and nobody hear of it.
                cls.interrupted = True

    @classmethod
    def after_in_parent(cls) -> None:
        if cls.interrupted:
            cls.interrupted = False
            _thread.interrupt_main()

    @classmethod
    def after_in_child(cls) -> None:
        cls.interrupted = False
        _workers.clear()
        _identifiers.clear()


os.register_at_fork(
    before=_Fork.before,
    after_in_parent=_Fork.after_in_parent,
    after_in_child=_Fork.after_in_child,
)


def _wait_at_the_end() -> None:
    wait(patience=None)


# When the interpreter waits for threads, which processes of multiprocessing do too; and for what
# functions that run later have saved.
if hasattr(threading, "_register_atexit"):
    threading._register_atexit(_wait_at_the_end)
atexit.register(_wait_at_the_end)
