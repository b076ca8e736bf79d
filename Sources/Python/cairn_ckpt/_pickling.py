"""A state as a skeleton, a pickle with its storages left outside, just as ``torch.save`` does.

The structure is that of ``data.pkl`` in PyTorch's container: persistent ids
``("storage", class, key, location, number of elements)``, keys "0", "1" … in the order in which
storages are met (torch/serialization.py, ``_save``).
"""

from __future__ import annotations

import copyreg
import ctypes
import io
import pickle
import sys
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import _native
from ._errors import UnsupportedState

if TYPE_CHECKING:
    import torch

# That of torch.save: the weights-only unpickler reads no other without a warning.
_PROTOCOL = 2


@dataclass
class PickledState:
    """A skeleton and the storages that it refers to, by their keys."""

    skeleton: bytes
    storages: dict[str, torch.UntypedStorage] = field(default_factory=dict)
    locations: list[str] = field(default_factory=list)


def _refuse_distributed(kind: type) -> None:
    """Refuses what would be saved as this process's part of it, silently."""
    module = kind.__module__ or ""
    if not module.startswith("torch.distributed"):
        return
    if any(base.__name__ in ("DTensor", "ShardedTensor") for base in kind.__mro__):
        raise UnsupportedState(
            "unsupported",
            f"the state holds a {kind.__name__}: this process has only a part of its elements",
            "gather it first, with full_tensor() or a full state dict",
        )


class _Stored:
    """Stands for a storage whose persistent id is known."""

    __slots__ = ("id",)

    def __init__(self, identifier: tuple[Any, ...]) -> None:
        self.id = identifier


def _plain_dtypes() -> frozenset[torch.dtype]:
    """Those whose tensors torch has pickled in one way for years."""
    import torch

    names = (
        "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool complex128 complex64"
    )
    return frozenset(getattr(torch, name) for name in names.split())


class _Pickler(pickle.Pickler):
    """Leaves storages out, and remembers them."""

    def __init__(self, file: io.BytesIO) -> None:
        import torch

        super().__init__(file, protocol=_PROTOCOL)
        self._torch = torch
        self.storages: dict[str, torch.UntypedStorage] = {}
        self.locations: dict[str, None] = {}
        self._keys: dict[int, str] = {}
        self._dtypes: dict[int, torch.dtype] = {}
        self._plain = _plain_dtypes()
        self._classes: dict[torch.dtype, Any] = {}
        self._cpu: str | None = None
        # Newer versions of PyTorch have no names; what has them refuses to be pickled.
        self._have_names = hasattr(torch.Tensor, "has_names")
        # Of each object it is asked, the keys of dictionaries too: most are of a few types.
        self._inline: set[type] = set()
        # Of exactly this type, and not what others have registered for it.
        self.dispatch_table = copyreg.dispatch_table.copy()
        self.dispatch_table.setdefault(torch.Tensor, self._reduce_tensor)

    def _reduce_tensor(self, tensor: torch.Tensor) -> Any:
        """What ``Tensor.__reduce_ex__`` says of a tensor without peculiarities, in half
        the time (torch/_tensor.py, ``_reduce_ex_internal``); of others what it says itself."""
        torch = self._torch
        dtype = tensor.dtype
        if (
            dtype not in self._plain
            or tensor.layout is not torch.strided
            or not (tensor.is_cpu or tensor.is_cuda)
            or tensor.__dict__
            or tensor._backward_hooks is not None
            or tensor.is_neg()
            or tensor.is_conj()
            or tensor.is_nested
            or (self._have_names and tensor.has_names())
        ):
            return tensor.__reduce_ex__(_PROTOCOL)
        storage = tensor.untyped_storage()
        kind = self._classes.get(dtype)
        if kind is None:
            typed = torch.TypedStorage(wrap_storage=storage, dtype=dtype, _internal=True)
            kind = self._classes[dtype] = getattr(torch, typed._pickle_storage_type())
        # All on the CPU are at one place; asking for it takes as long as half of the rest.
        location = self._cpu if tensor.is_cpu else None
        if location is None:
            location = torch.serialization.location_tag(storage)
            if tensor.is_cpu:
                self._cpu = location
        count = storage.nbytes() // tensor.element_size()
        stored = _Stored(self._stored(storage, dtype, kind, count, location))
        return torch._utils._rebuild_tensor_v2, (
            stored,
            tensor.storage_offset(),
            tuple(tensor.shape),
            tensor.stride(),
            tensor.requires_grad,
            OrderedDict(),
        )

    def persistent_id(self, obj: Any) -> tuple[Any, ...] | None:
        kind = type(obj)
        if kind in self._inline:
            return None
        if kind is _Stored:
            return obj.id
        torch = self._torch
        if isinstance(obj, torch.storage.TypedStorage):
            storage = obj._untyped_storage
            dtype = obj.dtype
            storage_class: Any = getattr(torch, obj._pickle_storage_type())
            count = obj._size()
        elif torch.is_storage(obj):
            storage = obj
            dtype = torch.uint8
            storage_class = torch.serialization.normalize_storage_type(type(obj))
            count = obj.nbytes()
        else:
            _refuse_distributed(kind)
            self._inline.add(kind)
            return None

        if getattr(obj, "_fake_device", None) is not None or storage.device.type == "meta":
            raise UnsupportedState(
                "unsupported", "the state holds a storage without data (a fake or meta tensor)",
                "materialize it before saving",
            )
        location = torch.serialization.location_tag(storage)
        return self._stored(storage, dtype, storage_class, count, location)

    def _stored(
        self,
        storage: torch.UntypedStorage,
        dtype: torch.dtype,
        kind: Any,
        count: int,
        location: str,
    ) -> tuple[Any, ...]:
        """The persistent id of a storage, which is remembered."""
        address = storage.data_ptr()
        if address != 0 and self._dtypes.setdefault(address, dtype) != dtype:
            # torch.save's words: such a state can't be loaded by any version of torch.load.
            raise RuntimeError(
                "Cannot save multiple tensors or storages that view the same data as different "
                "types"
            )
        # Holding the storage keeps its identity from being given to another.
        key = self._keys.setdefault(storage._cdata, str(len(self._keys)))
        self.storages[key] = storage
        self.locations[location] = None
        return ("storage", kind, key, location, count)


def pickle_state(state: Any) -> PickledState:
    """Pickles a state, its storages left outside, in their order."""
    if sys.byteorder != "little":
        raise UnsupportedState("unsupported", "saving on a big-endian machine is not supported")
    file = io.BytesIO()
    pickler = _Pickler(file)
    pickler.dump(state)
    return PickledState(file.getvalue(), pickler.storages, list(pickler.locations))


def is_in_memory(storage: torch.UntypedStorage) -> bool:
    """Whether a storage's bytes can be read in place."""
    return storage.device.type == "cpu"


class StorageStream:
    """Reads a storage of another device in the pieces that the library asks for."""

    def __init__(self, storage: torch.UntypedStorage) -> None:
        import torch

        self._bytes = torch.empty(0, dtype=torch.uint8, device=storage.device).set_(storage)
        self.error: BaseException | None = None
        self.function = _native.READ_FUNCTION(self._read)

    def _read(self, context: int | None, buffer: int, offset: int, length: int) -> int:
        import torch

        try:
            if length:
                memory = (ctypes.c_char * length).from_address(buffer)
                target = torch.frombuffer(memory, dtype=torch.uint8)
                target.copy_(self._bytes[offset : offset + length])
            return 0
        except BaseException as error:  # noqa: BLE001 - raised again by the save
            self.error = error
            return 1


def synchronize_devices(storages: dict[str, torch.UntypedStorage]) -> None:
    """Waits for what this thread has queued on the storages' devices.

    The library's threads copy on streams of their own, which would not wait for it.
    """
    import torch

    for device in {storage.device for storage in storages.values()}:
        if device.type == "cpu":
            continue
        module = torch.get_device_module(device) if hasattr(torch, "get_device_module") else None
        stream = getattr(module, "current_stream", None)
        if stream is not None:
            stream(device).synchronize()
        elif module is not None and hasattr(module, "synchronize"):
            module.synchronize()
