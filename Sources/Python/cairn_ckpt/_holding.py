"""The files that hold versions: writing one, and freeing what none holds any more.

In this order, always: a new version is committed before its file is written, and freed after its
file is gone. A crash in between leaves a version too many, never a file that leads to nothing.
What a save replaces is freed once it has returned (see ``_afterwards``).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any

from . import _afterwards, _files, _hook, _paths, _places, _pointer, _temporaries
from ._errors import CairnError
from ._pointer import Pointer
from .repository import Repository, request_for

_logger = logging.getLogger("cairn_ckpt")

_FEW = 256
"""So many storages are entered in the index in a few milliseconds."""

Opener = Callable[[str], Repository]
"""Gives the repository at a place."""


def save(
    checkpoint: Any,
    path: str,
    repository: Repository,
    request: dict[str, Any],
    keep: int | None,
    full: bool,
    opener: Opener,
) -> None:
    """Saves a state, and the file at a path that holds it.

    Args:
        checkpoint: The state.
        path: The file's absolute path; its directory is there.
        repository: Where the state goes.
        request: What is said of it.
        keep: How many versions the file holds; None: all.
        full: Whether the file is a real one, not a pointer.
        opener: For what the file there held before.
    """
    from . import _pickling, _saving

    # Who saves here may load with plain torch.load next, entry point or not.
    _hook.register()
    pickled = _pickling.pickle_state(checkpoint)
    name = _paths.escaped(repository.name_for_file(path))
    # A full file is made from what the index says, at once. Over a network every index that is
    # behind makes others wait who come upon it.
    later = not full and len(pickled.storages) > _FEW and repository.info["journal"] == "wal"
    request = {"saved_as": path, "pointer": True, "index_later": later, **request}
    report = _saving.commit(repository._here(), pickled, request_for(name, request))
    place = repository.path
    pointer = Pointer(
        repository=report["repository"],
        place=place,
        relative=os.path.relpath(place, os.path.realpath(os.path.dirname(path))),
        checkpoint=report["id"],
        manifest=report["manifest"],
        name=f"{report['path']}@{report['version']}",
        run=request.get("run"),
    )
    try:
        # Another name of the same file holds on to it; so does a link's target.
        old = _pointer.read_held(path) if _files.link_count(path) == 1 else None
        released = _keeping_earlier(pointer, old, keep)
        if full:
            _write_full(path, pointer, repository)
        else:
            _pointer.write(path, pointer, pickled.locations)
    except BaseException:
        _release_unless_held(pointer, path, opener)
        raise
    _places.note(report["repository"], place)

    # From here the file holds the new version, and what it held before may go.
    holder = _holder(old, path, opener) if old is not None and released else None

    def finish() -> None:
        if later:
            _catch_up(repository, pointer)
        if holder is not None:
            _release(holder, released, path)

    if later or holder is not None:
        concerned = [each.identifier for each in (repository, holder) if each is not None]
        _afterwards.start(concerned, finish)


def remove(path: str, opener: Opener) -> None:
    """Unlinks a file, durably if it holds a version, which is freed then."""
    held = _pointer.read_held(path)
    alone = _files.link_count(path) == 1
    os.unlink(path)
    if held is None:
        return
    _files.sync_directory(os.path.dirname(path))
    if alone:
        _release_at_once(held, held.held(), path, opener)


def _keeping_earlier(pointer: Pointer, old: Pointer | None, keep: int | None) -> list[str]:
    """Has a pointer go on holding the versions to keep of those before; gives the others."""
    if old is None:
        return []
    if old.repository == pointer.repository and keep != 1:
        pointer.earlier = old.held() if keep is None else old.held()[: keep - 1]
    return [identifier for identifier in old.held() if identifier not in pointer.earlier]


def _write_full(path: str, pointer: Pointer, repository: Repository) -> None:
    with _temporaries.Temporary(path) as temporary:
        repository.restore(pointer.name, temporary.path, format="pytorch", overwrite=True)
        _pointer.embed(temporary.path, pointer)
        _files.sync_file(temporary.path)
        _files.replace_durably(temporary.path, path)


def _catch_up(repository: Repository, pointer: Pointer) -> None:
    """Has the index follow the log, as any question to it does."""
    try:
        repository.checkpoint(pointer.checkpoint)
    except (CairnError, OSError) as error:
        if not _is_gone(repository):
            _logger.warning(
                "%s: its index could not follow: %s (the next command catches up)",
                repository.path,
                error,
            )


def _release_unless_held(pointer: Pointer, path: str, opener: Opener) -> None:
    """Frees a new version after its pointer could not be written."""
    held = _pointer.read_held(path)
    # It may have got its name, which then only isn't durable.
    if held is None or held.checkpoint != pointer.checkpoint:
        _release_at_once(pointer, [pointer.checkpoint], path, opener)


def _release_at_once(pointer: Pointer, identifiers: list[str], path: str, opener: Opener) -> None:
    holder = _holder(pointer, path, opener)
    if holder is not None:
        _release(holder, identifiers, path)


def _holder(pointer: Pointer, path: str, opener: Opener) -> Repository | None:
    """The repository of a pointer's versions; None, with a warning, if it is not to be had."""
    try:
        return opener(_places.locate(pointer, path))
    except (CairnError, OSError) as error:
        _warn_of_unfreed(path, error)
        return None


def _release(repository: Repository, identifiers: list[str], path: str) -> None:
    """Frees versions that no pointer holds any more, but for tagged ones, which their tags
    hold. Never fails what has been done."""
    try:
        repository.remove_ids(identifiers, keep_tagged=True)
    except (CairnError, OSError) as error:
        if not _is_gone(repository):
            _warn_of_unfreed(path, error)


def _is_gone(repository: Repository) -> bool:
    """Whether somebody has deleted it meanwhile."""
    return _places.identifier_at(repository.path) is None


def _warn_of_unfreed(path: str, error: Exception) -> None:
    _logger.warning(
        "%s: its old version could not be freed: %s (`cairn gc --pointers` finds it)", path, error
    )
