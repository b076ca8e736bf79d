"""The C library: finding it, its functions' types, and its errors as exceptions.

``ctypes`` releases the interpreter's lock during each call. Nothing here imports torch.
"""

from __future__ import annotations

import atexit
import ctypes
import json
import logging
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from ._errors import CairnError, SaveCancelled, error_from

ABI_VERSION = 1
"""The version of the C interface that this package was written for."""

LIBRARY_VARIABLE = "CAIRN_LIBRARY"
"""The variable that names another library than the package's own, for development."""

_logger = logging.getLogger("cairn_ckpt")
_Result = TypeVar("_Result")

Handle = ctypes.c_void_p
_Out = ctypes.POINTER(ctypes.c_void_p)
_Text = ctypes.c_char_p
_Size = ctypes.c_uint64
_Sizes = ctypes.POINTER(_Size)

READ_FUNCTION = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, _Size, _Size)
"""Fills a buffer with the bytes at an offset: ``(context, buffer, offset, length)``; 0, or not."""

_LOG_FUNCTION = ctypes.CFUNCTYPE(None, ctypes.c_int32, ctypes.c_char_p)

# Those that return a code take an error as their last argument, which `call` adds.
_FALLIBLE: dict[str, list[Any]] = {
    "cairn_initialize": [_Text, _Text, _Out],
    "cairn_open": [_Text, _Out],
    "cairn_discover": [_Text, _Out],
    "cairn_require_trust": [_Text],
    "cairn_name_for_file": [Handle, _Text, _Out],
    "cairn_save_begin": [Handle, _Out],
    "cairn_save_add_storage": [Handle, _Text, ctypes.c_void_p, _Size],
    "cairn_save_add_storages": [Handle, _Out, _Sizes, _Size],
    "cairn_save_add_stream": [Handle, _Text, _Size, READ_FUNCTION, ctypes.c_void_p],
    "cairn_save_set_skeleton": [Handle, ctypes.c_char_p, _Size],
    "cairn_save_commit": [Handle, _Text, _Out],
    "cairn_save_file": [Handle, _Text, _Text, _Out],
    "cairn_resolve": [Handle, _Text, _Out],
    "cairn_checkpoint_open": [Handle, _Text, _Out],
    "cairn_checkpoint_open_manifest": [_Text, _Text, _Text, _Out],
    "cairn_checkpoint_info": [Handle, _Out],
    "cairn_checkpoint_skeleton": [Handle, _Out, ctypes.POINTER(_Size)],
    "cairn_checkpoint_map": [Handle, _Text, _Out],
    "cairn_checkpoint_keys": [Handle, _Out],
    "cairn_checkpoint_map_all": [
        Handle, ctypes.POINTER(_Text), _Size, ctypes.c_int32, ctypes.c_void_p, _Out, _Sizes,
    ],
    "cairn_checkpoint_read": [Handle, _Text, _Size, _Size, ctypes.c_void_p, ctypes.c_int32],
    "cairn_checkpoint_file": [Handle, _Text, _Out],
    "cairn_file_read": [Handle, _Size, _Size, ctypes.c_void_p],
    "cairn_remove": [Handle, _Text, _Out],
    "cairn_remove_ids": [Handle, _Text, _Out],
    "cairn_remove_untagged_ids": [Handle, _Text, _Out],
    "cairn_log": [Handle, _Text, _Out],
    "cairn_runs": [Handle, _Text, _Out],
    "cairn_tags": [Handle, _Out],
    "cairn_query": [Handle, _Text, _Text, Handle, _Out],
    "cairn_backup": [Handle, _Text, _Text, Handle, _Out],
    "cairn_views": [_Out],
    "cairn_diff": [Handle, _Text, _Text, _Text, Handle, _Out],
    "cairn_tensor_summary": [Handle, _Text, _Text, _Text, Handle, _Out],
    "cairn_find": [Handle, _Text, _Text, Handle, _Out],
    "cairn_list_tensors": [Handle, _Text, _Text, _Out],
    "cairn_blame": [Handle, _Text, _Text, _Out],
    "cairn_growth": [Handle, ctypes.c_uint32, _Out],
    "cairn_holdings": [Handle, _Text, _Out],
    "cairn_removals": [Handle, _Text, _Out],
    "cairn_tag": [Handle, _Text, _Text, _Out],
    "cairn_untag": [Handle, _Text, _Out],
    "cairn_move": [Handle, _Text, _Text, _Out],
    "cairn_annotate": [Handle, _Text, _Text, _Out],
    "cairn_prune": [Handle, _Text, _Out],
    "cairn_cancellation_new": [_Out],
    "cairn_restore": [Handle, _Text, _Text, _Text, _Out],
    "cairn_copy": [Handle, _Text, _Text, _Out],
    "cairn_collect_garbage": [Handle, ctypes.c_int32, _Out],
    "cairn_verify": [Handle, _Text, _Out],
    "cairn_stats": [Handle, _Out],
    "cairn_removal": [Handle, _Text, _Out],
    "cairn_find_id": [Handle, _Text, _Out],
}

_OTHERS: dict[str, tuple[list[Any], Any]] = {
    "cairn_abi_version": ([], ctypes.c_int32),
    "cairn_version": ([], ctypes.c_char_p),
    "cairn_free": ([ctypes.c_void_p], None),
    "cairn_close": ([Handle], None),
    "cairn_repository_info": ([Handle], ctypes.c_void_p),
    "cairn_save_cancel": ([Handle], None),
    "cairn_save_abort": ([Handle], None),
    "cairn_cancellation_cancel": ([Handle], None),
    "cairn_cancellation_free": ([Handle], None),
    "cairn_checkpoint_close": ([Handle], None),
    "cairn_file_size": ([Handle], _Size),
    "cairn_file_close": ([Handle], None),
    "cairn_region_bytes": ([Handle], ctypes.c_void_p),
    "cairn_region_length": ([Handle], _Size),
    "cairn_region_close": ([Handle], None),
    "cairn_set_log_callback": ([_LOG_FUNCTION], None),
}

# Reentrant, for signal handlers.
_lock = threading.RLock()
_library: ctypes.CDLL | None = None


def _library_path() -> str:
    named = os.environ.get(LIBRARY_VARIABLE)
    if named:
        return named
    name = "libCairnC.dylib" if sys.platform == "darwin" else "libCairnC.so"
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), name)


def _load() -> ctypes.CDLL:
    path = _library_path()
    try:
        loaded = ctypes.CDLL(path)
    except OSError as error:
        raise CairnError(
            "library",
            f"{path}: cannot load Cairn's library: {error}",
            "install cairn-ckpt again (pip install --force-reinstall cairn-ckpt), "
            f"or name the library with {LIBRARY_VARIABLE}",
        ) from error
    loaded.cairn_abi_version.restype = ctypes.c_int32
    found = loaded.cairn_abi_version()
    if found != ABI_VERSION:
        raise CairnError(
            "library",
            f"{path}: has version {found} of Cairn's C interface, this package needs {ABI_VERSION}",
            "install library and package together",
        )
    for name, arguments in _FALLIBLE.items():
        function = getattr(loaded, name)
        function.argtypes = [*arguments, _Out]
        function.restype = ctypes.c_int32
    for name, (arguments, result) in _OTHERS.items():
        function = getattr(loaded, name)
        function.argtypes = arguments
        function.restype = result
    return loaded


# Trace, debug, info, notice, warning, error, critical. Waiting for a lock is a notice: Python
# shows a program's user only warnings, unless told otherwise.
_LEVELS = [logging.DEBUG, logging.DEBUG, logging.INFO, logging.WARNING]
_LEVELS += [logging.WARNING, logging.ERROR, logging.CRITICAL]


def _log(level: int, message: bytes | None) -> None:
    text = (message or b"").decode("utf-8", "replace")
    _logger.log(_LEVELS[min(max(level, 0), len(_LEVELS) - 1)], "%s", text)


_log_callback = _LOG_FUNCTION(_log)


def library() -> ctypes.CDLL:
    """The library, loaded at the first use."""
    global _library
    if _library is None:
        with _lock:
            if _library is None:
                loaded = _load()
                loaded.cairn_set_log_callback(_log_callback)
                # A thread of the library must not call into an interpreter that is gone.
                atexit.register(loaded.cairn_set_log_callback, _LOG_FUNCTION())
                _library = loaded
    return _library


def library_version() -> str:
    """The library's version, such as ``0.1.0``."""
    return bytes(library().cairn_version()).decode()


def take_text(pointer: ctypes.c_void_p | int | None) -> str | None:
    """A string that the library gave, which is freed; None for a null pointer."""
    address = pointer.value if isinstance(pointer, ctypes.c_void_p) else pointer
    if not address:
        return None
    try:
        return ctypes.string_at(address).decode("utf-8", "surrogateescape")
    finally:
        library().cairn_free(address)


def encode(text: str) -> bytes:
    """A string for the library; it ends at a zero byte, so it must hold none."""
    encoded = os.fsencode(text)
    if b"\0" in encoded:
        raise error_from({"kind": "invalid", "message": f"{text!r}: holds a zero byte"})
    return encoded


def call(name: str, *arguments: Any) -> None:
    """Calls a function that may fail, and raises its error."""
    error = ctypes.c_void_p()
    code = getattr(library(), name)(*arguments, ctypes.byref(error))
    text = take_text(error)
    if code == 0:
        return
    try:
        report = json.loads(text or "{}")
    except ValueError:
        report = {"message": text}
    if code == 102:
        report.setdefault("kind", "cancelled")
    raise error_from(report, SaveCancelled if code == 102 and "_save_" in name else None)


def call_json(name: str, *arguments: Any) -> Any:
    """Calls a function whose only result is JSON, and gives its value."""
    out = ctypes.c_void_p()
    call(name, *arguments, ctypes.byref(out))
    text = take_text(out)
    return None if text is None else json.loads(text)


def call_stoppable(name: str, *arguments: Any) -> Any:
    """As :func:`call_json`, for a function that takes a cancellation last: Ctrl-C stops it."""
    cancellation = call_handle("cairn_cancellation_new")
    try:
        return interruptible(
            lambda: call_json(name, *arguments, cancellation),
            lambda: library().cairn_cancellation_cancel(cancellation),
        )
    finally:
        library().cairn_cancellation_free(cancellation)


def call_handle(name: str, *arguments: Any) -> int:
    """Calls a function whose only result is a handle."""
    out = ctypes.c_void_p()
    call(name, *arguments, ctypes.byref(out))
    if not out.value:
        raise CairnError("library", f"{name}: gave nothing")
    return out.value


def interruptible(work: Callable[[], _Result], cancel: Callable[[], None]) -> _Result:
    """Does `work` such that a signal handler can run meanwhile, and `cancel`s it if one raises.

    Python runs signal handlers in the main thread only, and only between two instructions of its
    own: there the work goes to a thread. A handler that saves (Lightning's for SLURM) finds no
    lock held by the thread it interrupted.
    """
    if threading.current_thread() is not threading.main_thread():
        return work()
    done = threading.Event()
    results: list[_Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            errors.append(error)
        finally:
            done.set()

    thread = threading.Thread(target=run, name="cairn", daemon=True)
    try:
        thread.start()
        done.wait()
    except BaseException:
        cancel()
        # The memory being read belongs to the caller: it must not return before the work ends.
        while not done.is_set():
            try:
                done.wait()
            except BaseException:  # noqa: BLE001 - a second Ctrl-C: the first is on its way
                cancel()
        raise
    finally:
        if thread.ident is not None and done.is_set():
            thread.join()
    if errors:
        raise errors[0]
    return results[0]
