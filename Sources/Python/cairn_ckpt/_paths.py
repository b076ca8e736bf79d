"""What a checkpoint's path is: a local file, a name in a repository, or somebody else's URL."""

from __future__ import annotations

import os
import re

from . import _places
from ._errors import InvalidArgument

SCHEME = "cairn://"
"""What paths in repositories begin with."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(::|://)")
_VERSION_LIKE = re.compile(r"(@|%(?:25)*40)([0-9]+)$")


def is_repository_path(path: str) -> bool:
    """Whether a path is a name in a repository."""
    return path.startswith(SCHEME)


def local_path(path: str) -> str | None:
    """The file-system path that a path means; None for a URL of somebody else's."""
    for scheme in ("file://", "local://"):
        if path.startswith(scheme):
            return path[len(scheme) :]  # taken literally, as fsspec does
    return None if _URL.match(path) else path


def escaped(name: str) -> str:
    """A name that a repository takes: one that ends in ``@`` and digits would be a version.

    ``exp@2`` becomes ``exp%402``, and what looks like an escaped name is escaped once more, so
    that two names never become one.
    """
    match = _VERSION_LIKE.search(name)
    if match is None:
        return name
    mark = "%40" if match[1] == "@" else "%25" + match[1][1:]
    return name[: match.start()] + mark + match[2]


def split_repository_path(path: str) -> tuple[str, str]:
    """The repository and the name that a ``cairn://`` path means; the name may be empty.

    ``cairn:///directory/name``: the repository is the first directory on the way that is one, or
    that holds one as ``.cairn``. ``cairn://name``: the one that ``CAIRN_REPO`` names, or the
    nearest above the current directory.
    """
    rest = path.removeprefix(SCHEME)
    if not rest.startswith("/"):
        place = _places.named_repository() or _places.discover(os.getcwd())
        if place is None:
            raise InvalidArgument(
                "invalid", f"{path}: there is no Cairn repository here or above",
                f"set {_places.REPOSITORY_VARIABLE}, or name it: cairn:///its/directory/name",
            )
        return place, rest.strip("/")
    parts = [part for part in rest.split("/") if part]
    for count in range(1, len(parts) + 1):
        directory = "/" + "/".join(parts[:count])
        place = _places.repository_in(directory)
        if _places.identifier_at(place) is not None:
            if place != directory and parts[count : count + 1] == [_places.DIRECTORY_NAME]:
                count += 1
            return place, "/".join(parts[count:])
    raise InvalidArgument(
        "invalid", f"{path}: no directory on the way is a Cairn repository",
        "make one with `cairn init`, or Repository.initialize",
    )
