"""Handing a pickled state to the library and committing it."""

from __future__ import annotations

import json
import logging
from typing import Any

from . import _native
from ._errors import CairnError, InvalidArgument
from ._pickling import PickledState, StorageStream, is_in_memory, synchronize_devices

_logger = logging.getLogger("cairn_ckpt")


def _encoded(request: dict[str, Any]) -> bytes:
    try:
        return json.dumps(request, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise InvalidArgument(
            "invalid", f"{request.get('path')}: metadata must be plain JSON values: {error}"
        ) from error


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
        for key, storage in pickled.storages.items():
            if is_in_memory(storage):
                address, length = storage.data_ptr(), storage.nbytes()
                _native.call("cairn_save_add_storage", save, key.encode(), address, length)
                continue
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
