"""Questions to a repository: nothing here changes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import _json, _native
from ._errors import InvalidArgument
from ._records import Records
from ._sql import SQLQueries
from ._tensor_queries import TensorQueries
from ._text import Located

_COLUMNS = [
    "name", "run", "step", "epoch", "metrics", "tags", "created", "size", "new_bytes",
    "shared_bytes", "id", "path", "version", "kind", "state", "parent", "tensor_count", "host",
    "user", "manifest", "pointer", "metadata", "extracted",
]
_RUN_COLUMNS = [
    "name", "created", "last_saved", "checkpoints", "first_step", "last_step", "metrics", "size",
    "new_bytes", "id", "metadata",
]
_TAG_COLUMNS = ["tag", *_COLUMNS[:5], "created", "size", "id", "path", "version"]


class Queries(SQLQueries, TensorQueries):
    """What can be asked of a repository."""

    def resolve(self, name: str) -> dict[str, Any]:
        """What is known of the checkpoint that a name names."""
        record = _native.call_json("cairn_resolve", self._here(), _native.encode(name))
        return _json.record(record)

    def checkpoint(self, identifier: str) -> dict[str, Any] | None:
        """What is known of the checkpoint with an id; None if there is none."""
        record = _native.call_json("cairn_find_id", self._here(), _native.encode(identifier))
        return None if record is None else _json.record(record)

    def log(
        self,
        *paths: str,
        run: str | None = None,
        tag: str | None = None,
        where: str | None = None,
        sort: str | None = None,
        limit: int | None = None,
        shared: bool = False,
    ) -> Records:
        """Checkpoints, newest first.

        Args:
            *paths: Only those of these paths, or these ``path@n``.
            run: Only those of this run.
            tag: Only that with this tag.
            where: Only those of which an expression is true, as ``cairn log --where`` takes it:
                ``"step > 1000 and val_loss < 0.3 and hyper_parameters.lr >= 1e-4"``.
            sort: By a column, a metric or metadata: ``"val_loss"``, ``"-step"``.
            limit: At most so many.
            shared: Whether each has ``shared_bytes``: how many its parent has, too.
        """
        query = {
            "paths": list(paths) or None, "run": run, "tag": tag, "where": where, "sort": sort,
            "limit": limit, "shared": shared,
        }
        with Located(where):
            found = _native.call_json("cairn_log", self._here(), _json.encoded(query, "a query"))
        columns = [name for name in _COLUMNS if shared or name != "shared_bytes"]
        return Records(map(_json.record, found), columns)

    def runs(self, limit: int | None = None) -> Records:
        """Training runs, newest first: ``name``, ``checkpoints``, ``metrics`` (of each ``last``,
        ``min``, ``max``), ``first_step``, ``last_step``, ``size``, ``new_bytes``, ``metadata`` …"""
        query = _json.encoded({"limit": limit}, "a query")
        found = _native.call_json("cairn_runs", self._here(), query)
        for run in found:
            run["metrics"] = {
                name: _json.floats(values, values) for name, values in run["metrics"].items()
            }
        return Records(found, _RUN_COLUMNS)

    def tags(self) -> Records:
        """All tags: ``tag`` and what is known of its checkpoint (``name``, ``step`` …)."""
        found = _native.call_json("cairn_tags", self._here())
        return Records(map(_json.record, found), _TAG_COLUMNS)

    def removed(self, *paths: str, limit: int | None = None) -> Records:
        """What was removed, the last first: ``id``, ``name``, ``time``, ``user``, ``host``."""
        query = _json.encoded({"paths": list(paths), "limit": limit}, "a query")
        found = _native.call_json("cairn_removals", self._here(), query)
        return Records(found, ["name", "time", "user", "host", "id"])

    def stats(self, by: str | None = None, *, depth: int | None = None) -> dict[str, Any]:
        """How much there is in it.

        Args:
            by: ``"run"``, ``"path"`` or ``"version"``: what each holds, and what removing it
                alone would free; ``"tensor-prefix"``: what tensors take, by how their names begin.
            depth: How many parts of a tensor's name count, with ``"tensor-prefix"``.

        Returns:
            Without ``by``: ``checkpoints``, ``logical_bytes``, ``stored_bytes``, ``dedup_ratio`` …
            With it ``runs``, ``paths``, ``versions`` or ``prefixes``, and but for the last
            ``total``.
        """
        if by is None and depth is None:
            return dict(_native.call_json("cairn_stats", self._here()))
        return self._holdings({"by": by or "tensor-prefix", "depth": depth})

    def du(self, *names: str, versions: bool = False) -> dict[str, Any]:
        """What each path holds, and what removing it would free; most first.

        Args:
            *names: Only these paths, ``path@n`` or tags.
            versions: Whether to list versions instead of paths.

        Returns:
            ``paths`` or ``versions``, and ``total``: ``name``, ``checkpoints``, ``logical_bytes``,
            ``needed_bytes``, ``own_bytes``, ``shared_bytes``, ``freed_bytes``, ``freed_files``,
            ``packed_bytes``; ``blocked``: whether nothing can be freed for now, since the manifest
            of some checkpoint cannot be read.
        """
        return self._holdings({"by": "version" if versions else "path", "names": list(names)})

    def growth(self, stretches: int = 60) -> dict[str, Any]:
        """How it came to what it holds now: ``seconds`` (of a stretch) and ``points`` (``time`` at
        which one begins, and until its end ``checkpoints``, ``logical_bytes``,
        ``stored_bytes``)."""
        if not 0 < stretches < 2**32:
            raise InvalidArgument("invalid", f"{stretches} stretches of time", "at least 1")
        found = dict(_native.call_json("cairn_growth", self._here(), stretches))
        found["points"] = Records(found["points"])
        return found

    def _holdings(self, options: Mapping[str, Any]) -> dict[str, Any]:
        found = dict(
            _native.call_json("cairn_holdings", self._here(), _json.encoded(options, "options"))
        )
        return {
            name: Records(value) if isinstance(value, list) else value
            for name, value in found.items()
        }
