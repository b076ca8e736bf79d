"""The repositories that a plugin has open, and which of them a checkpoint goes into."""

from __future__ import annotations

import os
import threading

from . import _afterwards, _files, _places
from ._errors import CairnError
from .repository import Repository


class OpenRepositories:
    """Opens each repository once, for several threads, anew in a forked child.

    Args:
        named: The one that all checkpoints go into; None to look for one.
    """

    def __init__(self, named: str | None) -> None:
        self._named = named
        self._begin()

    def _begin(self) -> None:
        # Reentrant: a signal handler that saves may run while this thread holds it.
        self.lock = threading.RLock()
        self._open: dict[str, Repository] = {}
        self._process = os.getpid()

    def open(self, place: str) -> Repository:
        """The repository at a place."""
        if self._process != os.getpid():
            # A forked child: the lock may have been held by a thread that is not here.
            self._begin()
        with self.lock:
            repository = self._open.get(place)
            if repository is None:
                repository = self._open[place] = Repository(place)
            return repository

    def for_directory(self, directory: str) -> Repository:
        """The repository for checkpoints in a directory, which is made if there is none."""
        if self._named is not None:
            place = _places.repository_in(self._named)
            if _places.identifier_at(place) is None and not _holds_anything(place):
                _make(place)
            return self.open(place)
        found = _places.named_repository() or _places.discover(directory)
        return self.open(found if found is not None else _places.create_for(directory))

    def close(self) -> None:
        """Lets go of all, once what saves have left to do is done."""
        with self.lock:
            repositories = list(self._open.values())
            self._open.clear()
        for repository in repositories:
            _afterwards.wait(repository.identifier, patience=None)


def _make(place: str) -> None:
    _files.make_directories(os.path.dirname(place))
    try:
        Repository.initialize(place).close()
    except CairnError as error:
        if error.kind != "alreadyExists":
            raise


def _holds_anything(place: str) -> bool:
    try:
        return bool(os.listdir(place))
    except OSError:
        return False
