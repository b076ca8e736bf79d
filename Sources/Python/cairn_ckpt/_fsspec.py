"""A filesystem for ``cairn://`` paths, so that whatever uses fsspec works on repositories.

* ``cairn:///directory/name``: the repository is the first directory on the way that is one, or
  that holds one as ``.cairn``; ``name`` is a checkpoint's name in it.
* ``cairn://name``: the repository that ``CAIRN_REPO`` names, or the nearest above the current
  directory.
* ``name@2`` is version 2 of it; without a version, the newest is read.

A name's ``/`` are folders, which are there as long as something is in them. A file that is read
is the one that was saved; of a state that was saved from memory, the PyTorch file that
``cairn restore`` would give. Writing a file adds a version.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
import threading
from datetime import datetime
from typing import IO, Any

from fsspec.spec import AbstractFileSystem

from . import _native, _paths
from ._errors import CheckpointNotFound
from ._exported import ExportedFile
from .repository import Repository, request_for


class CairnFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """See the module."""

    protocol = "cairn"
    root_marker = ""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._open_repositories: dict[str, Repository] = {}
        self._repositories_lock = threading.RLock()

    def _place(self, path: str) -> tuple[Repository, str]:
        place, name = _paths.split_repository_path(
            _paths.SCHEME + str(self._strip_protocol(path))
        )
        with self._repositories_lock:
            repository = self._open_repositories.get(place)
            if repository is None:
                repository = self._open_repositories[place] = Repository(place)
        return repository, name

    @staticmethod
    def _entry(path: str, record: dict[str, Any]) -> dict[str, Any]:
        created = datetime.fromisoformat(str(record["created"]).replace("Z", "+00:00"))
        return {
            "name": path,
            "type": "file",
            # In a list, of a state: its bytes without the container's.
            "size": record["size"],
            "created": created,
            "modified": created,
            "version": record["version"],
            "id": record["id"],
        }

    def _record(self, repository: Repository, name: str) -> dict[str, Any] | None:
        if not name:
            return None
        try:
            record = repository.resolve(name)
        except CheckpointNotFound:
            return None
        # A tag is no path.
        return record if name in (record["path"], record["name"]) else None

    def _below(self, repository: Repository, name: str) -> list[dict[str, Any]]:
        """The newest versions of the paths below a folder."""
        prefix = name + "/" if name else ""
        newest: dict[str, dict[str, Any]] = {}
        for record in repository.log():
            if record["path"].startswith(prefix):
                newest.setdefault(record["path"], record)
        return list(newest.values())

    def info(self, path: str, **options: Any) -> dict[str, Any]:
        """What is at a path: ``name``, ``type``, ``size``, ``created``, ``modified``."""
        stripped = str(self._strip_protocol(path))
        repository, name = self._place(stripped)
        record = self._record(repository, name)
        if record is not None:
            entry = self._entry(stripped, record)
            if record["kind"] == "state":
                with _exported(repository, name) as file:
                    entry["size"] = file.seek(0, os.SEEK_END)
            return entry
        if not name or self._below(repository, name):
            return {"name": stripped, "type": "directory", "size": 0}
        raise FileNotFoundError(path)

    def exists(self, path: str, **options: Any) -> bool:
        """Whether there is a checkpoint, or one below."""
        try:
            self.info(path)
        except (FileNotFoundError, ValueError):
            return False
        return True

    def ls(self, path: str, detail: bool = True, **options: Any) -> list[Any]:
        """What is in a folder: files (their newest version) and folders."""
        stripped = str(self._strip_protocol(path)).rstrip("/")
        repository, name = self._place(stripped)
        record = self._record(repository, name)
        if record is not None:
            entries = [self._entry(stripped, record)]
        else:
            entries = self._children(repository, name, stripped)
            if not entries and name:
                raise FileNotFoundError(path)
        return entries if detail else [entry["name"] for entry in entries]

    def _children(self, repository: Repository, name: str, path: str) -> list[dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        skipped = len(name) + 1 if name else 0
        for record in self._below(repository, name):
            child, slash, _ = record["path"][skipped:].partition("/")
            child_path = f"{path}/{child}" if path else child
            if slash:
                found.setdefault(child, {"name": child_path, "type": "directory", "size": 0})
            else:
                found[child] = self._entry(child_path, record)
        return [found[child] for child in sorted(found)]

    def created(self, path: str) -> datetime:
        """When it was saved."""
        info = self.info(path)
        if "created" not in info:
            raise IsADirectoryError(path)
        return datetime.fromisoformat(info["created"].isoformat())

    def modified(self, path: str) -> datetime:
        """When it was saved."""
        return self.created(path)

    def mkdir(self, path: str, create_parents: bool = True, **options: Any) -> None:
        """Nothing: folders are there when something is in them."""

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Nothing, as above."""

    def rmdir(self, path: str) -> None:
        """Nothing, as above."""

    def rm(self, path: Any, recursive: bool = False, maxdepth: int | None = None) -> None:
        """Removes a checkpoint with all its versions, one version, or all below a folder."""
        for item in path if isinstance(path, list) else [path]:
            repository, name = self._place(item)
            if self._record(repository, name) is not None:
                repository.remove(name)
                continue
            below = [record["path"] for record in self._below(repository, name)]
            if not below:
                raise FileNotFoundError(item)
            if not recursive:
                raise IsADirectoryError(item)
            repository.remove(*below)

    def _rm(self, path: str) -> None:
        self.rm(path)

    def rm_file(self, path: str) -> None:
        """Removes a checkpoint."""
        self.rm(path)

    def _open(
        self, path: str, mode: str = "rb", block_size: Any = None, autocommit: bool = True,
        cache_options: Any = None, **options: Any,
    ) -> IO[bytes]:
        if mode == "rb":
            return self._reader(path)
        if mode in ("wb", "xb"):
            if mode == "xb" and self.exists(path):
                raise FileExistsError(path)
            repository, name = self._place(path)
            return _Writer(repository, name, autocommit)  # type: ignore[return-value]
        raise NotImplementedError(f"{path}: cannot be opened with mode {mode!r}")

    def _reader(self, path: str) -> IO[bytes]:
        repository, name = self._place(path)
        if self._record(repository, name) is None:
            raise FileNotFoundError(path)
        return io.BufferedReader(_exported(repository, name), _BUFFER_SIZE)


_BUFFER_SIZE = 1 << 20


def _exported(repository: Repository, name: str) -> ExportedFile:
    """The file that restoring a checkpoint would give: its archive is called after the file."""
    stem = os.path.splitext(name.rpartition("/")[2].partition("@")[0])[0]
    with repository._checkpoint(name) as checkpoint:
        return ExportedFile(checkpoint, stem or "archive")


class _Writer:
    """A file that becomes a new version when it is closed, or committed by a transaction."""

    def __init__(self, repository: Repository, name: str, autocommit: bool) -> None:
        self._repository = repository
        self.path = name
        self._autocommit = autocommit
        self._file = tempfile.NamedTemporaryFile(prefix="cairn-")  # noqa: SIM115
        self.mode = "wb"
        self.closed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, content: Any) -> int:
        """Writes."""
        return self._file.write(content)

    def readable(self) -> bool:
        """No."""
        return False

    def writable(self) -> bool:
        """Yes."""
        return True

    def close(self) -> None:
        """Saves it, unless a transaction does."""
        if self.closed:
            return
        self.closed = True
        if self._autocommit:
            self.commit()

    def commit(self) -> None:
        """Saves it."""
        try:
            self._file.flush()
            request = json.dumps(request_for(self.path, {})).encode()
            _native.call_json(
                "cairn_save_file",
                self._repository._here(),
                _native.encode(self._file.name),
                request,
            )
        finally:
            self._file.close()

    def discard(self) -> None:
        """Forgets it."""
        self.closed = True
        self._file.close()

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is not None:
            self.discard()
        else:
            self.close()
