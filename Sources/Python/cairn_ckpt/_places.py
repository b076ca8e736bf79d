"""Where repositories are: the one to save into, and the one that a pointer names."""

from __future__ import annotations

import ctypes
import errno
import json
import logging
import os
import secrets
import shutil
from collections.abc import Iterator

from . import _files, _native
from ._checkpoint import Checkpoint
from ._errors import (
    CairnError,
    CheckpointRemoved,
    DamagedRepository,
    RepositoryNotFound,
    UntrustedRepository,
)
from ._pointer import Pointer

REPOSITORY_VARIABLE = "CAIRN_REPO"
"""The variable that names the repository, as on the command line."""

DIRECTORY_NAME = ".cairn"
"""What a repository's directory is called."""

_CONFIGURATION = "cairn.json"
_logger = logging.getLogger("cairn_ckpt")
_noted: set[tuple[str, str]] = set()


def repository_in(path: str) -> str:
    """The repository at a path, or the one that the directory holds as ``.cairn``."""
    absolute = os.path.abspath(os.path.expanduser(path))
    inner = os.path.join(absolute, DIRECTORY_NAME)
    if not os.path.exists(os.path.join(absolute, _CONFIGURATION)) and os.path.isdir(inner):
        return inner
    return absolute


def named_repository() -> str | None:
    """The repository that the environment names."""
    named = os.environ.get(REPOSITORY_VARIABLE)
    return repository_in(named) if named else None


def discover(directory: str) -> str | None:
    """The nearest ``.cairn`` in a directory or above it; raises if it is somebody else's."""
    out = ctypes.c_void_p()
    _native.call("cairn_discover", _native.encode(os.path.abspath(directory)), ctypes.byref(out))
    return _native.take_text(out)


def identifier_at(path: str) -> str | None:
    """The id of the repository at a path; None if there is none to be read."""
    try:
        value = json.loads(_files.read_small(os.path.join(path, _CONFIGURATION), 1 << 16) or b"")
    except (OSError, ValueError, RecursionError):
        return None
    identifier = value.get("id") if isinstance(value, dict) else None
    return identifier if isinstance(identifier, str) else None


def require_trust(path: str) -> None:
    """Raises unless the repository belongs to this user or is listed as trusted."""
    _native.call("cairn_require_trust", _native.encode(path))


def create_for(checkpoint_directory: str) -> str:
    """Makes the repository for a checkpoint in a directory: whole at once, or not at all.

    In the current directory if that lies above, on the same filesystem; else in the checkpoint's
    own directory.
    """
    directory = os.path.realpath(checkpoint_directory)
    try:
        current = os.path.realpath(os.getcwd())
        below = os.path.commonpath([current, directory]) == current
        holds = below and os.stat(current).st_dev == os.stat(directory).st_dev
        holds = holds and os.access(current, os.W_OK)
    except OSError:
        holds = False
    parent = current if holds else directory
    path = os.path.join(parent, DIRECTORY_NAME)
    temporary = os.path.join(parent, f".cairn-{secrets.token_hex(8)}.tmp")
    try:
        out = ctypes.c_void_p()
        _native.call("cairn_initialize", _native.encode(temporary), None, ctypes.byref(out))
        if out.value:
            _native.library().cairn_close(out.value)
        # Not for version control: `git add .` would take every checkpoint.
        _files.write_durably(os.path.join(temporary, ".gitignore"), b"*\n")
        try:
            os.rename(temporary, path)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            return path  # another process was faster: its repository serves
        _files.sync_directory(parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    _logger.warning(
        "Cairn keeps the checkpoints of %s in the new repository %s (%s or repo= names another)",
        checkpoint_directory,
        path,
        REPOSITORY_VARIABLE,
    )
    return path


def _known_list() -> str | None:
    configuration = os.environ.get("XDG_CONFIG_HOME", "")
    if not configuration.startswith("/"):
        home = os.environ.get("HOME", "")
        if not home.startswith("/"):
            return None
        configuration = os.path.join(home, ".config")
    return os.path.join(configuration, "cairn", "repositories")


def _known() -> list[tuple[str, str]]:
    path = _known_list()
    if path is None:
        return []
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read(1 << 20).splitlines()
    except OSError:
        return []
    pairs = [line.split(" ", 1) for line in lines if " " in line]
    return [(identifier, place) for identifier, place in pairs if place.startswith("/")]


def note(identifier: str, path: str) -> None:
    """Adds a repository to the user's list of known ones, for pointers that were moved away."""
    if (identifier, path) in _noted:
        return
    _noted.add((identifier, path))
    list_path = _known_list()
    if list_path is None or "\n" in path or (identifier, path) in _known():
        return
    try:
        os.makedirs(os.path.dirname(list_path), mode=0o700, exist_ok=True)
        # One write at the end of the file, which needs no lock.
        with open(list_path, "ab", buffering=0) as file:
            file.write(os.fsencode(f"{identifier} {path}\n"))
    except OSError:
        pass  # a convenience: no save fails for it


def _candidates(pointer: Pointer, pointer_path: str | None) -> Iterator[tuple[str, bool]]:
    """Places where a pointer's repository may be, and whether the user named the place."""
    if pointer.place.startswith("/"):
        yield pointer.place, False
    if pointer_path is not None and pointer.relative:
        for path in (pointer_path, os.path.realpath(pointer_path)):
            base = os.path.dirname(os.path.abspath(path))
            yield os.path.normpath(os.path.join(base, pointer.relative)), False
    named = named_repository()
    if named is not None:
        yield named, True
    for identifier, place in _known():
        if identifier == pointer.repository:
            yield place, False
    try:
        directory = os.getcwd()
    except OSError:
        return
    while True:
        yield os.path.join(directory, DIRECTORY_NAME), False
        if directory == os.path.dirname(directory):
            return
        directory = os.path.dirname(directory)


def locate(pointer: Pointer, pointer_path: str | None = None) -> str:
    """The place of the repository that a pointer names."""
    untrusted: UntrustedRepository | None = None
    for place, was_named in _candidates(pointer, pointer_path):
        if identifier_at(place) != pointer.repository:
            continue
        if not was_named:
            try:
                require_trust(place)
            except UntrustedRepository as error:
                untrusted = error
                continue
        return place
    if untrusted is not None:
        raise untrusted
    raise RepositoryNotFound(
        "notARepository",
        f"{pointer_path or pointer.name}: is a pointer to {pointer.name!r} in the Cairn repository "
        f"{pointer.repository}, which was at {pointer.place!r} and is not found",
        f"if it was moved, set {REPOSITORY_VARIABLE} to where it is now",
    )


def open_pointer(pointer: Pointer, pointer_path: str | None = None) -> Checkpoint:
    """Opens the checkpoint that a pointer names; reads no log and no index."""
    place = locate(pointer, pointer_path)
    try:
        return Checkpoint.by_manifest(place, pointer.repository, pointer.manifest, pointer.name)
    except CairnError as error:
        where = pointer_path or pointer.name
        if error.kind == "damaged":
            raise DamagedRepository(
                "damaged",
                f"{where}: points to {pointer.name!r} (checkpoint {pointer.checkpoint}), whose "
                f"manifest cannot be read: {error.message}",
                f"put that file back from a backup of {place}, or load another checkpoint: "
                f"`cairn --repo {place} log` lists them, `cairn --repo {place} verify` says which "
                "are hurt",
            ) from error
        if error.kind not in ("missing", "notFound", "removed"):
            raise
        raise CheckpointRemoved(
            "removed",
            f"{where}: points to {pointer.name!r} (checkpoint {pointer.checkpoint}), which is no "
            f"longer in {place}: {error.message}",
            f"`cairn --repo {place} log --removed` tells what removed it and when; a plain copy "
            "of a pointer keeps nothing, `cairn cp` makes one that does",
        ) from error

