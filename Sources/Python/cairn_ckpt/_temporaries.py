"""Files that are being written beside those they will become, and what dead writers left."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
import stat
import time

ABANDONED_AGE = 24 * 3600.0
"""How long nothing may have happened to a temporary file before it is taken away, in seconds.

Its writer may be on another host, where nobody here can see whether it lives, and that host's clock
another one. The command line's are among these files, and a directory may be one."""

# The command line's names have no leading zeros.
_NAME = re.compile(r"\.cairn-[0-9a-f]{1,16}\.tmp")
_cleared: set[tuple[int, str]] = set()


def name_beside(path: str) -> str:
    """A new name in a path's directory.

    It has neither ``ckpt`` nor ``last`` in it: Lightning finds the newest ``hpc_ckpt_N`` and the
    last checkpoint by looking for these in the directory's names.
    """
    directory = os.path.dirname(path) or "."
    return os.path.join(directory, f".cairn-{secrets.token_hex(8)}.tmp")


class Temporary:
    """A file to be made at ``path``, and renamed to what it is made for; gone at the end of the
    ``with`` otherwise.

    Args:
        target: What it is made for.
    """

    def __init__(self, target: str) -> None:
        self.path = name_beside(target)

    def __enter__(self) -> Temporary:
        return self

    def __exit__(self, *error: object) -> None:
        try:
            os.unlink(self.path)
        except OSError:
            pass  # renamed, never made, or in the care of `remove_abandoned`


def remove_abandoned(directory: str) -> None:
    """Takes away what writers left in a directory that were killed a day ago or earlier; looks
    once in the life of a process. Never fails the save that it comes before."""
    if (os.getpid(), directory) in _cleared:
        return
    _cleared.add((os.getpid(), directory))
    try:
        with os.scandir(directory) as entries:
            found = [entry.path for entry in entries if _NAME.fullmatch(entry.name)]
    except OSError:
        return
    for path in found:
        try:
            if _is_abandoned(path):
                _remove(path)
        except OSError:
            continue  # just renamed, or somebody else's


def _is_abandoned(path: str) -> bool:
    info = os.lstat(path)
    if stat.S_ISREG(info.st_mode):
        return _is_old(info) and not _is_locked(path)
    # Of a directory: whatever in it was touched last.
    return stat.S_ISDIR(info.st_mode) and _is_old(info) and all(
        _is_old(os.lstat(os.path.join(folder, name)))
        for folder, folders, files in os.walk(path)
        for name in folders + files
    )


def _is_old(info: os.stat_result) -> bool:
    # Not the time of modification: a restore sets that to the original's before its file is done.
    return time.time() - info.st_ctime >= ABANDONED_AGE


def _is_locked(path: str) -> bool:
    """Whether a writer that can be seen from here has the file open."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    except OSError:
        return False  # a filesystem without locks: the age has to do
    finally:
        os.close(descriptor)


def _remove(path: str) -> None:
    if os.path.isdir(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        os.unlink(path)
