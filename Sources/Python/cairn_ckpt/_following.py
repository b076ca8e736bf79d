"""What unpickling a pointer does: finds the checkpoint and loads it by the rules it is loaded by.

``torch.load`` has already moved the pointer's probes: where each of them is now says where the
storages that were saved at its location belong.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import pickle
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from . import _hook, _places, _pointer, _unpickling
from ._checkpoint import Checkpoint
from ._errors import InvalidPointer


@dataclass
class _Request:
    """A load that this package itself has asked ``torch.load`` for."""

    checkpoint: Checkpoint
    map_location: Any
    verify: bool
    refusal: pickle.UnpicklingError | None = None
    """What loading weights only has come to, if that was tried."""
    is_open: bool = True
    """Whether the container that asks for it has yet to be met: it is answered once."""


# No file can know it: what says it is the container that was made here.
_TOKEN = secrets.token_hex(16)
_thread = threading.local()
_FORCING = ("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD")


def _requested() -> _Request | None:
    return getattr(_thread, "request", None)


@contextlib.contextmanager
def _requesting(request: _Request) -> Iterator[None]:
    outer = _requested()
    _thread.request = request
    try:
        yield
    finally:
        _thread.request = outer


@functools.cache
def _trigger() -> bytes:
    """A container that only says "the checkpoint in hand"."""
    return _pointer.container({"in_hand": _TOKEN}, [])


def _is_strict(weights_only: bool | None) -> bool:
    """Whether ``torch.load`` would surely load weights only, and put what is refused into words."""
    import torch

    # PyTorch 2.6 made it the default, which this function says; 2.4 also gives other errors.
    default = getattr(torch.serialization, "_default_to_weights_only", None)
    if default is None or any(name in os.environ for name in _FORCING):
        return False
    return bool(default(None) if weights_only is None else weights_only)


def load(
    checkpoint: Checkpoint, map_location: Any, weights_only: bool | None, verify: bool = False
) -> Any:
    """Loads an open checkpoint as ``torch.load(…, map_location, weights_only=weights_only)``.

    ``torch.load`` is given a container that leads back to it: so what ``weights_only=None`` and
    torch's environment variables mean, and how errors read, is torch's. That costs a tenth of a
    mapped load, and is left out where there is nothing to ask.
    """
    import torch

    _hook.register()
    refusal = None
    if _is_strict(weights_only):
        try:
            return _unpickling.unpickle(checkpoint, map_location, True, verify)
        except pickle.UnpicklingError as error:
            # Without its frames, which hold what was loaded.
            refusal = error.with_traceback(None)
    trigger = io.BytesIO(_trigger())
    with _requesting(_Request(checkpoint, map_location, verify, refusal)):
        # mmap is named, since torch's configuration may say otherwise and this is no file.
        return torch.load(trigger, map_location="cpu", weights_only=weights_only, mmap=False)


def _map_location(probes: Any) -> Any:
    """What the ``torch.load`` around us was given, or does, as ``map_location``."""
    import torch

    given = _unpickling.current_map_location()
    if given is not None:
        return given
    if not isinstance(probes, dict) or not probes:
        return None
    moved: dict[str, str] = {}
    for location, probe in probes.items():
        if not isinstance(location, str):
            raise InvalidPointer("invalid", "the pointer's probes have no locations")
        if not isinstance(probe, torch.Tensor):
            # Lightning's lazy loading, for FSDP, puts stand-ins for tensors: of the CPU.
            moved[location] = "cpu"
            continue
        if probe.device.type == "meta":
            moved[location] = "meta"
            continue
        moved[location] = torch.serialization.location_tag(probe.untyped_storage())
    if set(moved.values()) == {"meta"}:
        return "meta"
    return moved


def follow(fields: Any, weights_only: bool) -> Any:
    """Loads what a pointer's fields name."""
    request = _requested()
    if request is not None and request.is_open and isinstance(fields, dict):
        if fields.get("in_hand") == _TOKEN:
            request.is_open = False
            if weights_only and request.refusal is not None:
                raise request.refusal
            return _unpickling.unpickle(
                request.checkpoint, request.map_location, weights_only, request.verify
            )
    pointer = _pointer.from_fields(fields)
    map_location = _map_location(fields.get("probes"))
    with _places.open_pointer(pointer) as checkpoint:
        return _unpickling.unpickle(checkpoint, map_location, weights_only)
