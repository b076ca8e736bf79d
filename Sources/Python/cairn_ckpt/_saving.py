"""Handing a pickled state to the library and committing it."""

from __future__ import annotations

import ctypes
import json
import logging
from itertools import groupby
from typing import TYPE_CHECKING, Any

from . import _native
from ._errors import CairnError, InvalidArgument
from ._pickling import PickledState, StorageStream, is_in_memory, synchronize_devices

if TYPE_CHECKING:
    import torch

_logger = logging.getLogger("cairn_ckpt")


def _encoded(request: dict[str, Any]) -> bytes:
    try:
        return json.dumps(request, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise InvalidArgument(
            "invalid", f"{request.get('path')}: metadata must be plain JSON values: {error}"
        ) from error


def _add_in_memory(save: int, storages: list[torch.UntypedStorage]) -> None:
    """Adds storages under the next keys, all in one call: twenty thousand take a while else."""
    count = len(storages)
    addresses = (ctypes.c_void_p * count)(*[storage.data_ptr() for storage in storages])
    lengths = (ctypes.c_uint64 * count)(*[storage.nbytes() for storage in storages])
    _native.call("cairn_save_add_storages", save, addresses, lengths, count)


def commit(repository: int, pickled: PickledState, request: dict[str, Any]) -> dict[str, Any]:
    """Saves, and gives the report. Ctrl-C meanwhile cancels it, leaving the repository as it was.

    Args:
        repository: The handle of the repository.
        pickled: The state.
        request: What is said of it, as `cairn_save_commit` takes it.
    """
    text = _encoded(request)
    synchronize_devices(pickled.storages)
    library = _native.library()
    save = _native.call_handle("cairn_save_begin", repository)
    streams: list[StorageStream] = []
    reports: list[dict[str, Any]] = []
    try:
        for in_memory, group in groupby(pickled.storages.items(), lambda i: is_in_memory(i[1])):
            if in_memory:
                _add_in_memory(save, [storage for _, storage in group])
                continue
            for key, storage in group:
                stream = StorageStream(storage)
                streams.append(stream)
                _native.call(
                    "cairn_save_add_stream",
                    save, key.encode(), storage.nbytes(), stream.function, None,
                )
        skeleton = pickled.skeleton
        _native.call("cairn_save_set_skeleton", save, skeleton, len(skeleton))
        try:
            _native.interruptible(
                lambda: reports.append(_native.call_json("cairn_save_commit", save, text)),
                lambda: library.cairn_save_cancel(save),
            )
        except CairnError as error:
            failed = next((stream.error for stream in streams if stream.error), None)
            if failed is not None:
                raise failed from error
            raise
        except BaseException:
            # It was at its last step when it was cancelled: nobody will know of it.
            if reports:
                identifiers = json.dumps([reports[0]["id"]]).encode()
                _native.call_json("cairn_remove_ids", repository, identifiers)
            raise
    finally:
        library.cairn_save_abort(save)
    report = reports[0]
    for warning in report.get("warnings", []):
        _logger.warning("%s: %s", report.get("path"), warning)
    return report
