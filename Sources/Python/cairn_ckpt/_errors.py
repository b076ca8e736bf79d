"""The exceptions that Cairn raises: what happened, to which path, and what can be done."""

from __future__ import annotations

import errno
from typing import Any


class CairnError(Exception):
    """A failure of a repository.

    Attributes:
        kind: What kind of failure it is (``notFound``, ``damaged``, ``noSpace`` …), for programs.
        message: What happened, to which path.
        advice: What the user can do; empty if there is nothing to say.
        offset: At which character of the SQL or the expression it is, where one is wrong.
    """

    errno: int | None
    offset: int | None = None

    def __init__(self, kind: str, message: str, advice: str = "") -> None:
        super().__init__(f"{message} ({advice})" if advice else message)
        self.kind = kind
        self.message = message
        self.advice = advice

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.kind, self.message, self.advice))


class RepositoryNotFound(CairnError, FileNotFoundError):
    """There is no repository at the path."""


class CheckpointNotFound(CairnError, FileNotFoundError):
    """There is no checkpoint of that name."""


class CheckpointRemoved(CheckpointNotFound):
    """The checkpoint was there and has been removed."""


class RepositoryExists(CairnError, FileExistsError):
    """There is something already where a repository should be made."""


class DamagedRepository(CairnError, OSError):
    """A file of the repository is missing, or is not what was written."""


class NewerFormat(CairnError):
    """The repository or the pointer was made by a newer Cairn."""


class InvalidArgument(CairnError, ValueError):
    """A name, number or option that cannot be used."""


class NotWritable(CairnError, PermissionError):
    """Permissions or a read-only filesystem keep the repository from being written."""


class UntrustedRepository(CairnError, PermissionError):
    """The repository belongs to another user and is not on the trusted list."""


class NoSpace(CairnError, OSError):
    """The disk or the quota is full."""


class RepositoryIOError(CairnError, OSError):
    """Another failure of the operating system."""


class BackupDiverged(CairnError):
    """A backup that is no earlier state of the repository, so that it is not overwritten."""


class InvalidPointer(CairnError, ValueError):
    """A pointer file that cannot be followed."""


class Stopped(CairnError):
    """What takes long was stopped: by its time limit, or because somebody asked for it."""


class SaveCancelled(Stopped):
    """A save was cancelled before its commit; the repository is as it was."""


class UnsupportedState(CairnError, TypeError):
    """A state that a single file cannot hold: a part of a distributed tensor, a fake tensor."""


_CLASSES: dict[str, type[CairnError]] = {
    "notARepository": RepositoryNotFound,
    "alreadyExists": RepositoryExists,
    "newerFormat": NewerFormat,
    "damaged": DamagedRepository,
    "missing": DamagedRepository,
    "notFound": CheckpointNotFound,
    "removed": CheckpointRemoved,
    "invalid": InvalidArgument,
    "readOnly": NotWritable,
    "noSpace": NoSpace,
    "io": RepositoryIOError,
    "changed": RepositoryIOError,
    "untrusted": UntrustedRepository,
    "diverged": BackupDiverged,
    "cancelled": Stopped,
}

_ERRNO = {"noSpace": errno.ENOSPC, "readOnly": errno.EACCES, "untrusted": errno.EACCES}


def error_from(report: dict[str, Any], narrower: type[CairnError] | None = None) -> CairnError:
    """The exception for an error that the library reported, or one of a narrower class."""
    kind = str(report.get("kind", "other"))
    made = narrower or _CLASSES.get(kind, CairnError)
    error = made(kind, str(report.get("message", "unknown failure")), str(report.get("advice", "")))
    error.offset = report.get("offset")
    if isinstance(error, OSError) and kind in _ERRNO:
        error.errno = _ERRNO[kind]
    return error
