"""Writing files durably, and reading small ones."""

from __future__ import annotations

import os
import stat

from ._temporaries import Temporary


def sync_directory(path: str) -> None:
    """Makes the names in a directory durable."""
    descriptor = os.open(path or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directories(path: str) -> None:
    """Makes a directory and those above it, durably."""
    if not path or os.path.isdir(path):
        return
    parent = os.path.dirname(path)
    if parent != path:
        make_directories(parent)
    try:
        os.mkdir(path)
    except FileExistsError:
        return
    sync_directory(parent)


def write_durably(path: str, content: bytes) -> None:
    """Puts a file at a path: atomically, durably, with the mode that the umask gives."""
    with Temporary(path) as temporary:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(temporary.path, flags, 0o666), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        replace_durably(temporary.path, path)


def replace_durably(temporary: str, path: str) -> None:
    """Renames a file that is durable to its name, and makes the name durable."""
    os.replace(temporary, path)
    sync_directory(os.path.dirname(path))


def sync_file(path: str) -> None:
    """Makes a file's content durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_small(path: str, limit: int) -> bytes | None:
    """A regular file's content; None for anything else, and for more than `limit` bytes."""
    # A FIFO would hold the opener up.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode) or info.st_size > limit:
            return None
        content = b""
        while piece := os.read(descriptor, limit + 1 - len(content)):
            content += piece
        return content if len(content) <= limit else None
    finally:
        os.close(descriptor)


def link_count(path: str) -> int:
    """How many names the regular file at a path has; 0 for anything else, links included."""
    try:
        info = os.lstat(path)
    except OSError:
        return 0
    return info.st_nlink if stat.S_ISREG(info.st_mode) else 0
