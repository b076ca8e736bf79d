"""Loading a checkpoint through ``torch.load``'s own machinery, its storages mapped files.

``torch.serialization._load`` reads a container through a reader object. Here that object is one
that knows a checkpoint of a repository: so all that ``torch.load`` does (``map_location``, the
weights-only unpickler, fake mode, ``skip_data``, validation of sparse tensors) is done by torch.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import pickle
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ._checkpoint import Checkpoint, Place, Region
from ._errors import DamagedRepository, InvalidPointer
from ._hook import POINTER_FUNCTION, POINTER_MODULE

if TYPE_CHECKING:
    import torch

_POINTER_GLOBAL = f"c{POINTER_MODULE}\n{POINTER_FUNCTION}\n".encode()


def tensor_of_bytes(region: Region) -> torch.Tensor:
    """A ``uint8`` tensor on a region's own memory, which lives for as long as any view of it."""
    import torch

    if region.length == 0:
        # The device is named, here and below: there may be a default one.
        return torch.empty(0, dtype=torch.uint8, device="cpu")
    return torch.frombuffer(region.buffer(), dtype=torch.uint8)


class _Record:
    """The storage of a record, by the two steps in which ``_load`` asks for it."""

    __slots__ = ("_untyped_storage",)

    def __init__(self, storage: torch.UntypedStorage) -> None:
        self._untyped_storage = storage

    def _typed_storage(self) -> _Record:
        return self


def _without_pointers(checkpoint: Checkpoint) -> bytes:
    """A checkpoint's skeleton; pointers inside one are not followed."""
    skeleton = checkpoint.skeleton()
    if _POINTER_GLOBAL in skeleton:
        raise InvalidPointer(
            "invalid", f"{checkpoint.name}: holds a pointer, which is not followed"
        )
    return skeleton


class _Reader:
    """What ``_load`` asks of a ``torch._C.PyTorchFileReader``."""

    def __init__(self, checkpoint: Checkpoint, verify: bool) -> None:
        self._checkpoint = checkpoint
        self._verify = verify
        self._places: dict[str, Place] | None = None
        self._regions: list[torch.UntypedStorage] = []

    def has_record(self, name: str) -> bool:
        return name in ("data.pkl", "byteorder")

    def get_record(self, name: str) -> bytes:
        if name == "byteorder":
            return b"little"
        if name == "data.pkl":
            return _without_pointers(self._checkpoint)
        raise RuntimeError(f"{self._checkpoint.name}: has no record {name}")

    def get_all_records(self) -> list[str]:
        return ["data.pkl", "byteorder"]

    def get_record_offset(self, name: str) -> int:
        # Asked for a storage that is not read (meta and fake tensors): nothing lies at an offset.
        return 0

    def serialization_id(self) -> str:
        return ""

    def get_storage_from_record(self, name: str, length: int, kind: Any) -> _Record:
        if self._places is None:
            regions, self._places = self._checkpoint.map_all(verify_and_copy=self._verify)
            self._regions = [tensor_of_bytes(region).untyped_storage() for region in regions]
        place = self._places.get(name.removeprefix("data/"))
        if place is None or place.length != length:
            found = "none" if place is None else f"one of {place.length} bytes"
            raise DamagedRepository(
                "damaged",
                f"{self._checkpoint.name}: refers to a storage {name!r} of {length} bytes, "
                f"but holds {found}",
                "run `cairn verify`",
            )
        if length == 0:
            # A part of another, so that it cannot grow, as torch's cannot.
            return _Record(kind(1, device="cpu")[:0])
        # As torch does it where it maps a file: a part of a storage has that one's memory.
        return _Record(self._regions[place.region][place.offset : place.offset + length])


@contextlib.contextmanager
def _kept_thread_state() -> Iterator[None]:
    """Gives torch's thread-local ``map_location`` back: loads nest here, torch's do not."""
    import torch

    holders = [
        holder
        for holder in (
            getattr(torch.serialization, "_serialization_tls", None),
            getattr(torch._utils, "_thread_local_state", None),
        )
        if holder is not None
    ]
    absent = object()
    saved = [getattr(holder, "map_location", absent) for holder in holders]
    try:
        yield
    finally:
        for holder, value in zip(holders, saved):
            if value is not absent:
                holder.map_location = value
            elif hasattr(holder, "map_location"):
                del holder.map_location


def current_map_location() -> Any:
    """The ``map_location`` of the ``torch.load`` that is unpickling in this thread, if it tells."""
    import torch

    for holder in (
        getattr(torch.serialization, "_serialization_tls", None),
        getattr(torch._utils, "_thread_local_state", None),
    ):
        value = getattr(holder, "map_location", None)
        if value is not None:
            return value
    return None


@functools.cache
def _takes_weights_only(load: Any) -> bool:
    """Whether this PyTorch's reader of containers asks for it: older ones do not."""
    return "weights_only" in inspect.signature(load).parameters


def unpickle(
    checkpoint: Checkpoint, map_location: Any, weights_only: bool, verify: bool = False
) -> Any:
    """The state of a checkpoint, by the rules of ``torch.load``."""
    import torch
    from torch import _weights_only_unpickler

    load: Any = torch.serialization._load
    arguments: dict[str, Any] = {"encoding": "utf-8"}
    if _takes_weights_only(load):
        arguments["weights_only"] = weights_only
    with _kept_thread_state():
        return load(
            _Reader(checkpoint, verify),
            map_location,
            _weights_only_unpickler if weights_only else pickle,
            **arguments,
        )
