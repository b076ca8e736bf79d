"""An open checkpoint: its skeleton, its storages as mapped memory, its tensors. Knows no torch."""

from __future__ import annotations

import ctypes
import os
import weakref
from typing import Any, NamedTuple

from . import _native


def _close(function: str, handle: int, process: int) -> None:
    # A forked child leaves the parent's handles alone.
    if os.getpid() == process:
        getattr(_native.library(), function)(handle)


class Region:
    """Memory with bytes of storages: writable, and never written back to the repository."""

    def __init__(self, handle: int) -> None:
        library = _native.library()
        self._handle = handle
        self._process = os.getpid()
        self._close = library.cairn_region_close
        self.address: int = library.cairn_region_bytes(handle) or 0
        self.length: int = library.cairn_region_length(handle)

    def __del__(self) -> None:
        # A load makes very many: a weakref.finalize for each would take a tenth of its time.
        if os is not None and os.getpid() == self._process:
            self._close(self._handle)

    def buffer(self) -> ctypes.Array[ctypes.c_char]:
        """The bytes as a buffer, by which the region lives for as long as any view of it."""
        memory = (ctypes.c_char * self.length).from_address(self.address)
        memory._cairn_region = self  # type: ignore[attr-defined]
        return memory


class Place(NamedTuple):
    """Where a storage is in memory."""

    region: int
    """Which of the regions."""
    offset: int
    length: int


class Checkpoint:
    """An open checkpoint."""

    def __init__(self, handle: int, name: str) -> None:
        self.name = name
        self._handle = handle
        self._info: dict[str, Any] | None = None
        self._finalizer = weakref.finalize(
            self, _close, "cairn_checkpoint_close", handle, os.getpid()
        )
        self._finalizer.atexit = False

    @classmethod
    def by_manifest(
        cls, repository: str, identifier: str, manifest: str, name: str
    ) -> Checkpoint:
        """Opens by what a pointer holds, with no log and no index."""
        handle = _native.call_handle(
            "cairn_checkpoint_open_manifest",
            _native.encode(repository),
            _native.encode(identifier),
            _native.encode(manifest),
        )
        return cls(handle, name)

    def exported_file(self, archive_name: str) -> int:
        """A handle of the file that an export would give; cairn_file_close."""
        return _native.call_handle(
            "cairn_checkpoint_file", self._handle, _native.encode(archive_name)
        )

    def close(self) -> None:
        """Closes it; regions and exported files stay valid."""
        self._finalizer()

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def info(self) -> dict[str, Any]:
        """``name``, ``kind``, ``manifest``, ``storages``, ``tensors``, ``metadata``."""
        if self._info is None:
            self._info = _native.call_json("cairn_checkpoint_info", self._handle)
        return self._info

    def skeleton(self) -> bytes:
        """The pickle that refers to the storages."""
        address = ctypes.c_void_p()
        length = ctypes.c_uint64()
        _native.call(
            "cairn_checkpoint_skeleton", self._handle, ctypes.byref(address), ctypes.byref(length)
        )
        try:
            return ctypes.string_at(address.value, length.value) if address.value else b""
        finally:
            _native.library().cairn_free(address)

    def map(self, key: str) -> Region:
        """Maps one storage."""
        return Region(
            _native.call_handle("cairn_checkpoint_map", self._handle, _native.encode(key))
        )

    def map_all(self, verify_and_copy: bool = False) -> tuple[list[Region], dict[str, Place]]:
        """All storages in memory: the largest mapped, within the process's limit, the rest read.

        Small ones share regions. Gives these, and where in them the storages are, by their keys.
        """
        keys: list[str] = _native.call_json("cairn_checkpoint_keys", self._handle)
        if not keys:
            return [], {}
        count = len(keys)
        names = (ctypes.c_char_p * count)(*[_native.encode(key) for key in keys])
        places = (ctypes.c_uint64 * (3 * count))()
        handles = (ctypes.c_void_p * count)()
        region_count = ctypes.c_uint64()
        _native.call(
            "cairn_checkpoint_map_all",
            self._handle,
            names,
            count,
            int(verify_and_copy),
            places,
            ctypes.cast(handles, ctypes.POINTER(ctypes.c_void_p)),
            ctypes.byref(region_count),
        )
        regions = [Region(handle) for handle in handles[: region_count.value]]
        numbers = places[:]
        return regions, dict(zip(keys, map(Place, numbers[0::3], numbers[1::3], numbers[2::3])))
