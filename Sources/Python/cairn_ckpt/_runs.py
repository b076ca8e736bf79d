"""Which run a checkpoint belongs to, and what it follows."""

from __future__ import annotations

import os

from . import _paths
from ._pointer import Pointer
from .repository import Repository


def run_of(directory: str) -> str | None:
    """The name of a directory's run: that of Lightning's logger, without its ``checkpoints``."""
    parts = [part for part in directory.split("/") if part not in ("", ".")]
    if len(parts) > 1 and parts[-1] == "checkpoints":
        parts.pop()
    name = "/".join(parts)
    if directory.startswith("/") and name:
        name = "/" + name
    return _paths.escaped(name) or None


class Runs:
    """The runs of one training: a resumed one joins its run.

    Args:
        named: The run of all checkpoints; None for that of the directory.
    """

    def __init__(self, named: str | None) -> None:
        self._named = named
        # The pointer that was loaded last, until the next save: what that follows.
        self._resumed: Pointer | None = None
        # Runs that were joined, by the directory in which the training goes on.
        self._joined: dict[str, str] = {}

    def resume(self, pointer: Pointer | None) -> None:
        """Notes what was loaded last."""
        self._resumed = pointer

    def run_and_parent(
        self, repository: Repository, path: str
    ) -> tuple[str | None, str | None]:
        """The run of a checkpoint that is saved at a path, and the id of what it follows."""
        directory = os.path.dirname(path)
        parent = None
        # Without a lock: of two threads that save at this moment, both may follow what was loaded.
        resumed, self._resumed = self._resumed, None
        if resumed is not None and resumed.repository == repository.identifier:
            if resumed.run is not None:
                self._joined[directory] = resumed.run
            parent = resumed.checkpoint
        joined = self._joined.get(directory)
        if parent is not None and repository.checkpoint(parent) is None:
            parent = None
        return self._named or joined or run_of(repository.name_for_file(directory)), parent
