"""The file that an export of a checkpoint would give, as a file that is read without writing it."""

from __future__ import annotations

import ctypes
import io
import os
from typing import Any

from . import _native
from ._checkpoint import Checkpoint


class ExportedFile(io.RawIOBase):
    """Reads from the repository what is asked for, and checks it; where it lies needs no reading.

    It keeps what it needs open; a checkpoint that is removed meanwhile is missing.
    """

    def __init__(self, checkpoint: Checkpoint, archive_name: str) -> None:
        super().__init__()
        self.name = checkpoint.name
        self.mode = "rb"
        self._handle = checkpoint.exported_file(archive_name)
        self._size = int(_native.library().cairn_file_size(self._handle))
        self._position = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Moves to an offset from the start, the position or the end."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError(f"{self.name}: a seek before its start")
        self._position = start + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fills a buffer; returns how many bytes there were."""
        self._checkClosed()  # type: ignore[attr-defined]
        view = memoryview(buffer).cast("B")
        count = min(len(view), max(self._size - self._position, 0))
        if count:
            target = (ctypes.c_char * count).from_buffer(view)
            _native.call(
                "cairn_file_read", self._handle, self._position, count, ctypes.addressof(target)
            )
            self._position += count
        return count

    def close(self) -> None:
        """Lets go of the repository."""
        if not self.closed:
            _native.library().cairn_file_close(self._handle)
        super().close()
