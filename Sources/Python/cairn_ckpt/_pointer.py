"""Pointer files: small PyTorch containers that unpickle to the checkpoint they name.

A container of the records ``data.pkl``, ``byteorder``, ``data/N`` and ``version``, below
``archive/``, stored uncompressed. ``data.pkl`` calls one global (see ``_hook``) with one
dictionary:

=============  ==================================================================================
``format``     1; a reader refuses a larger one
``repository`` the repository's id
``place``      the absolute path of the repository when the pointer was written
``relative``   the same, relative to the pointer's directory
``checkpoint`` the checkpoint's id
``manifest``   its manifest's digest, in hexadecimal
``name``       ``path@version`` in the repository, for messages
``run``        its run, or None
``earlier``    ids of older versions that this pointer holds as well (``keep_versions`` > 1)
``probes``     location tag → a ``uint8`` tensor of one element that was "saved" there
=============  ==================================================================================

Keys that a reader does not know are ignored. Nothing here imports torch but writing.
"""

from __future__ import annotations

import io
import os
import pickle
import re
import stat
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from . import _files
from ._errors import InvalidPointer, NewerFormat
from ._hook import POINTER_FUNCTION, POINTER_MODULE, pip_install_cairn_ckpt

FORMAT = 1
"""The format of the dictionary."""

SIZE_LIMIT = 64 * 1024
"""No pointer is larger, in bytes."""

EMBEDDED_RECORD = "cairn_pointer.pkl"
"""The record of a full file (``files="full"``) that says which version it is."""

_IDENTIFIER = re.compile(r"[0-9a-f]{32}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass
class Pointer:
    """What a pointer file says."""

    repository: str
    place: str
    checkpoint: str
    manifest: str
    name: str = ""
    relative: str = ""
    run: str | None = None
    earlier: list[str] = field(default_factory=list)

    def held(self) -> list[str]:
        """The ids of all versions that this pointer keeps from being freed."""
        return [self.checkpoint, *self.earlier]

    def fields(self) -> dict[str, Any]:
        """What the pickle holds, without probes."""
        return {
            "format": FORMAT,
            "repository": self.repository,
            "place": self.place,
            "relative": self.relative,
            "checkpoint": self.checkpoint,
            "manifest": self.manifest,
            "name": self.name,
            "run": self.run,
            "earlier": list(self.earlier),
        }


def from_fields(fields: Any) -> Pointer:
    """Checks what a pointer's pickle says; it may come from anybody."""
    if not isinstance(fields, dict):
        raise InvalidPointer("invalid", "the file is no pointer of Cairn's: it holds no fields")
    form = fields.get("format")
    if isinstance(form, int) and form > FORMAT:
        raise NewerFormat(
            "newerFormat", f"the pointer has format {form}, this cairn-ckpt knows {FORMAT}",
            "upgrade it: pip install --upgrade cairn-ckpt",
        )
    if form != FORMAT:
        raise InvalidPointer("invalid", f"the pointer has format {form!r}")

    def text(key: str, pattern: re.Pattern[str] | None = None) -> str:
        value = fields.get(key)
        if not isinstance(value, str) or len(value) > 8192 or "\0" in value:
            raise InvalidPointer("invalid", f"the pointer's {key} is no text")
        if pattern is not None and not pattern.fullmatch(value):
            raise InvalidPointer("invalid", f"the pointer's {key} is {value!r}")
        return value

    run = fields.get("run")
    earlier = fields.get("earlier")
    return Pointer(
        repository=text("repository", _IDENTIFIER),
        place=text("place"),
        checkpoint=text("checkpoint", _IDENTIFIER),
        manifest=text("manifest", _DIGEST),
        name=text("name"),
        relative=text("relative"),
        run=run if isinstance(run, str) and len(run) <= 8192 else None,
        earlier=[
            item
            for item in (earlier if isinstance(earlier, list) else [])
            if isinstance(item, str) and _IDENTIFIER.fullmatch(item)
        ],
    )


class _ProbeStorage:
    """Stands for a storage of one byte at a location."""

    def __init__(self, key: str, location: str) -> None:
        self.key = key
        self.location = location


class _ProbeTensor:
    """Pickles as a tensor on a probe's storage."""

    def __init__(self, storage: _ProbeStorage) -> None:
        self.storage = storage

    def __reduce__(self) -> tuple[Any, ...]:
        from collections import OrderedDict

        import torch

        arguments: tuple[Any, ...] = (self.storage, 0, (1,), (1,), False, OrderedDict())
        return (torch._utils._rebuild_tensor_v2, arguments)


class _Call:
    """Pickles as the call of the pointers' global."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.fields = fields

    def __reduce__(self) -> tuple[Any, ...]:
        return (pip_install_cairn_ckpt, (self.fields,))


class _PointerPickler(pickle.Pickler):
    def persistent_id(self, obj: Any) -> tuple[Any, ...] | None:
        if isinstance(obj, _ProbeStorage):
            import torch

            return ("storage", torch.ByteStorage, obj.key, obj.location, 1)
        return None


def container(fields: dict[str, Any], locations: Iterable[str]) -> bytes:
    """A PyTorch container that calls the pointers' global with `fields` and probes."""
    storages = [_ProbeStorage(str(n), location) for n, location in enumerate(locations)]
    probes = {storage.location: _ProbeTensor(storage) for storage in storages}
    skeleton = io.BytesIO()
    _PointerPickler(skeleton, protocol=2).dump(_Call({**fields, "probes": probes}))
    records = [("data.pkl", skeleton.getvalue()), ("byteorder", b"little")]
    records += [(f"data/{storage.key}", b"\0") for storage in storages]
    records.append(("version", b"3\n"))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in records:
            # One fixed time, so that the same pointer has the same bytes.
            archive.writestr(zipfile.ZipInfo(f"archive/{name}", (1980, 1, 1, 0, 0, 0)), content)
    return file.getvalue()


def write(path: str, pointer: Pointer, locations: Iterable[str]) -> None:
    """Puts a pointer at a path, atomically and durably; a link there is replaced, not followed."""
    _files.write_durably(path, container(pointer.fields(), locations))


class _FieldsFound(Exception):
    def __init__(self, fields: Any) -> None:
        super().__init__()
        self.fields = fields


def _capture(fields: Any) -> Any:
    raise _FieldsFound(fields)


def _nothing(*arguments: Any) -> None:
    return None


class _PointerReader(pickle.Unpickler):
    """Reads a pointer's pickle, and no other: it imports nothing and calls nothing of it."""

    _KNOWN: dict[tuple[str, str], Any] = {
        (POINTER_MODULE, POINTER_FUNCTION): _capture,
        ("torch._utils", "_rebuild_tensor_v2"): _nothing,
        ("torch", "ByteStorage"): None,
        ("collections", "OrderedDict"): dict,
    }

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self._KNOWN[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module}.{name} is in no pointer") from None

    def persistent_load(self, pid: Any) -> None:
        return None


def parse(content: bytes) -> Pointer | None:
    """The pointer that a file's content is; None if it is none.

    Raises InvalidPointer or NewerFormat for one that is broken or from a newer Cairn.
    """
    if not content.startswith(b"PK\x03\x04") or len(content) > SIZE_LIMIT:
        return None
    needle = f"c{POINTER_MODULE}\n{POINTER_FUNCTION}\n".encode()
    if needle not in content:
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            skeleton = _stored(archive, "data.pkl")
    except Exception:  # noqa: BLE001 - whatever it is, it is no pointer
        return None
    return _parse_pickle(skeleton)


def _stored(archive: zipfile.ZipFile, record: str) -> bytes:
    """A small uncompressed record, which may lie below any one folder."""
    for entry in archive.infolist():
        if entry.filename.partition("/")[2] == record:
            if entry.compress_type == zipfile.ZIP_STORED and entry.file_size <= SIZE_LIMIT:
                return archive.read(entry)
    raise KeyError(record)


def _parse_pickle(content: bytes) -> Pointer | None:
    try:
        _PointerReader(io.BytesIO(content)).load()
    except _FieldsFound as found:
        return from_fields(found.fields)
    except Exception:  # noqa: BLE001 - as above
        return None
    return None


def read(path: str) -> Pointer | None:
    """The pointer at a path (through links); None if there is no file, or it is no pointer."""
    try:
        content = _files.read_small(path, SIZE_LIMIT)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    return None if content is None else parse(content)


def embed(path: str, pointer: Pointer) -> None:
    """Notes in a full file which version it is, as one more record that torch does not look at."""
    skeleton = pickle.dumps(_Call(pointer.fields()), protocol=2)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_STORED) as archive:
        names = archive.namelist()
        folder = names[0].partition("/")[0] if names else "archive"
        entry = zipfile.ZipInfo(f"{folder}/{EMBEDDED_RECORD}", (1980, 1, 1, 0, 0, 0))
        archive.writestr(entry, skeleton)


def read_held(path: str) -> Pointer | None:
    """What the file at a path holds: that of a pointer, or of a full file that Cairn wrote.

    None, too, for a pointer that cannot be understood: it is overwritten or unlinked all the same.
    """
    try:
        pointer = read(path)
        if pointer is not None:
            return pointer
        if not stat.S_ISREG(os.stat(path).st_mode):
            return None
        with zipfile.ZipFile(path) as archive:
            return _parse_pickle(_stored(archive, EMBEDDED_RECORD))
    except Exception:  # noqa: BLE001 - a file of any other kind
        return None
